"""Plain numpy in double precision for what OpenCV does in code of its own for each processor: a second way to a number.

A path of OpenCV, swscale or BLAS that is wrong on one machine would be wrong in silence; tests that compare with these
run on whichever machine there is.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "area_weights", "linear_weights", "lookup", "resized", "summed"]

Floats = NDArray[np.float64]


def area_weights(old: int, new: int) -> Floats:
    """(new, old): means over the stretch of old pixels that each new one covers, new <= old."""
    edges = np.arange(new + 1) * old / new
    covered = np.minimum(edges[1:, None], np.arange(1, old + 1)) - np.maximum(edges[:-1, None], np.arange(old))
    return np.asarray(np.maximum(covered, 0) * new / old)


def linear_weights(old: int, new: int) -> Floats:
    """(new, old): between the two nearest old pixels, middles on middles, edges repeat."""
    places = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    return np.asarray(np.maximum(1 - np.abs(places[:, None] - np.arange(old)), 0))


def resized(picture: NDArray[np.generic], rows: Floats, columns: Floats) -> Floats:
    """(H, W) or (H, W, C) by weights (h, H) and (w, W)."""
    return np.asarray(np.einsum("hy,yx...,wx->hw...", rows, picture.astype(np.float64), columns, optimize=True))


def lookup(picture: NDArray[np.generic], x: Floats, y: Floats) -> Floats:
    """(H, W) read between its pixels at columns x and rows y, bilinear; edges repeat."""
    height, width = picture.shape
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    exact = picture.astype(np.float64)

    def at(row: NDArray[np.int64], column: NDArray[np.int64]) -> Floats:
        return np.asarray(exact[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)])

    right, down = x - left, y - top
    upper = at(top, left) * (1 - right) + at(top, left + 1) * right
    lower = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right
    return np.asarray(upper * (1 - down) + lower * down)


def summed(picture: NDArray[np.generic], down: list[float], right: list[float], mode: str) -> Floats:
    """(H, W): each pixel's surroundings weighed by `down` and `right`, of odd length; mode: of `numpy.pad`."""
    reach = len(down) // 2, len(right) // 2
    wide = np.pad(picture.astype(np.float64), [(reach[0],) * 2, (reach[1],) * 2], mode=mode)  # type: ignore[call-overload]
    height, width = picture.shape
    return np.asarray(
        sum(
            a * b * wide[row : row + height, column : column + width]
            for row, a in enumerate(down)
            for column, b in enumerate(right)
        )
    )
