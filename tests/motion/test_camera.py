"""The camera fit on flow drawn by hand: what is known goes in, what is known must come out."""

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion.camera import SMALLEST_SCALE, camera_basis, camera_field, fit_camera, look_up, warp

Floats = NDArray[np.float32]
GRID = (48, 85)


def drawn_flow(*rows: tuple[int, float, float]) -> Floats:
    """(1, 48, 85, 2): the sum of basis functions, each (number, weight to the right, weight down)."""
    basis = camera_basis(*GRID)
    return np.stack([sum(basis[..., n] * np.float32(w[side]) for n, *w in rows) for side in (0, 1)], -1)[None]


def with_subject(flow: Floats, share: float) -> Floats:
    """The same with a block in the middle, `share` of the picture, that goes its own way."""
    flow = flow.copy()
    rows, columns = (round(side * share**0.5) for side in GRID)
    top, left = (GRID[0] - rows) // 2, (GRID[1] - columns) // 2
    flow[:, top : top + rows, left : left + columns] += np.array((3.0, -2.0), np.float32)
    return flow


CAMERAS = {
    "pan": [(0, 4.0, -1.0)],
    "zoom": [(1, 2.0, 0.0), (2, 0.0, 1.1)],
    "roll": [(2, -1.5, 0.0), (1, 0.0, 1.5)],
    "turn with perspective": [(0, 6.0, 0.0), (3, 0.8, 0.0), (4, 0.0, 0.8)],
}


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_known_camera_motion_is_found(camera: str) -> None:
    flow = drawn_flow(*CAMERAS[camera])
    fit, scale = fit_camera(flow)
    assert abs(camera_field(fit, *GRID) - flow).max() < 0.03  # the pull to zero is felt by the second order
    assert scale.tolist() == pytest.approx([SMALLEST_SCALE])


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_a_subject_that_goes_its_own_way_does_not_bend_the_camera(camera: str, share: float) -> None:
    flow = drawn_flow(*CAMERAS[camera])
    fit, _ = fit_camera(with_subject(flow, share))
    assert abs(camera_field(fit, *GRID) - flow).max() < 0.2


def test_each_field_is_fitted_on_its_own() -> None:
    pan, zoom = drawn_flow(*CAMERAS["pan"]), drawn_flow(*CAMERAS["zoom"])
    both, _ = fit_camera(np.concatenate([pan, zoom]))
    assert both[0] == pytest.approx(fit_camera(pan)[0][0], abs=1e-5)
    assert both[1] == pytest.approx(fit_camera(zoom)[0][0], abs=1e-5)


def test_the_scale_is_the_median_residual() -> None:
    noise = np.random.default_rng(0).normal(0, 0.5, (1, *GRID, 2)).astype(np.float32)
    _, scale = fit_camera(drawn_flow(*CAMERAS["pan"]) + noise)
    assert scale[0] == pytest.approx(0.5 * (2 * np.log(2)) ** 0.5, rel=0.1)  # the median of Rayleigh's distribution


def test_looking_up_is_the_field_added_to_each_pixels_own_place() -> None:
    fit = np.random.default_rng(0).normal(0, 2, (2, 6, 2)).astype(np.float32)
    down, right = np.mgrid[:20, :30]
    expected = camera_field(fit, 20, 30) + np.stack([right, down], -1)
    assert look_up(fit, 20, 30).transpose(0, 2, 3, 1) == pytest.approx(expected, abs=1e-4)


def test_a_picture_warped_by_a_pan_is_the_picture_shifted() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
    pan = np.zeros((1, 6, 2), np.float32)
    pan[0, 0] = 3, -2
    assert (warp(picture, look_up(pan, 20, 30)[0])[2:, :-3] == picture[:-2, 3:]).all()
