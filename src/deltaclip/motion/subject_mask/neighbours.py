"""What moves of its own between a sampled frame and its native neighbours, once the camera's motion is out."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.motion.camera import camera_field, camera_motion, fit_camera, lengths, look_up
from deltaclip.motion.exposure import relit
from deltaclip.motion.flow import FLOW_SCALE, dense_flow, flow_picture, grid_picture, new_flow, returned, shrink
from deltaclip.motion.shots import LEVELS_WIDTH, grey_levels, is_another_shot, unexplained

__all__ = ["NEAR_SECONDS", "Neighbours", "Residual", "Steps", "residual_motion"]

NEAR_SECONDS = 1 / 24
"""How far away neighbours are unless it is said."""
REPEAT_LEVELS = 0.5
"""Grey levels, mean over the picture, below which a neighbour may be the frame itself again, compressed anew."""
REPEAT_SHARE = 0.25
"""And of what the other neighbour differs by: if both differ that little, nothing moves. Web clips repeat frames to
come to another rate: of 59, 3 did so beside every sampled frame and 9 beside some; none of DAVIS 2016 does."""

FOLLOWS_CELLS, FOLLOWS_SHARE = 0.25, 0.1
"""A cell moves as the camera does if the rest is below so many cells and this share of the camera's motion."""

WIDE_STEP_SECONDS = 0.11
"""Neighbours farther away than this are judged by rules of their own. Those rules gain 0.03 IoU on DAVIS 2016 thinned
to 8 frames a second, 0.04 at 6, 0.06 at 3; at 12 and 24 there is nothing to gain (lab/LOG.md)."""
FOLLOWED, FOLLOWED_WIDE = 0.4, 0.3
"""Share of the cells that flow must bring there and back (`flow.returned`) if a neighbour looks like another shot, near
and far away: neighbours in a fast pan or zoom look like it as well. Of 4,292 pairs of different sequences and clips the
luckiest has 0.33 (lab/LOG.md)."""
PAPER_SHARE = 0.3
"""Share of a picture within LEVELS_WIDTH grey levels from which it counts as plain. DAVIS 2016: 0.28 and less; slides
and pages of text: 0.37 and more."""
FLAT_LEVELS, FLAT_SHARE = 2.0, 0.6
"""And the share of its pixels whose gradient is below so many grey levels: a ground that goes from one colour to a
different one. DAVIS 2016: 0.59 and less; slides on such a ground: 0.7 and more."""

Neighbours = NDArray[np.uint8] | Sequence[NDArray[np.uint8] | None]
"""One picture for each sampled frame, (h, w, 3) uint8, or None if there is none."""
Steps = float | NDArray[np.float64]
"""Seconds from K frames to their neighbours before and after, (2, K) and positive, or one number for all."""


@dataclass(frozen=True, slots=True, eq=False)
class Residual:
    """What the camera does not explain, at every cell of the grid. K frames, h rows, w columns.

    vector: (2, K, h, w) float32, cells a frame, right and down: mean of the motion to the frame after and from the
    frame before.
    length: (K, h, w) float32, cells: the smaller of both, as an uncovered border is wrong in one direction only.
    scale: (K, 1, 1) float32, cells: the median residual, how well the camera's motion is known.
    changed: (K, h, w) float32, grey levels: the smaller compensated difference to both neighbours.
    left: (K, h, w) float32, grey levels: the same with the flow taken out as well, read at the middle of each cell.
    gradient: (K, h, w) float32, grey levels a pixel of the flow picture: what a small error of position changes.
    returned: (2, K, h, w) bool, what flow brings there and back, to the frames after and before. Asked only if the
    neighbours are far away and the frame is plain (`is_plain`), as text is; else all cells are.
    exists: (K,) bool, there is a neighbour. usable: (K,) bool, and it can be followed: the same shot, not too far on.
    wide: the neighbours are more than WIDE_STEP_SECONDS away.
    velocity: (K, h, w, 2) float32, picture heights a second: `vector` in the unit of `types.Flow`.
    agreement: (2, K, h, w) float32, cells: length of `vector`, and the mean of the two lengths that it is made of.
    camera: (K, 4) float32, as in `types.Flow`. explained: (K,) float64, share of the cells that move as the camera.
    """

    vector: NDArray[np.float32]
    length: NDArray[np.float32]
    scale: NDArray[np.float32]
    changed: NDArray[np.float32]
    left: NDArray[np.float32]
    gradient: NDArray[np.float32]
    returned: NDArray[np.bool_]
    exists: NDArray[np.bool_]
    usable: NDArray[np.bool_]
    wide: bool
    velocity: NDArray[np.float32]
    agreement: NDArray[np.float32]
    camera: NDArray[np.float32]
    explained: NDArray[np.float64]


