"""Videos found by token-wise interaction, for evaluation alone, beside one mean a video, which a library can search."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder import Encoder, TokenWeights
from deltaclip.evaluation.against_mean import AgainstMean, ranked_against
from deltaclip.evaluation.cost import FLOAT_BYTES, Cost, spread_texts, timed
from deltaclip.evaluation.evaluation import Evaluation
from deltaclip.evaluation.material import Material
from deltaclip.evaluation.postprocess import DualSoftmax, processed_matrix
from deltaclip.evaluation.token_scores import PartRows, part_rows, token_scores
from deltaclip.pipeline import Job, Pipeline, single, usual_workers
from deltaclip.reader import Clip, read_video

__all__ = [
    "InteractionEvaluation",
    "InteractionWord",
    "by_interaction",
    "encode_frame_rows",
    "evaluate_interaction",
]

InteractionWord = Literal["token", "weighted-token"]
TEXTS_AT_ONCE = 256


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class InteractionEvaluation(AgainstMean):
    """The figures of token-wise interaction, and those of one mean a video, of the same videos and captions.

    Not for a library: every frame of a video is compared with every token of a text.
    """

    @property
    def way(self) -> str:
        """See `AgainstMean`."""
        interaction = self.protocol.interaction or {}
        return f"{interaction.get('name')} interaction"

    def lines(self) -> list[str]:
        """For people, beside its figures."""
        return [self.gain_line()]


def encode_frame_rows(
    encoder: Encoder,
    material: Material,
    weights: TokenWeights | None = None,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> PartRows:
    """The frames of all videos, each sampled over the whole of it. weights: None weighs them alike.

    workers: child processes that read, None for the usual number. progress: called with (videos done, videos in all).
    Raises VideoError for a file that cannot be read, EngineError for an engine that gives vectors alone.
    """

    def clips() -> Iterator[Clip]:
        jobs = (Job(number, path, (encoder.reader_spec,)) for number, path in enumerate(material.paths, 1))
        with Pipeline(single(read_video), usual_workers() if workers is None else workers) as pipeline:
            for job, found in pipeline.read(jobs):
                yield from found
                progress(job.key, len(material.paths))

    return part_rows(encoder.encode_frames(clips()), None if weights is None else weights.of_frames)


def evaluate_interaction(
    encoder: Encoder,
    whole: Evaluation,
    frames: PartRows,
    weights: TokenWeights | None = None,
    post: DualSoftmax | None = None,
) -> InteractionEvaluation:
    """Ranks the videos of an evaluation by tokens and frames.

    encoder: that of the evaluation. whole: by one mean a video, with the same `post`. frames: of the same videos in the
    same order, made with the same weights; None weighs all tokens alike, as TI does.
    """
    texts = whole.vectors.material.texts
    scores = np.concatenate(
        [
            token_scores(_tokens(encoder, texts[start : start + TEXTS_AT_ONCE], weights), frames)
            for start in range(0, len(texts), TEXTS_AT_ONCE)
        ]
    )
    vectors = len(frames.rows) / len(frames.starts)
    interaction: dict[str, str | float] = {
        "name": "token-wise" if weights is None else "weighted token-wise",
        "vectors_a_video": vectors,
    }
    if weights is not None:
        interaction["weights"] = weights.digest
    return InteractionEvaluation(
        **ranked_against(whole, processed_matrix(scores, whole.vectors.owner, post)),
        protocol=replace(whole.protocol, pooling="none", interaction=interaction),
        cost=_cost(encoder, whole, frames, weights),
    )


def by_interaction(
    encoder: Encoder,
    whole: Evaluation,
    word: InteractionWord,
    post: DualSoftmax | None = None,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> InteractionEvaluation:
    """Encodes and ranks the videos of an evaluation: see `encode_frame_rows` and `evaluate_interaction`.

    word: `token` weighs all tokens and frames alike, `weighted-token` by the encoder's weights. Raises CheckpointError
    for an encoder without weights.
    """
    weights = encoder.need_token_weights() if word == "weighted-token" else None
    frames = encode_frame_rows(encoder, whole.vectors.material, weights, workers=workers, progress=progress)
    return evaluate_interaction(encoder, whole, frames, weights, post)


def _tokens(encoder: Encoder, texts: tuple[str, ...], weights: TokenWeights | None) -> PartRows:
    return part_rows(encoder.encode_tokens(texts), None if weights is None else weights.of_tokens)


def _cost(encoder: Encoder, whole: Evaluation, frames: PartRows, weights: TokenWeights | None) -> Cost | None:
    """That of one mean, with what is different: all frames are kept, and all are compared."""
    if whole.cost is None:
        return None

    def encode(text: str) -> PartRows:
        return _tokens(encoder, (text,), weights)

    def score(tokens: PartRows) -> NDArray[np.float32]:
        return token_scores(tokens, frames)

    kept = frames.rows.nbytes + (0 if weights is None else FLOAT_BYTES * len(frames.weights))
    model = whole.cost.model
    return replace(
        whole.cost,
        # One text alone as well goes through the engine's own text encoder, which alone gives its tokens.
        model=model and replace(model, text_precision=encoder.text_precision),
        time=timed(encode, score, spread_texts(whole.vectors.material.texts)),
        vectors=len(frames.rows) / len(frames.starts),
        size_bytes=kept / len(frames.starts),
        indexable=False,
    )
