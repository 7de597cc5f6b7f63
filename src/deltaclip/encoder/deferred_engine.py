"""The engine of an encoder about which nothing was chosen: few texts in numpy, all else where it is fastest.

A cold search in words then waits neither for torch nor for the image encoder, which it does not need.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder.engine import EngineCosts, Inputs, SlowEngine
from deltaclip.model import TextTower

__all__ = ["FEW_TEXTS", "DeferredEngine"]

FEW_TEXTS = 16
"""So many at once are encoded in numpy: a question or some of them. torch is faster with the captions of a data set."""


class DeferredEngine(SlowEngine):
    """An `Engine` over a second one, which is made when frames come, many texts, or somebody asks how it runs.

    Up to FEW_TEXTS texts at once are encoded in numpy in float32, whether the second engine is there or not, so that
    a text has one vector.
    """

    kept_precision = None  # only int8 is kept, which is chosen

    def __init__(
        self,
        texts: TextTower,
        inputs: Inputs,
        digest: str,
        *,
        make: Callable[[], Any] | None = None,  # Any: an Engine; compared with that Protocol it would be made ready
        made: Any = None,
    ) -> None:
        """texts: the model's text encoder. make: gives the second engine, of the same model. made: that engine, if it
        is there already.
        """
        self._texts = texts
        self._make = make
        self._made = made
        self._making = threading.Lock()
        self._inputs = inputs
        self._digest = digest

    def __str__(self) -> str:
        return str(self._engine)

    @property
    def inputs(self) -> Inputs:
        """See `Engine`."""
        return self._inputs

    @property
    def dimension(self) -> int:
        """See `Engine`."""
        return self._texts.spec.projection_dim

    @property
    def digest(self) -> str:
        """See `Engine`."""
        return self._digest

    @property
    def device(self) -> str:
        """See `Engine`."""
        return str(self._engine.device)

    @property
    def precision(self) -> str:
        """See `Engine`: of images and many texts."""
        return str(self._engine.precision)

    @property
    def rounding(self) -> str:
        """See `Engine`: of images and many texts."""
        return str(self._engine.rounding)

    @property
    def facts(self) -> Mapping[str, Any]:
        """See `Engine`: what the second engine tells, and how few texts are encoded."""
        return {**self._engine.facts, "few_texts": f"up to {FEW_TEXTS} at once in numpy, in float32"}

    @property
    def notes(self) -> tuple[str, ...]:
        """See `Engine`. What is known so far: nothing is made to find out."""
        return () if self._made is None else tuple(self._made.notes)

    def costs(self, num_frames: int, keep: float = 1.0) -> EngineCosts:
        """See `Engine`: those of the second engine, but one text alone is encoded here."""
        costs: EngineCosts = self._engine.costs(num_frames, keep)
        return replace(costs, text_precision="float32 in numpy")

    def video_vectors(
        self, frames: NDArray[np.uint8], lengths: Sequence[int], keep: float = 1.0
    ) -> NDArray[np.float32]:
        """See `Engine`."""
        return np.asarray(self._engine.video_vectors(frames, lengths, keep))

    def text_vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Engine`."""
        if len(ids) <= FEW_TEXTS:
            return self._texts.vectors(ids)
        return np.asarray(self._engine.text_vectors(ids))

    def frame_parts(self, frames: NDArray[np.uint8], lengths: Sequence[int], keep: float = 1.0) -> NDArray[np.float32]:
        """See `TokenEngine`."""
        return np.asarray(self._engine.frame_parts(frames, lengths, keep))

    def token_parts(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `TokenEngine`: of any number of texts by the second engine."""
        return np.asarray(self._engine.token_parts(ids))

    @property
    def _engine(self) -> Any:  # Any: as above
        with self._making:  # any thread may search
            if self._made is None:
                assert self._make is not None, "one of both was given"
                self._made = self._make()
            return self._made
