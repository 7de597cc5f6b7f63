"""Scores re-weighed with a whole set of queries at hand: dual softmax and querybank normalisation.

Both answer hubs: videos that are near many texts and so come first for too many of them. `dsl` looks at all the test
queries at once, which no one who asks a single question can; `qbnorm` looks at a bank of training captions. Neither is
ever comparable with plain scores: results that use them must say so, and are never mixed with others.

Each direction has its own matrix. Nothing is held whole: one pass over blocks of rows collects a few numbers for each
row and column, the next re-weighs.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import CaptionError
from deltaclip.ranking import (
    Block,
    Indices,
    Ranking,
    matrix_blocks,
    rank_blocks,
    refuse_nan,
    row_blocks,
    similarity_blocks,
)

__all__ = ["DualSoftmax", "PostProcessing", "ProcessedBlocks", "QueryBank", "processed_blocks", "processed_matrix"]
__all__ += ["processed_scores", "rank_vectors"]

BANK_ROWS = 256

FloatRows = NDArray[np.float32]
Wide = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DualSoftmax:
    """`dsl`, of CAMoE (Cheng et al., Improving video-text retrieval by multi-stream corpus alignment and dual softmax
    loss, arXiv 2109.04290; starmemda/CAMoE DSL.py): similarity times its softmax over the other side.

    T2V: score(t, v) = s(t, v) * softmax over all texts t' of s(t', v) * temperature. V2T: over all videos.
    temperature: factor before the softmax, > 0. 100 is CLIP's logit scale; CAMoE's author takes the logits as they
    are at inference (issue 4 of that repository), which is the same.
    """

    temperature: float = 100.0

    def __post_init__(self) -> None:
        _positive("temperature", self.temperature)

    def to_json(self) -> dict[str, Any]:  # Any: a json document
        """{"name": "dsl", "temperature"}."""
        return {"name": "dsl", **asdict(self)}


@dataclass(frozen=True, slots=True, eq=False)
class QueryBank:
    """`qbnorm`, of Bogolin et al., Cross modal retrieval with querybank normalisation (CVPR 2022, arXiv 2112.12777;
    ioanacroi/qb-norm dynamic_inverted_softmax.py): the dynamic inverted softmax over a bank of training queries.

    A test query whose first candidate is in the activation set gets exp(beta s(q, c)) / sum over the bank of
    exp(beta s(b, c)) in place of s(q, c); other queries keep their scores. The activation set are the candidates that
    are among the first `k` of any query of the bank.

    texts: (B, D) float32 unit rows, training captions, the bank of T2V. Never those of the test set.
    videos: (C, D) float32 unit rows, training videos, the bank of V2T; None leaves V2T as it is.
    beta: inverse temperature, > 0. 20 and k = 1 are the values of that repository.
    """

    texts: FloatRows = field(repr=False)
    videos: FloatRows | None = field(default=None, repr=False)
    beta: float = 20.0
    k: int = 1

    def __post_init__(self) -> None:
        _positive("beta", self.beta)
        if self.k < 1:
            raise ValueError(f"k must be at least 1, not {self.k}")
        for name, vectors in (("texts", self.texts), ("videos", self.videos)):
            if vectors is not None and (len(vectors) == 0 or not np.isfinite(vectors).all()):
                raise CaptionError(
                    "query bank",
                    f"its {name} are empty, or a vector among them is not finite",
                    "Take training captions and videos that were encoded without error.",
                )

    def to_json(self) -> dict[str, Any]:  # Any: a json document
        """{"name": "qbnorm", "beta", "k", "bank_texts", "bank_videos"}: how large the banks are, 0 if none."""
        videos = 0 if self.videos is None else len(self.videos)
        sizes = {"bank_texts": len(self.texts), "bank_videos": videos}
        return {"name": "qbnorm", "beta": self.beta, "k": self.k, **sizes}


PostProcessing = DualSoftmax | QueryBank


@dataclass(frozen=True, slots=True)
class ProcessedBlocks:
    """Blocks of texts by all videos, one matrix for each direction, computed when called. plain: as they were given."""

    plain: Callable[[], Iterator[Block]]
    t2v: Callable[[], Iterator[Block]]
    v2t: Callable[[], Iterator[Block]]

    def rank(self, owner: Indices, num_videos: int) -> Ranking:
        """Ranks both ways. owner: (Q,), each text's video."""
        return rank_blocks(self.t2v, owner, num_videos, v2t_blocks=None if self.v2t is self.t2v else self.v2t)


def rank_vectors(texts: FloatRows, videos: FloatRows, owner: Indices, post: PostProcessing | None = None) -> Ranking:
    """Ranks both ways by cosine, re-weighed by `post`.

    texts: (Q, D) float32 unit rows. videos: (V, D) float32 unit rows. owner: (Q,), each text's video.
    """
    return processed_blocks(texts, videos, owner, post).rank(owner, len(videos))


