"""The failure signs: each is found where it was put on purpose, and not where it is not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.evaluation.material import Material
from deltaclip.evaluation.studies import STUDIES, StudySetup, in_step
from deltaclip.evaluation.studies.in_step import MaskAndMotion
from deltaclip.reader import ReaderSpec
from deltaclip.shapes import ShapesSpec, make_world, write_world


def verdicts(setup: StudySetup) -> dict[str, str]:
    return {str(row.setting["sign"]): str(row.figures["verdict"]) for row in STUDIES["diagnose"](setup).rows}


def test_drawn_clips_with_their_own_encoder_show_no_sign(setup: StudySetup) -> None:
    result = STUDIES["diagnose"](setup)
    assert {row.figures["verdict"] for row in result.rows} == {"fine"}
    assert result.notes == ("No sign was found.",)


def test_alpha_weights_of_zero_are_found(idle: Encoder, tmp_path: Path) -> None:
    found = verdicts(StudySetup(idle, tmp_path, num_clips=6))
    assert (found["alpha does not act"], found["alpha hardly acts"]) == ("WARNING", "WARNING")


def off(path: Path, spec: ReaderSpec) -> MaskAndMotion:
    """At the top of the module, so that the child process finds it."""
    film = in_step.read_mask_and_motion(path, spec)
    rolled = film.alpha.copy()
    rolled[:, :, 6:] = film.alpha[:, :, :-6]
    return replace(film, alpha=rolled)


def test_masks_that_are_off_their_picture_are_found(setup: StudySetup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deltaclip.evaluation.studies.diagnose.read_mask_and_motion", off)
    result = STUDIES["diagnose"](setup)
    row = next(row for row in result.rows if row.setting["sign"] == "mask and picture out of step")
    assert row.figures["verdict"] == "WARNING"
    assert "+6 pixels right" in str(row.figures["measured"])
    assert any("out of step" in note for note in result.notes)


def test_a_panning_camera_makes_the_papers_mask_too_bright_and_stills_leave_it_unused(
    bundled: Encoder, tmp_path: Path
) -> None:
    noisy = StudySetup(bundled, tmp_path, _set(tmp_path / "noisy", ShapesSpec(noise=60.0)))
    assert verdicts(noisy)["mask too bright"] == "WARNING"
    still = StudySetup(bundled, tmp_path, _set(tmp_path / "still", ShapesSpec(static_only=True)))
    found = verdicts(still)
    assert (found["mask too dark"], found["mask not used"]) == ("WARNING", "WARNING")
    assert found["static-heavy set"] == "WARNING"
    assert found["mask and picture out of step"] == "cannot tell"


def test_a_mask_that_claims_nothing_cannot_be_out_of_step(tmp_path: Path) -> None:
    encoder = Encoder.load("shapes", EncoderSpec(motion="full", device="cpu"))
    found = verdicts(StudySetup(encoder, tmp_path, num_clips=6))
    assert found["mask and picture out of step"] == "cannot tell"
    assert found["alpha does not act"] == "WARNING"


def _set(folder: Path, spec: ShapesSpec) -> Material:
    clips = make_world(5, 6, spec)
    paths = tuple(write_world(folder, clips))
    names = tuple(path.stem for path in paths)
    return Material("folder", "test", names, paths, tuple(clip.caption for clip in clips), np.arange(6))
