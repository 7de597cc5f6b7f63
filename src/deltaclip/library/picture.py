"""Hits as a picture: the frame, what moved in it, where it is and how well it scored."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import VideoError
from deltaclip.library.results import Hit
from deltaclip.motion import Row, Tile, overlay, sheet
from deltaclip.reader import MOTION_SIDE, read_moment_motion

__all__ = ["draw_hits"]

SHOWN_WHERE_MASKS_ARE_OFF = "difference"


def draw_hits(title: str, hits: Sequence[Hit], motion: str | None, num_frames: int) -> NDArray[np.uint8]:
    """One row a hit: frame, motion overlay, score. Returns (H, W, 3) uint8.

    motion, num_frames: of the encoder that found them; where it uses no mask the paper's is shown, so that one can
    still see what moved. A file that cannot be read any more gets an empty tile that says why.
    """
    rows = [Row(title, (_words_tile("no hits"),))] if not hits else []
    for number, hit in enumerate(hits):
        name = f"{number + 1}  {hit.path.name}  {hit.start:.1f}-{hit.end:.1f} s  score {hit.score:.3f}"
        try:
            tiles = _tiles(hit, motion or SHOWN_WHERE_MASKS_ARE_OFF, num_frames)
        except VideoError as error:
            tiles = (_words_tile(error.found),)
        rows.append(Row(f"{title}:  {name}" if title else name, tiles))
    return sheet(rows)


def _tiles(hit: Hit, motion: str, num_frames: int) -> tuple[Tile, ...]:
    """Three moments of the hit, each as frame and overlay: first, middle and last third."""
    frames, measured = read_moment_motion(Path(hit.path), hit.start, hit.end, motion, num_frames)
    tiles = []
    for number in sorted({num_frames // 6, num_frames // 2, num_frames * 5 // 6}):
        words = measured.fallback[number] or f"moving {measured.coverage[number]:.0%}"
        tiles.append(Tile(frames.rgb[number], f"{frames.seconds[number]:.1f} s"))
        tiles.append(Tile(overlay(frames.rgb[number], measured.alpha[number]), words))
    return tuple(tiles)


def _words_tile(words: str) -> Tile:
    return Tile(np.full((MOTION_SIDE // 2, 2 * MOTION_SIDE, 3), 128, np.uint8), words)
