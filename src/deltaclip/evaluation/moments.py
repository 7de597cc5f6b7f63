"""`evaluate moments`: of the moments of one video, is the best for a sentence the one that the sentence describes?

Videos are cut into moments as `index` cuts them, and all moments are ranked for a sentence by the rule of a search
(`library.nearest_by`), as in a library of these videos; the first one of the sentence's own video is what is found.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import deltaclip
from deltaclip.captions import AskedMoment, MomentSet
from deltaclip.errors import CaptionError
from deltaclip.evaluation.cost import Cost
from deltaclip.evaluation.ranked_moments import MomentEncoders
from deltaclip.library import By
from deltaclip.pipeline import Job, Pipeline, usual_workers
from deltaclip.ranking import Interval, bootstrap_means, percent_interval
from deltaclip.reader import SEGMENT_SECONDS, Clip, read_moments
from deltaclip.wording import count

__all__ = ["IOUS", "FoundMoment", "MomentEvaluation", "evaluate_moments", "overlap"]

IOUS = (0.3, 0.5, 0.7)
LEVEL, SAMPLES, SEED = 0.95, 2000, 0
AGREEING = 3
"""Annotators that count, of those who looked for one moment."""
LATE_SECONDS = 0.5
"""How far a truth may end after its video: people round, and players show the last frame a little longer."""

Span = tuple[float, float]
"""Start and end in seconds."""


@dataclass(frozen=True, slots=True)
class FoundMoment:
    """What came first for a row of the table: start and end in seconds, and the score; None if nothing was asked.

    truths: the windows of the row, as far as its video goes. annotators: see `MomentSet`. words: those understood as
    motion, if motion was asked for.
    """

    row: AskedMoment
    truths: tuple[Span, ...]
    annotators: bool
    found: Span | None
    score: float | None
    words: tuple[str, ...]

    @property
    def iou(self) -> float:
        """With the truth; 0 if nothing was found.

        Of several moments the one that fits best counts, as in QVHighlights (jayleicn/moment_detr standalone_eval). Of
        several annotators it is the mean over the three that fit best, as in DiDeMo (LisaAnne/LocalizingMoments
        utils/eval.py), whose fourth is left out.
        """
        if self.found is None:
            return 0.0
        best = sorted((overlap(self.found, truth) for truth in self.truths), reverse=True)
        return float(np.mean(best[:AGREEING])) if self.annotators else best[0]

    @property
    def distance(self) -> float | None:
        """Seconds from the middle of what was found to the middle of the nearest truth."""
        if self.found is None:
            return None
        return min(abs(sum(self.found) - sum(truth)) / 2 for truth in self.truths)


@dataclass(frozen=True, slots=True)
class MomentEvaluation:
    """The figures of a table of moments, and how they were made.

    name: of the set. made_by: encoders and their fingerprints, by "appearance" and "motion". by: what ranked.
    moment_seconds: length at which videos were cut. num_moments: of all videos, the candidates. rows: in table order.
    cost: of the encoders together, and of asking one sentence.
    """

    name: str
    made_by: dict[str, dict[str, str]]
    by: By
    moment_seconds: float
    num_videos: int
    num_moments: int
    rows: tuple[FoundMoment, ...] = field(repr=False)
    cost: Cost = field(repr=False)

    def share(self, iou: float) -> float:
        """R@1 at that overlap, in percent."""
        return 100 * float(np.mean([row.iou >= iou for row in self.rows]))

    @property
    def distances(self) -> NDArray[np.float64]:
        """Of the rows for which something was found, seconds."""
        return np.array([row.distance for row in self.rows if row.distance is not None], np.float64)

    @property
    def intervals(self) -> dict[str, Interval]:
        """95% percentile bootstrap over videos, or the longer ones they were cut from, with all their rows."""
        sources = [str(row.row.path) if row.row.group is None else row.row.group for row in self.rows]
        _, videos = np.unique(sources, return_inverse=True)
        values = {f"IoU{iou:g}": 100.0 * np.array([row.iou >= iou for row in self.rows]) for iou in IOUS}
        replicates = bootstrap_means(values, videos, samples=SAMPLES, seed=SEED)
        return {name: percent_interval(values[name], videos, drawn, LEVEL) for name, drawn in replicates.items()}

    def to_json(self) -> dict[str, Any]:  # Any: a json document
        """{"R1": {"IoU0.3", "IoU0.5", "IoU0.7"}, "distance_seconds": {"mean", "median"}, "rows": [...], and how}."""
        off = self.distances
        return {
            "set": self.name,
            "by": self.by,
            **self.made_by,
            "version": deltaclip.__version__,
            "cost": self.cost.to_json(),
            "moment_seconds": self.moment_seconds,
            "videos": self.num_videos,
            "moments": self.num_moments,
            "queries": len(self.rows),
            "R1": {f"IoU{iou:g}": self.share(iou) for iou in IOUS},
            "distance_seconds": {
                "mean": float(off.mean()) if len(off) else None,
                "median": float(np.median(off)) if len(off) else None,
                "queries": len(off),
            },
            "intervals": {
                **{name: list(pair) for name, pair in self.intervals.items()},
                "level": LEVEL,
                "samples": SAMPLES,
                "seed": SEED,
                "videos": self.num_videos,
                "groups": len({row.row.group or row.row.path for row in self.rows}),
            },
            "not_understood": [row.row.line for row in self.rows if row.found is None],
            "rows": [_row_json(row) for row in self.rows],
        }

    def lines(self) -> list[str]:
        """For people."""
        pairs = self.intervals
        lines = [
            f"R@1, IoU {iou:g}  {self.share(iou):5.1f}  ({low:.1f} to {high:.1f})"
            for iou, (low, high) in zip(IOUS, pairs.values(), strict=True)
        ]
        if len(off := self.distances):
            lines.append(f"distance of the middles: mean {off.mean():.1f} s, median {np.median(off):.1f} s")
        lines += [f"not understood (line {row.row.line}): {row.row.sentence}" for row in self.rows if row.found is None]
        lines.append(self.cost.line())
        cut = f"cut at {self.moment_seconds:g} s"
        made = "; ".join(f"{way} {who['encoder']}, {who['fingerprint']}" for way, who in self.made_by.items())
        asked = f"{count(len(self.rows), 'sentence')} about {count(self.num_videos, 'video')} of {self.name}"
        lines.append(f"{asked}, {count(self.num_moments, 'moment')}, {cut}; by {self.by}; {made}")
        return lines


def overlap(one: Span, other: Span) -> float:
    """Intersection over union of two spans of time, 0..1."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(shared, 0.0) / (max(one[1], other[1]) - min(one[0], other[0])) if shared > 0 else 0.0


