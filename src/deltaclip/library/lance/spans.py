"""The vectors of all moments in memory, a fragment of the table at a time, kept until that fragment changes."""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from deltaclip.library.both import HitScores
from deltaclip.library.lance.approximate import IndexHit
from deltaclip.library.lance.places import pyarrow as pa
from deltaclip.library.lance.state import LanceState
from deltaclip.library.lance.tables import vectors_in

__all__ = ["Fragment", "SpanCache", "Spans"]


@dataclass(frozen=True, slots=True, eq=False)
class Fragment:
    """Moments and their vectors: rows (N, ...), motion NaN where there is none, or None without a column."""

    videos: pa.ChunkedArray
    numbers: NDArray[np.int32]
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    coverages: NDArray[np.float64]
    looks: NDArray[np.float32]
    moves: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """All moments of one state, rows numbered through the fragments."""

    fragments: tuple[Fragment, ...]

    @property
    def num_rows(self) -> int:
        return sum(len(each.numbers) for each in self.fragments)

    @property
    def looks(self) -> list[NDArray[np.float32]]:
        return [each.looks for each in self.fragments]

    @property
    def moves(self) -> list[NDArray[np.float32]]:
        return [each.moves for each in self.fragments if each.moves is not None]

    def of_videos(self, ids: Collection[str]) -> NDArray[np.bool_]:
        """(num_rows,), whether a moment is of one of these videos."""
        wanted = pa.array(ids, pa.string())
        masks = [pc.is_in(each.videos, value_set=wanted).to_numpy() for each in self.fragments]
        return np.concatenate(masks).astype(bool) if masks else np.zeros(0, bool)

    def moving(self, min_coverage: float) -> NDArray[np.bool_]:
        """(num_rows,), whether a moment is known to move at least so much."""
        masks = [each.coverages >= min_coverage for each in self.fragments]  # false for NaN
        return np.concatenate(masks) if masks else np.zeros(0, bool)

    def found(self, scores: Mapping[int, HitScores]) -> list[IndexHit]:
        """The moments in some rows, with their scores."""
        made = list[IndexHit]()
        ends = np.cumsum([len(each.numbers) for each in self.fragments])
        for row, told in scores.items():
            which = int(np.searchsorted(ends, row, side="right"))
            each = self.fragments[which]
            place = row - (int(ends[which - 1]) if which else 0)
            coverage = float(each.coverages[place])
            video, number = each.videos[place].as_py(), int(each.numbers[place])
            known = None if np.isnan(coverage) else coverage
            made.append(IndexHit(video, number, float(each.starts[place]), float(each.ends[place]), known, told))
        return made


class SpanCache:
    """The spans of the state that was asked for last. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, Fragment] = {}
        self._last: tuple[Any, Spans] | None = None

    def spans(self, state: LanceState) -> Spans:
        """Of one state; fragments that the last one had too are not read again."""
        if state.moments is None:
            return Spans(())
        asked = state.meta.library, state.moments.version
        with self._lock:
            if self._last is not None and self._last[0] == asked:
                return self._last[1]
            # Columns that are added or dropped change no file: only the numbers of the fields tell.
            columns = [field.id() for field in state.moments.lance_schema.fields()]
            kept = {}
            for fragment in state.moments.get_fragments():
                key = f"{columns} {fragment.metadata!r}"
                kept[key] = self._kept.get(key) or _read(fragment)
            self._kept = kept
            spans = Spans(tuple(kept.values()))
            self._last = asked, spans
            return spans

    def close(self) -> None:
        with self._lock:
            self._kept, self._last = {}, None


def _read(fragment: Any) -> Fragment:
    table = fragment.to_table()
    moves = vectors_in(table["motion"]) if "motion" in table.column_names else None
    return Fragment(
        table["video"],
        table["number"].to_numpy(),
        table["start"].to_numpy(),
        table["end"].to_numpy(),
        _numbers(table["coverage"]),
        vectors_in(table["vector"]),
        moves,
    )


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(pc.fill_null(column, np.nan).to_numpy(), np.float64)
