"""What becomes of hits before people see them: how relevant each is, and which of them are one moment."""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import CheckpointError, LibraryError
from deltaclip.library.folding import groups_of_hits
from deltaclip.library.moments import are_unit
from deltaclip.library.protocols import HasBackground, HasWords
from deltaclip.library.relevance import SAMPLED, Scale, bands, joined_shares, shares_of_motion
from deltaclip.library.results import Hit
from deltaclip.library.store import Sides, Store

__all__ = ["Judge", "prepare_relevance"]

Encoders = Callable[[], object]
FRESH_SECONDS = 60.0
"""How long what is known of a large library is used although it has grown since: while videos are indexed there is a
commit a second, and what 20,000 moments tell takes 0.2 s of a core to learn."""


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """Vectors of some moments, (N, D), of one version of a library. mean: (D,), of them. since: when they were read."""

    version: str
    looks: NDArray[np.float32]
    mean: NDArray[np.float32]
    since: float

    def holds(self, version: str) -> bool:
        """Whether it is good enough for that version."""
        is_large = len(self.looks) >= SAMPLED
        return self.version == version or (is_large and time.monotonic() < self.since + FRESH_SECONDS)


def prepare_relevance(encoder: object) -> None:
    """Has an encoder make the vectors of its background sentences, which it keeps, so that no search waits for them."""
    if isinstance(encoder, HasBackground):
        with contextlib.suppress(CheckpointError):  # without a tokenizer no text is asked
            encoder.background_vectors()


class Judge:
    """Tells the relevance of a library's hits; what that takes is kept until the next commit, in a large library for
    FRESH_SECONDS. Any thread may use it."""

    def __init__(self, store: Store, encoder: Encoders, motion_encoder: Encoders) -> None:
        """encoder, motion_encoder: load those that encode the texts, which may know no background sentences."""
        self._store = store
        self._encoder, self._motion_encoder = encoder, motion_encoder
        self._sample: _Sample | None = None
        self._scale: tuple[_Sample, Scale] | None = None
        self._turn = threading.Lock()

    def rated(self, text: str, hits: Sequence[Hit], weight: float | None) -> list[Hit]:
        """The hits of a text, each with its relevance, if there are background sentences to tell it by.

        weight: of motion beside appearance, or any number if the text asks by motion alone; None without motion. If the
        encoder knows no word of the text, nothing is relevant by appearance.
        """
        if not hits:
            return []
        found = self._store.sides_of([hit.id for hit in hits], moves=weight is not None)
        looks = self._shares_of_looks(text, hits, found) if hits[0].appearance is not None else None
        moves = None if weight is None else self._shares_of_moves(hits, found)
        if looks is not None and moves is not None:
            shares = joined_shares(looks, moves, weight or 0.0)
        elif (one := looks if moves is None else moves) is not None:
            shares = one
        else:
            return list(hits)
        rated = zip(hits, bands(shares), strict=True)
        return [replace(hit, relevance=band, folded=tuple(self.rated(text, hit.folded, weight))) for hit, band in rated]

    def folded(self, limit: int, find: Callable[[int], list[Hit]]) -> list[Hit]:
        """The best `limit` hits of different moments, each with those that show the same one in its `folded`.

        find: gives so many hits, best first.
        """
        wanted = limit
        while (hits := find(wanted)) and (some := self._sample_now()) is not None:
            groups = groups_of_hits(hits, self._sides_of(hits), some.mean)
            if len(groups) >= limit or len(hits) < wanted:
                made = [(hits[best], tuple(hits[other] for other in others)) for best, *others in groups[:limit]]
                return [replace(hit, folded=others) for hit, others in made]
            wanted *= 2
        return hits[:limit]

    def _sides_of(self, hits: Sequence[Hit]) -> Sides:
        """The vectors of hits; a library whose motion vectors are lost can still be searched by appearance."""
        ids = [hit.id for hit in hits]
        try:
            return self._store.sides_of(ids, moves=True)
        except LibraryError:
            return self._store.sides_of(ids, moves=False)

    def _shares_of_looks(self, text: str, hits: Sequence[Hit], found: Sides) -> NDArray[np.float64] | None:
        encoder = self._encoder()
        if not isinstance(encoder, HasBackground) or found.looks is None:
            return None
        if isinstance(encoder, HasWords) and not encoder.knows_a_word(text):
            return np.ones(len(hits))
        if (scale := self._scale_now(encoder)) is None:
            return None
        return scale.shares(found.looks, np.array([hit.appearance for hit in hits], np.float32))

    def _shares_of_moves(self, hits: Sequence[Hit], found: Sides) -> NDArray[np.float64] | None:
        encoder = self._motion_encoder()
        if not isinstance(encoder, HasBackground) or found.moves is None:
            return None
        scores = np.array([hit.motion for hit in hits], np.float32)  # None becomes NaN
        return shares_of_motion(found.moves, scores, encoder.background_vectors())

    def _scale_now(self, encoder: HasBackground) -> Scale | None:
        """None if all moments have gone since."""
        if (some := self._sample_now()) is None:
            return None
        with self._turn:
            if self._scale is None or self._scale[0] is not some:
                self._scale = some, Scale.of(some.looks, encoder.background_vectors())
            return self._scale[1]

    def _sample_now(self) -> _Sample | None:
        """Of the library as it is now; None if all moments have gone since."""
        with self._turn:
            version = self._store.version()
            if self._sample is None or not self._sample.holds(version):
                try:
                    looks = self._store.sample(SAMPLED, moves=False).looks
                except ValueError:
                    return None
                assert looks is not None, "every moment has a vector of appearance"
                sound = are_unit(looks)  # one that is damaged would spoil the scale
                if not sound.any():
                    return None
                looks = looks if sound.all() else looks[sound]
                self._sample = _Sample(version, looks, looks.mean(axis=0), time.monotonic())
            return self._sample
