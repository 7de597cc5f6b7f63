"""Pictures of motion for people: overlays, captioned tiles in rows, PNG bytes."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Row", "Tile", "encode_png", "overlay", "sheet", "strip"]

TINT = np.array((255, 190, 0), np.float32)  # amber: apart from skin, sky and grass
TINT_SHARE = 0.22
DIMMED, LIFTED = 0.45, 22  # the rest keeps some of its light, and black does not swallow the outline
PAPER_WHITE = 255
INK = (32, 32, 32)
FONT = cv2.FONT_HERSHEY_SIMPLEX
LABEL_SCALE, TITLE_SCALE = 0.42, 0.55
LINE_HEIGHT = {LABEL_SCALE: 20, TITLE_SCALE: 26}
GAP = 8


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One picture and the words below it.

    picture: (H, W, 3) uint8 RGB.
    label: one line; cut with "..." where it is wider than the picture.
    """

    picture: NDArray[np.uint8]
    label: str = ""

    def __post_init__(self) -> None:
        if self.picture.ndim != 3 or self.picture.shape[2] != 3 or self.picture.dtype != np.uint8:
            raise ValueError(f"picture must be (H, W, 3) uint8, not {self.picture.shape} {self.picture.dtype}")

    def __repr__(self) -> str:
        return f"Tile(picture={self.picture.shape}, label={self.label!r})"


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Tiles of equal height side by side, under a title.

    title: one line above the tiles; none is drawn when it is empty.
    tiles: at least one.
    """

    title: str
    tiles: tuple[Tile, ...]

    def __post_init__(self) -> None:
        heights = {tile.picture.shape[0] for tile in self.tiles}
        if len(heights) != 1:
            raise ValueError(f"a row needs tiles of one height, not of {sorted(heights)}")


def overlay(rgb: NDArray[np.uint8], alpha: NDArray[np.float32] | NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The frame with what moves bright, tinted and outlined, and the rest dim and grey.

    rgb: (H, W, 3) uint8. alpha: (H, W), bool or float 0..1. Returns (H, W, 3) uint8, a new array.
    """
    if rgb.shape[:2] != alpha.shape:
        raise ValueError(f"frame {rgb.shape} and mask {alpha.shape} do not match")
    weight = alpha.astype(np.float32)[..., None]
    luma = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.float32)[..., None]
    bright = rgb * np.float32(1 - TINT_SHARE) + TINT * np.float32(TINT_SHARE)
    mixed = weight * bright + (1 - weight) * (DIMMED * luma + LIFTED)
    return _outlined(np.ascontiguousarray(mixed.round(), np.uint8), alpha)


def _outlined(rgb: NDArray[np.uint8], alpha: NDArray[np.float32] | NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draw the edges of alpha >= 0.5 into `rgb`: a bright line on a dark one, so that it shows on any content."""
    inside = np.ascontiguousarray(alpha >= 0.5, np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    line = max(1, round(min(rgb.shape[:2]) / 224))
    cv2.drawContours(rgb, contours, -1, (0, 0, 0), line + 2, cv2.LINE_AA)
    cv2.drawContours(rgb, contours, -1, tuple(TINT.tolist()), line, cv2.LINE_AA)
    return rgb


def sheet(rows: Sequence[Row]) -> NDArray[np.uint8]:
    """Rows below one another on white: (H, W, 3) uint8 RGB.

    rows: at least one; narrower rows are filled up with white on the right.
    """
    if not rows:
        raise ValueError("a sheet needs at least one row")
    strips = [strip(row.tiles) for row in rows]
    width = max(picture.shape[1] for picture in strips)
    parts = []
    for row, picture in zip(rows, strips, strict=True):
        if row.title:
            parts.append(_text_line(row.title, width, TITLE_SCALE))
        parts.append(_widened(picture, width))
        parts.append(_blank(GAP, width))
    return _framed(np.concatenate(parts[:-1]))


def strip(tiles: Sequence[Tile]) -> NDArray[np.uint8]:
    """Tiles of equal height side by side, labels below: (H, W, 3) uint8 RGB. No line below when no tile has words."""
    labelled = any(tile.label for tile in tiles)
    parts = []
    for tile in tiles:
        picture = tile.picture
        if labelled:
            picture = np.concatenate([picture, _text_line(tile.label, picture.shape[1], LABEL_SCALE)])
        parts += [picture, _blank(picture.shape[0], GAP)]
    return np.concatenate(parts[:-1], axis=1)


def encode_png(rgb: NDArray[np.uint8]) -> bytes:
    """(H, W, 3) uint8 RGB -> the bytes of a PNG file. ValueError where there is nothing to draw."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise ValueError(f"a picture must be (H, W, 3) uint8 and not empty, not {rgb.shape} {rgb.dtype}")
    done, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))  # OpenCV writes blue first
    if not done:
        raise ValueError(f"OpenCV could not encode a picture of {rgb.shape}")
    return data.tobytes()


def _text_line(text: str, width: int, scale: float) -> NDArray[np.uint8]:
    """One line of words on white, `width` pixels wide."""
    line = _blank(LINE_HEIGHT[scale], width)
    baseline = round(LINE_HEIGHT[scale] * 0.7)
    cv2.putText(line, _fitting(ascii_text(text), width, scale), (0, baseline), FONT, scale, INK, 1, cv2.LINE_AA)
    return line


def _fitting(text: str, width: int, scale: float) -> str:
    """The longest beginning of `text` that fits into `width` pixels, with "..." where something was cut."""
    if _text_width(text, scale) <= width:
        return text
    while text and _text_width(text + "...", scale) > width:
        text = text[:-1]
    return text + "..."


def _text_width(text: str, scale: float) -> int:
    return cv2.getTextSize(text, FONT, scale, 1)[0][0]


def ascii_text(text: str) -> str:
    """OpenCV's fonts hold ASCII only: accents are dropped, other characters become "?", control ones a space."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return "".join(char if " " <= char <= "~" else " " if char.isspace() else "?" for char in plain)


def _blank(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), PAPER_WHITE, np.uint8)


def _widened(picture: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    return np.concatenate([picture, _blank(picture.shape[0], width - picture.shape[1])], axis=1)


def _framed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.pad(picture, ((GAP, GAP), (GAP, GAP), (0, 0)), constant_values=PAPER_WHITE)
