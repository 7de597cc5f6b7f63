"""Searching by how moments move, and by appearance and motion together: one rule for every store."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deltaclip.library.exact import (
    ROUNDING,
    DamagedRowsError,
    Hidden,
    best_first,
    candidates,
    exact_products,
    nearest,
    require_unit,
    rough_products,
    searchable,
)
from deltaclip.library.halves import Halves

__all__ = ["AppearanceRows", "MotionRows", "Ranked", "nearest_by", "nearest_of_sound"]


@dataclass(frozen=True, slots=True, eq=False)
class MotionRows:
    """The motion vectors of all moments, and what is asked of them.

    spans: arrays (N_i, Dm) float32, numbered through: unit rows, or NaN throughout for a moment without a motion
    vector. first: rows of appearance before the first of them, whose moments have no motion vector either.
    queries: (Q, Dm) float32, unit rows. weight: how much motion counts beside appearance.
    """

    spans: Sequence[NDArray[np.float32]]
    queries: NDArray[np.float32]
    weight: float
    first: int = 0

    @property
    def num_rows(self) -> int:
        """N: rows of appearance."""
        return self.first + sum(map(len, self.spans))

    def rough(self, hidden: Hidden) -> NDArray[np.float32]:
        """The highest product of each row, (N,); NaN for a moment without a motion vector, and for hidden rows.

        Raises DamagedRowsError for rows that are no unit vectors.
        """
        rough = np.full(self.num_rows, np.nan, np.float32)
        rough[self.first :] = rough_products(self.spans, self.queries)
        for first, size in hidden:
            rough[first : first + size] = np.nan
        require_unit(rough, ~np.isnan(rough))
        return rough

    def exact(self, rows: NDArray[np.intp], has: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The same of `rows` (K,), which are in order, in exact sums, (K,). has: (K,), which of them have a vector."""
        exact = np.full(len(rows), np.nan)
        exact[has] = exact_products(self.spans, rows[has] - self.first, self.queries)
        return exact


@dataclass(frozen=True, slots=True, eq=False)
class AppearanceRows:
    """The vectors of how moments look, and what is asked of them: as `exact.nearest` takes them."""

    spans: Sequence[NDArray[np.float32]]
    queries: NDArray[np.float32]
    halves: Sequence[Halves] = ()


