"""Dense optical flow between neighbouring pictures, small enough to be cheap (DIS, Kroeger et al., ECCV 2016).

Sizes are chosen by area, so that any aspect ratio costs the same. The figures that chose the settings are mean IoU of
`subject` on held-out folds of DAVIS 2016; see lab/LOG.md.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FLOW_SCALE",
    "GRID_CELLS",
    "dense_flow",
    "flow_picture",
    "flow_size",
    "grid_picture",
    "grid_size",
    "new_flow",
    "returned",
    "shrink",
    "small_picture",
]

GRID_CELLS = 4096
"""Cells of the grid that motion is judged on, about 85x48 at 16:9. 3,600 and 6,400 gave the same IoU."""
FLOW_SCALE = 2.4
"""Sides of the picture that is compared with its neighbours, in sides of the grid: 204x115 at 16:9. 170 pixels cost
0.02 IoU. Flow is measured on the grid itself, see `new_flow`."""
RETURN_CELLS, RETURN_SHARE = 0.5, 0.1
"""How far flow there and back may miss: cells, and a share of the way."""
SMALLEST_SIDE = 8
"""Cells: a grid keeps this many rows and columns however long and thin the picture is."""


def grid_size(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the grid for pictures of (height, width): about GRID_CELLS cells, nearly square ones."""
    scale = (GRID_CELLS / (height * width)) ** 0.5
    return max(SMALLEST_SIDE, round(height * scale)), max(SMALLEST_SIDE, round(width * scale))


def flow_size(rows: int, columns: int) -> tuple[int, int]:
    """Height and width in pixels of the picture that flow is measured on, for a grid of (rows, columns)."""
    return round(rows * FLOW_SCALE), round(columns * FLOW_SCALE)


def grid_picture(grey: NDArray[np.uint8], grid: tuple[int, int]) -> NDArray[np.uint8]:
    """A grey `flow_picture` at the size of the grid, (rows, columns) uint8: what flow is measured on."""
    return np.asarray(cv2.resize(grey, grid[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def small_picture(rgb: NDArray[np.uint8], grid: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 -> (`flow_size(*grid)`, 3) uint8, bilinear: a frame and its neighbours pass the same filter."""
    return np.asarray(cv2.resize(rgb, flow_size(*grid)[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def flow_picture(rgb: NDArray[np.uint8], grid: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 -> the grey (`flow_size(*grid)`) uint8 that is compared with that of a neighbour."""
    return np.asarray(cv2.cvtColor(small_picture(rgb, grid), cv2.COLOR_RGB2GRAY), np.uint8)


def new_flow() -> cv2.DISOpticalFlow:
    """DIS as it is used here; one object serves any number of pairs.

    On pictures of the size of the grid, down to their pixels: on 204x115 pixels down to every second one, which is the
    same but for the size, IoU was 0.006 higher and it took 1.6 times as long. That there is a variational iteration at
    all matters (none cost 0.03 IoU; 3 gave 0.003 and cost an eighth of the time).
    """
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow.setFinestScale(0)
    flow.setPatchStride(5)
    flow.setVariationalRefinementIterations(1)
    return flow


def dense_flow(flow: cv2.DISOpticalFlow, now: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Where each cell of `now` is found in `other`: (rows, columns, 2) float32, right and down, in cells.

    now, other: of `grid_picture`.
    """
    cells = flow.calc(now, other, None)  # type: ignore[call-overload]  # None: no first guess; the stubs want one
    return np.asarray(cells, np.float32)


def returned(there: NDArray[np.float32], back: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which cells two flows bring back to where they were: (rows, columns) bool.

    there, back: (rows, columns, 2) float32, cells: flow to a picture, and from that picture. A cell is back if it is
    missed by less than half a cell and a tenth of its way. Between pictures that have nothing in common flow finds
    something too, but there and back it does not find the same: of 870 pairs of different DAVIS sequences the luckiest
    has 0.25 of its cells back, while a sequence's frames 1/24 s apart have 0.87 and more in 95 of 100.
    """
    rows, columns = there.shape[:2]
    x = np.arange(columns, dtype=np.float32)[None] + there[..., 0]
    y = np.arange(rows, dtype=np.float32)[:, None] + there[..., 1]
    returning = np.asarray(cv2.remap(back, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
    missed, way = ((vectors * vectors).sum(-1) for vectors in (there + returning, there))
    return np.asarray(np.sqrt(missed) < RETURN_CELLS + RETURN_SHARE * np.sqrt(way), np.bool_)


def shrink(picture: NDArray[np.float32], grid: tuple[int, int]) -> NDArray[np.float32]:
    """(H, W) or (H, W, C) float32 -> the same at (rows, columns): means over the area of each cell."""
    return np.asarray(cv2.resize(picture, grid[::-1], interpolation=cv2.INTER_AREA), np.float32)
