"""What a cache may be asked to keep."""

import pytest

from deltaclip.frame_cache import CacheSettings


def test_what_differs_is_said_in_words() -> None:
    differences = CacheSettings(size=256, motion=None).differences(CacheSettings(num_frames=16))
    assert differences == ("frames 32, not 16", "size 256, not 224", "motion none, not subject")
    assert CacheSettings().differences(CacheSettings(motion="subject:floor=0")) == ()


@pytest.mark.parametrize("motion", ["difference", "random", "inverted", "full", "centre", "difference:threshold=12"])
def test_masks_that_depend_on_the_drawn_frames_are_not_kept(motion: str) -> None:
    with pytest.raises(ValueError, match="computed when reading"):
        CacheSettings(motion=motion)


def test_a_floor_is_put_in_when_reading() -> None:
    with pytest.raises(ValueError, match=r"cache it as subject$"):
        CacheSettings(motion="subject:floor=0.2")
    with pytest.raises(ValueError, match=r"cache it as subject:binary$"):
        CacheSettings(motion="subject:binary,floor=0.2")


@pytest.mark.parametrize("change", [{"num_frames": 0}, {"size": 0}, {"quality": 0}, {"quality": 101}])
def test_settings_that_make_no_sense_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"must be 1 or more|1 to 100"):
        CacheSettings(**change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kept", "wanted", "serves"),
    [
        ("subject", "subject", True),
        ("subject", "subject:binary", True),
        ("subject", "subject:floor=0.2", True),
        ("subject:binary", "subject:binary", True),
        ("subject:binary", "subject:binary,floor=0.2", True),
        ("subject:binary", "subject", False),
        ("subject:binary", "subject:floor=0.2", False),
        (None, "subject", False),
        (None, "subject:binary", False),
        (None, "difference:threshold=12.5", True),
        ("subject:binary", "difference", True),
        ("subject", "centre:floor=0.5", True),
        (None, None, True),
    ],
)
def test_a_kept_mask_serves_what_can_be_made_of_it(kept: str | None, wanted: str | None, serves: bool) -> None:
    assert CacheSettings(motion=kept).serves(wanted) == serves


def test_all_that_a_training_misses_is_said_at_once() -> None:
    settings = CacheSettings(num_frames=5, size=64, motion="subject:binary")
    assert settings.lacks(5, "subject:binary,floor=0.2", 64) == ()
    assert settings.lacks(6, "subject", 224) == (
        "the short side of its pictures is 64 pixels, and 224 are needed",
        "it has 5 frames per video, and 6 are needed",
        "it has masks subject:binary, and subject is needed",
    )


def test_a_cache_of_flow_serves_the_mask_with_and_without_it() -> None:
    flow, plain = CacheSettings(motion="subject+flow"), CacheSettings(motion="subject")
    for motion in ("subject", "subject+flow", "subject+flow+time", "subject+time:binary"):
        assert flow.serves(motion)
        assert plain.serves(motion) == ("flow" not in motion)


def test_time_is_not_cached_since_it_depends_on_the_frames_that_are_drawn() -> None:
    with pytest.raises(ValueError, match=r"cache it as subject\+flow"):
        CacheSettings(motion="subject+flow+time")
