"""Hits as a picture: the frame, what moved in it, where it is and how well it scored."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import VideoError
from deltaclip.library.moment_pictures import SHOWN_WITHOUT_MASKS, shown_motion, telling
from deltaclip.library.results import Hit, RememberedEncoder
from deltaclip.motion import Motion, MotionSpec, Tile, TileRow, overlay, sheet
from deltaclip.reader import MOTION_SIDE, Call, guarded_calls, read_moment_motion
from deltaclip.video import Frames

__all__ = ["draw_answers", "draw_hit", "draw_hits"]


def draw_hits(title: str, hits: Sequence[Hit], motion: str | None, num_frames: int) -> NDArray[np.uint8]:
    """One row a hit: frame, motion overlay, score. Returns (H, W, 3) uint8.

    motion, num_frames: of the encoder that found them; if it uses none, `subject` is shown, so that one can
    still see what moved. A file that cannot be read any more gets an empty tile that says why.
    """
    rows = [TileRow(title, (_words_tile("no hits"),))] if not hits else []
    with guarded_calls() as call:
        for number, hit in enumerate(hits):
            name = f"{number + 1}  {Path(hit.path).name}  {hit.start:.1f}-{hit.end:.1f} s  score {hit.score:.3f}"
            try:
                tiles = _three(call, hit, motion, num_frames)
            except VideoError as error:
                tiles = (_words_tile(error.found),)
            rows.append(TileRow(f"{title}:  {name}" if title else name, tiles))
    return sheet(rows)


def draw_hit(path: Path, start: float, end: float, made_by: RememberedEncoder | None) -> NDArray[np.uint8]:
    """The frame of a moment that best shows what moves, overlaid with it. Returns (H, W, 3) uint8.

    made_by: of the library, whose mask is drawn. Raises VideoError if the file cannot be read any more.
    """
    with guarded_calls() as call:
        frames, measured = call(read_moment_motion, path, start, end, *shown_motion(made_by))
    best = telling(measured)
    return overlay(frames.rgb[best], measured.alpha[best])


def draw_answers(
    answers: Sequence[tuple[str, Sequence[Hit]]], motion: str | None, num_frames: int
) -> NDArray[np.uint8]:
    """One row a question: of each hit one frame and its overlay. Returns (H, W, 3) uint8.

    answers: questions with their hits, at least one. The rest as in `draw_hits`.
    """
    rows = []
    with guarded_calls() as call:
        for question, hits in answers:
            tiles: list[Tile] = []
            for number, hit in enumerate(hits, 1):
                name = f"{number}  {Path(hit.path).name}  {hit.score:.3f}"
                try:
                    frame, measured = _seen(call, hit.path, hit.start, hit.end, motion, num_frames)
                except VideoError as error:
                    tiles += [_words_tile(name, MOTION_SIDE), _words_tile(error.found, MOTION_SIDE)]
                    continue
                best = telling(measured)
                tiles += [Tile(frame.rgb[best], name), _overlay_tile(frame, measured, best)]
            rows.append(TileRow(question, tuple(_level(tiles or [_words_tile("no hits", MOTION_SIDE)]))))
    return sheet(rows)


def _seen(
    call: Call, path: Path, start: float, end: float, motion: str | None, num_frames: int
) -> tuple[Frames, Motion]:
    shown = SHOWN_WITHOUT_MASKS if motion is None else MotionSpec.parse(motion)
    return call(read_moment_motion, path, start, end, shown, num_frames)


def _three(call: Call, hit: Hit, motion: str | None, num_frames: int) -> tuple[Tile, ...]:
    """Three times of the hit, each as frame and overlay: in its first, middle and last third."""
    frames, measured = _seen(call, hit.path, hit.start, hit.end, motion, num_frames)
    tiles = []
    for number in sorted({num_frames // 6, num_frames // 2, num_frames * 5 // 6}):
        tiles.append(Tile(frames.rgb[number], f"{frames.seconds[number]:.1f} s"))
        tiles.append(_overlay_tile(frames, measured, number))
    return tuple(tiles)


def _overlay_tile(frames: Frames, measured: Motion, number: int) -> Tile:
    words = measured.fallback[number] or f"moving {measured.coverage[number]:.0%}"
    return Tile(overlay(frames.rgb[number], measured.alpha[number]), words)


def _level(tiles: Sequence[Tile]) -> list[Tile]:
    """Tiles of one height: hits of tall and wide videos stand in one row."""
    height = min(tile.picture.shape[0] for tile in tiles)
    level = []
    for tile in tiles:
        tall, width = tile.picture.shape[:2]
        size = (max(round(width * height / tall), 1), height)
        picture = np.asarray(cv2.resize(tile.picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        level.append(Tile(picture, tile.label))
    return level


def _words_tile(words: str, width: int = 2 * MOTION_SIDE) -> Tile:
    return Tile(np.full((MOTION_SIDE, width, 3), 128, np.uint8), words)