def residual_motion(
    now: Sequence[NDArray[np.uint8]],
    before: Neighbours,
    after: Neighbours,
    grid: tuple[int, int],
    step_seconds: Steps = NEAR_SECONDS,
) -> Residual:
    """Flow to both neighbours, the camera taken out of each, joined.

    now: `flow_picture` of K frames. before, after: K neighbours of the same aspect, (h, w, 3) uint8 or None. One
    that is missing, cannot be followed or is the frame itself again is replaced by the other one, mirrored in time; if
    neither can be followed, nothing moves and `usable` tells. step_seconds: how far away the neighbours are; whether
    they are near is decided for the clip by the median. Raises ValueError for distances that are not positive.
    """
    num_frames = len(now)
    steps = _steps(step_seconds, num_frames)
    wide = bool(np.median(steps) > WIDE_STEP_SECONDS)
    others = [
        None if frame is None else relit(picture, flow_picture(frame, grid))
        for picture, frame in zip((*now, *now), (*after, *before), strict=True)
    ]
    cells = [grid_picture(picture, grid) for picture in now]
    cells_of_others = [None if picture is None else grid_picture(picture, grid) for picture in others]
    flow = _flow_fields(cells, cells_of_others)
    fit, scale = fit_camera(flow)
    # (2K, h, w, 2) -> (2K, 2, h, w): a plane for each direction, of which numpy makes short work
    field = np.ascontiguousarray(camera_field(fit, *grid).transpose(0, 3, 1, 2))
    rest = flow.transpose(0, 3, 1, 2) - field
    camera = camera_motion(fit, *grid)
    changed, alike = _compensated(now, others, fit)
    exists = np.array([picture is not None for picture in others])
    plain = np.tile([wide and is_plain(picture) for picture in now], 2)
    back = _returned(cells, cells_of_others, flow, exists & (plain | ~alike))
    usable = alike | (exists & (back.mean((1, 2)) > (FOLLOWED_WIDE if wide else FOLLOWED)))
    back[~plain] = True
    left = _left_by_flow(now, others, flow)
    shows_motion = usable & ~_repeats(now, others)
    for one in range(2 * num_frames):
        other = (one + num_frames) % (2 * num_frames)
        if not shows_motion[one] and shows_motion[other]:
            rest[one], scale[one], changed[one], left[one] = -rest[other], scale[other], changed[other], left[other]
            back[one], camera[one], field[one] = back[other], -camera[other], -field[other]
            steps[one] = steps[other]
    length = _plane_lengths(rest)
    followed = length < FOLLOWS_CELLS + FOLLOWS_SHARE * _plane_lengths(field)
    vector = _joined(rest)
    used = usable[:num_frames] | usable[num_frames:]
    per_second = (np.tile(used, 2) / steps).astype(np.float32)
    return Residual(
        vector=vector.swapaxes(0, 1),
        length=np.minimum(length[:num_frames], length[num_frames:]),
        scale=(np.float32(0.5) * (scale[:num_frames] + scale[num_frames:]))[:, None, None],
        changed=np.stack([_smaller(*pair, grid) for pair in zip(changed, changed[num_frames:], strict=False)]),
        left=np.minimum(left[:num_frames], left[num_frames:]),
        gradient=np.stack([shrink(gradient(picture), grid) for picture in now]),
        returned=back.reshape(2, num_frames, *grid),
        exists=exists[:num_frames] | exists[num_frames:],
        usable=used,
        wide=wide,
        # (K, 2, h, w) -> (K, h, w, 2)
        velocity=np.ascontiguousarray(
            _joined(rest * (per_second / np.float32(grid[0]))[:, None, None, None]).transpose(0, 2, 3, 1)
        ),
        agreement=np.stack([_plane_lengths(vector), np.float32(0.5) * (length[:num_frames] + length[num_frames:])]),
        camera=_joined(camera * per_second[:, None]),
        explained=np.minimum(followed[:num_frames].mean((1, 2)), followed[num_frames:].mean((1, 2))) * used,
    )


def _steps(step_seconds: Steps, num_frames: int) -> NDArray[np.float64]:
    """Seconds to each of the 2K neighbours, those after first: (2K,), a new array."""
    steps = np.broadcast_to(np.asarray(step_seconds, np.float64), (2, num_frames))[::-1].ravel()
    if not (np.isfinite(steps) & (steps > 0)).all():
        raise ValueError(f"step_seconds must be positive, not {step_seconds}")
    return steps


def _joined(motion: NDArray[np.float32]) -> NDArray[np.float32]:
    """Motion to 2K neighbours, those after first, as the mean of both ways forward in time: (2K, ...) -> (K, ...)."""
    num_frames = len(motion) // 2
    return np.float32(0.5) * (motion[:num_frames] - motion[num_frames:])


def _repeats(now: Sequence[NDArray[np.uint8]], others: list[NDArray[np.uint8] | None]) -> NDArray[np.bool_]:
    """Which of the 2K neighbours are their frame shown again while the other neighbour moves on: (2K,) bool."""
    differ = np.full((2, len(now)), np.inf)
    for index, other in enumerate(others):
        if other is not None:
            frame = now[index % len(now)]
            differ.flat[index] = cv2.norm(frame, other, cv2.NORM_L1) / frame.size
    repeats = (differ < REPEAT_LEVELS) & (differ < REPEAT_SHARE * differ[::-1])
    return np.asarray(repeats.ravel(), np.bool_)


