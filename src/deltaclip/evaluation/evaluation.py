"""One evaluation from start to end: vectors, ranks, figures with intervals, and how they were made."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deltaclip.captions import CaptionSet
from deltaclip.encoder import Encoder
from deltaclip.errors import CaptionError
from deltaclip.evaluation.bootstrap import RetrievalIntervals, retrieval_intervals
from deltaclip.evaluation.cost import Cost, cost_of_vectors
from deltaclip.evaluation.encoding import MaterialVectors, encode_texts
from deltaclip.evaluation.postprocess import DualSoftmax, PostProcessing, QueryBank, processed_blocks, rank_vectors
from deltaclip.evaluation.protocol import Protocol, protocol_of
from deltaclip.evaluation.result import BothWays, RetrievalResult, recalls_in_words, result_of
from deltaclip.evaluation.scored import NamedPairs, Scored, query_names
from deltaclip.evaluation.vector_cache import VectorCache
from deltaclip.ranking import Ranking

__all__ = ["Evaluation", "best_of", "evaluate_material", "post_processing"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Evaluation(BothWays):
    """A result with everything that it depends on.

    retrieval, intervals: the figures. protocol: how they were made. ranking: the rank of each query. vectors, post:
    what was ranked. others: (encoder, fingerprint, R@1 of t2v) of the encoders that this one was chosen among.
    right_group: of drawn clips, percent of texts whose first video holds the right objects, whichever of them moves; a
    third of it is what an encoder that does not see motion reaches as R@1. None elsewhere.
    cost: parameters, operations a video and time a query; None if it was not measured.
    """

    retrieval: RetrievalResult
    intervals: RetrievalIntervals
    protocol: Protocol
    ranking: Ranking = field(repr=False)
    vectors: MaterialVectors = field(repr=False)
    post: PostProcessing | None = None
    others: tuple[tuple[str, str, float], ...] = ()
    right_group: float | None = None
    cost: Cost | None = None

    def __repr__(self) -> str:
        made = f"{self.protocol.dataset} {self.protocol.split}, {self.protocol.encoder}"
        return f"Evaluation({made}: {recalls_in_words(self.retrieval)})"

    @property
    def scored(self) -> Scored:
        """What was ranked by which scores, with names, to be saved."""
        vectors, material = self.vectors, self.vectors.material
        named = NamedPairs(
            material.videos,
            query_names(material.videos, material.owner),
            material.owner,
            material.texts,
            material.groups,
        )
        return Scored(named, processed_blocks(vectors.texts, vectors.videos, vectors.owner, self.post))

    @property
    def coverage(self) -> float:
        """Share of the picture that the mask holds, mean over videos."""
        return float(self.vectors.coverage.mean())

    def to_json(self) -> dict[str, Any]:  # Any: json
        """The figures of `RetrievalResult`, "intervals", "cost", "protocol", "fallback", "coverage", "missing".

        "missing" lists the videos that were not ranked: {"video", "reason"}; "notes", which is there if files need any,
        what is worth knowing of those that were: {"video", "text"}. "candidates" lists the encoders, if the
        best of several was taken; "right_group" is there for drawn clips.
        """
        broken = self.vectors.broken
        document = {
            **self.retrieval.to_json(),
            "intervals": self.intervals.to_json(),
            "cost": self.cost and self.cost.to_json(),
            "protocol": self.protocol.to_json(),
            "fallback": self.vectors.fallback,
            "coverage": self.coverage,
            "missing": [
                {"video": name, "reason": broken.get(name, "no such file")} for name in self.vectors.material.missing
            ],
        }
        if self.vectors.notes:
            document["notes"] = [
                {"video": name, "text": text} for name, texts in self.vectors.notes.items() for text in texts
            ]
        if self.right_group is not None:
            document["right_group"] = self.right_group
        if self.others:
            names = ("encoder", "fingerprint", "R1")
            document["candidates"] = [dict(zip(names, other, strict=True)) for other in self.others]
        return document


def evaluate_material(
    encoder: Encoder, vectors: MaterialVectors, post: PostProcessing | None = None, *, with_cost: bool = True
) -> Evaluation:
    """Ranks vectors that this encoder made, both ways. with_cost: measures that too, by a second of queries at most."""
    material = vectors.material
    ranking = rank_vectors(vectors.texts, vectors.videos, vectors.owner, post)
    return Evaluation(
        retrieval=result_of(ranking),
        intervals=retrieval_intervals(ranking, vectors.owner, material.clusters if material.groups else None),
        protocol=protocol_of(encoder, vectors, post),
        ranking=ranking,
        vectors=vectors,
        post=post,
        cost=cost_of_vectors(encoder, material.texts, vectors.videos) if with_cost else None,
    )


def best_of(evaluations: Sequence[Evaluation]) -> Evaluation:
    """The one with the highest R@1 of t2v, the first of equals; of several it is marked as chosen on its split."""
    best = max(evaluations, key=lambda evaluation: evaluation.retrieval.t2v.R1)
    if len(evaluations) == 1:
        return best
    others = tuple((one.protocol.encoder, one.protocol.fingerprint, one.retrieval.t2v.R1) for one in evaluations)
    return replace(best, protocol=best.protocol.chosen(best.protocol.split, len(evaluations)), others=others)


def post_processing(
    name: str, encoder: Encoder, captions: CaptionSet, split: str, cache: VectorCache | None = None
) -> PostProcessing | None:
    """The re-weighing of that name: `none`, `dsl` (`DualSoftmax`) or `qbnorm` (`QueryBank`).

    The bank of `qbnorm` are all captions of the split `train`; of training videos there is none, so that V2T stays as
    it is. Raises CaptionError if these captions are missing, or are the evaluated ones.
    """
    if name == "none":
        return None
    if name == "dsl":
        return DualSoftmax()
    train = captions.splits.get("train")
    if split == "train" or train is None or not train.captions:
        found = "qbnorm needs the captions of the split train" + (", and no others" if split == "train" else "")
        raise CaptionError(captions.dataset, found, "Evaluate a different split, with the training captions beside it.")
    return QueryBank(encode_texts(encoder, [caption.text for caption in train.captions], cache).vectors)
