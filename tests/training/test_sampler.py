"""The order of a run: every caption once an epoch, units whole, parts of processes without gap or overlap."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaclip.training.sampler import Order, own_part


@given(units=st.integers(1, 30), unit=st.integers(1, 4), batch=st.integers(1, 20), seed=st.integers(0, 9))
def test_an_epoch_holds_every_caption_once(units: int, unit: int, batch: int, seed: int) -> None:
    order = Order(units * unit, unit, batch, seed)
    epoch = [order.batch_of(step) for step in range(order.steps_an_epoch)]
    assert sorted(np.concatenate(epoch)) == list(range(units * unit))
    assert all(len(numbers) for numbers in epoch)


def test_units_stay_together() -> None:
    numbers = Order(12, 3, 6, 0).batch_of(0).reshape(-1, 3)
    assert all((unit == unit[0] + np.arange(3)).all() and unit[0] % 3 == 0 for unit in numbers)


def test_epochs_differ_and_a_step_is_the_same_each_time() -> None:
    order = Order(40, 1, 40, 0)
    assert not np.array_equal(order.batch_of(0), order.batch_of(1))
    assert np.array_equal(order.batch_of(1), Order(40, 1, 40, 0).batch_of(1))
    assert order.epoch_of(1) == 1


def test_an_epoch_is_cut_evenly() -> None:
    assert [len(Order(10, 1, 4, 0).batch_of(step)) for step in range(3)] == [4, 3, 3]
    assert [len(Order(15, 3, 6, 0).batch_of(step)) for step in range(3)] == [6, 6, 3]


@pytest.mark.parametrize(
    ("order", "digest"),
    [
        (Order(1000, 1, 32, 0), "18e8bdb6f79fda19c1c467e13dc69a1244d37797fe9b024afbb02a8a28fedd1b"),
        (Order(30, 3, 12, 7), "cfc74836ee9c9f05bc8f7760b18cab627a9a037b7b55a924988bac3b0df513f7"),
    ],
)
def test_the_order_of_three_epochs_is_that_of_every_version(order: Order, digest: str) -> None:
    # A run of an earlier version is resumed in the order it began with.
    steps = [order.batch_of(step) for step in range(3 * order.steps_an_epoch)]
    assert hashlib.sha256(np.concatenate(steps).tobytes()).hexdigest() == digest


def test_nobody_can_change_the_order_of_an_epoch() -> None:
    order = Order(12, 1, 4, 0)
    order.batch_of(0)[:] = 0
    assert sorted(np.concatenate([order.batch_of(step) for step in range(3)])) == list(range(12))


@given(size=st.integers(0, 20), world=st.integers(1, 5))
def test_the_parts_of_all_processes_make_the_batch(size: int, world: int) -> None:
    numbers = np.arange(size, dtype=np.int64)
    parts = [own_part(numbers, rank, world) for rank in range(world)]
    assert np.array_equal(np.concatenate(parts), numbers)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_captions_that_make_no_whole_units_are_refused() -> None:
    with pytest.raises(ValueError, match="not a whole number of units"):
        Order(7, 3, 6, 0)
