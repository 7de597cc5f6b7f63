"""How well clips of labelled actions are told apart by the wordings of their classes: scores in, figures out.

The rule, which is written here only: a clip's score for a class is the mean of its cosines with those wordings of the
class that the encoder understands. V2T: the class with the best score is the clip's; a tie is wrong. T2V: each wording
ranks the clips of one gallery (the clips of a fold; all clips in a set without folds); ties count against it. A wording
in which the encoder understands nothing finds nothing: as a query it is wrong, with an average precision of 0, and a
class without any other wording is never chosen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.captions import ActionClip
from deltaclip.ranking import (
    Interval,
    any_true_ranks,
    average_precision,
    bootstrap_means,
    percent_interval,
)
from deltaclip.wording import count

__all__ = ["NO_CLASS", "ActionFigures", "ActionVectors", "action_figures", "class_scores"]

NO_CLASS = "(none)"
"""In the confusion table: of a set whose wordings are all not understood, what each clip is taken for."""
LEVEL, SAMPLES, SEED = 0.95, 2000, 0
FEW_GROUPS = 10
"""Below it a bootstrap over groups is much too narrow: it can draw only what it has."""

Vectors = NDArray[np.float32]
Truths = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ActionVectors:
    """What an encoder made of a set.

    clips: N clips, at least one. videos: (N, D) float32, unit rows, one for each. wordings: label -> its texts.
    texts: label -> a unit vector (D,) float32 for each of its texts, None if nothing in that text is understood.
    """

    clips: Sequence[ActionClip] = field(repr=False)
    videos: Vectors = field(repr=False)
    wordings: Mapping[str, Sequence[str]] = field(repr=False)
    texts: Mapping[str, Sequence[Vectors | None]] = field(repr=False)

    @property
    def not_understood(self) -> dict[str, list[str]]:
        """label -> its wordings in which nothing is understood; only labels that have any."""
        found = {
            label: [text for text, vector in zip(self.wordings[label], vectors, strict=True) if vector is None]
            for label, vectors in self.texts.items()
        }
        return {label: texts for label, texts in found.items() if texts}


@dataclass(frozen=True, slots=True, eq=False)
class ActionFigures:
    """The figures of a set, in percent.

    v2t, t2v, map, to_motion: V2T R@1, T2V R@1, T2V mAP, and the share of clips whose nearest clip of a different group
    has the same label, None if no label is in two groups. queries: (T2V) wordings, each once for each gallery.
    num_clips, num_asked: V2T and motion to motion. by_class: label -> (clips right by V2T, clips). confusion: label ->
    label that V2T gives, NO_CLASS included -> clips. by_fold: fold -> its V2T R@1, T2V R@1, mAP and clips.
    intervals: by "v2t R1", "t2v R1", "t2v mAP", "motion_to_motion R1", 95% percentile bootstrap: V2T and motion to
    motion draw whole groups, whose clips are not independent, T2V whole classes with their wordings.
    num_groups: drawn from. not_understood: see `ActionVectors`.
    """

    v2t: float
    t2v: float
    map: float
    to_motion: float | None
    queries: int
    num_clips: int
    num_asked: int
    by_class: Mapping[str, tuple[int, int]]
    confusion: Mapping[str, Mapping[str, int]]
    by_fold: Mapping[int, Mapping[str, float]]
    intervals: Mapping[str, Interval]
    num_groups: int
    not_understood: Mapping[str, Sequence[str]]

    @property
    def warning(self) -> str | None:
        """What to know if too few groups were drawn from."""
        if self.num_groups >= FEW_GROUPS:
            return None
        few = count(self.num_groups, "group")
        return f"intervals over {few} are too narrow: with fewer than {FEW_GROUPS} they say little"

    def to_json(self) -> dict[str, Any]:  # Any: a json document
        """{"t2v": {"R1", "mAP", "queries"}, "v2t": {"R1", "right", "queries"}, "motion_to_motion", "by_class", ...}."""
        right = sum(number for number, _ in self.by_class.values())
        document: dict[str, Any] = {
            "t2v": {"R1": self.t2v, "mAP": self.map, "queries": self.queries},
            "v2t": {"R1": self.v2t, "right": right, "queries": self.num_clips},
            "motion_to_motion": {"R1": self.to_motion, "queries": self.num_asked},
            "chance": 100 / len(self.by_class),
            "by_class": {label: {"right": own, "n": number} for label, (own, number) in self.by_class.items()},
            "confusion": {label: dict(row) for label, row in self.confusion.items()},
            "by_fold": {str(fold): dict(figures) for fold, figures in self.by_fold.items()},
            "not_understood": {label: list(texts) for label, texts in self.not_understood.items()},
        }
        pairs: dict[str, dict[str, list[float]]] = {}
        for name, interval in self.intervals.items():
            way, metric = name.split()
            pairs.setdefault(way, {})[metric] = list(interval)
        drawn = {"level": LEVEL, "samples": SAMPLES, "seed": SEED, "groups": self.num_groups}
        document["intervals"] = {**pairs, **drawn, **({} if self.warning is None else {"warning": self.warning})}
        return document

    def lines(self) -> list[str]:
        """For people: figures with intervals, classes with what their clips were taken for, and what was not asked."""
        shown = {"V2T R@1": (self.v2t, "v2t R1"), "T2V R@1": (self.t2v, "t2v R1"), "T2V mAP": (self.map, "t2v mAP")}
        if self.to_motion is not None:
            shown["motion to motion"] = (self.to_motion, "motion_to_motion R1")
        lines = []
        for name, (value, key) in shown.items():
            low, high = self.intervals[key]
            lines.append(f"{name:17}{value:6.1f}  ({low:.1f} to {high:.1f})")
        for fold, figures in self.by_fold.items():
            lines.append(f"fold {fold}: V2T {figures['v2t']:.1f}, T2V {figures['t2v']:.1f}, mAP {figures['mAP']:.1f}")
        width = max(map(len, self.by_class))
        for label, (right, number) in self.by_class.items():
            row = sorted(self.confusion[label].items(), key=lambda pair: -pair[1])
            wrong = ", ".join(f"{other} {times}" for other, times in row if other != label)
            lines.append(f"{label:{width}} {right:3d} of {number:3d}{wrong and f'  taken for {wrong}'}")
        for label, texts in self.not_understood.items():
            lines += [f"not understood ({label}): {text}" for text in texts]
        return lines if self.warning is None else [*lines, self.warning]


def class_scores(vectors: ActionVectors) -> NDArray[np.float64]:
    """(N, C) float64: the score of each clip for each class, in the order of `texts`; -inf if it has no wording."""
    columns = []
    for texts in vectors.texts.values():
        known = [vector for vector in texts if vector is not None]
        if known:
            columns.append((vectors.videos.astype(np.float64) @ np.stack(known).astype(np.float64).T).mean(axis=1))
        else:
            columns.append(np.full(len(vectors.videos), -np.inf))
    return np.stack(columns, axis=1)


def action_figures(vectors: ActionVectors) -> ActionFigures:
    """All figures of a set, by the rule above. Raises ValueError without clips."""
    clips, labels = vectors.clips, list(vectors.texts)
    if not clips:
        raise ValueError("no clip to measure on")
    truth = np.array([labels.index(clip.label) for clip in clips])
    _, groups = np.unique([clip.group for clip in clips], return_inverse=True)
    right, taken = _named(class_scores(vectors), truth)
    asked, found = _nearest(vectors.videos, truth, groups)
    folds = sorted({clip.fold for clip in clips if clip.fold is not None})
    galleries = {fold: np.flatnonzero([clip.fold == fold for clip in clips]) for fold in folds}
    ranked = {
        fold: _ranked(vectors, truth, at) for fold, at in (galleries or {-1: np.arange(len(clips))}).items()
    }  # without folds there is one gallery
    first, precision, asking = (np.concatenate(columns) for columns in zip(*ranked.values(), strict=True))
    intervals = {
        "v2t R1": _interval(right, groups),
        "t2v R1": _interval(first, asking),
        "t2v mAP": _interval(precision, asking),
    }
    if asked.any():
        intervals["motion_to_motion R1"] = _interval(found[asked], groups[asked])
    return ActionFigures(
        v2t=float(right.mean()),
        t2v=float(first.mean()),
        map=float(precision.mean()),
        to_motion=float(found[asked].mean()) if asked.any() else None,
        queries=len(first),
        num_clips=len(clips),
        num_asked=int(asked.sum()),
        by_class={
            label: (int(np.count_nonzero(right[truth == at])), int(np.count_nonzero(truth == at)))
            for at, label in enumerate(labels)
        },
        confusion={label: _counts(taken[truth == at], labels) for at, label in enumerate(labels)},
        by_fold={
            fold: {
                "v2t": float(right[at].mean()),
                "t2v": float(ranked[fold][0].mean()),
                "mAP": float(ranked[fold][1].mean()),
                "clips": len(at),
            }
            for fold, at in galleries.items()
        },
        intervals=intervals,
        num_groups=int(groups.max()) + 1,
        not_understood=vectors.not_understood,
    )


def _named(scores: NDArray[np.float64], truth: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """V2T of (N, C): 100 for each clip whose own class is best, else 0; and the class it is taken for, -1 for none.

    A clip whose class ties with a different one is taken for that one.
    """
    others = scores.copy()
    rows = np.arange(len(scores))
    others[rows, truth] = -np.inf
    own = scores[rows, truth]
    right = own > others.max(axis=1)
    taken = np.where(right, truth, others.argmax(axis=1))
    return 100.0 * right, np.where(np.isneginf(scores).all(axis=1), -1, taken)


def _nearest(
    videos: Vectors, truth: NDArray[np.int64], groups: NDArray[np.int64]
) -> tuple[Truths, NDArray[np.float64]]:
    """Clip to clip: (N,) which clips are asked, and 100 for each whose nearest clip of a different group has its label.

    A clip is asked if its label is in a different group too. Ties are wrong.
    """
    similarity = videos.astype(np.float64) @ videos.astype(np.float64).T
    elsewhere = groups[:, None] != groups[None, :]
    same = truth[:, None] == truth[None, :]
    best = [np.where(elsewhere & kind, similarity, -np.inf).max(axis=1) for kind in (same, ~same)]
    return (elsewhere & same).any(axis=1), 100.0 * (best[0] > best[1])


def _ranked(
    vectors: ActionVectors, truth: NDArray[np.int64], gallery: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """T2V over the clips of a gallery: for each wording 100 or 0 for R@1, its average precision, and its class.

    Classes without a clip in the gallery do not ask.
    """
    first, precision, asking = [], [], []
    videos = vectors.videos[gallery].astype(np.float64)
    for number, texts in enumerate(vectors.texts.values()):
        true = (truth[gallery] == number)[None]
        for vector in texts if true.any() else ():
            asking.append(number)
            scores = None if vector is None else (videos @ vector.astype(np.float64))[None]
            first.append(0.0 if scores is None else 100.0 * float(any_true_ranks(scores, true)[0] == 1))
            precision.append(0.0 if scores is None else float(average_precision(scores, true)[0]))
    return np.array(first), np.array(precision), np.array(asking)


def _counts(taken: NDArray[np.int64], labels: Sequence[str]) -> dict[str, int]:
    """How many clips were taken for each label, of those that any was taken for, in the order of the labels."""
    names = [NO_CLASS if number < 0 else labels[number] for number in taken.tolist()]
    return {name: names.count(name) for name in (*labels, NO_CLASS) if name in names}


def _interval(values: NDArray[np.float64], groups: NDArray[np.int64]) -> Interval:
    [replicates] = bootstrap_means({"mean": values}, groups, samples=SAMPLES, seed=SEED).values()
    return percent_interval(values, groups, replicates, LEVEL)
