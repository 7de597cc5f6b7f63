"""A run multiplies in a lower precision only if it is right on this machine for its model."""

from pathlib import Path

import pytest
import torch

from deltaclip.errors import PrecisionError
from deltaclip.training import train
from deltaclip.training.devices import MixedPrecision
from deltaclip.training.start import start_model
from tests.faults import FaultyInBfloat16, plain_products
from tests.training.tiny import tiny_data, tiny_recipe

PLAN = MixedPrecision(torch.device("cpu"), torch.bfloat16)


def test_a_dtype_that_is_right_is_kept() -> None:
    assert PLAN.checked(start_model(tiny_recipe(), tiny_data()).model) == PLAN


def test_one_that_is_wrong_becomes_float32_with_the_reason() -> None:
    model = start_model(tiny_recipe(), tiny_data()).model
    with FaultyInBfloat16(plain_products):
        found = PLAN.checked(model)
    assert found.dtype == torch.float32
    assert found.refused is not None
    assert "patch embedding" in found.refused


def test_a_run_says_that_it_does_not_use_the_planned_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MixedPrecision, "choose", lambda device, precision: PLAN)  # as on a GPU
    said: list[str] = []
    with FaultyInBfloat16(plain_products):
        train(tiny_recipe("optim.steps=1"), tiny_data(), tmp_path / "out", device="cpu", note=said.append)
    assert any("bf16 is not used: it gives wrong numbers on this machine" in text for text in said)


def test_a_recipe_that_names_a_wrong_one_is_refused_before_the_first_step(tmp_path: Path) -> None:
    with FaultyInBfloat16(plain_products), pytest.raises(PrecisionError, match="bfloat16 on cpu: gives wrong numbers"):
        train(tiny_recipe("optim.precision=bfloat16"), tiny_data(), tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()
