"""Token-wise interaction: a text and a video scored by all of their tokens and frames, in numpy.

DRL (Wang et al., arXiv 2203.07111; foolwood/DRL, tvr/models/modeling.py, `wti_interaction`). With t the tokens of a
text, f the frames of a video, both of unit length, and weights that sum to one on each side:

    score = (sum over t of w(t) max over f of t.f  +  sum over f of w(f) max over t of t.f) / 2

TI weighs all alike; WTI by the softmax of what two small networks make of the features. The tokens of all texts follow
each other, as do the frames of all videos, so that there is no padding that could count. (DRL sets cosines with padding
to zero, which then wins the maximum where all real ones are negative.)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder import unit_rows

__all__ = ["PartRows", "part_rows", "token_scores"]

TILE = 1 << 22
"""Cosines of tokens and frames at once: 16 MB, whatever the number of texts and videos."""

PartFloats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class PartRows:
    """The tokens of some texts, or the frames of some videos.

    rows: (S, D) float32, unit rows. weights: (S,) float32, of sum 1 in each text or video. starts: (N,) int64, the
    first row of each.
    """

    rows: PartFloats = field(repr=False)
    weights: PartFloats = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)

    def between(self, first: int, end: int) -> "PartRows":
        """Those of the texts or videos first <= number < end."""
        edges = [*self.starts.tolist(), len(self.rows)]
        rows = slice(edges[first], edges[end])
        return PartRows(self.rows[rows], self.weights[rows], self.starts[first:end] - edges[first])


def part_rows(features: Sequence[PartFloats], logits: Callable[[PartFloats], PartFloats] | None = None) -> PartRows:
    """features: (n, D) of each text or video, of no particular length, n at least 1. logits: (n, D) -> (n,) what the
    weights are the softmax of; None weighs all alike."""
    counts = [len(rows) for rows in features]
    weights = [_softmax(logits(rows)) if logits else np.full(len(rows), 1 / len(rows), np.float32) for rows in features]
    starts = np.cumsum([0, *counts[:-1]]).astype(np.int64)
    return PartRows(unit_rows(np.concatenate(features)), np.concatenate(weights), starts)


def token_scores(texts: PartRows, videos: PartRows) -> PartFloats:
    """(Q, V) float32: the score of each text with each video, in bounded memory."""
    scores = np.empty((len(texts.starts), len(videos.starts)), np.float32)
    for top, bottom in _spans(texts, int(TILE**0.5)):
        some = texts.between(top, bottom)
        for left, right in _spans(videos, max(1, TILE // len(some.rows))):
            scores[top:bottom, left:right] = _tile(some, videos.between(left, right))
    return scores


def _tile(texts: PartRows, videos: PartRows) -> PartFloats:
    cosines = texts.rows @ videos.rows.T  # (tokens, frames)
    by_frames = np.maximum.reduceat(cosines, videos.starts, axis=1) * texts.weights[:, None]  # (tokens, V)
    by_tokens = np.maximum.reduceat(cosines, texts.starts, axis=0) * videos.weights  # (Q, frames)
    of_texts = np.add.reduceat(by_frames, texts.starts, axis=0)  # (Q, V)
    return np.asarray((of_texts + np.add.reduceat(by_tokens, videos.starts, axis=1)) / 2, np.float32)


def _spans(parts: PartRows, most_rows: int) -> list[tuple[int, int]]:
    """Numbers of texts or videos, first and one past the last, with at most so many rows in all, but at least one."""
    edges = np.append(parts.starts, len(parts.rows))
    spans, first = [], 0
    while first < len(parts.starts):
        end = max(int(np.searchsorted(edges, edges[first] + most_rows, side="right")) - 1, first + 1)
        spans.append((first, end))
        first = end
    return spans


def _softmax(logits: PartFloats) -> PartFloats:
    powers = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(powers / powers.sum(), np.float32)
