"""The camera's part of a flow field: a smooth field fitted to what most of the picture does.

A quadratic field holds pan, zoom, roll and the perspective of a turning camera. Fitted at once it bends around large
subjects (motocross-bumps and drift-turn of DAVIS), so the first rounds are affine.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["camera_basis", "camera_field", "camera_motion", "fit_camera", "lengths", "look_up", "quantile", "warp"]

AFFINE_ROUNDS = (4.0, 3.0, 2.5, 2.0)
QUADRATIC_ROUNDS = (2.5, 2.0, 2.0, 2.0)
"""One reweighting each: where a cell's weight has fallen to a quarter, in medians of the residual."""
BORDER_ROUNDS = 5
"""Rounds in which cells at the border weigh more: the subject is seldom there."""
BORDER_FLOOR = 0.15
"""Weight of the middle in those rounds; the border has 1.15."""
NARROWEST = 0.05
"""Cells: no residual below this is held against a cell, however well the rest fits."""
RIDGE, BEND_RIDGE = 1e-4, 3e-3
"""Pull of all coefficients to zero (keeps it solvable), and of the second-order ones, a share of the weights."""
STEP = 3
"""Every third cell, both ways, is plenty for 12 coefficients."""
SMALLEST_SCALE = 0.02
"""Cells: the residual of a perfect fit is not taken for more exact than flow ever is."""

SMALL_PRODUCT = 2**18
"""Multiplications up to which OpenBLAS keeps a product of matrices on one thread."""

AFFINE = 3
QUADRATIC = 6


def camera_basis(rows: int, columns: int) -> NDArray[np.float32]:
    """1, x, y, x^2, xy, y^2 at every cell, x and y in -1..1 between the picture's edges: (rows, columns, 6) float32."""
    y = ((np.arange(rows, dtype=np.float32) + 0.5) / rows * 2 - 1)[:, None]
    x = ((np.arange(columns, dtype=np.float32) + 0.5) / columns * 2 - 1)[None]
    one = np.ones((rows, columns), np.float32)
    return np.stack([one, x * one, y * one, x * x * one, x * y, y * y * one], axis=-1)