def processed_blocks(
    texts: FloatRows, videos: FloatRows, owner: Indices, post: PostProcessing | None = None
) -> ProcessedBlocks:
    """The scores that `rank_vectors` ranks: plain ones float32, re-weighed ones float64.

    float64, since a softmax of 100 times a cosine falls below the smallest float32, so that all would tie at zero.
    """
    plain = similarity_blocks(texts, videos, owner)
    if isinstance(post, QueryBank):
        return _query_bank(plain, texts, videos, post)
    return processed_scores(plain, len(videos), post)


def processed_matrix(
    similarity: NDArray[np.floating[Any]], owner: Indices, post: DualSoftmax | None = None
) -> ProcessedBlocks:
    """The same of a matrix (Q, V) that somebody else has made, which may be on disk. A query bank needs vectors."""
    return processed_scores(matrix_blocks(similarity, owner), similarity.shape[1], post)


def processed_scores(
    plain: Callable[[], Iterator[Block]], num_videos: int, post: DualSoftmax | None
) -> ProcessedBlocks:
    if post is None:
        return ProcessedBlocks(plain, plain, plain)
    return _dual_softmax(plain, num_videos, post.temperature)


def _dual_softmax(plain: Callable[[], Iterator[Block]], num_videos: int, temperature: float) -> ProcessedBlocks:
    def over_texts() -> Iterator[Block]:
        by_video = _LogSumExp(num_videos)
        for rows, scores in plain():
            refuse_nan(rows, scores)  # here it has a place; re-weighed, one NaN is everywhere
            by_video.add(temperature * scores.astype(np.float64))
        norm = by_video.value()
        for rows, scores in plain():
            wide = scores.astype(np.float64)
            yield rows, wide * np.exp(temperature * wide - norm)

    def over_videos() -> Iterator[Block]:
        for rows, scores in plain():
            wide = scores.astype(np.float64)
            by_text = _LogSumExp(len(rows))
            by_text.add(temperature * wide.T)
            yield rows, wide * np.exp(temperature * wide - by_text.value()[:, None])

    return ProcessedBlocks(plain, over_texts, over_videos)


def _query_bank(
    plain: Callable[[], Iterator[Block]], texts: FloatRows, videos: FloatRows, bank: QueryBank
) -> ProcessedBlocks:
    def of_texts() -> Iterator[Block]:
        norm, active = _against_bank(bank.texts, videos, bank)
        for rows, scores in plain():
            touched = active[np.argmax(scores, axis=1)]
            wide = scores.astype(np.float64)
            # A monotone logarithm of the inverted softmax: a query's order is the same, and nothing underflows.
            yield rows, np.where(touched[:, None], bank.beta * wide - norm, wide)

    def of_videos() -> Iterator[Block]:
        assert bank.videos is not None, "only built if the bank holds videos"
        norm, active = _against_bank(bank.videos, texts, bank)
        touched = active[_first_texts(plain(), len(videos))]
        for rows, scores in plain():
            wide = scores.astype(np.float64)
            yield rows, np.where(touched, bank.beta * wide - norm[rows, None], wide)

    return ProcessedBlocks(plain, of_texts, plain if bank.videos is None else of_videos)


def _against_bank(queries: FloatRows, candidates: FloatRows, bank: QueryBank) -> tuple[Wide, NDArray[np.bool_]]:
    """For each candidate: log of the sum over the bank of exp(beta s), and whether it is in the activation set."""
    total = _LogSumExp(len(candidates))
    active = np.zeros(len(candidates), np.bool_)
    for rows in row_blocks(np.arange(len(queries)), BANK_ROWS):
        scores = queries[rows] @ candidates.T
        total.add(bank.beta * scores.astype(np.float64))
        k = min(bank.k, len(candidates))
        active[np.argpartition(-scores, k - 1, axis=1)[:, :k]] = True
    return total.value(), active


def _first_texts(blocks: Iterator[Block], num_videos: int) -> Indices:
    """(V,): which text scores highest with each video."""
    best = np.full(num_videos, -np.inf)
    first = np.zeros(num_videos, np.int64)
    for rows, scores in blocks:
        place = np.argmax(scores, axis=0)
        highest = np.take_along_axis(scores, place[None], axis=0)[0]
        better = highest > best
        best[better], first[better] = highest[better], rows[place[better]]
    return first


class _LogSumExp:
    """log of the sum over rows of exp(x), column by column, as rows arrive; each column from its own maximum."""

    def __init__(self, columns: int) -> None:
        self.highest = np.full(columns, -np.inf)
        self.total = np.zeros(columns)

    def add(self, rows: Wide) -> None:
        """rows (n, columns), finite."""
        highest = np.maximum(self.highest, rows.max(axis=0))
        self.total *= np.exp(self.highest - highest)
        self.total += np.exp(rows - highest).sum(axis=0)
        self.highest = highest

    def value(self) -> Wide:
        """(columns,)"""
        return self.highest + np.log(self.total)


def _positive(name: str, value: float) -> None:
    if not 0 < value < np.inf:
        raise ValueError(f"{name} must be a positive number, not {value}")
