"""Vectors on disk, so that an evaluation asked for again need not decode a video nor run a model.

One small file for each video, named by a digest of its bytes, and one for each list of texts, in a folder for each
encoder and precision. Files appear whole or not at all, so any number of processes may share a folder.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.durable import write_whole
from deltaclip.encoder import Encoder
from deltaclip.library import Content

__all__ = ["TextVectors", "VectorCache", "VideoVector"]

Arrays = dict[str, NDArray[Any]]
BROKEN = (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError)
"""What reading a damaged .npz raises; a flipped bit fails the checksum that zip keeps."""


@dataclass(frozen=True, slots=True, eq=False)
class VideoVector:
    """One video as an encoder sees it.

    vector: (D,) float32, unit length. coverage: mean share of the picture that the mask holds, 1 without masks.
    fallback: how many frames got the whole picture instead of their mask, by reason. notes: of its file, see `Clip`.
    """

    vector: NDArray[np.float32] = field(repr=False)
    coverage: float
    fallback: Mapping[str, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class TextVectors:
    """vectors: (Q, D) float32, unit rows. cut: how many of the texts were longer than the encoder takes."""

    vectors: NDArray[np.float32] = field(repr=False)
    cut: int


class VectorCache:
    """Vectors below `folder`, by fingerprint, precision and content. Names and times of files do not count.

    warn: is told of entries that cannot be used, which are then made anew, and once of a folder that cannot be written.
    """

    def __init__(self, folder: Path, warn: Callable[[str], None] = lambda text: None) -> None:
        self.folder = folder / "vectors"
        self._warn = warn
        self._writable = True

    def video(self, encoder: Encoder, content: Content) -> VideoVector | None:
        """The vector of a video of that content, or None."""
        names = ("vector", "coverage", "reasons", "counts", "notes")
        arrays = self._read(self._video_path(encoder, content), encoder, names)
        if arrays is None:
            return None
        fallback = dict(zip(arrays["reasons"].tolist(), arrays["counts"].tolist(), strict=True))
        return VideoVector(arrays["vector"], float(arrays["coverage"]), fallback, tuple(arrays["notes"].tolist()))

    def keep_video(self, encoder: Encoder, content: Content, found: VideoVector) -> None:
        """Keeps the vector of a video."""
        reasons = np.array(list(found.fallback), np.str_)
        counts = np.array(list(found.fallback.values()), np.int64)
        arrays: Arrays = {"vector": found.vector, "coverage": np.float64(found.coverage)}  # type: ignore[dict-item]
        arrays |= {"reasons": reasons, "counts": counts, "notes": np.array(found.notes, np.str_)}
        self._write(self._video_path(encoder, content), arrays)

    def texts(self, encoder: Encoder, texts: Sequence[str]) -> TextVectors | None:
        """The vectors of exactly these texts in this order, or None."""
        arrays = self._read(self._texts_path(encoder, texts), encoder, ("vector", "cut"))
        if arrays is None or len(arrays["vector"]) != len(texts):
            return None
        return TextVectors(arrays["vector"], int(arrays["cut"]))

    def keep_texts(self, encoder: Encoder, texts: Sequence[str], found: TextVectors) -> None:
        """Keeps the vectors of texts."""
        self._write(self._texts_path(encoder, texts), {"vector": found.vectors, "cut": np.array(found.cut)})

    def _shelf(self, encoder: Encoder) -> Path:
        # Rounding differs: figures of two precisions or engines would differ a little, and say that they do not.
        return self.folder / f"{encoder.fingerprint}-{encoder.rounding}"

    def _video_path(self, encoder: Encoder, content: Content) -> Path:
        assert content.digest is not None, "blocks of two films may be equal; a vector is that of every byte"
        return self._shelf(encoder) / f"video-{content.stamp.size_bytes}-{content.digest.hex()}.npz"

    def _texts_path(self, encoder: Encoder, texts: Sequence[str]) -> Path:
        digest = hashlib.blake2b(digest_size=16)
        for text in texts:
            raw = text.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(8, "little") + raw)
        return self._shelf(encoder) / f"texts-{len(texts)}-{digest.hexdigest()}.npz"

    def _read(self, path: Path, encoder: Encoder, names: Sequence[str]) -> Arrays | None:
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                arrays: Arrays = {name: stored[name] for name in names}
            vector = arrays["vector"]
            if vector.dtype != np.float32 or vector.shape[-1] != encoder.dimension or not np.isfinite(vector).all():
                raise ValueError(f"no vectors of length {encoder.dimension} in it")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except BROKEN as error:
            self._warn(f"{path}: a cached vector that cannot be used ({error}); it is computed again")
            return None
        return arrays

    def _write(self, path: Path, arrays: Arrays) -> None:
        """Writes beside and moves there in one step: readers never see half a file."""
        if not self._writable:
            return
        try:
            write_whole(path, lambda stream: np.savez(stream, **arrays))  # type: ignore[arg-type]  # names are free
        except OSError as error:
            self._writable = False
            self._warn(f"{path.parent}: vectors cannot be kept here ({error.strerror}); continuing without them")
