"""Whether questions without motion words rank moments by both as by appearance alone: the same moments, to the bit."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from deltaclip.encoder import Encoder, MotionEncoder
from deltaclip.library import Hit, Library

__all__ = ["unmoved"]


def unmoved(paths: Iterable[Path], texts: Iterable[str], encoder: Encoder, motion: MotionEncoder) -> Iterator[bool]:
    """Of each text, whether all moments of these files come in the same order with the same scores both ways."""
    with (
        tempfile.TemporaryDirectory(prefix="deltaclip-bench-") as folder,
        Library.open(Path(folder) / "library", encoder, motion_encoder=motion, create=True) as library,
    ):
        library.index(paths)
        number = sum(1 for _ in library.moments())
        for text in texts:
            ways = [library.search(text, number, by=by) for by in ("appearance", "both")]
            yield _scored(ways[0]) == _scored(ways[1])


def _scored(hits: list[Hit]) -> list[tuple[str, float]]:
    return [(hit.id, hit.score) for hit in hits]
