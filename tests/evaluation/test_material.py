"""Materials: which videos and sentences are measured, and what is missing."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.captions import Split, VideoFiles
from deltaclip.errors import CaptionError
from deltaclip.evaluation.material import Material, material_of_split
from tests.evaluation.three_videos import SPLIT

FILES = VideoFiles({name: Path(f"{name}.mp4") for name in "abc"}, ())


def test_every_text_knows_the_place_of_its_video() -> None:
    material = material_of_split("d", "test", SPLIT, FILES)
    assert material.videos == ("a", "b", "c")
    assert material.owner.tolist() == [0, 2, 1, 2]
    assert (material.missing, material.missing_texts) == ((), 0)


def test_missing_videos_are_refused_by_name_and_count() -> None:
    with pytest.raises(CaptionError, match="1 of 3 videos are missing: b") as refusal:
        material_of_split("d", "test", SPLIT, VideoFiles({"a": FILES.found["a"], "c": FILES.found["c"]}, ("b",)))
    assert "--allow-missing" in refusal.value.remedy


def test_a_missing_video_that_is_allowed_goes_with_its_captions_and_is_counted() -> None:
    here = VideoFiles({"a": FILES.found["a"], "b": FILES.found["b"]}, ("c",))
    material = material_of_split("d", "test", SPLIT, here, allow_missing=True)
    assert material.texts == ("the red square moves", "red")
    assert material.owner.tolist() == [0, 1]
    assert (material.missing, material.missing_texts) == (("c",), 2)


def test_a_split_without_captions_or_without_any_video_is_refused() -> None:
    with pytest.raises(CaptionError, match="captions are missing"):
        material_of_split("d", "test", Split(("a",), None), FILES)
    with pytest.raises(CaptionError, match="none of its 4 captions"):
        material_of_split("d", "test", SPLIT, VideoFiles({}, ("a", "b", "c")), allow_missing=True)


def test_the_groups_of_videos_that_are_left_stay_theirs() -> None:
    names, paths = ("a", "b", "c"), (Path("a"), Path("b"), Path("c"))
    material = Material("d", "test", names, paths, ("x", "y", "z"), np.arange(3), groups=("g", "h", "h"))
    assert material.clusters.tolist() == [0, 1, 1]
    assert material.without(("b",)).groups == ("g", "h")
    assert material.without(("a",)).clusters.tolist() == [0, 0]
