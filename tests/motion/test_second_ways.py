"""Every number that OpenCV makes for the masks, against numpy in double precision or against what was drawn."""

from collections import deque

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.motion import subject
from deltaclip.motion.camera import camera_field, fit_camera, look_up, warp
from deltaclip.motion.exposure import relit
from deltaclip.motion.flow import (
    FLOW_SCALE,
    dense_flow,
    flow_size,
    grid_picture,
    grid_size,
    new_flow,
    shrink,
    small_picture,
)
from deltaclip.motion.frame_difference import (
    above_threshold,
    absolute_difference,
    close_gaps,
    drop_small,
    grey,
    rectangle,
    remove_specks,
)
from deltaclip.motion.shots import grey_levels
from deltaclip.motion.subject_mask import shipped_networks
from deltaclip.motion.subject_mask.colours import grid_lab
from deltaclip.motion.subject_mask.neighbours import gradient
from deltaclip.motion.subject_mask.smoothing import along_edges, box, passage
from tests.by_hand import Floats, area_weights, linear_weights, lookup, resized, summed
from tests.motion.drawn import square_over_pan, texture

Bytes = NDArray[np.uint8]

SIZES = [(224, 398), (398, 224), (224, 224), (112, 200), (97, 131)]
"""Heights and widths at which frames come: wide, upright, square, small, odd."""


def noise(*shape: int, seed: int = 0) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def apart(one: NDArray[np.generic], other: NDArray[np.generic]) -> float:
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max())


@pytest.mark.parametrize("size", SIZES)
def test_the_small_picture_is_bilinear(size: tuple[int, int]) -> None:
    frame, grid = noise(*size, 3), grid_size(*size)
    weights = [linear_weights(old, new) for old, new in zip(size, flow_size(*grid), strict=True)]
    assert apart(small_picture(frame, grid), resized(frame, *weights)) <= 1


@pytest.mark.parametrize("size", SIZES)
def test_cells_are_means_over_their_area(size: tuple[int, int]) -> None:
    grid = grid_size(*size)
    frame = noise(*flow_size(*grid)).astype(np.float32)
    weights = [area_weights(old, new) for old, new in zip(frame.shape, grid, strict=True)]
    assert apart(shrink(frame, grid), resized(frame, *weights)) < 1e-3
    levels = frame.astype(np.uint8)
    cells = cv2.resize(levels, grid[::-1], interpolation=cv2.INTER_AREA)
    assert apart(np.asarray(cells), resized(levels, *weights)) <= 1


@pytest.mark.parametrize("size", SIZES)
def test_what_is_grown_from_the_grid_is_bilinear(size: tuple[int, int]) -> None:
    grid = grid_size(*size)
    plane = np.random.default_rng(0).normal(size=grid).astype(np.float32)
    weights = [linear_weights(old, new) for old, new in zip(grid, size, strict=True)]
    grown = np.asarray(cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR))
    assert apart(grown, resized(plane, *weights)) < 1e-4


def test_grey_is_the_luma_of_bt601_rounded() -> None:
    rgb = np.concatenate([noise(400_000, 3), np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, 1)])
    exact = rgb @ np.array([0.299, 0.587, 0.114])
    assert apart(grey(rgb[None, :, None])[0, :, 0], exact) <= 0.505


def test_lab_is_cie_lab_of_srgb_under_d65() -> None:
    rgb = noise(1, 300, 300, 3)
    linear = np.where(rgb <= 0.04045 * 255, rgb / 255 / 12.92, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
    xyz = linear @ (to_xyz / to_xyz.sum(1, keepdims=True)).T
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    light = (116 * root[..., 1] - 16) * 255 / 100
    green, blue = 500 * (root[..., 0] - root[..., 1]) + 128, 200 * (root[..., 1] - root[..., 2]) + 128
    exact = np.stack([light, green, blue], -1)
    assert apart(grid_lab(rgb), exact) <= 2.5
    assert np.abs(grid_lab(rgb) - exact).mean() < 0.3


def shifted_pair(grid: tuple[int, int], right: float, down: float) -> tuple[Bytes, Bytes]:
    """Two windows of one smooth drawing, (`flow_size`) each: what is at (x, y) in one is at (x + right, y + down)."""
    height, width = flow_size(*grid)
    wide = texture(5, height + 80, width + 80).mean(-1)
    wide = cv2.GaussianBlur(wide, (0, 0), 1)
    y, x = np.mgrid[40 : 40 + height, 40 : 40 + width].astype(np.float64)
    return np.rint(lookup(wide, x, y)).astype(np.uint8), np.rint(lookup(wide, x - right, y - down)).astype(np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)])
