"""Whose vectors a library holds, and who may search them or write beside them."""

import sqlite3
from pathlib import Path

from deltaclip.errors import LibraryError
from deltaclip.library.protocols import VectorEncoder
from deltaclip.library.results import RememberedEncoder
from deltaclip.provenance import VECTOR_VERSION

__all__ = ["drop_outdated", "require_same_encoder", "stored_encoder"]


def stored_encoder(db: sqlite3.Connection) -> RememberedEncoder | None:
    """The encoder that the library names, read in the transaction of `db`."""
    meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
    if "fingerprint" not in meta:
        return None
    version = meta.get("vector_version")
    return RememberedEncoder(
        name=meta["encoder"],
        motion=meta["motion"],
        num_frames=int(meta["num_frames"]),
        fingerprint=meta["fingerprint"],
        dimension=int(meta["dimension"]),
        vector_version=None if version is None else int(version),
    )


def require_same_encoder(
    db: sqlite3.Connection, encoder: VectorEncoder, folder: Path, *, renewing: bool = False
) -> None:
    """Raises LibraryError where the vectors come from another encoder: scores between two mean nothing.

    Without any vector a library takes whatever encoder comes. renewing: whether those of the same encoder in an older
    deltaclip pass, because they are not compared with new ones but replaced.
    """
    stored = stored_encoder(db)
    if stored is None or stored.fingerprint == encoder.fingerprint:
        return
    if not db.execute("SELECT EXISTS (SELECT 1 FROM segments)").fetchone()[0]:
        return
    spec = encoder.reader_spec
    if stored.vector_version is not None and stored.vector_version > VECTOR_VERSION:
        found = f"its vectors are of version {stored.vector_version}, and this deltaclip makes version {VECTOR_VERSION}"
        raise LibraryError(str(folder), found, "Use the newer deltaclip, or give another folder with --library.")
    is_asked_for = (stored.name, stored.motion, stored.num_frames) == (encoder.name, spec.motion_word, spec.num_frames)
    if stored.outdated is None and is_asked_for:
        words = _words(stored.name, stored.motion, stored.num_frames, stored.fingerprint)
        raise LibraryError(
            str(folder),
            f"made by {words}, and {encoder.name} holds other weights or settings now (fingerprint "
            f"{encoder.fingerprint})",
            "Bring back what it held then, or index into a new library with --library: vectors of two encoders cannot "
            "be compared.",
        )
    if stored.outdated is None or not is_asked_for:
        raise LibraryError(
            str(folder),
            f"made by {_words(stored.name, stored.motion, stored.num_frames, stored.fingerprint)}, "
            f"not by {_words(encoder.name, spec.motion_word, spec.num_frames, encoder.fingerprint)}",
            "Leave encoder and motion out to use the library's own, or give another folder with --library.",
        )
    if not renewing:
        remedy = (
            "Run `deltaclip index` again with the same folders, which replaces them; videos that are missing now stay "
            "known, and are indexed when they are back."
        )
        raise LibraryError(str(folder), stored.outdated, remedy)


def drop_outdated(db: sqlite3.Connection) -> None:
    """Drops the vectors of an older version, and leaves their videos as failed ones, which `index` reads again."""
    stored = stored_encoder(db)
    if stored is None or stored.outdated is None:
        return
    db.execute("DELETE FROM segments")
    db.execute(
        "UPDATE videos SET status = 'failed', reason = ?, num_segments = 0, duration_seconds = NULL"
        " WHERE status <> 'failed'",
        (f"{stored.outdated}. Index it again.",),
    )


def _words(name: str, motion: str | None, num_frames: int, fingerprint: str) -> str:
    """An encoder in an error message, with all that tells two of one name apart."""
    masks = f"masks {motion}" if motion else "no masks"
    return f"the encoder {name} with {masks} and {num_frames} frames (fingerprint {fingerprint})"
