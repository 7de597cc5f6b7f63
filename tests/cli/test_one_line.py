"""A mask or a data set that has its one line in its table is known to every command, recipe and study."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.captions import DATASETS
from deltaclip.captions.folder import load_folder
from deltaclip.cli.reference import reference
from deltaclip.encoder import Encoder
from deltaclip.evaluation.studies import STUDIES, StudySetup
from deltaclip.motion import MOTIONS, Mask, Motion
from deltaclip.reader import Clip, ReaderSpec, read_variants
from deltaclip.training import RECIPES, override
from deltaclip.video import write_mp4
from tests.cli.calls import Call


def left_half(rgb: NDArray[np.uint8]) -> Motion:
    alpha = np.zeros(rgb.shape[:3], np.float32)
    alpha[:, :, : rgb.shape[2] // 2] = 1.0
    share, none = np.full(len(rgb), 0.5), (None,) * len(rgb)
    return Motion(alpha=alpha, measured=alpha, mask=alpha > 0, coverage=share, confidence=share, fallback=none)


def read_with_left_half(path: Path, specs: Sequence[ReaderSpec]) -> tuple[Clip, ...]:
    """Files are read in a new process, which does not have this line in its table."""
    MOTIONS.setdefault("left-half", Mask(left_half))
    return read_variants(path, specs)


@pytest.fixture
def mask(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(MOTIONS, "left-half", Mask(left_half))
    return "left-half"


@pytest.fixture
def dataset(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(DATASETS, "mine", load_folder)
    return "mine"


def test_commands_know_a_new_mask_and_the_help_and_the_reference_list_it(mask: str, deltaclip: Call) -> None:
    # Not run on a file: see `read_with_left_half`.
    _, _, refused = deltaclip("masks", "clip.mp4", "--motion", "left-hal")
    _, text, _ = deltaclip("masks", "--help")

    assert f"did you mean {mask}?" in refused
    assert mask in text
    assert mask in reference()


def test_recipes_encoders_and_the_study_of_controls_take_a_new_mask(
    mask: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deltaclip.evaluation.studies.setup.read_variants", read_with_left_half)
    recipe = override(RECIPES["shapes"], [f"data.motion={mask}"])
    encoder = Encoder.load("shapes", motion=mask, device="cpu")
    result = STUDIES["controls"](StudySetup(encoder, tmp_path, num_clips=6))

    assert (recipe.data.motion, encoder.reader_spec.motion_word) == (mask, mask)
    assert mask in {row.setting["mask"] for row in result.rows}


def test_commands_and_recipes_take_a_new_data_set_and_the_help_and_the_reference_list_it(
    dataset: str, deltaclip: Call, tmp_path: Path
) -> None:
    (tmp_path / "captions.csv").write_text("path,caption,split\nclip,a grey square,test\nclip,a dog runs,test\n")
    (tmp_path / "clips").mkdir()
    write_mp4(tmp_path / "clips" / "clip.mp4", np.full((8, 32, 32, 3), 128, np.uint8), 8)
    where = ("--annotations", tmp_path / "captions.csv", "--videos", tmp_path / "clips", "--json")

    read, told, _ = deltaclip("data", dataset, *where)
    evaluated, result, _ = deltaclip("evaluate", dataset, "--encoder", "shapes", *where)
    _, text, _ = deltaclip("evaluate", "--help")

    assert (read, told["dataset"], evaluated, result["protocol"]["dataset"]) == (0, dataset, 0, dataset)
    assert override(RECIPES["msvd"], [f"data.dataset={dataset}"]).data.dataset == dataset
    assert dataset in text
    assert f", {dataset}" in reference()