def test_flow_finds_a_known_shift_in_every_direction(size: tuple[int, int], way: tuple[int, int]) -> None:
    grid, flow = grid_size(*size), new_flow()
    for pixels in (0.5, 1.0, 3.0, 9.0):
        pair = shifted_pair(grid, *(pixels * side for side in way))
        found = dense_flow(flow, *(grid_picture(picture, grid) for picture in pair))
        inner = found[6:-6, 6:-6].reshape(-1, 2) * FLOW_SCALE
        missed = np.abs(inner - np.multiply(way, pixels)).max(-1)
        assert np.median(missed) < 0.1
        assert np.mean(missed < 0.5) > 0.99


def test_flow_and_the_camera_fit_find_a_known_zoom_roll_and_pan() -> None:
    grid = grid_size(224, 398)
    height, width = flow_size(*grid)
    wide = cv2.GaussianBlur(texture(6, height + 80, width + 80).mean(-1), (0, 0), 1)
    y, x = np.mgrid[:height, :width].astype(np.float64)
    middle_x, middle_y = x - (width - 1) / 2, y - (height - 1) / 2
    move_x, move_y = 0.02 * middle_x - 0.01 * middle_y + 2, 0.01 * middle_x + 0.02 * middle_y - 1
    now = np.rint(lookup(wide, 40 + x, 40 + y)).astype(np.uint8)
    # `other` shows at p what `now` shows at q with q + move(q) = p: the affine map, inverted.
    inverse = np.linalg.inv(np.array([[1.02, -0.01], [0.01, 1.02]]))
    back_x, back_y = np.einsum("ij,jyx->iyx", inverse, np.stack([middle_x - 2, middle_y + 1]))
    other = lookup(wide, 40 + back_x + (width - 1) / 2, 40 + back_y + (height - 1) / 2)
    pair = (grid_picture(picture, grid) for picture in (now, np.rint(other).astype(np.uint8)))
    fit, _ = fit_camera(dense_flow(new_flow(), *pair)[None])
    found = camera_field(fit, height, width)[0] * FLOW_SCALE
    assert apart(found, np.stack([move_x, move_y], -1)) < 0.25


def test_the_camera_fit_without_outliers_is_least_squares() -> None:
    rng = np.random.default_rng(0)
    y, x = ((np.arange(side) + 0.5) / side * 2 - 1 for side in (48, 85))
    columns = np.stack(np.broadcast_arrays(*np.meshgrid(x, y), 1), -1).reshape(-1, 3)
    truth = rng.normal(size=(3, 2))
    flow = (columns @ truth).reshape(1, 48, 85, 2).astype(np.float32)
    exact = np.linalg.lstsq(columns, flow.reshape(-1, 2).astype(np.float64), rcond=None)[0]
    assert apart(camera_field(fit_camera(flow)[0], 48, 85)[0].reshape(-1, 2), columns @ exact) < 0.01


def test_a_warp_reads_between_pixels_as_numpy_does() -> None:
    picture = noise(60, 90)
    fit = np.array([[[2.3, -1.7], [0.9, 0.2], [-0.4, 1.1], [0.3, 0], [0, 0.2], [0.1, 0]]], np.float32)
    places = look_up(fit, 60, 90)[0]
    exact = lookup(picture, *places.astype(np.float64))
    # OpenCV 4 reads at the nearest 1/32 of a pixel, in noise up to 255/64 a direction beside the exact place.
    assert apart(warp(picture, places), exact) <= 9
    assert np.abs(warp(picture, places) - exact).mean() < 1.5


def test_means_over_windows_are_those_of_numpy() -> None:
    plane = np.random.default_rng(0).normal(size=(48, 85)).astype(np.float32)
    for radius in (1, 3, 9, 10):
        mean = [1 / (2 * radius + 1)] * (2 * radius + 1)
        assert apart(box(plane[None], radius)[0], summed(plane, mean, mean, "symmetric")) < 1e-5


def test_the_gradient_is_sobels() -> None:
    picture = noise(70, 110)
    across, along = [1.0, 2.0, 1.0], [-0.125, 0.0, 0.125]
    right, down = (summed(picture, *kernels, "reflect") for kernels in ((across, along), (along, across)))
    assert apart(gradient(picture), np.hypot(right, down)) < 1e-3


def test_grey_levels_are_counted_and_smoothed() -> None:
    picture = noise(115, 204) // 2
    counts = np.bincount(picture.ravel(), minlength=256) / picture.size
    assert apart(grey_levels(picture), summed(counts[None], [1.0], [1 / 9] * 9, "reflect")[0]) < 1e-6