def evaluate_moments(
    encoders: MomentEncoders,
    moments: MomentSet,
    moment_seconds: float = SEGMENT_SECONDS,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> MomentEvaluation:
    """Ranks the moments of each video for its sentences.

    moment_seconds: length at which videos are cut, as `index` does at 15 s. workers: child processes that read, None
    for the usual number. progress is called with (videos done, videos in all). A sentence of which nothing is
    understood, if only motion is asked, counts as wrong. Raises CaptionError for a truth that is not inside its video,
    VideoError for a video that cannot be read to its end.
    """
    spans: dict[Path, list[Span]] = {path: [] for path in moments.paths}
    places: list[tuple[Path, Span]] = []

    def clips() -> Iterator[Clip]:
        with Pipeline(read_moments, usual_workers() if workers is None else workers) as pipeline:
            jobs = (Job(path, path, (encoders.reader_spec, moment_seconds)) for path in moments.paths)
            for done, (job, found) in enumerate(pipeline.read(jobs), 1):
                for clip in found:
                    spans[job.key].append((clip.start, clip.end))
                    places.append((job.key, (clip.start, clip.end)))
                    yield clip
                _check_truths(moments, job.key, spans[job.key])
                progress(done, len(moments.paths))

    encoded = encoders.encode(clips())
    rows = []
    for asked in moments.rows:
        ranked = encoded.rank(asked.sentence)
        first = next((at for at, row in enumerate(ranked.rows.tolist()) if places[row][0] == asked.path), None)
        span = None if first is None else places[int(ranked.rows[first])][1]
        score = None if first is None else float(ranked.scores[first])
        truths = asked.windows if moments.within else _cut(asked.windows, spans[asked.path][-1][1])
        rows.append(FoundMoment(asked, truths, moments.annotators, span, score, ranked.words))
    return MomentEvaluation(
        name=moments.name,
        made_by=encoders.made_by,
        by=encoders.by,
        moment_seconds=moment_seconds,
        num_videos=len(moments.paths),
        num_moments=len(places),
        rows=tuple(rows),
        cost=encoded.cost([row.sentence for row in moments.rows], len(moments.paths)),
    )


def _check_truths(moments: MomentSet, path: Path, spans: Sequence[Span]) -> None:
    """CaptionError for a row about a video that is not inside it."""
    end = spans[-1][1]
    for row in moments.rows if moments.within else ():
        for first, last in row.windows if row.path == path else ():
            if first >= end or last > end + LATE_SECONDS:
                found = f"{first:g} to {last:g} s is not inside {path.name}, which ends at {end:.2f} s"
                raise CaptionError(f"{moments.table}, line {row.line}", found, "Correct start and end.")


def _cut(windows: Sequence[Span], end: float) -> tuple[Span, ...]:
    """Windows as far as the video goes; one that lies behind its end stays, and nothing overlaps it."""
    return tuple((first, min(last, end) if first < end else last) for first, last in windows)


def _row_json(row: FoundMoment) -> dict[str, Any]:  # Any: json
    return {
        "line": row.row.line,
        "path": str(row.row.path),
        "sentence": row.row.sentence,
        "truth": list(row.truths[0]),
        "truths": [list(truth) for truth in row.truths],
        "found": None if row.found is None else list(row.found),
        "score": row.score,
        "iou": row.iou,
        "distance_seconds": row.distance,
        "words": list(row.words),
    }
