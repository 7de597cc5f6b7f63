"""Which option is blamed if an encoder cannot be had: the one that was given, and none for a fault of the encoder."""

from pathlib import Path
from typing import Any

import pytest
import typer

from deltaclip.cli.encoders import load_with
from deltaclip.encoder import EncoderSpec
from tests.helpers import small_checkpoint


def test_a_mask_that_does_not_exist_is_the_fault_of_its_option(tmp_path: Path) -> None:
    folder = small_checkpoint(tmp_path / "small")
    with pytest.raises(typer.BadParameter, match="'optical'"):
        load_with(str(folder), EncoderSpec(motion="optical", device="cpu"), param_hint="'--motion'")


def test_a_value_error_out_of_the_encoder_itself_is_no_fault_of_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a size that nobody foresaw")

    monkeypatch.setattr("deltaclip.encoder.torch_engine.model_facts", broken)
    folder = small_checkpoint(tmp_path / "small")
    with pytest.raises(ValueError, match="nobody foresaw"):
        load_with(str(folder), EncoderSpec(device="cpu"), param_hint="'--motion'")


@pytest.mark.parametrize("motion", ["", "optical"])
def test_index_blames_motion_for_what_motion_was_given(tmp_path: Path, deltaclip: Any, motion: str) -> None:
    folder = small_checkpoint(tmp_path / "small")
    (tmp_path / "videos").mkdir()
    words = ("index", tmp_path / "videos", "--library", tmp_path / "library", "--encoder", folder, "--motion", motion)
    code, _, err = deltaclip(*words)
    assert (code, "--motion" in err, "choose one of" in err) == (2, True, True)