class HitScores(NamedTuple):
    """As in `results.Hit`."""

    score: float
    appearance: float | None
    motion: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Rows (K,), best first, ties by row, and their scores, (K,) float64.

    appearance, motion: the products of which the scores were made, None if they were not asked for; motion is NaN for a
    moment without a motion vector.
    """

    rows: NDArray[np.intp]
    scores: NDArray[np.float64]
    appearance: NDArray[np.float64] | None = None
    motion: NDArray[np.float64] | None = None

    def scores_of_rows(self) -> dict[int, HitScores]:
        """What a hit tells of each row, in order."""
        count = len(self.rows)
        looks = [None] * count if self.appearance is None else [*map(_cosine, self.appearance)]
        moves = [None] * count if self.motion is None else [*map(_cosine, self.motion)]
        is_cosine = self.appearance is None or self.motion is None
        scores = [min(float(score), 1.0) if is_cosine else float(score) for score in self.scores]
        told = map(HitScores, scores, looks, moves)
        return dict(zip(self.rows.tolist(), told, strict=True))


def nearest_by(
    appearance: AppearanceRows | None,
    motion: MotionRows | None,
    limit: int,
    hidden: Hidden = (),
    wanted: NDArray[np.bool_] | None = None,
) -> Ranked:
    """The best `limit` rows by appearance, by motion or by both, and all that tie with the last of them.

    hidden, wanted: as in `exact.nearest`; which rows are wanted changes no score. Motion with a weight of 0 is not
    looked at: ranks and scores are those of appearance alone to the bit. Raises ValueError for a limit below 1 and if
    both are None, DamagedRowsError for rows that are no unit vectors.
    """
    if limit < 1:
        raise ValueError(f"limit starts at 1, not {limit}")
    if appearance is None:
        if motion is None:
            raise ValueError("nothing is asked: give queries, motion or both")
        return _nearest_by_motion(motion, limit, hidden, wanted)
    if motion is None or motion.weight == 0:
        rows, scores = nearest(appearance.spans, appearance.queries, limit, hidden, wanted, appearance.halves)
        return Ranked(rows, scores, scores)
    return nearest_by_both(appearance, motion, limit, hidden, wanted)


def nearest_of_sound(
    appearance: AppearanceRows | None,
    motion: MotionRows | None,
    limit: int,
    hidden: Hidden = (),
    wanted: NDArray[np.bool_] | None = None,
) -> tuple[Ranked, int]:
    """As `nearest_by`, but rows that are no unit vectors are hidden too; and how many were found to be none.

    Raises DamagedRowsError if they are more than half of all rows: then it is not the rows that are wrong.
    """
    damaged = np.empty(0, np.intp)
    while True:
        try:
            apart = [*hidden, *((row, 1) for row in damaged.tolist())]
            return nearest_by(appearance, motion, limit, apart, wanted), len(damaged)
        except DamagedRowsError as error:
            damaged = np.union1d(damaged, error.rows)
            spans = () if appearance is None else appearance.spans
            if 2 * len(damaged) > sum(map(len, spans or (() if motion is None else motion.spans))):
                raise


def nearest_by_both(
    appearance: AppearanceRows,
    motion: MotionRows,
    limit: int,
    hidden: Hidden = (),
    wanted: NDArray[np.bool_] | None = None,
) -> Ranked:
    """The best rows by this score, in which a is the product of appearance and m that of motion:

        score = a + weight * c * (m - mean(m))      c = max(std(a), 1e-5) / std(m)

    mean and std are over all searchable moments for this question, wanted or not, those of m over the ones with a
    motion vector. So both are on one scale, whatever the encoders are: with weight 1 a moment that moves one standard
    deviation more like the question gains as much as one that looks one standard deviation more like it. A moment
    without a motion vector has score = a, as if it moved like the mean. If no two motion vectors differ, motion says
    nothing and score = a. 1e-5, the rounding of float32, lets motion order moments that all look the same.

    hidden, wanted: as in `exact.nearest`.
    """
    rough = rough_products(appearance.spans, appearance.queries)
    there = searchable(len(rough), hidden)
    there = np.ones(len(rough), bool) if there is None else there
    require_unit(rough, there)
    rough_motion = motion.rough(hidden)
    has = ~np.isnan(rough_motion)
    mean, factor = 0.0, 0.0
    if has.any() and (spread := float(rough_motion[has].std(dtype=np.float64))) > ROUNDING:
        mean = float(rough_motion[has].mean(dtype=np.float64))
        factor = motion.weight * max(float(rough[there].std(dtype=np.float64)), ROUNDING) / spread
    rough[has] += np.float32(factor) * (rough_motion[has] - np.float32(mean))
    rough[~(there if wanted is None else there & wanted)] = -np.inf
    rows = candidates(rough, limit, ROUNDING * (1 + factor))
    looks = exact_products(appearance.spans, rows, appearance.queries)
    moves = motion.exact(rows, has[rows])
    scores = np.where(has[rows], looks + factor * (moves - mean), looks)
    order = best_first(scores, min(limit, len(rows)))
    return Ranked(rows[order], scores[order], looks[order], moves[order])


def _nearest_by_motion(motion: MotionRows, limit: int, hidden: Hidden, wanted: NDArray[np.bool_] | None) -> Ranked:
    """The rows that move most like any query; moments without a motion vector are not among them."""
    rough = motion.rough(hidden)
    rough[np.isnan(rough)] = -np.inf
    if wanted is not None:
        rough[~wanted] = -np.inf
    rows = candidates(rough, limit)
    exact = motion.exact(rows, np.ones(len(rows), bool))
    order = best_first(exact, min(limit, len(rows)))
    return Ranked(rows[order], exact[order], None, exact[order])


def _cosine(product: float) -> float | None:
    """None for NaN; rounding lifts a clip against itself beyond a cosine's bound."""
    return None if math.isnan(product) else min(float(product), 1.0)
