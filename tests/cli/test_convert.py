"""`convert` and `info` about what weights do not tell."""

from pathlib import Path
from typing import Any

import pytest
import torch

from deltaclip.model.sources import SCALARS
from tests.model.conftest import openai_weights, trained_like

OPTIONS = ("--activation", "gelu", "--vision-heads", 4, "--text-heads", 2)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    weights = openai_weights(trained_like(seed=1))
    torch.save({name: weight for name, weight in weights.items() if name not in SCALARS}, tmp_path / "tuned.pt")
    return tmp_path / "tuned.pt"


def test_without_a_word_on_heads_convert_ends_with_an_error_and_writes_nothing(
    bare: Path, tmp_path: Path, deltaclip: Any
) -> None:
    code, _, err = deltaclip("convert", "--clip", bare, "--out", tmp_path / "out")
    assert code == 1
    assert "--vision-heads" in err
    assert not (tmp_path / "out").exists()


def test_info_tells_what_the_options_said_and_that_they_said_it(bare: Path, tmp_path: Path, deltaclip: Any) -> None:
    words = ("convert", "--clip", bare, "--out", tmp_path / "out", *OPTIONS, "--mean", "0.5", "--std", "0.5,0.4,0.3")
    code, report, _ = deltaclip(*words, "--json")
    assert (code, report["heads"], report["activation"]["text"]) == (0, {"vision": 4, "text": 2}, "gelu")
    _, facts, _ = deltaclip("info", "--encoder", tmp_path / "out", "--json")
    assert facts["heads"] == {"vision": 4, "text": 2}
    assert facts["activation"] == {"vision": "gelu", "text": "gelu"}
    assert facts["known_from"]["vision_heads"] == "option"
    assert facts["known_from"]["normalisation"].startswith("mean 0.5,0.5,0.5, deviation 0.5,0.4,0.3, by option")
    _, text, _ = deltaclip("info", "--encoder", tmp_path / "out")
    assert "vision=4 text=2" in text


@pytest.mark.parametrize("words", [("--mean", "0.5"), ("--mean", "0.5", "--std", "1,2"), ("--mean", "x", "--std", "1")])
def test_a_mean_that_is_none_is_refused_as_a_mistyped_option(
    bare: Path, tmp_path: Path, deltaclip: Any, words: tuple[str, ...]
) -> None:
    code, _, err = deltaclip("convert", "--clip", bare, "--out", tmp_path / "out", *OPTIONS, *words)
    assert (code, "--mean" in err) == (2, True)
