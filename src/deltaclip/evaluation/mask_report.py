"""Masks over a folder: coverage, confidence and fallbacks of each video, as one page to look at.

The paper's failure signs are masks that are too bright (a moving camera, a cut, flicker: everything "moves") and too
dark (nothing is found); both are named for each video.
"""

import base64
import html
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import VideoError
from deltaclip.motion import (
    Motion,
    MotionSpec,
    Tile,
    TileRow,
    camera_words,
    encode_jpeg,
    overlay,
    sheet,
    strip,
    with_arrows,
)
from deltaclip.reader import guarded_calls, read_motion

__all__ = ["PAGE_STYLE", "MaskSummary", "as_html", "mask_sheet", "picture_address", "report_page", "summarise_masks"]

TOO_BRIGHT, TOO_DARK = 0.5, 0.005
"""Mean coverage beyond which a mask says little. Subjects of DAVIS 2016 fill 2 to 18% of the frame (its README)."""
SHOWN_FRAMES = 4
HISTOGRAM_BINS = 20
PAGE_STYLE = """body{font:15px/1.4 system-ui,sans-serif;margin:2em;max-width:75em}table{border-collapse:collapse}
td,th{padding:.2em .8em;text-align:left}img{max-width:100%}.warn{color:#a40}h2{font-size:1em;margin:1.5em 0 .3em}"""


@dataclass(frozen=True, slots=True)
class MaskSummary:
    """What a mask took for motion in one video.

    path: the file. coverage, confidence: (T,) float64. fallback: T reasons or None. strip: a data address of some
    frames with their overlay. error: why the file could not be measured or shown; then the arrays are empty.
    notes: what is worth knowing of the file.
    """

    path: Path
    coverage: NDArray[np.float64]
    confidence: NDArray[np.float64]
    fallback: tuple[str | None, ...]
    strip: str = field(default="", repr=False)
    error: str | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def failed(cls, path: Path, reason: str) -> "MaskSummary":
        """Of a file that could not be measured or shown."""
        return cls(path, np.empty(0), np.empty(0), (), error=reason)

    @property
    def warning(self) -> str | None:
        """One of the paper's failure signs, in words, or None."""
        if self.error is not None:
            return None
        measured = float(self.coverage.mean())
        if measured > TOO_BRIGHT:
            return f"too bright: {measured:.0%} of the picture moves; a moving camera, cuts or flicker"
        if measured < TOO_DARK:
            return f"too dark: {measured:.1%} of the picture moves; the mask finds next to nothing"
        return None


def summarise_masks(paths: Iterable[Path], motion: MotionSpec, num_frames: int) -> Iterator[MaskSummary]:
    """Measures videos, one summary each. A file that fails gets a summary with an error, never a missing row."""
    with guarded_calls() as call:
        for path in paths:
            try:
                summary = call(_summarised, path, motion, num_frames)
            except VideoError as error:
                summary = MaskSummary.failed(path, error.reason)
            yield summary


def _summarised(path: Path, motion: MotionSpec, num_frames: int) -> MaskSummary:
    frames, measured = read_motion(path, motion, num_frames)
    tiles = []
    for number in sorted({int(n) for n in (np.arange(SHOWN_FRAMES) + 0.5) * num_frames / SHOWN_FRAMES}):
        words = measured.fallback[number] or f"moving {measured.coverage[number]:.0%}"
        tiles.append(Tile(frames.rgb[number], f"{frames.seconds[number]:.1f} s"))
        tiles.append(Tile(overlay(frames.rgb[number], measured.mask[number]), words))
    address = picture_address(strip(tiles))
    return MaskSummary(
        path, measured.coverage, measured.confidence, measured.fallback, strip=address, notes=frames.notes
    )


def mask_sheet(rgb: NDArray[np.uint8], seconds: NDArray[np.float64], motion: Motion) -> NDArray[np.uint8]:
    """One row a frame: the frame, its soft and its hard mask as measured, and the overlay of what the model is fed.

    For masks that measure flow, arrows show how what is selected moves against the background, and a line above the row
    how the camera moves. rgb: (T, H, W, 3) uint8. seconds: (T,). Returns (H', W', 3) uint8.
    """
    rows = []
    for number, picture in enumerate(rgb):
        soft = np.round(motion.measured[number] * 255).astype(np.uint8)
        hard = motion.mask[number].astype(np.uint8) * 255
        words = motion.fallback[number] or f"moving {motion.coverage[number]:.0%}"
        tiles = (
            Tile(picture, f"{seconds[number]:.1f} s"),
            Tile(_grey_tile(soft), "alpha as measured"),
            Tile(_grey_tile(hard), f"mask, confidence {motion.confidence[number]:.2f}"),
            Tile(_overlay(picture, motion, number), words),
        )
        rows.append(TileRow(_camera(motion, number), tiles))
    return sheet(rows)


