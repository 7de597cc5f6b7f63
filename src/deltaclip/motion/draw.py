"""Pictures of motion for people: overlays, captioned tiles in rows, and their bytes as PNG or JPEG."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import PictureError

__all__ = ["Tile", "TileRow", "encode_jpeg", "encode_pixels", "encode_png", "overlay", "sheet", "strip"]

TINT = np.array((255, 190, 0), np.float32)  # amber: apart from skin, sky and grass
TINT_SHARE = 0.22
DIMMED, LIFTED = 0.45, 22  # the rest keeps some of its light, and black does not swallow the outline
PAPER_WHITE, MIDDLE_GREY = 255, 128
INK = (32, 32, 32)
FONT = cv2.FONT_HERSHEY_SIMPLEX
LABEL_SCALE, TITLE_SCALE = 0.42, 0.55
LINE_HEIGHT = {LABEL_SCALE: 20, TITLE_SCALE: 26}
GAP = 8
JPEG_LONGEST = 65_500
"""Pixels of a side, as libjpeg has it (JPEG_MAX_DIMENSION)."""
LONGEST = 4
"""Longest side of a tile, in short sides: a film of 640 x 4 pixels must not make a sheet 100,000 pixels wide."""


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One picture and the words below it.

    picture: (H, W, 3) uint8 RGB. One longer than LONGEST short sides is shrunk to that length, in the middle of grey.
    label: one line; cut with "..." if it is wider than the picture.
    """

    picture: NDArray[np.uint8]
    label: str = ""

    def __post_init__(self) -> None:
        if self.picture.ndim != 3 or self.picture.shape[2] != 3 or self.picture.dtype != np.uint8:
            raise ValueError(f"picture must be (H, W, 3) uint8, not {self.picture.shape} {self.picture.dtype}")
        object.__setattr__(self, "picture", _boxed(self.picture))

    def __repr__(self) -> str:
        return f"Tile(picture={self.picture.shape}, label={self.label!r})"


@dataclass(frozen=True, slots=True, eq=False)
class TileRow:
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


def _boxed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture itself, or shrunk and laid on grey so that its box is LONGEST short sides long."""
    height, width = picture.shape[:2]
    longest = LONGEST * min(height, width)
    if max(height, width) <= longest:
        return picture
    scale = longest / max(height, width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    box = np.full((min(height, longest), min(width, longest), 3), MIDDLE_GREY, np.uint8)
    top, left = (box.shape[0] - size[1]) // 2, (box.shape[1] - size[0]) // 2
    box[top : top + size[1], left : left + size[0]] = small
    return box


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


def sheet(rows: Sequence[TileRow]) -> NDArray[np.uint8]:
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
    """(H, W, 3) uint8 RGB -> the bytes of a PNG file. ValueError if there is nothing to draw, else PictureError."""
    return encode_pixels(".png", _blue_first(rgb))


def encode_jpeg(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """(H, W, 3) uint8 RGB -> the bytes of a JPEG file, colours at half the resolution. Raises as `encode_png`."""
    return encode_pixels(".jpg", _blue_first(rgb), (cv2.IMWRITE_JPEG_QUALITY, quality))


def encode_pixels(kind: Literal[".png", ".jpg"], pixels: NDArray[np.uint8], options: Sequence[int] = ()) -> bytes:
    """Grey (H, W) or blue, green, red (H, W, 3) uint8 -> the bytes of a file, by OpenCV's options.

    Raises PictureError if the format cannot hold it; OpenCV reports that by a flag alone, or by an error of its own.
    """
    if kind == ".jpg" and max(pixels.shape[:2]) > JPEG_LONGEST:  # OpenCV would log an error beside its flag
        raise _too_large(kind, pixels)
    try:
        done, data = cv2.imencode(kind, pixels, list(options))
    except cv2.error as error:
        raise _too_large(kind, pixels) from error
    if not done:
        raise _too_large(kind, pixels)
    return data.tobytes()


def _too_large(kind: str, pixels: NDArray[np.uint8]) -> PictureError:
    what = f"picture of {pixels.shape[1]} x {pixels.shape[0]} pixels"
    return PictureError(what, f"does not fit into a {kind} file", "Ask for fewer or smaller pictures.")


def _blue_first(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As OpenCV writes colours."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise ValueError(f"a picture must be (H, W, 3) uint8 and not empty, not {rgb.shape} {rgb.dtype}")
    return np.ascontiguousarray(rgb[..., ::-1])


def _text_line(text: str, width: int, scale: float) -> NDArray[np.uint8]:
    """One line of words on white, `width` pixels wide."""
    line = _blank(LINE_HEIGHT[scale], width)
    baseline = round(LINE_HEIGHT[scale] * 0.7)
    cv2.putText(line, _fitting(ascii_text(text), width, scale), (0, baseline), FONT, scale, INK, 1, cv2.LINE_AA)
    return line


def _fitting(text: str, width: int, scale: float) -> str:
    """The longest beginning of `text` that fits into `width` pixels, with "..." if something was cut."""
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
