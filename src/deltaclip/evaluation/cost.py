"""What figures cost: parameters, operations a video, and time a query, so that accuracy is never shown without them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder import Encoder, EngineCosts

__all__ = ["COST_COLUMNS", "FLOAT_BYTES", "NO_COST", "Cost", "QueryTime", "cost_of_vectors", "spread_texts", "timed"]
__all__ += ["times_encoded"]

Asked = TypeVar("Asked")
Made = TypeVar("Made")

MOST_QUERIES = 20
MOST_SECONDS = 1.0
"""No more queries are timed after it: a large encoder on a slow machine must not make an evaluation wait."""
FLOAT_BYTES = 4

COST_COLUMNS = ("params (M)", "GFLOPs a video", "ms a query")
NO_COST = ("-", "-", "-")
"""In these columns, of a result whose cost is not known."""


@dataclass(frozen=True, slots=True)
class QueryTime:
    """text_ms, score_ms: medians of encoding one text alone, and of scoring it. queries: how many were timed."""

    text_ms: float
    score_ms: float
    queries: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What an encoder and a way of scoring cost, as measured in this run.

    model: parameters, and operations of all that is encoded of a video; None for an engine that cannot tell. time: of
    queries, one at a time, without post-processing. gallery: videos, clips or moments that each query was scored
    against. num_frames: of a clip. vectors, size_bytes: kept of a video, mean over the gallery. device: of the encoder.
    clips: of a video, each sampled apart. indexable: False if a library cannot search what is kept.
    """

    model: EngineCosts | None
    time: QueryTime
    gallery: int
    num_frames: int
    vectors: float
    size_bytes: float
    device: str
    clips: float = 1.0
    indexable: bool = True

    @property
    def query_ms(self) -> float:
        """Encoding one text and scoring it against the gallery."""
        return self.time.text_ms + self.time.score_ms

    def to_json(self) -> dict[str, Any]:  # Any: json
        """The figures by name; those of the model are null if the engine cannot tell."""
        model = self.model
        return {
            "parameters": model and model.parameters,
            "image_encoder_parameters": model and model.image_parameters,
            "gflops_a_video": model and model.video_flops / 1e9,
            "num_frames": self.num_frames,
            "clips_a_video": self.clips,
            "ms_a_query": self.query_ms,
            "ms_encoding_text": self.time.text_ms,
            "ms_scoring": self.time.score_ms,
            "timed_queries": self.time.queries,
            "gallery": self.gallery,
            "device": self.device,
            "text_precision": model and model.text_precision,
            "vectors_a_video": self.vectors,
            "bytes_a_video": self.size_bytes,
            "indexable": self.indexable,
        }

    def line(self) -> str:
        """For people, to be printed under a table."""
        model, taken = self.model, self.time
        of_model = "parameters and GFLOPs not known of this engine"
        if model is not None:
            image = "" if model.image_parameters is None else f" (image encoder {_millions(model.image_parameters)} M)"
            several = "" if self.clips == 1 else f"{self.clips:,.3g} clips of "
            of_model = (
                f"{_millions(model.parameters)} M parameters{image}, {_giga(model.video_flops)} GFLOPs a video of "
                f"{several}{self.num_frames} frames"
            )
        texts = "" if model is None else f", texts in {model.text_precision}"
        kept = f"{self.vectors:,.3g} vector{'' if self.vectors == 1 else 's'}, {self.size_bytes:,.0f} bytes a video"
        parts = f"text {_milliseconds(taken.text_ms)}, {self.gallery:,} scores {_milliseconds(taken.score_ms)}"
        how = f"medians of {taken.queries:,}, one at a time, on {self.device}{texts}"
        return f"cost: {of_model}; {_milliseconds(self.query_ms)} ms a query ({parts}; {how}); {kept}"

    def cells(self) -> tuple[str, str, str]:
        """In COST_COLUMNS."""
        if self.model is None:
            return ("-", "-", _milliseconds(self.query_ms))
        return (_millions(self.model.parameters), _giga(self.model.video_flops), _milliseconds(self.query_ms))

    def of_segments(
        self, segments: int, score: Callable[[NDArray[np.float32]], object], texts: NDArray[np.float32]
    ) -> "Cost":
        """The same encoder, of which each video has several vectors: scores timed anew, texts as they were.

        segments: of all videos. score: of one text's vector (D,). texts: (Q, D).
        """
        share = segments / self.gallery
        taken = timed(lambda row: row, score, spread_texts(list(texts)))
        return replace(
            self,
            model=times_encoded(self.model, share),
            time=replace(self.time, score_ms=taken.score_ms),
            clips=self.clips * share,
            vectors=self.vectors * share,
            size_bytes=self.size_bytes * share,
        )


def cost_of_vectors(encoder: Encoder, texts: Sequence[str], videos: NDArray[np.float32]) -> Cost:
    """The cost of one vector a video. texts: those that were ranked. videos: (V, D), the gallery."""
    taken = timed(lambda text: encoder.encode_texts([text])[0], lambda vector: videos @ vector, spread_texts(texts))
    return Cost(
        model=encoder.costs(),
        time=taken,
        gallery=len(videos),
        num_frames=encoder.reader_spec.num_frames,
        vectors=1.0,
        size_bytes=float(videos.shape[1] * FLOAT_BYTES),
        device=encoder.device,
    )


def times_encoded(model: EngineCosts | None, clips: float) -> EngineCosts | None:
    """The same with the operations of so many clips of a video."""
    return None if model is None else replace(model, video_flops=round(model.video_flops * clips))


def spread_texts(texts: Sequence[Asked]) -> list[Asked]:
    """MOST_QUERIES of these, from first to last, or all."""
    places = np.linspace(0, len(texts) - 1, min(MOST_QUERIES, len(texts))).round().astype(int)
    return [texts[place] for place in places.tolist()]


def timed(encode: Callable[[Asked], Made], score: Callable[[Made], object], queries: Sequence[Asked]) -> QueryTime:
    """Medians over these queries, one at a time; the first is done once before, so that nothing is made ready in it."""
    score(encode(queries[0]))
    text_ms, score_ms = [], []
    begun = time.perf_counter()
    for query in queries:
        start = time.perf_counter()
        vector = encode(query)
        between = time.perf_counter()
        score(vector)
        end = time.perf_counter()
        text_ms.append(1000 * (between - start))
        score_ms.append(1000 * (end - between))
        if end - begun > MOST_SECONDS:
            break
    return QueryTime(float(np.median(text_ms)), float(np.median(score_ms)), len(text_ms))


def _millions(number: int) -> str:
    return _digits(number / 1e6)


def _giga(number: int) -> str:
    return _digits(number / 1e9)


def _digits(number: float) -> str:
    """Three digits and no more, as of a measurement; whole numbers from a thousand on."""
    return f"{number:,.1f}" if 100 <= number < 1000 else f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def _milliseconds(number: float) -> str:
    return f"{number:.2g}" if number < 0.1 else f"{number:.2f}" if number < 10 else f"{number:,.1f}"
