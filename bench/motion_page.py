"""A page of matches of sentences and clips by motion, to be judged by a person: frames with arrows and outlines."""

import base64
import html
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tracks import Moving

from deltaclip.motion import CAMERA, TRACK_NUMBERS

__all__ = ["Match", "write_page"]

SHOWN_FRAMES, FRAME_HEIGHT = 6, 150
ARROW_CELLS, ARROW_SECONDS = 5, 0.25
"""An arrow for each square of so many cells that moves, as long as it moves in that time."""
CAMERA_COLUMNS = [TRACK_NUMBERS.index(name) for name in CAMERA]
OUTLINE, ARROW = (255, 220, 0), (0, 255, 80)


@dataclass(frozen=True)
class Match:
    """The clip that fits a sentence best by motion. words: those understood. own: it is the sentence's own clip."""

    clip: Moving
    text: str
    words: tuple[str, ...]
    score: float
    own: bool


def write_page(path: Path, matches: list[Match], encoder: str, fingerprint: str) -> None:
    """One figure for each match: six of the sampled frames, the sentence with its motion words marked, the score."""
    figures = "\n".join(_figure(number, match) for number, match in enumerate(matches, 1))
    title = f"{len(matches)} surest matches by motion: {html.escape(encoder)}, {fingerprint}"
    style = "body{font:15px sans-serif;max-width:1700px}img{width:100%}figure{margin:1em 0}b{background:#fd6}"
    path.write_text(
        f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{style}</style><h1>{title}</h1>\n"
        f"<p>Outline: what moves. Arrows: against the background, {ARROW_SECONDS:g} s long.</p>\n{figures}\n",
        "utf-8",
    )


def _figure(number: int, match: Match) -> str:
    ok, jpeg = cv2.imencode(".jpg", cv2.cvtColor(_strip(match.clip), cv2.COLOR_RGB2BGR))
    assert ok
    said = [(word, html.escape(word)) for word in match.text.split()]
    text = " ".join(f"<b>{shown}</b>" if _plain(word) in match.words else shown for word, shown in said)
    turns = dict(zip(CAMERA, match.clip.track.numbers[:, CAMERA_COLUMNS].mean(axis=0), strict=True))
    camera = ", ".join(f"{name} {value:+.2f}" for name, value in turns.items())
    own = "its own clip" if match.own else "a different clip"
    name = html.escape(match.clip.name)
    picture = base64.b64encode(jpeg.tobytes()).decode()
    return (
        f"<figure><figcaption>{number}. {text} — {match.score:.3f}, {name} ({own}); camera {camera}</figcaption>"
        f"<img src='data:image/jpeg;base64,{picture}'></figure>"
    )


def _plain(word: str) -> str:
    return word.lower().strip(".,;:!?\"'")


def _strip(clip: Moving) -> NDArray[np.uint8]:
    at = np.linspace(0, len(clip.frames.rgb) - 1, SHOWN_FRAMES).round().astype(int)
    return np.concatenate([_drawn(clip, int(index)) for index in at], axis=1)


def _drawn(clip: Moving, index: int) -> NDArray[np.uint8]:
    """One frame at FRAME_HEIGHT with the outline of its mask and the arrows of its velocity."""
    picture, flow = clip.frames.rgb[index], clip.motion.flow
    assert flow is not None
    height, width = picture.shape[:2]
    size = round(width * FRAME_HEIGHT / height), FRAME_HEIGHT
    shown = np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    mask = cv2.resize(clip.motion.mask[index].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    edges, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(shown, edges, -1, OUTLINE, 1)
    velocity = flow.velocity[index]
    rows, columns = velocity.shape[:2]
    moves = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA) > 0
    for row in range(ARROW_CELLS // 2, rows, ARROW_CELLS):
        for column in range(ARROW_CELLS // 2, columns, ARROW_CELLS):
            if moves[row, column]:
                x, y = (column + 0.5) * size[0] / columns, (row + 0.5) * size[1] / rows
                right, down = velocity[row, column] * ARROW_SECONDS * FRAME_HEIGHT
                cv2.arrowedLine(
                    shown, (round(x), round(y)), (round(x + right), round(y + down)), ARROW, 1, tipLength=0.3
                )
    return shown.astype(np.uint8)
