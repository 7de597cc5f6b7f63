"""One word says which mask is meant and how it is fed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from deltaclip.channels import ALPHA
from deltaclip.motion import (
    MOTIONS,
    DifferenceSpec,
    Mask,
    Motion,
    MotionSpec,
    Neighbours,
    Steps,
    difference,
    see,
    see_each,
    subject,
)
from deltaclip.reader import ReaderSpec, read_motion, read_video
from deltaclip.video import write_mp4
from tests.motion.drawn import square_over_pan


def test_every_mask_that_exists_can_be_named() -> None:
    assert [str(MotionSpec.parse(name)) for name in MOTIONS] == list(MOTIONS)


def left_half(rgb: NDArray[np.uint8]) -> Motion:
    """A mask that nobody ships: the left half of every frame."""
    mask = np.zeros(rgb.shape[:3], np.bool_)
    mask[:, :, : rgb.shape[2] // 2] = True
    alpha = mask.astype(np.float32)
    return Motion(
        alpha=alpha,
        measured=alpha,
        mask=mask,
        coverage=np.full(len(rgb), 0.5),
        confidence=np.ones(len(rgb)),
        fallback=(None,) * len(rgb),
    )


def test_a_new_mask_is_one_function_and_one_line_in_the_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(MOTIONS, "left-half", Mask(left_half))
    write_mp4(tmp_path / "clip.mp4", np.full((8, 32, 32, 3), 128, np.uint8), 8)

    clip = read_video(tmp_path / "clip.mp4", ReaderSpec(32, 2, MotionSpec.parse("left-half")))

    assert clip.frames[:, ALPHA, 16, [0, 31]].tolist() == [[255, 0], [255, 0]]
    with pytest.raises(ValueError, match="left-half"):
        MotionSpec.parse("left-hafl")
    with pytest.raises(ValueError, match="have a threshold"):
        MotionSpec.parse("left-half:threshold=5")


def test_a_new_mask_that_needs_neighbours_gets_them_from_the_reader(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given: list[tuple[int, int, list[list[float]]]] = []

    def beside(rgb: NDArray[np.uint8], before: Neighbours, after: Neighbours, step_seconds: Steps) -> Motion:
        there = (sum(each is not None for each in side) for side in (before, after))
        given.append((*there, np.asarray(step_seconds).tolist()))
        return left_half(rgb)

    monkeypatch.setitem(MOTIONS, "beside", Mask(beside, soft=True, needs_neighbours=True))
    write_mp4(tmp_path / "clip.mp4", np.full((8, 32, 32, 3), 128, np.uint8), 8)

    read_video(tmp_path / "clip.mp4", ReaderSpec(32, 2, MotionSpec.parse("beside:binary")))
    read_motion(tmp_path / "clip.mp4", MotionSpec("beside"), 2)

    assert given == [(2, 2, [[1 / 8] * 2] * 2)] * 2


@given(
    st.sampled_from([name for name, mask in MOTIONS.items() if mask.thresholded]),
    st.integers(0, 510),
    st.integers(0, 99),
)
def test_a_spec_is_the_same_after_it_was_written_and_read(name: str, halves: int, percent: int) -> None:
    spec = MotionSpec(name, threshold=halves / 2, floor=percent / 100)
    assert MotionSpec.parse(str(spec)) == spec


def test_the_same_mask_has_one_word_however_it_is_written() -> None:
    assert str(MotionSpec.parse("subject:floor=0.20,binary")) == "subject:binary,floor=0.2"
    assert str(MotionSpec.parse("difference:threshold=25.0")) == "difference"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("differense", "did you mean difference"),
        ("flow", "choose one of difference, subject"),
        ("subject:threshold=5", "have a threshold"),
        ("difference:binary", "already binary"),
        ("difference:threshold=300", r"0\.\.255"),
        ("difference:threshold=many", "not a number"),
        ("subject:floor=1", "below 1"),
        ("subject:floor=nan", "below 1"),
        ("full:floor=0.2", "changes nothing"),
        ("subject:soft", "'soft' is not"),
        ("subject:", "'' is not"),
    ],
)
def test_what_does_not_exist_or_would_do_nothing_is_refused_with_a_reason(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MotionSpec.parse(text)


def test_a_threshold_reaches_the_mask() -> None:
    frames, _ = square_over_pan(num_frames=3)
    lower = see(MotionSpec.parse("difference:threshold=12.5"), frames)
    assert (lower.mask == difference(frames, DifferenceSpec(threshold=12.5)).mask).all()
    assert lower.coverage.sum() > see(MotionSpec.parse("difference:threshold=100"), frames).coverage.sum()


def test_floor_and_binary_change_what_is_fed_and_not_what_was_measured() -> None:
    frames, _ = square_over_pan(num_frames=3)
    ends = (frames[1:2], (frames[0],), (frames[2],))
    plain, shaped = subject(*ends), see(MotionSpec.parse("subject:binary,floor=0.25"), *ends)
    assert np.unique(shaped.alpha).tolist() == [0.25, 1.0]
    assert ((shaped.alpha == 1) == (plain.alpha > 0.5)).all()
    assert (shaped.measured == plain.measured).all()
    assert shaped.fallback == plain.fallback


def test_masks_that_differ_only_in_how_they_are_fed_are_measured_once_and_stay_what_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frames, _ = square_over_pan(num_frames=3)
    ends = (frames[1:2], (frames[0],), (frames[2],))
    words = ("subject", "subject:binary", "difference", "subject:floor=0.2", "difference:threshold=50", "subject")
    specs = [MotionSpec.parse(word) for word in words]
    alone = [see(spec, *ends) for spec in specs]
    calls: list[str] = []

    def counted(name: str) -> Callable[..., Motion]:
        rule = MOTIONS[name].measure

        def call(*given: object) -> Motion:
            calls.append(name)
            return rule(*given)

        return call

    for name in ("subject", "difference"):
        monkeypatch.setitem(MOTIONS, name, replace(MOTIONS[name], measure=counted(name)))
    together = see_each(specs, *ends)
    assert calls == ["subject", "difference", "difference"]
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one.alpha, other.alpha)
        assert np.array_equal(one.measured, other.measured)


def test_extras_are_named_in_their_order_and_options_follow() -> None:
    spec = MotionSpec.parse("subject+time+flow:floor=0.2")
    assert spec.extras == ("flow", "time")
    assert str(spec) == "subject+flow+time:floor=0.2"
    assert spec.unfed == MotionSpec("subject")


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("subject+flaw", "motion subject\\+flaw: .*flow"),
        ("difference+flow", "only subject measures how things move"),
        ("full+time", "alpha is all ones"),
    ],
)
def test_extras_that_a_mask_does_not_have_are_refused(word: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MotionSpec.parse(word)