def fit_camera(flow: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The camera's motion by reweighted least squares, for each field on its own.

    flow: (N, rows, columns, 2) float32, cells. Returns coefficients (N, 6, 2) on `camera_basis`, and the scale (N,):
    the median residual in cells, at least SMALLEST_SCALE. A cell weighs 1 / (1 + (residual / width)^2)^2, so that a
    subject of up to about half of the picture is left out in the end.
    """
    sample = (slice(STEP // 2, None, STEP),) * 2
    basis = camera_basis(*flow.shape[1:3])[sample].reshape(-1, QUADRATIC)
    target = flow[:, *sample].reshape(len(flow), -1, 2)
    products = (basis[:, :, None] * basis[:, None]).reshape(-1, QUADRATIC**2)
    border = (BORDER_FLOOR + np.maximum(abs(basis[:, 1]), abs(basis[:, 2])) ** 2)[None].astype(np.float32)
    weight = np.repeat(border, len(flow), axis=0)
    fit = np.zeros((len(flow), QUADRATIC, 2), np.float32)
    median = np.zeros((len(flow), 1), np.float32)
    for number, width in enumerate(AFFINE_ROUNDS + QUADRATIC_ROUNDS):
        terms = AFFINE if number < len(AFFINE_ROUNDS) else QUADRATIC
        fit[:, :terms] = _weighted_fit(basis, products, target, weight, terms)
        rest = target - basis @ fit
        length = lengths(rest)
        median = quantile(length, 0.5)[:, None]
        weight = _weight(length / np.maximum(np.float32(width) * median, np.float32(NARROWEST)))
        if number < BORDER_ROUNDS:
            weight *= border
    return fit, np.maximum(median[:, 0], np.float32(SMALLEST_SCALE))


def camera_field(fit: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """The fitted motion at every cell: (N, 6, 2) -> (N, rows, columns, 2), in the unit of the fit."""
    # (N, 6, 2) -> (2N, 6) @ (6, cells) -> (N, 2, rows, columns) -> (N, rows, columns, 2)
    flat = _product(fit.transpose(0, 2, 1).reshape(-1, QUADRATIC), camera_basis(rows, columns).reshape(-1, QUADRATIC).T)
    return flat.reshape(len(fit), 2, rows, columns).transpose(0, 2, 3, 1)


def camera_motion(fit: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Pan, tilt, zoom and roll of the camera that sees the picture move as fitted: (N, 6, 2) -> (N, 4) float32.

    Pan and tilt in picture heights, to the right and up: the mean over the picture. Zoom as a natural logarithm of
    size, in; roll in radians, clockwise. All for the time between the two pictures. fit: in cells, of a grid of (rows,
    columns).
    """
    # A camera that turns to the right sees the picture move to the left; x^2 and y^2 are a third on average.
    right, down = -(fit[:, 0] + (fit[:, 3] + fit[:, 5]) / 3).T / np.float32(rows)
    # d(right)/dx and so on, per cell: x goes from -1 to 1 over the columns.
    right_x, down_x = (fit[:, 1] * np.float32(2 / columns)).T
    right_y, down_y = (fit[:, 2] * np.float32(2 / rows)).T
    zoom, roll = (right_x + down_y) / 2, -(down_x - right_y) / 2
    return np.stack([right, -down, np.log1p(np.maximum(zoom, np.float32(-0.9))), np.arctan(roll)], axis=1)


def look_up(fit: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Where each pixel is in the other picture if only the camera moved: (N, 2, rows, columns), column and row.

    fit: (N, 6, 2) of `fit_camera`, in pixels of a picture of (rows, columns).
    """
    # A pixel's own place is linear in x and y, so that it goes into the coefficients.
    to_place = fit.copy()
    to_place[:, 0] += (np.float32((columns - 1) / 2), np.float32((rows - 1) / 2))
    to_place[:, 1, 0] += np.float32(columns / 2)
    to_place[:, 2, 1] += np.float32(rows / 2)
    basis = camera_basis(rows, columns).reshape(-1, QUADRATIC).T
    return _product(to_place.transpose(0, 2, 1).reshape(-1, QUADRATIC), basis).reshape(len(fit), 2, rows, columns)


def warp(picture: NDArray[np.uint8], places: NDArray[np.float32]) -> NDArray[np.uint8]:
    """`picture` (H, W) uint8 read at the `places` (2, H, W) of `look_up`, bilinear; edges repeat."""
    x, y = places
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def lengths(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., 2) -> (...). Not np.hypot, which guards against overflow at five times the price."""
    right, down = vectors[..., 0], vectors[..., 1]
    return np.sqrt(right * right + down * down)


def quantile(rows: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """The value below which a share of each row is: (N, M) -> (N,), between two values by their distance.

    By sorting, which numpy does at a fifth of the price of `np.median` and `np.percentile` (1 to 4,000 numbers a row).
    """
    ordered = np.sort(rows, axis=1)
    place = share * (rows.shape[1] - 1)
    low = int(place)
    high = min(low + 1, rows.shape[1] - 1)
    return ordered[:, low] + np.float32(place - low) * (ordered[:, high] - ordered[:, low])


def _product(rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """rows @ columns, in parts so small that BLAS does not wake threads for them (`network.BLOCK` says why)."""
    made = np.empty((len(rows), columns.shape[1]), np.float32)
    step = max(1, SMALL_PRODUCT // rows.size)
    for start in range(0, columns.shape[1], step):
        np.matmul(rows, columns[:, start : start + step], out=made[:, start : start + step])
    return made


def _weight(times: NDArray[np.float32]) -> NDArray[np.float32]:
    """A quarter for a residual of one width, next to nothing for one of several."""
    return np.asarray(1 / (1 + times**2) ** 2, np.float32)


def _weighted_fit(
    basis: NDArray[np.float32],
    products: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: NDArray[np.float32],
    terms: int,
) -> NDArray[np.float32]:
    """Weighted least squares of the first `terms` of the basis: (N, terms, 2).

    basis: (C, 6), products: (C, 36) all pairs of them, target: (N, C, 2), weight: (N, C).
    """
    num_fields = len(target)
    normal = _product(weight, products).reshape(num_fields, QUADRATIC, QUADRATIC)[:, :terms, :terms]
    pull = np.full((num_fields, terms), RIDGE, np.float32)
    pull[:, AFFINE:] += np.float32(BEND_RIDGE) * weight.sum(1, keepdims=True)
    normal = normal + pull[:, :, None] * np.eye(terms, dtype=np.float32)
    # (N, 2, C) @ (C, terms) -> (N, terms, 2)
    right = ((weight[:, None] * target.transpose(0, 2, 1)) @ basis[:, :terms]).transpose(0, 2, 1)
    return np.asarray(np.linalg.solve(normal, right), np.float32)
