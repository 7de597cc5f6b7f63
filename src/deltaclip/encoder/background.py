"""Background sentences: what nobody asked, to tell how well any sentence fits any moment."""

import contextlib
import io
from collections.abc import Callable, Sequence
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from deltaclip.durable import write_bytes_whole
from deltaclip.folders import default_cache_path
from deltaclip.motion_words import said_phrases

__all__ = ["LITTLE_WORDS", "drawn_sentences", "general_sentences", "kept_vectors", "motion_sentences"]

LITTLE_WORDS = frozenset(
    ("a", "an", "and", "are", "as", "at", "by", "for", "from", "in", "is", "it", "its", "of", "on", "or", "the", "to")
)
"""Those that say nothing by themselves."""
VERSION = 1
"""Changes with any of the sentences."""
DRAWN_SEED = 271_828
"""Of a world that nobody trains or tests on."""
TEMPLATES = 2
"""Of each kind of motion."""


def general_sentences() -> tuple[str, ...]:
    """Captions of everyday films of all kinds."""
    return _lines("background.txt")


def drawn_sentences() -> tuple[str, ...]:
    """Captions of drawn clips, of the world DRAWN_SEED, for encoders that know nothing else."""
    return _lines("background_drawn.txt")


def motion_sentences() -> tuple[str, ...]:
    """Sentences of all kinds of motion that a motion encoder learns."""
    return said_phrases(TEMPLATES)


def kept_vectors(
    fingerprint: str,
    dimension: int,
    sentences: Callable[[], Sequence[str]],
    encode: Callable[[Sequence[str]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """The vectors of sentences, (M, dimension) float32: encoded once, then kept in the user's cache folder.

    fingerprint: of their encoder. Without a cache folder that can be written they are encoded each time.
    """
    file = default_cache_path() / "background" / f"{fingerprint}-{VERSION}.npy"
    with contextlib.suppress(OSError, ValueError, EOFError):  # not kept yet, or damaged: made again
        found = np.load(file, allow_pickle=False)
        lengths = np.linalg.norm(found, axis=1) if found.ndim == 2 else np.zeros(1)
        if found.dtype == np.float32 and found.shape[1:] == (dimension,) and np.allclose(lengths, 1, atol=1e-3):
            return np.asarray(found)
    made = encode(sentences())
    stream = io.BytesIO()
    np.save(stream, made, allow_pickle=False)
    with contextlib.suppress(OSError):
        write_bytes_whole(file, stream.getvalue())
    return made


def _lines(name: str) -> tuple[str, ...]:
    return tuple(files("deltaclip.encoder").joinpath(name).read_text("utf-8").splitlines())