@pytest.mark.parametrize("factor", [0.6, 0.9, 1.3])
def test_relighting_multiplies_and_rounds(factor: float) -> None:
    now = noise(80, 80) // 2 + 40
    other = np.rint(now * factor).astype(np.uint8)
    share = np.sort(now.ravel())[now.size // 2 - 1] / np.sort(other.ravel())[now.size // 2 - 1]
    assert apart(relit(now, other), np.clip(other * share, 0, 255)) <= 0.51


def test_absolute_differences_and_their_threshold_are_those_of_integers() -> None:
    frames = noise(3, 61, 83)
    expected = np.abs(frames[1:].astype(int) - frames[:-1])
    assert (absolute_difference(frames)[1:] == expected).all()
    assert (above_threshold(absolute_difference(frames), 25)[1:] == 255 * (expected > 25)).all()
    assert cv2.norm(frames[0], frames[1], cv2.NORM_L1) == expected[0].sum()


def extreme(mask: Bytes, side: int, *, largest: bool) -> Bytes:
    """The largest or smallest value in squares of `side`; what lies outside does not count."""
    reach = side // 2
    wide = np.pad(mask, reach, constant_values=0 if largest else 255)
    views = np.lib.stride_tricks.sliding_window_view(wide, (side, side))
    return np.asarray(views.max((2, 3)) if largest else views.min((2, 3)), np.uint8)


def test_closing_and_opening_are_extremes_of_extremes() -> None:
    mask = np.where(cv2.GaussianBlur(noise(90, 140), (0, 0), 2) > 128, 255, 0).astype(np.uint8)
    closed = extreme(extreme(mask, 5, largest=True), 5, largest=False)
    assert (close_gaps(mask, rectangle(5)) == closed).all()
    opened = extreme(extreme(mask, 5, largest=False), 5, largest=True)
    assert (remove_specks(mask, rectangle(5)) == opened).all()
    wide = cv2.dilate(mask, np.ones((7, 7), np.uint8))
    assert (np.asarray(wide) == extreme(mask, 7, largest=True)).all()


def parts(mask: NDArray[np.bool_], smallest: int) -> NDArray[np.bool_]:
    """Connected parts of at least that many pixels, walked one pixel at a time."""
    kept, seen = np.zeros_like(mask), np.zeros_like(mask)
    for start in map(tuple, np.argwhere(mask).tolist()):
        if seen[start]:
            continue
        part, waiting = [], deque([start])
        seen[start] = True
        while waiting:
            row, column = waiting.popleft()
            part.append((row, column))
            for near in ((row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)):
                if (
                    all(0 <= n < side for n, side in zip(near, mask.shape, strict=True))
                    and mask[near]
                    and not seen[near]
                ):
                    seen[near] = True
                    waiting.append(near)
        if len(part) >= smallest:
            kept[tuple(np.array(part).T)] = True
    return kept


def test_connected_parts_are_those_of_a_walk() -> None:
    mask = cv2.GaussianBlur(noise(60, 90, seed=3), (0, 0), 1.2) > 140
    assert (drop_small(mask.astype(np.uint8) * np.uint8(255), 20.0) == parts(np.asarray(mask), 20)).all()


def test_means_along_edges_are_those_of_a_loop_in_double_precision() -> None:
    rng = np.random.default_rng(0)
    plane, lab = rng.normal(size=(24, 40)), rng.uniform(0, 60, (24, 40, 3)).astype(np.float32)
    walked: Floats = plane.copy()
    for turned, colours in ((walked.T, lab.transpose(1, 0, 2)), (walked, lab)):  # along rows, then along columns
        through = np.exp(-(2**0.5) / 10 * (1 + 0.5 * np.abs(np.diff(colours.astype(np.float64), axis=0)).sum(-1)))
        for line in range(1, len(turned)):
            turned[line] += through[line - 1] * (turned[line - 1] - turned[line])
        for line in range(len(turned) - 2, -1, -1):
            turned[line] += through[line] * (turned[line + 1] - turned[line])
    found = along_edges(plane.astype(np.float32)[None, None], passage(lab[None]))[0, 0]
    assert apart(found, walked) < 1e-5


def test_the_shipped_networks_weigh_in_float32_as_in_double_precision() -> None:
    networks, rng = shipped_networks(), np.random.default_rng(0)
    for network in (networks.evidence, networks.context):
        inputs = rng.normal(
            network.mean[:, None, None], network.deviation[:, None, None], (len(network.inputs), 48, 85)
        )
        maps = {name: plane.astype(np.float32) for name, plane in zip(network.inputs, inputs, strict=True)}
        standard = np.clip((inputs - network.mean[:, None, None]) / network.deviation[:, None, None], -6, 6)
        hidden = np.einsum("fu,fyx->uyx", network.hidden.astype(np.float64), standard)
        units = np.maximum(hidden + network.hidden_bias[:, None, None], 0)
        exact = np.einsum("u,uyx->yx", network.output.astype(np.float64), units) + network.output_bias
        assert apart(network.logit(maps, (48, 85)), exact) < 1e-3


@pytest.fixture
def plain_opencv() -> object:
    """OpenCV without the code that it keeps for this processor."""
    cv2.setUseOptimized(False)
    yield
    cv2.setUseOptimized(True)


def test_the_whole_mask_is_the_same_without_code_for_this_processor(plain_opencv: object) -> None:
    frames, _ = square_over_pan()
    clip = frames[1:-1:3], list(frames[:-2:3]), list(frames[2::3])
    plain = subject(*clip).measured
    cv2.setUseOptimized(True)
    assert np.abs(subject(*clip).measured - plain).mean() < 1e-4
