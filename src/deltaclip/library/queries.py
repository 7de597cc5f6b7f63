"""What a library can be asked with, checked before any work, and turned into unit vectors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.checks import check_texts
from deltaclip.library.moments import UNIT_TOLERANCE
from deltaclip.library.protocols import MotionVectorEncoder, VectorEncoder
from deltaclip.library.results import Hit, RememberedEncoder
from deltaclip.library.store import Moment

__all__ = ["check_encoder", "check_motion_encoder", "check_queries", "check_vectors", "moment_id_of"]


def check_encoder(encoder: Any) -> None:  # Any: whatever somebody passed
    """Raises TypeError for anything but a loaded encoder, such as its name, its spec or its class."""
    if isinstance(encoder, str):
        raise TypeError(f"encoder is {encoder!r}: give a loaded encoder, Encoder.load({encoder!r})")
    if isinstance(encoder, type) or not isinstance(encoder, VectorEncoder):
        raise TypeError(f"encoder is {encoder!r}: give a loaded encoder, Encoder.load(name)")


def check_motion_encoder(encoder: Any) -> None:  # Any: whatever somebody passed
    """Raises TypeError for anything but a loaded motion encoder."""
    if isinstance(encoder, type) or not isinstance(encoder, MotionVectorEncoder):
        raise TypeError(f"motion_encoder is {encoder!r}: give a loaded motion encoder, MotionEncoder.load(name)")


def check_vectors(vectors: Any, made_by: RememberedEncoder | None) -> NDArray[np.float32]:
    """Vectors of the library's encoder as float32 (Q, D), from (D,) or (Q, D) of any float type.

    made_by: who made the vectors of the library, None if it is empty. Raises TypeError for anything but an array of
    floats, ValueError for a different shape or dimension, and for rows that are not finite or not of unit length.
    """
    try:
        array = np.asarray(vectors)
    except ValueError as error:
        raise ValueError(f"the vectors have different lengths ({error})") from error
    if array.dtype.kind != "f":
        raise TypeError(f"vectors are float32, as Encoder makes them, not {array.dtype}")
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(f"vectors have the shape (D,) or (Q, D) with at least one row, not {array.shape}")
    if made_by is not None and array.shape[-1] != made_by.dimension:
        raise ValueError(
            f"vectors have {array.shape[-1]} components, and those of this library {made_by.dimension}: encode the "
            f"query with the encoder {made_by.name}"
        )
    rows = np.atleast_2d(np.asarray(array, np.float32))
    for number, length in enumerate(np.linalg.norm(rows.astype(np.float64), axis=1).tolist()):
        if not np.isfinite(length):
            raise ValueError(f"vector {number} contains NaN or infinite values")
        if abs(length - 1) > UNIT_TOLERANCE:
            raise ValueError(
                f"vector {number} has the length {length:.4g}, not 1: divide it by numpy.linalg.norm of it"
            )
    return rows


def check_queries(queries: Any, function: str) -> list[str] | NDArray[Any]:
    """Texts as a list, or an array (Q, D) that `check_vectors` has to judge. Raises TypeError, ValueError."""
    if isinstance(queries, np.ndarray) and queries.dtype.kind not in "UO":
        if queries.ndim != 2:
            raise ValueError(f"{function} takes texts or vectors (Q, D), not an array of the shape {queries.shape}")
        return queries
    texts = check_texts(queries, function)
    for number, text in enumerate(texts):
        if not text.strip():
            raise ValueError(f"{function}: text {number} is empty")
    return texts


def moment_id_of(moment: Any) -> str:
    """The id of a moment that is given as such, or as a hit. Raises TypeError for anything else."""
    if isinstance(moment, Hit | Moment):
        return moment.id
    if not isinstance(moment, str):
        raise TypeError(f"moment is {moment!r}: give a hit, a moment of the library, or the id of one")
    return moment