def _camera(motion: Motion, number: int) -> str:
    """How the camera moves in a frame, in words; empty if the mask does not measure it."""
    if motion.flow is None:
        return ""
    return camera_words(motion.flow.camera[number], float(motion.flow.camera_confidence[number]))


def _overlay(picture: NDArray[np.uint8], motion: Motion, number: int) -> NDArray[np.uint8]:
    """What a frame's mask selects, with arrows if it was measured how it moves and the mask is used."""
    shown = overlay(picture, motion.alpha[number])
    if motion.flow is None or motion.fallback[number] is not None:
        return shown
    return with_arrows(shown, motion.flow.velocity[number], motion.mask[number])


def _grey_tile(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(plane[..., None], 3, axis=-1)


def report_page(title: str, summaries: Sequence[MaskSummary]) -> str:
    """One HTML page with everything in it: counts, histogram of coverage, warnings, a strip of pictures a video."""
    read = [summary for summary in summaries if summary.error is None]
    coverage = np.concatenate([summary.coverage for summary in read]) if read else np.empty(0)
    reasons = Counter(reason or "mask used" for summary in read for reason in summary.fallback)
    rows = "".join(
        f"<tr><td>{as_html(reason)}</td><td>{count}</td><td>{count / max(len(coverage), 1):.0%}</td></tr>"
        for reason, count in reasons.most_common()
    )
    warned = sum(summary.warning is not None for summary in read)
    head = (
        f"<p>{len(read)} videos, {len(coverage)} frames, {len(summaries) - len(read)} could not be read, "
        f"{warned} with a warning.</p><h2>Coverage of the frames</h2>{_histogram(coverage)}"
        f"<h2>What was fed to the model</h2><table><tr><th>reason</th><th>frames</th><th></th></tr>{rows}</table>"
    )
    videos = "".join(_video(summary) for summary in summaries)
    return (
        f"<!doctype html><meta charset='utf-8'><title>{as_html(title)}</title><style>{PAGE_STYLE}</style>"
        f"<h1>{as_html(title)}</h1>{head}{videos}\n"
    )


def _video(summary: MaskSummary) -> str:
    name = as_html(str(summary.path))
    if summary.error is not None:
        return f"<h2>{name}</h2><p class='warn'>{as_html(summary.error)}</p>"
    words = f"coverage {summary.coverage.mean():.1%}, confidence {summary.confidence.mean():.2f}"
    warning = f"<p class='warn'>{as_html(summary.warning)}</p>" if summary.warning else ""
    warning += "".join(f"<p>{as_html(text)}</p>" for text in summary.notes)
    return f"<h2>{name}</h2><p>{words}</p>{warning}<img src='{summary.strip}' alt=''>"


def picture_address(rgb: NDArray[np.uint8]) -> str:
    """A data address of the strip as a small JPEG, so that the page is one file. Raises PictureError."""
    small = np.asarray(cv2.resize(rgb, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA), np.uint8)
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(small, 80)).decode()


def as_html(text: str) -> str:
    """Text for a page in UTF-8: markup is escaped, bytes of a name that are no UTF-8 are spelt out."""
    return html.escape(text.encode("utf-8", "backslashreplace").decode())


def _histogram(coverage: NDArray[np.float64]) -> str:
    """Frames by coverage as a drawing: one bar for each twentieth, its count above it."""
    counts, _ = np.histogram(coverage, HISTOGRAM_BINS, (0, 1))
    tallest = max(int(counts.max(initial=0)), 1)
    bars = []
    for place, count in enumerate(counts.tolist()):
        height = 90 * count / tallest
        words = f"{place * 5}-{place * 5 + 5}%: {count} frames"
        box = f"x='{20 * place + 2}' y='{100 - height:.1f}' width='16' height='{height:.1f}'"
        bars.append(f"<rect {box} fill='#d90'><title>{words}</title></rect>")
    marks = "".join(f"<text x='{4 * mark}' y='115' font-size='11'>{mark}%</text>" for mark in (0, 25, 50, 75))
    drawing = "".join(bars) + marks
    return f"<svg viewBox='0 0 400 120' width='500' role='img' aria-label='histogram of coverage'>{drawing}</svg>"
