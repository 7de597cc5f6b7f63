"""Motion holds what it says it holds."""

from typing import Any

import numpy as np
import pytest

from deltaclip.motion.types import Motion, motion_from_mask

GOOD: dict[str, Any] = {
    "alpha": np.ones((2, 3, 4), np.float32),
    "measured": np.ones((2, 3, 4), np.float32),
    "mask": np.ones((2, 3, 4), np.bool_),
    "coverage": np.ones(2),
    "confidence": np.ones(2),
    "fallback": (None, None),
}
BAD = [
    ("alpha", np.ones((3, 4), np.float32)),
    ("alpha", np.ones((2, 3, 4), np.float64)),
    ("alpha", np.full((2, 3, 4), 1.5, np.float32)),
    ("alpha", np.full((2, 3, 4), np.nan, np.float32)),
    ("measured", np.ones((2, 3, 5), np.float32)),
    ("mask", np.ones((2, 3, 5), np.bool_)),
    ("mask", np.ones((2, 3, 4), np.uint8)),
    ("coverage", np.ones(3)),
    ("coverage", np.full(2, -0.1)),
    ("confidence", np.ones(2, np.float32)),
    ("fallback", (None,)),
]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_motion_refuses_arrays_that_do_not_fit_together(field: str, value: Any) -> None:
    # A wrong dtype is met first by the run-time type checker, where that is switched on.
    with pytest.raises((ValueError, TypeError), match=field):
        Motion(**(GOOD | {field: value}))


def test_its_repr_shows_shapes_and_no_pixels() -> None:
    shown = repr(Motion(**(GOOD | {"fallback": (None, "nothing moves")})))
    assert shown == "Motion(alpha=(2, 3, 4), mask=(2, 3, 4), fallback on 1 of 2)"


def test_a_reason_feeds_all_ones_and_keeps_the_measured_mask() -> None:
    mask = np.zeros((2, 2, 2), np.bool_)
    mask[0, 0, 0] = True
    motion = motion_from_mask(mask, (None, "nothing moves"))
    assert motion.alpha.tolist() == [[[1, 0], [0, 0]], [[1, 1], [1, 1]]]
    assert motion.mask is mask
    assert motion.coverage.tolist() == [0.25, 0.0]
    assert motion.confidence.tolist() == [1.0, 0.0]
