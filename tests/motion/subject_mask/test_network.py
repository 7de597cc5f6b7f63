"""The small networks and the file they come in."""

from dataclasses import replace

import numpy as np
import pytest

from deltaclip.motion.subject_mask.network import (
    BLOCK,
    Network,
    Networks,
    networks_from_json,
    networks_to_json,
    shipped_networks,
)


def network(units: int = 3) -> Network:
    generator = np.random.default_rng(0)
    arrays = [generator.normal(size=shape).astype(np.float32) for shape in ((2, units), (units,), (units,), (1,))]
    return Network(("a", "b"), np.array([1, 2], np.float32), np.array([2, 4], np.float32), *arrays)


def test_the_answer_is_the_formula_written_out() -> None:
    net = network()
    a, b = np.random.default_rng(1).normal(size=(2, 2, 30, BLOCK // 30)).astype(np.float32)  # more than one block
    inputs = np.stack([(a - 1) / 2, (b - 2) / 4], -1)
    expected = np.maximum(inputs @ net.hidden + net.hidden_bias, 0) @ net.output + net.output_bias
    assert net.logit({"b": b, "a": a}, a.shape) == pytest.approx(expected, abs=1e-5)


def test_a_map_of_one_number_a_frame_is_spread_over_it() -> None:
    a, b = np.zeros((2, 1, 1), np.float32), np.zeros((4, 5), np.float32)
    assert network().logit({"a": a, "b": b}, (2, 4, 5)).shape == (2, 4, 5)


def test_inputs_beyond_six_deviations_decide_no_more_than_those_at_six() -> None:
    b = np.zeros((1, 1), np.float32)
    far, edge = (network().logit({"a": np.full((1, 1), at, np.float32), "b": b}, (1, 1)) for at in (1e6, 1 + 6 * 2))
    assert far == pytest.approx(edge)


def test_writing_and_reading_gives_the_same_networks() -> None:
    written = networks_to_json(Networks(network(), network(5)), {"made by": "a test"})
    read = networks_from_json(written)
    assert networks_to_json(read, {"made by": "a test"}) == written
    assert read.context.hidden == pytest.approx(network(5).hidden, abs=1e-5)


def test_the_shipped_networks_read_numbers_that_are_made() -> None:
    shipped = shipped_networks()
    assert len(shipped.evidence.inputs) == 25
    assert len(shipped.context.inputs) == 24


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match="hidden must be"):
        replace(network(), inputs=("a",), mean=np.zeros(1, np.float32), deviation=np.ones(1, np.float32))
