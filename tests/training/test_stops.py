"""A run whose own step broke its weights: it says so, and nothing of that step is ever on disk."""

from pathlib import Path
from typing import Any

import pytest
import torch

from deltaclip.errors import TrainingError
from deltaclip.training import TrainingData, override, train
from deltaclip.training.loss import video_vectors
from deltaclip.training.run_folder import States
from deltaclip.training.validation import Seen
from tests.training.tiny import WORDS, same_weights, tiny_clips, tiny_data, tiny_recipe

RECIPE = tiny_recipe()


def states(out: Path) -> list[int]:
    return [state.step for state in States(out / "training", 2).saved()]


# 1e30 makes the weights infinite; at 1e15 they are finite, and what they give is not.
@pytest.mark.parametrize("rate", ["1e30", "1e15"])
@pytest.mark.parametrize("settings", [(), ("loop.log_every=100",), ("optim.steps=1",), ("optim.ema=0.5",)])
def test_an_update_that_breaks_the_weights_is_named_with_rate_and_norm(
    tmp_path: Path, rate: str, settings: tuple[str, ...]
) -> None:
    recipe = override(RECIPE, [f"optim.lr={rate}", "loop.save_every=1", *settings])
    for name, data in (("val", tiny_data()), ("none", TrainingData(tiny_clips(), None, WORDS))):
        with pytest.raises(TrainingError, match=r"step 1: the update itself broke the weights.*rate 1e\+\d+, gradient"):
            train(recipe, data, tmp_path / name, device="cpu")
        assert states(tmp_path / name) == []
        assert [path.name for path in (tmp_path / name).iterdir()] == ["training"]


@pytest.mark.parametrize("settings", [(), ("loop.log_every=100", "loop.validate_every=6")])
def test_the_states_before_it_stay_and_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: tuple[str, ...]
) -> None:
    recipe, taken = override(RECIPE, ["loop.save_every=1", *settings]), 0
    real = torch.optim.AdamW.step

    def breaking(optimiser: Any, *args: Any) -> Any:
        nonlocal taken
        made, taken = real(optimiser, *args), taken + 1
        if taken == 4:
            with torch.no_grad():
                optimiser.param_groups[0]["params"][0].fill_(float("nan"))
        return made

    monkeypatch.setattr(torch.optim.AdamW, "step", breaking)
    with pytest.raises(TrainingError, match="step 4: the update itself"):
        train(recipe, tiny_data(), tmp_path / "out", device="cpu")
    assert states(tmp_path / "out") == [2, 3]
    train(recipe, tiny_data(), tmp_path / "out", device="cpu", resume=True)
    train(recipe, tiny_data(), tmp_path / "whole", device="cpu")
    assert same_weights(tmp_path / "out", tmp_path / "whole")


def test_validation_names_the_clips_whose_vectors_are_not_finite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> torch.Tensor:
        vectors = video_vectors(*args)
        vectors[1] = torch.nan
        return vectors

    monkeypatch.setattr("deltaclip.training.run.look", lambda *_: Seen(True, None))  # clips of the batch are fine
    monkeypatch.setattr("deltaclip.training.validation.video_vectors", broken)
    with pytest.raises(TrainingError, match=r"step 2: .* the video vectors of video1 are NaN or infinite"):
        train(RECIPE, tiny_data(), tmp_path / "out", device="cpu")
    assert states(tmp_path / "out") == []
