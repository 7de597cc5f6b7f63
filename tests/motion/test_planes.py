"""What an encoder is fed beside alpha."""

import numpy as np
import pytest

from deltaclip.motion import Flow, Motion, extra_planes, full, masked_velocity


def motion(fallback: tuple[str | None, ...]) -> Motion:
    """Two frames whose left half moves to the right at half a height a second, half certain."""
    measured = np.zeros((2, 4, 8), np.float32)
    measured[:, :, :4] = 0.5
    replaced = np.array([reason is not None for reason in fallback])
    alpha = np.where(replaced[:, None, None], np.float32(1), measured)
    flow = Flow(
        velocity=np.tile(np.array((0.5, 0), np.float32), (2, 2, 4, 1)),
        camera=np.zeros((2, 4), np.float32),
        confidence=np.ones(2),
        camera_confidence=np.ones(2),
    )
    return Motion(alpha, measured, measured > 0.5, np.zeros(2), np.ones(2), fallback, flow)


def test_velocity_is_multiplied_by_the_mask_as_measured() -> None:
    moved = masked_velocity(motion((None, None)))
    assert moved[..., 0].tolist() == [[[0.25] * 4 + [0.0] * 4] * 4] * 2
    assert not moved[..., 1].any()


def test_a_frame_that_falls_back_is_neutral_in_every_extra() -> None:
    seen = motion((None, "uncertain"))
    planes = extra_planes(("flow", "time"), seen.alpha, masked_velocity(seen))
    assert planes.shape == (2, 4, 8, 3)
    assert planes[0].any()
    assert not planes[1].any()


def test_the_mask_is_weighted_by_how_much_of_the_clip_has_gone_by() -> None:
    seen = motion((None, None))
    late = extra_planes(("time",), seen.alpha, None)[..., 0]
    assert late[:, 0, 0].tolist() == [0.125, 0.375]


def test_a_mask_without_extras_adds_no_plane() -> None:
    assert extra_planes((), motion((None, None)).alpha, None).shape == (2, 4, 8, 0)


def test_a_mask_without_flow_has_no_velocity() -> None:
    with pytest.raises(ValueError, match="measures no flow"):
        masked_velocity(full(np.zeros((1, 8, 8, 3), np.uint8)))
