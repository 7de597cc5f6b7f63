"""Anybody's similarity matrix, an array or a numpy file, ranked."""

import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deltaclip.errors import CaptionError
from deltaclip.evaluation.result import RetrievalResult, result_of
from deltaclip.ranking import first_nan, rank_matrix

__all__ = ["evaluate_matrix", "evaluate_similarity", "load_similarity"]

ROWS_AT_ONCE = 1024


class UnusableMatrixError(ValueError):
    """A matrix that cannot be ranked. found: what is wrong with it. remedy: what to do, a sentence."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found, remedy)
        self.found = found
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.found}. {self.remedy}"


def evaluate_matrix(similarity: ArrayLike, owner: ArrayLike | None = None) -> RetrievalResult:
    """Rank a matrix of scores.

    similarity: (Q, V) numbers, higher is better. owner: (Q,) whole numbers, the column of each text's video; None if
    the matrix is square and text i belongs to video i. Raises ValueError for anything else, and if a score is NaN.
    """
    try:
        scores, owners = np.asarray(similarity), None if owner is None else np.asarray(owner)
    except ValueError as error:  # rows of different lengths
        raise UnusableMatrixError(f"similarity is not an array ({error})", "Give (texts, videos) numbers.") from error
    return result_of(rank_matrix(*_checked(scores, owners)))


def evaluate_similarity(path: Path) -> RetrievalResult:
    """Rank the matrix of a file: see `load_similarity` for what it may hold."""
    return result_of(rank_matrix(*load_similarity(path)))


def load_similarity(path: Path) -> tuple[NDArray[np.floating[Any]], NDArray[np.int64]]:
    """Read a similarity matrix and the video of each text.

    path: .npy with a square (Q, Q) matrix of numbers, text i of video i, or .npz with `similarity` (Q, V) and `owner`
    (Q,), the column of each text's video. Without `owner` the matrix of an .npz must be square too.
    Returns similarity (Q, V), mapped from the file if it is an .npy, in its own float type, whole numbers as
    float64; and owner (Q,) int64.
    Raises CaptionError if the file holds anything else, or if a score is NaN.
    """
    try:
        return _checked(*_read(path))
    except UnusableMatrixError as error:
        raise CaptionError(str(path), error.found, error.remedy) from error


def _checked(
    similarity: NDArray[Any], owner: NDArray[Any] | None
) -> tuple[NDArray[np.floating[Any]], NDArray[np.int64]]:
    if similarity.dtype.kind not in "iuf":
        raise UnusableMatrixError(f"similarity is {similarity.dtype}, not numbers", "Use float32.")
    if similarity.ndim != 2 or similarity.size == 0:
        found = f"similarity has the shape {similarity.shape}"
        raise UnusableMatrixError(found, "Give it the shape (texts, videos), with at least one of each.")
    if similarity.dtype.kind != "f":
        similarity = similarity.astype(np.float64)
    for start in range(0, len(similarity), ROWS_AT_ONCE):
        place = first_nan(similarity[start : start + ROWS_AT_ONCE])
        if place is not None:
            raise UnusableMatrixError(
                f"similarity is NaN in row {start + place[0]}, column {place[1]} (counted from 0)",
                "Find the text or video whose vector is NaN and encode it again: NaN has no rank.",
            )
    return similarity, _checked_owner(similarity.shape, owner)


def _read(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The arrays in the file, whatever its suffix, not yet judged."""
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                return np.lib.format.open_memmap(path, mode="r"), None
            return _read_npz(path, file)
    except FileNotFoundError as err:
        raise CaptionError(str(path), "no such file", "Give a .npy or .npz file that exists.") from err
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as err:
        raise CaptionError(
            str(path),
            f"not a numpy file of plain numbers ({err})",
            "Save the matrix with numpy.save, or with numpy.savez as `similarity` and `owner`.",
        ) from err


def _read_npz(path: Path, file: BinaryIO) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """`similarity` and `owner` of an .npz that is open. Pickles are not read, since they can run code."""
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        if "similarity" not in arrays:
            raise CaptionError(
                str(path),
                f"no array 'similarity' in it (found {', '.join(arrays) or 'nothing'})",
                "Save it with numpy.savez(path, similarity=..., owner=...).",
            )
        return arrays["similarity"], arrays.get("owner")


def _checked_owner(shape: tuple[int, ...], owner: NDArray[Any] | None) -> NDArray[np.int64]:
    """The owner vector as int64, or the identity of a square matrix."""
    texts, videos = shape
    if owner is None:
        if texts != videos:
            found = f"{texts} texts, {videos} videos, and nothing says to which video each text belongs"
            raise UnusableMatrixError(found, "Give `owner` as well, the column of each text's video.")
        return np.arange(texts)
    if owner.dtype.kind == "f" and np.array_equal(owner, np.floor(owner)):
        owner = owner.astype(np.int64)  # whole numbers that some program saved as floats
    if owner.shape != (texts,) or owner.dtype.kind not in "iu":
        remedy = f"Give one integer for each of the {texts} texts: the column of its video."
        raise UnusableMatrixError(f"owner is {owner.shape} {owner.dtype}", remedy)
    outside = np.flatnonzero((owner < 0) | (owner >= videos))
    if len(outside):
        found = f"owner[{outside[0]}] is {owner[outside[0]]}, but the columns are 0..{videos - 1}"
        raise UnusableMatrixError(found, "Count the columns from 0.")
    return owner.astype(np.int64)
