"""How a run computes follows from what its device can do: decided without one."""

import pytest
import torch

from deltaclip.errors import PrecisionError
from deltaclip.training.computing import (
    Ability,
    cached_gradients,
    fuses,
    lacks_compiler,
    local_device,
    own_share,
    precision_for,
    reading_processes,
    steps_between_looks,
)
from deltaclip.training.recipe import TrainingPrecision
from deltaclip.training.sampler import own_part

GIB = 2**30
H100, A100 = Ability("cuda", (9, 0), 80 * GIB), Ability("cuda", (8, 0), 40 * GIB)
T4, V100, P100 = (Ability("cuda", compute, 16 * GIB) for compute in ((7, 5), (7, 0), (6, 0)))
CPU, APPLE = Ability("cpu", None, 16 * GIB), Ability("mps")


@pytest.mark.parametrize(
    ("wanted", "ability", "dtype"),
    [
        ("auto", H100, torch.bfloat16),
        ("auto", A100, torch.bfloat16),
        ("auto", T4, torch.float16),
        ("auto", V100, torch.float16),
        ("auto", P100, torch.float32),
        ("auto", CPU, torch.float32),
        ("auto", APPLE, torch.float32),
        ("tf32", A100, torch.float32),
        ("bfloat16", T4, torch.bfloat16),
        ("float16", CPU, torch.float16),
    ],
)
def test_precision_is_the_fastest_that_the_device_multiplies_or_the_one_asked_for(
    wanted: TrainingPrecision, ability: Ability, dtype: torch.dtype
) -> None:
    assert precision_for(wanted, ability) == dtype


@pytest.mark.parametrize("ability", [T4, CPU])
def test_tf32_is_refused_where_there_is_none(ability: Ability) -> None:
    with pytest.raises(PrecisionError, match=r"compute capability 8\.0 or higher"):
        precision_for("tf32", ability)


@pytest.mark.parametrize(
    ("asked", "rank", "world", "found"),
    [
        ("cuda", 3, 4, "cuda:3"),
        ("cuda:0", 3, 4, "cuda:3"),
        ("cuda", 0, 1, "cuda:0"),
        ("cuda:2", 0, 1, "cuda:2"),
        ("cpu", 3, 4, "cpu"),
    ],
)
def test_each_process_of_torchrun_has_its_own_gpu(asked: str, rank: int, world: int, found: str) -> None:
    assert local_device(torch.device(asked), rank, world) == torch.device(found)


def test_a_number_that_all_processes_would_share_is_refused() -> None:
    with pytest.raises(ValueError, match="device cuda:1: under torchrun each process has a GPU of its own; give cuda"):
        local_device(torch.device("cuda:1"), 0, 2)


@pytest.mark.parametrize(
    ("needed", "ability", "cached"),
    [
        (60 * GIB, H100, False),
        (75 * GIB, H100, True),  # 72 GiB are its share
        (7 * GIB, CPU, False),
        (9 * GIB, CPU, True),
        (5 * GIB, Ability("cpu", None, 16 * GIB, processes=2), True),
        (1, APPLE, True),  # nobody knows its memory
        (None, H100, True),
    ],
)
def test_gradients_are_cached_if_the_graph_does_not_fit(needed: int | None, ability: Ability, cached: bool) -> None:
    assert cached_gradients("auto", needed, ability) == cached
    assert cached_gradients("always", needed, ability)
    assert not cached_gradients("never", needed, ability)


def test_a_gpu_is_asked_for_its_numbers_more_rarely_than_a_processor() -> None:
    assert (steps_between_looks(CPU), steps_between_looks(H100)) == (1, 5)
    assert [fuses(ability) for ability in (CPU, H100, APPLE)] == [True, True, False]


def test_processes_that_read_clips_share_the_cores_and_none_reads_memory() -> None:
    assert reading_processes(64, 1, in_memory=False) == 64
    assert reading_processes(64, 8, in_memory=False) == 8
    assert reading_processes(2, 8, in_memory=False) == 1
    assert reading_processes(64, 1, in_memory=True) == 0


@pytest.mark.parametrize(("number", "world"), [(0, 3), (7, 3), (128, 8), (5, 1)])
def test_shares_are_those_of_the_sampler(number: int, world: int) -> None:
    numbers = torch.arange(number).numpy()
    assert own_share(number, world) == [len(own_part(numbers, rank, world)) for rank in range(world)]


def test_what_compiling_lacks_is_told() -> None:
    def everything(name: str) -> str:
        return name

    def nothing(name: str) -> None:
        return None

    assert lacks_compiler("cpu", everything, has_triton=False) is None
    assert "g++" in (lacks_compiler("cpu", nothing, has_triton=True) or "")
    assert "triton" in (lacks_compiler("cuda", everything, has_triton=False) or "")
