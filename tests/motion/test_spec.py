"""One word says which mask is meant and how it is fed."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaclip.motion import MOTIONS, DifferenceSpec, Motion, MotionSpec, difference, see, see_each, subject
from deltaclip.motion.spec import NAMES, THRESHOLDED
from tests.motion.drawn import square_over_pan


def test_every_mask_that_exists_can_be_named() -> None:
    assert list(MOTIONS) == list(NAMES)
    assert [str(MotionSpec.parse(name)) for name in NAMES] == list(NAMES)


@given(st.sampled_from(sorted(THRESHOLDED)), st.integers(0, 510), st.integers(0, 99))
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
        ("difference:binary", "binary already"),
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
    lower = see("difference:threshold=12.5", frames)
    assert (lower.mask == difference(frames, DifferenceSpec(threshold=12.5)).mask).all()
    assert lower.coverage.sum() > see("difference:threshold=100", frames).coverage.sum()


def test_floor_and_binary_change_what_is_fed_and_not_what_was_measured() -> None:
    frames, _ = square_over_pan(num_frames=3)
    ends = (frames[1:2], (frames[0],), (frames[2],))
    plain, shaped = subject(*ends), see("subject:binary,floor=0.25", *ends)
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
    alone = [see(word, *ends) for word in words]
    calls: list[str] = []

    def counted(name: str) -> Callable[..., Motion]:
        rule = MOTIONS[name]

        def call(*given: object) -> Motion:
            calls.append(name)
            return rule(*given)

        return call

    for name in ("subject", "difference"):
        monkeypatch.setitem(MOTIONS, name, counted(name))
    together = see_each(words, *ends)
    assert calls == ["subject", "difference", "difference"]
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one.alpha, other.alpha)
        assert np.array_equal(one.measured, other.measured)
