"""The vectors of a library as a file that numpy reads, with the path and time of each."""

import os
from pathlib import Path

import numpy as np

from deltaclip.durable import write_whole
from deltaclip.errors import LibraryError
from deltaclip.library.store import Store

__all__ = ["export_vectors"]


def export_vectors(store: Store, file: Path) -> int:
    """Writes all moments that a search can find as an .npz, and returns their number N.

    vectors: (N, D) float32, unit rows. paths: (N,) text. starts, ends: (N,) float64, seconds. coverages: (N,) float64,
    NaN without masks. ids: (N,) text. encoder, fingerprint: text, who made the vectors. motion_vectors: (N, Dm)
    float32, unit rows, or NaN throughout for a moment without a motion vector; (N, 0) if the library has none.
    motion_encoder, motion_fingerprint: text, who made them, empty if there are none. Ordered by path and start; read by
    `numpy.load` without pickle. Raises LibraryError if nothing was indexed, or the file cannot be written.
    """
    made_by = store.encoder()
    if made_by is None:
        raise LibraryError(store.address, "nothing was indexed yet", "Index some videos first.")
    motion = store.motion_encoder()
    nothing = np.full(0 if motion is None else motion.dimension, np.nan, np.float32)
    moments = list(store.moments(row for row in store.videos() if not row.missing))
    arrays = {
        "vectors": np.stack([moment.vector for moment in moments])
        if moments
        else np.empty((0, made_by.dimension), np.float32),
        "paths": np.array([str(moment.path) for moment in moments], np.str_),
        "starts": np.array([moment.start for moment in moments], np.float64),
        "ends": np.array([moment.end for moment in moments], np.float64),
        "coverages": np.array(
            [np.nan if moment.coverage is None else moment.coverage for moment in moments], np.float64
        ),
        "ids": np.array([moment.id for moment in moments], np.str_),
        "encoder": np.array(made_by.name),
        "fingerprint": np.array(made_by.fingerprint),
        "motion_vectors": np.stack([nothing if moment.motion is None else moment.motion for moment in moments])
        if moments
        else nothing[None][:0],
        "motion_encoder": np.array("" if motion is None else motion.name),
        "motion_fingerprint": np.array("" if motion is None else motion.fingerprint),
    }
    try:
        os.makedirs(file.parent, exist_ok=True)
        write_whole(file, lambda stream: np.savez(stream, **arrays))  # type: ignore[arg-type]  # names
    except OSError as error:
        remedy = "Choose a different place, or check its permissions and free space."
        raise LibraryError(str(file), f"cannot be written ({error.strerror})", remedy) from error
    return len(moments)
