"""What computes vectors: the interface under `Encoder`, which is all that the other rooms see of a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from deltaclip.channels import CHANNELS
from deltaclip.model import FAMILIES, ModelFacts

__all__ = ["Engine", "EngineCosts", "Inputs", "SlowEngine", "TokenEngine"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an engine's model takes.

    image_size: S, pixels of a side of a frame. context_length: longest row of token ids, begin and end included.
    begin, end, pad: token ids. motion_acts: False if no motion channel can change a vector, so that no mask is needed.
    num_channels: C of the frames it takes, as in `channels.channels_of`. max_frames: of a clip; None for any number.
    begin: None for texts that begin at once. whole_rows: rows of token ids have context_length always. fit: a name in
    `reader.FITS`.
    """

    image_size: int
    context_length: int
    begin: int | None
    end: int
    pad: int
    motion_acts: bool = True
    num_channels: int = len(CHANNELS)
    max_frames: int | None = None
    whole_rows: bool = False
    fit: str = "crop"

    @classmethod
    def of(cls, facts: ModelFacts) -> "Inputs":
        """What a model takes of which these facts are known."""
        spec, family = facts.spec, FAMILIES[facts.family]
        return cls(
            image_size=spec.image_size,
            context_length=spec.context_length,
            begin=spec.begin,
            end=spec.end,
            pad=spec.pad,
            motion_acts=facts.alpha == "trained",
            num_channels=facts.num_channels,
            max_frames=facts.max_frames,
            whole_rows=family.whole_rows,
            fit=family.fit,
        )

    @property
    def around(self) -> int:
        """How many tokens a row has besides those of the text."""
        return 1 if self.begin is None else 2


@dataclass(frozen=True, slots=True)
class EngineCosts:
    """What an encoder computes with, whatever runs it.

    parameters: of the whole model; image_parameters: of its image encoder, None for an encoder without one.
    video_flops: floating-point operations of one video, see `model.video_flops`. text_precision: in which, and by what,
    one text alone is encoded.
    """

    parameters: int
    image_parameters: int | None
    video_flops: int
    text_precision: str


@runtime_checkable
class Engine(Protocol):
    """A model, ready to run on its device. `str(engine)` says in a few words where and how it runs."""

    @property
    def inputs(self) -> Inputs:
        """What the model takes."""

    @property
    def dimension(self) -> int:
        """D, length of a vector."""

    @property
    def digest(self) -> str:
        """Hexadecimal digits that change with anything that changes what vector bytes or token ids get.

        Two engines of one model have the same digest: device and float precisions only round a vector. int8 is told
        apart.
        """

    @property
    def kept_precision(self) -> str | None:
        """The precision if it is part of the digest, so that whoever loads the encoder again has to ask for it."""

    @property
    def device(self) -> str:
        """Where it runs, such as cpu or cuda:1."""

    @property
    def precision(self) -> str:
        """Of the matrix products, such as float32 or bfloat16."""

    @property
    def rounding(self) -> str:
        """What else decides the last digits of a vector: the precision, with the engine if it is not torch."""

    @property
    def facts(self) -> Mapping[str, Any]:  # Any: JSON
        """What `deltaclip info` tells of it: a JSON object with device and precision."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that its users should read, such as that a precision is not used and why."""

    def costs(self, num_frames: int, keep: float = 1.0) -> EngineCosts | None:
        """Its model's costs, of videos of so many frames; None for an engine that cannot tell. keep: as below."""

    def video_vectors(
        self, frames: NDArray[np.uint8], lengths: Sequence[int], keep: float = 1.0
    ) -> NDArray[np.float32]:
        """One vector for each clip: float32 (B, D), unit rows.

        frames: uint8 (N, C, S, S), the frames of all clips in a row, C is `inputs.num_channels`, not
        normalised. lengths: B numbers of frames, N in all. keep: share of the patches, as in `EncoderSpec`.
        """

    def text_vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """One vector for each row of token ids: float32 (Q, D), unit rows.

        ids: int64 (Q, L), L at most `context_length`, or just that if `inputs.whole_rows`.
        """


@runtime_checkable
class TokenEngine(Protocol):
    """An engine that also tells what a vector is made of, for token-wise interaction."""

    def frame_parts(self, frames: NDArray[np.uint8], lengths: Sequence[int], keep: float = 1.0) -> NDArray[np.float32]:
        """Features of frames as they are pooled, after a temporal head: (N, D), of no particular length.

        The arguments are those of `Engine.video_vectors`.
        """

    def token_parts(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Features of all tokens, padding among them, each as a text's feature is made: (Q, L, D).

        ids: as of `Engine.text_vectors`.
        """


class SlowEngine(Engine):
    """Base of engines that are made ready when they are first needed.

    They are told by this class: an object that is compared with a Protocol is asked for all of its properties.
    """