def gradient(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Length of the grey gradient (Sobel, per pixel): (H, W) uint8 -> (H, W) float32."""
    right = np.asarray(cv2.Sobel(picture, cv2.CV_32F, 1, 0, scale=0.125), np.float32)
    down = np.asarray(cv2.Sobel(picture, cv2.CV_32F, 0, 1, scale=0.125), np.float32)
    # Not cv2.magnitude: its last bits depend on where in memory the arrays are (OpenCV 5.0.0).
    return np.sqrt(right * right + down * down)


def is_plain(picture: NDArray[np.uint8]) -> bool:
    """Whether much of a grey picture has one level or changes too slowly for flow to hold on to: a page, a slide."""
    paper = LEVELS_WIDTH * float(grey_levels(picture).max())
    return paper > PAPER_SHARE or float(np.mean(gradient(picture) < FLAT_LEVELS)) > FLAT_SHARE


def _flow_fields(now: Sequence[NDArray[np.uint8]], others: list[NDArray[np.uint8] | None]) -> NDArray[np.float32]:
    """Flow to each of the 2K neighbours, those after first: (2K, h, w, 2); zero if there is none.

    All pictures of the size of the grid.
    """
    flow = new_flow()
    fields = np.zeros((len(others), *now[0].shape, 2), np.float32)
    for index, other in enumerate(others):
        if other is not None:
            fields[index] = dense_flow(flow, now[index % len(now)], other)
    return fields


def _plane_lengths(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 2, h, w) -> (N, h, w), as `camera.lengths`."""
    return lengths(np.moveaxis(vectors, 1, -1))


def _compensated(
    now: Sequence[NDArray[np.uint8]], others: list[NDArray[np.uint8] | None], fit: NDArray[np.float32]
) -> tuple[list[NDArray[np.uint8]], NDArray[np.bool_]]:
    """What each of 2K neighbours does not explain, and whether it is there and of the same shot by that: (2K,) bool."""
    places = look_up(fit * np.float32(FLOW_SCALE), *now[0].shape)
    changed = []
    alike = np.zeros(len(others), np.bool_)
    for index, (other, place) in enumerate(zip(others, places, strict=True)):
        frame = index % len(now)
        if other is None:
            changed.append(np.zeros_like(now[frame]))
            continue
        changed.append(unexplained(now[frame], other, place))
        alike[index] = not is_another_shot(now[frame], other, changed[index])
    return changed, alike


def _returned(
    now: Sequence[NDArray[np.uint8]],
    others: list[NDArray[np.uint8] | None],
    flow: NDArray[np.float32],
    asked: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Which cells flow brings to each of 2K neighbours and back: (2K, h, w) bool. flow: (2K, h, w, 2), cells.

    All of a neighbour that is not asked. Pictures of the size of the grid.
    """
    back = new_flow()
    cells = np.ones(flow.shape[:3], np.bool_)
    for index in np.flatnonzero(asked).tolist():
        other = others[index]
        if other is not None:
            way_back = dense_flow(back, other, now[index % len(now)])
            cells[index] = returned(flow[index], way_back)
    return cells


def _left_by_flow(
    now: Sequence[NDArray[np.uint8]], others: list[NDArray[np.uint8] | None], flow: NDArray[np.float32]
) -> NDArray[np.float32]:
    """How much each neighbour differs where the flow says a cell went: (2K, h, w) grey levels, one pixel a cell.

    flow: (2K, h, w, 2) float32, cells. Zero if there is no neighbour.
    """
    rows, columns = flow.shape[1:3]
    height, width = now[0].shape
    # Middles of the cells in pixels, as OpenCV's resize reads them: `cells` below is read at the same places.
    x = ((np.arange(columns, dtype=np.float32) + np.float32(0.5)) * np.float32(width / columns) - np.float32(0.5))[None]
    y = ((np.arange(rows, dtype=np.float32) + np.float32(0.5)) * np.float32(height / rows) - np.float32(0.5))[:, None]
    places = flow * np.float32(FLOW_SCALE)
    cells = [cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_LINEAR) for picture in now]
    left = np.zeros(flow.shape[:3], np.float32)
    for index, other in enumerate(others):
        if other is not None:
            place = np.stack([places[index, ..., 0] + x, places[index, ..., 1] + y])
            left[index] = unexplained(np.asarray(cells[index % len(now)], np.uint8), other, place)
    return left


def _smaller(one: NDArray[np.uint8], other: NDArray[np.uint8], grid: tuple[int, int]) -> NDArray[np.float32]:
    """The smaller of two differences at each pixel, averaged over each cell."""
    return shrink(np.minimum(one, other).astype(np.float32), grid)
