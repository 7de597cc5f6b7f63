"""A precision is compared with float32 before it is used: a fault in any part of the model is found and said."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import CLIPModel

from deltaclip.errors import PrecisionError
from deltaclip.model import HeadSizes, new_model, with_temporal_head
from deltaclip.model.placement import Placement, choose_placement
from deltaclip.model.self_check import LIMIT, WORST, SelfCheck, check_precision, checked_placement
from tests.faults import FaultyInBfloat16, Operations, attention, biased_products, plain_products

from .conftest import SPEC

CPU = torch.device("cpu")
VIDEOS = "video vectors"
PARTS = ["patch embedding", "image encoder", "text encoder", *(part for part in WORST if part != VIDEOS)]


def test_bf16_is_right_on_this_processor(model: CLIPModel, processor: str) -> None:
    check = check_precision(model, CPU, torch.bfloat16)
    assert list(check.errors) == PARTS
    assert max(check.errors.values()) < LIMIT / 2, processor


def test_the_vectors_of_a_temporal_head_are_compared_as_well(model: CLIPModel) -> None:
    headed = with_temporal_head(model, HeadSizes(1, 4), seed=0)
    sound = check_precision(headed, CPU, torch.bfloat16)
    assert list(sound.errors) == [*PARTS, VIDEOS]
    assert sound.passed
    with torch.no_grad():
        headed.get_parameter("temporal_head.out.weight").fill_(torch.inf)
    assert check_precision(headed, CPU, torch.bfloat16).failed == (VIDEOS,)


def test_it_gives_the_same_figures_at_every_call(model: CLIPModel) -> None:
    first, second = (check_precision(model, CPU, torch.bfloat16).errors for _ in range(2))
    assert first == second


def test_it_leaves_the_model_and_the_random_state_as_they_were(model: CLIPModel) -> None:
    before, state = {name: weight.clone() for name, weight in model.state_dict().items()}, torch.get_rng_state()
    check_precision(model, CPU, torch.bfloat16)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize(
    ("operations", "found_by"), [(plain_products, PARTS), (biased_products, PARTS[1:]), (attention, PARTS[1:])]
)
def test_a_faulty_operation_is_found_in_the_parts_that_use_it(
    model: CLIPModel, operations: Operations, found_by: list[str]
) -> None:
    with FaultyInBfloat16(operations) as fault:
        check = check_precision(model, CPU, torch.bfloat16)
    assert fault.hits
    assert list(check.failed) == found_by
    assert check.verdict.startswith("gives wrong numbers on this machine")


def large_batches(name: str, arguments: tuple[Any, ...]) -> bool:
    """Products of eight pictures or more."""
    return name.startswith("aten.linear") and len(arguments[0]) >= 8


def test_a_fault_of_batches_alone_is_found(model: CLIPModel) -> None:
    with FaultyInBfloat16(large_batches):
        check = check_precision(model, CPU, torch.bfloat16)
    assert check.failed == ("patch embedding",)


@torch.no_grad()
def test_weights_whose_rounding_turns_vectors_are_found_and_the_machine_is_not_blamed(model: CLIPModel) -> None:
    # each token was right, all nearly alike, and what tells pictures apart was lost in the rounding
    generator = torch.Generator().manual_seed(0)
    bias = model.vision_model.pre_layrnorm.bias
    bias += 10 * torch.randn(bias.shape, generator=generator)
    check = check_precision(model, CPU, torch.bfloat16)
    assert check.failed == ("image vectors",)
    assert check.verdict.startswith("is too coarse for these weights")


@torch.no_grad()
@pytest.mark.parametrize("seed", range(4))
def test_weights_whose_rounding_turns_a_token_now_and_then_are_found(seed: int) -> None:
    # mean errors of 0.03 to 0.1, and one picture in thirty with a cosine of 0.83 to its exact vector
    model = new_model(replace(SPEC, vocab_size=512, context_length=77, begin=510, end=511), seed)
    for name, weight in model.named_parameters():
        if weight.ndim >= 2 and "embedding" not in name:
            weight.mul_(10)
    assert not check_precision(model, CPU, torch.bfloat16).passed


@pytest.mark.parametrize("context_length", [2, 3])
def test_texts_that_are_all_the_same_do_not_fail_a_healthy_model(context_length: int) -> None:
    model = new_model(replace(SPEC, context_length=context_length), seed=0)
    assert check_precision(model, CPU, torch.bfloat16).passed


@torch.no_grad()
@pytest.mark.parametrize("factor", [0.0, 1e38])
def test_weights_that_give_nothing_in_float32_are_named_and_the_machine_is_not_blamed(
    model: CLIPModel, factor: float
) -> None:
    model.visual_projection.weight *= factor
    check = check_precision(model, CPU, torch.bfloat16)
    assert not check.passed
    assert "image encoder" in check.without_exact
    assert check.verdict.startswith("cannot be compared: with these weights float32 itself gives NaN")


def test_nan_is_no_pass() -> None:
    assert not SelfCheck(torch.bfloat16, {"image encoder": float("nan")}, 1.0).passed
    assert SelfCheck(torch.bfloat16, {"image encoder": float("nan")}, 1.0).to_json()["relative_errors"] == {
        "image encoder": None
    }


def test_what_fails_is_replaced_by_float32_with_the_reason(model: CLIPModel) -> None:
    plan = Placement(CPU, torch.bfloat16, "no GPU was found", "the processor multiplies bf16 (amx_bf16)")
    with FaultyInBfloat16(plain_products):
        found = checked_placement(plan, model, as_asked=False)
    assert found.dtype == torch.float32
    assert found.refused is not None
    assert "bf16 is not used: it gives wrong numbers on this machine" in str(found)
    assert "patch embedding 1." in str(found)


def test_what_was_asked_for_and_fails_is_refused_with_the_remedy(model: CLIPModel) -> None:
    plan = choose_placement("cpu", "bfloat16")
    with (
        FaultyInBfloat16(plain_products),
        pytest.raises(PrecisionError, match=r"bfloat16 on cpu: gives wrong.*float32, or"),
    ):
        checked_placement(plan, model, as_asked=True)


def test_float32_needs_no_check(model: CLIPModel) -> None:
    plan = choose_placement("cpu", "float32")
    with FaultyInBfloat16(plain_products):
        assert checked_placement(plan, model, as_asked=True) is plan
