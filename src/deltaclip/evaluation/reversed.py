"""Clips played backwards against the opposite of their sentence: does an encoder see the arrow of time?

The binary rule of RTime (arXiv 2412.19178), for any data set: a sentence that says a direction is asked with its
opposite (its own in RTime, by a list of phrases elsewhere) about the clip and about the same clip shown from its end.
An encoder that averages frames without their order or their motion gives both showings one vector, and is right of one
of them at most.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import deltaclip
from deltaclip.errors import CaptionError, VideoError
from deltaclip.evaluation.cost import Cost
from deltaclip.evaluation.material import Material
from deltaclip.evaluation.sentence_encoders import SentenceEncoder, cost_of_sentences
from deltaclip.pipeline import Job, Pipeline, usual_workers
from deltaclip.ranking import Interval, bootstrap_means, percent_interval
from deltaclip.reader import read_both_ways
from deltaclip.wording import count, listed

__all__ = ["Opposites", "ReversedEvaluation", "evaluate_reversed"]

LEVEL, SAMPLES, SEED = 0.95, 2000, 0
TIE = 1e-5
"""Scores of unit vectors that differ by less are one: the same frames added in another order differ by rounding."""
WAYS = {
    "v2t_forwards": "the clip, its sentence against the opposite",
    "v2t_backwards": "the clip backwards, the opposite against the sentence",
    "t2v_sentence": "the sentence, the clip against the clip backwards",
    "t2v_opposite": "the opposite, the clip backwards against the clip",
}


@dataclass(frozen=True, slots=True)
class Opposites:
    """Phrases and what is said of the same shown from its end, in lower case.

    ignored: phrases in which nothing is turned round, nor in what overlaps them.
    """

    pairs: dict[str, str] = field(repr=False)
    ignored: frozenset[str] = field(repr=False)

    @classmethod
    def load(cls, file: Path | None = None) -> "Opposites":
        """Those that come with deltaclip, or of a file of that form: `pairs` of phrases, and `ignored` ones.

        Raises CaptionError for a file that has no such form.
        """
        own = files("deltaclip.evaluation").joinpath("opposites.toml")
        try:
            read = tomllib.loads((own if file is None else file).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise CaptionError(
                str(file), f"cannot be read as TOML ({error})", "Give a file with pairs = [...]."
            ) from error
        listed_pairs, ignored = read.get("pairs", []), read.get("ignored", [])
        is_pairs = isinstance(listed_pairs, list) and all(_is_texts(pair) and len(pair) == 2 for pair in listed_pairs)
        if not is_pairs or not listed_pairs or not _is_texts(ignored):
            raise CaptionError(
                str(file), "its `pairs` are not pairs of texts", 'Write pairs = [["left", "right"], ["up", "down"]].'
            )
        told: dict[str, str] = {}
        for one, other in listed_pairs:  # of several opposites the first that is listed counts
            told.setdefault(one.lower(), other.lower())
            told.setdefault(other.lower(), one.lower())
        return cls(told, frozenset(phrase.lower() for phrase in ignored))

    def of(self, sentence: str) -> str | None:
        """What is said of the clip of this sentence shown from its end; None if no phrase of it has an opposite."""
        left_alone = [found.span() for found in _phrases(self.ignored).finditer(sentence)]

        def turned(found: re.Match[str]) -> str:
            said, other = found.group(), self.pairs[found.group().lower()]
            if any(start < found.end() and found.start() < end for start, end in left_alone):
                return said
            return other.capitalize() if said[:1].isupper() else other

        opposite = _phrases(self.pairs).sub(turned, sentence)
        return None if opposite == sentence else opposite


def _phrases(known: Iterable[str]) -> re.Pattern[str]:
    """Finds any of these phrases, the longest that fits; nothing if there are none."""
    words = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    return re.compile(rf"\b(?:{words})\b" if words else r"(?!)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class ReversedEvaluation:
    """The figures of one encoder. right: by way of WAYS, (N,) whether each sentence was answered rightly.

    sentences: (N,) of (video, sentence, opposite). clusters: (N,) the group of each one's video. not_understood: how
    many have no vector of their sentence or of its opposite, which counts as wrong. without: sentences of the split
    that have no opposite, which were not asked. cost: of the encoder, with the frames of both ways. own_pairs: whether
    the opposites are those of the data set.
    """

    dataset: str
    split: str
    encoder: str
    fingerprint: str
    num_frames: int
    sentences: tuple[tuple[str, str, str], ...] = field(repr=False)
    right: dict[str, NDArray[np.bool_]] = field(repr=False)
    clusters: NDArray[np.int64] = field(repr=False)
    not_understood: int
    without: int
    broken: dict[str, str]
    cost: Cost = field(repr=False)
    own_pairs: bool = False

    def share(self, way: str) -> float:
        """Percent of sentences that are answered rightly; of "v2t" and "t2v" the mean of their two ways."""
        return float(self._values(way).mean())

    def interval(self, way: str) -> Interval:
        """95% percentile bootstrap over groups of videos."""
        values = self._values(way)
        [drawn] = bootstrap_means({way: values}, self.clusters, samples=SAMPLES, seed=SEED).values()
        return percent_interval(values, self.clusters, drawn, LEVEL)

    def _values(self, way: str) -> NDArray[np.float64]:
        parts = [right for name, right in self.right.items() if name == way or name.startswith(f"{way}_")]
        return np.asarray(100.0 * np.mean(np.stack(parts).astype(np.float64), axis=0))

    def to_json(self) -> dict[str, Any]:  # Any: json
        """ "v2t", "t2v" and each of WAYS as {"right", "interval"}, chance 50; and how it was made."""
        names = ("v2t", "t2v", *WAYS)
        return {
            **{name: {"right": self.share(name), "interval": list(self.interval(name))} for name in names},
            "chance": 50.0,
            "dataset": self.dataset,
            "split": self.split,
            "encoder": self.encoder,
            "fingerprint": self.fingerprint,
            "num_frames": self.num_frames,
            "version": deltaclip.__version__,
            "cost": self.cost.to_json(),
            "sentences": len(self.sentences),
            "without_opposite": self.without,
            "opposites": "data set" if self.own_pairs else "phrases",
            "not_understood": self.not_understood,
            "drawn": {"level": LEVEL, "samples": SAMPLES, "seed": SEED, "groups": len(np.unique(self.clusters))},
            "broken": [{"video": name, "reason": reason} for name, reason in self.broken.items()],
            "rows": [
                {
                    "video": video,
                    "sentence": sentence,
                    "opposite": opposite,
                    **{name: bool(right[row]) for name, right in self.right.items()},
                }
                for row, (video, sentence, opposite) in enumerate(self.sentences)
            ],
        }

    def lines(self) -> list[str]:
        """For people."""
        told = []
        for name, words in {"v2t": "clips, of two sentences", "t2v": "sentences, of two clips", **WAYS}.items():
            low, high = self.interval(name)
            told.append(f"{name:14} {self.share(name):5.1f}  ({low:.1f} to {high:.1f})  {words}")
        whose = "the data set's own opposites" if self.own_pairs else "opposites by a list of phrases"
        asked = f"{count(len(self.sentences), 'sentence')} of {self.dataset}, split {self.split}, {whose}; chance is 50"
        told.append(f"{asked}; {count(self.without, 'sentence')} without an opposite not asked")
        if self.not_understood:
            told.append(f"{count(self.not_understood, 'sentence')} not understood, which counts as wrong")
        told += [f"left out: {name} ({reason})" for name, reason in self.broken.items()]
        return [
            *told,
            self.cost.line(),
            f"encoder {self.encoder}, fingerprint {self.fingerprint}, {self.num_frames} frames",
        ]


def evaluate_reversed(
    encoder: SentenceEncoder,
    material: Material,
    opposites: Opposites | None = None,
    *,
    allow_missing: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ReversedEvaluation:
    """Asks each sentence that has an opposite, with it, of its clip and of the same clip shown from its end.

    opposites: for material that has none of its own (`Material.opposites`), whose own ones count otherwise; None takes
    the phrases that come with deltaclip.
    Ties are wrong, and so are scores that differ by less than TIE. workers: child processes that read, None for the
    usual number. progress is called with (videos done, videos in all). Raises ValueError for opposites of both kinds,
    CaptionError if no sentence has an opposite, VideoError for videos that cannot be read unless allow_missing leaves
    them out.
    """
    if material.opposites is not None and opposites is not None:
        raise ValueError(f"{material.dataset} has its own opposites: leave others out")
    listed_ones = Opposites.load() if opposites is None else opposites
    said = list(enumerate(material.opposites or [listed_ones.of(text) for text in material.texts]))
    asked = [(number, opposite) for number, opposite in said if opposite is not None]
    if not asked:
        what = f"{material.dataset}, split {material.split}"
        raise CaptionError(what, "no sentence of it has an opposite", "Give more pairs with --opposites FILE.")
    owner = material.owner.tolist()
    wanted = list(dict.fromkeys(owner[number] for number, _ in asked))
    vectors, broken = _both_ways(encoder, material, wanted, usual_workers() if workers is None else workers, progress)
    if broken and (not allow_missing or len(broken) == len(wanted)):
        found = (
            f"{count(len(broken), 'video')} cannot be read: {listed([f'{n} ({r})' for n, r in broken.items()], '; ')}"
        )
        raise VideoError(
            material.dataset, found, "Fetch them again, or allow_missing (--allow-missing) leaves them out."
        )
    kept = [(number, opposite) for number, opposite in asked if owner[number] in vectors]
    own = encoder.encode_sentences([material.texts[number] for number, _ in kept])
    other = encoder.encode_sentences([opposite for _, opposite in kept])
    right = {way: np.zeros(len(kept), bool) for way in WAYS}
    not_understood = 0
    for row, (number, _) in enumerate(kept):
        one, opposite = own[row], other[row]
        if one is None or opposite is None:
            not_understood += 1
            continue
        scores = vectors[owner[number]].astype(np.float64) @ np.stack([one, opposite]).astype(np.float64).T
        right["v2t_forwards"][row] = scores[0, 0] - scores[0, 1] > TIE
        right["v2t_backwards"][row] = scores[1, 1] - scores[1, 0] > TIE
        right["t2v_sentence"][row] = scores[0, 0] - scores[1, 0] > TIE
        right["t2v_opposite"][row] = scores[1, 1] - scores[0, 1] > TIE
    return ReversedEvaluation(
        dataset=material.dataset,
        split=material.split,
        encoder=encoder.name,
        fingerprint=encoder.fingerprint,
        num_frames=encoder.reader_spec.num_frames,
        sentences=tuple((material.videos[owner[n]], material.texts[n], opposite) for n, opposite in kept),
        right=right,
        clusters=material.clusters[[owner[number] for number, _ in kept]],
        not_understood=not_understood,
        without=len(said) - len(asked),
        broken=broken,
        own_pairs=material.opposites is not None,
        cost=cost_of_sentences(encoder, [material.texts[n] for n, _ in kept], vectors[owner[kept[0][0]]], clips=2.0),
    )


def _both_ways(
    encoder: SentenceEncoder,
    material: Material,
    wanted: Sequence[int],
    workers: int,
    progress: Callable[[int, int], None],
) -> tuple[dict[int, NDArray[np.float32]], dict[str, str]]:
    """The vectors of each video by number, (2, D), forwards and backwards, and why others cannot be read, by name."""
    vectors: dict[int, NDArray[np.float32]] = {}
    broken: dict[str, str] = {}
    jobs = (Job(number, material.paths[number], (encoder.reader_spec,)) for number in wanted)
    with Pipeline(read_both_ways, workers) as pipeline:
        for done, (job, clips) in enumerate(pipeline.read(jobs), 1):
            try:
                vectors[job.key] = encoder.encode_clips(list(clips))
            except VideoError as error:
                broken[material.videos[job.key]] = error.reason.rstrip(".")
            progress(done, len(wanted))
    return vectors, broken


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each.strip() for each in value)
