"""What a cache may be asked to keep."""

import pytest

from deltaclip.training.cache import CacheSettings


def test_what_differs_is_said_in_words() -> None:
    differences = CacheSettings(size=256, motion=None).differences(CacheSettings(num_frames=16))
    assert differences == ("frames 32, not 16", "size 256, not 224", "motion none, not subject")
    assert CacheSettings().differences(CacheSettings(motion="subject:floor=0")) == ()


@pytest.mark.parametrize("motion", ["difference", "random", "inverted", "full", "centre", "difference:threshold=12"])
def test_masks_that_depend_on_the_drawn_frames_are_not_kept(motion: str) -> None:
    with pytest.raises(ValueError, match="made when reading"):
        CacheSettings(motion=motion)


def test_a_floor_is_put_in_when_reading() -> None:
    with pytest.raises(ValueError, match="cache it as subject"):
        CacheSettings(motion="subject:floor=0.2")


@pytest.mark.parametrize("change", [{"num_frames": 0}, {"size": 0}, {"quality": 0}, {"quality": 101}])
def test_settings_that_make_no_sense_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"start at 1|1 to 100"):
        CacheSettings(**change)  # type: ignore[arg-type]
