"""What the database says of itself: whose vectors it names, and which file they are in."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from deltaclip.errors import LibraryError
from deltaclip.library.results import RememberedEncoder, RememberedMotionEncoder
from deltaclip.library.sqlite.errors import AFTER_DAMAGE, DATABASE_NAME
from deltaclip.library.sqlite.vectors import MOTION_PREFIX, VectorFile, is_name, new_name

__all__ = [
    "Meta",
    "commit_number",
    "count_commit",
    "declines_motion",
    "has_moments",
    "motion_file",
    "read_meta",
    "remember",
]
__all__ += ["stored_encoder", "stored_motion_encoder", "use_new_file", "use_new_motion_file", "use_rows", "vector_file"]
__all__ += ["vectors_path"]

Meta = Mapping[str, str | None]


def read_meta(db: sqlite3.Connection) -> Meta:
    """All of it, in the transaction of `db`."""
    return dict(db.execute("SELECT key, value FROM meta"))


def stored_encoder(meta: Meta) -> RememberedEncoder | None:
    """The encoder that made the vectors; None before the first `remember`."""
    if meta.get("fingerprint") is None:
        return None
    return RememberedEncoder(
        name=str(meta["encoder"]),
        fingerprint=str(meta["fingerprint"]),
        dimension=int(meta["dimension"] or 0),
        motion=meta["motion"],
        num_frames=int(meta["num_frames"] or 0),
        sampling=meta.get("sampling"),
        max_words=_number(meta, "max_words"),
        vector_version=_number(meta, "vector_version"),
        precision=meta.get("precision"),
        keep=None if (keep := meta.get("keep")) is None else float(keep),
    )


def stored_motion_encoder(meta: Meta) -> RememberedMotionEncoder | None:
    """The encoder that made the motion vectors; None if there is none."""
    if meta.get("motion_fingerprint") is None:
        return None
    dimension = int(meta["motion_dimension"] or 0)
    return RememberedMotionEncoder(str(meta["motion_encoder"]), str(meta["motion_fingerprint"]), dimension)


def declines_motion(meta: Meta) -> bool:
    """As `store.Store.declines_motion`."""
    return meta.get("motion_declined") is not None


def remember(db: sqlite3.Connection, encoder: RememberedEncoder, motion: RememberedMotionEncoder | None) -> None:
    """Writes down who makes the vectors and the motion vectors."""
    _write(
        db,
        {
            "encoder": encoder.name,
            "motion": encoder.motion,
            "num_frames": encoder.num_frames,
            "sampling": encoder.sampling,
            "max_words": encoder.max_words,
            "fingerprint": encoder.fingerprint,
            "dimension": encoder.dimension,
            "vector_version": encoder.vector_version,
            "precision": encoder.precision,
            "keep": None if encoder.keep is None else repr(encoder.keep),  # SQLite would round it to 15 digits
            "motion_encoder": motion and motion.name,
            "motion_fingerprint": motion and motion.fingerprint,
            "motion_dimension": motion and motion.dimension,
            "motion_declined": "yes" if motion is None else None,
        },
    )


def vector_file(meta: Meta, folder: Path) -> VectorFile | None:
    """The file of vectors; None before the first `remember`."""
    name, dimension = meta.get("vectors_file"), meta.get("dimension")
    if name is None or dimension is None:
        return None
    return VectorFile(vectors_path(folder, name), int(meta["vectors_rows"] or 0), int(dimension))


def motion_file(meta: Meta, folder: Path) -> VectorFile | None:
    """The file of motion vectors; None if there is no motion encoder."""
    name, dimension = meta.get("motion_file"), meta.get("motion_dimension")
    if name is None or dimension is None:
        return None
    first = int(meta["motion_first"] or 0)
    num_rows = int(meta["vectors_rows"] or 0) - first
    return VectorFile(vectors_path(folder, name), num_rows, int(dimension), first)


def vectors_path(folder: Path, name: str) -> Path:
    """A file that the database names. Raises LibraryError for one that this store does not make: it is written to."""
    if not is_name(name):
        raise LibraryError(str(folder), f"{DATABASE_NAME} is damaged (it names {name!r} for vectors)", AFTER_DAMAGE)
    return folder / name


def use_new_file(db: sqlite3.Connection, meta: Meta, name: str | None = None, num_rows: int = 0) -> None:
    """Names a file for the vectors in place of the one there was, which may be deleted once this is committed."""
    if (old := meta.get("vectors_file")) is not None:
        db.execute("INSERT OR IGNORE INTO unused_files VALUES (?)", (old,))
    if name is not None:
        db.execute("DELETE FROM unused_files WHERE name = ?", (name,))
    db.execute("DELETE FROM dead_rows")
    _write(db, {"vectors_file": name or new_name(), "vectors_rows": num_rows})


def use_new_motion_file(db: sqlite3.Connection, meta: Meta, first: int | None, name: str | None = None) -> None:
    """The same for the motion vectors. first: the row with which the file begins; None: from now on there is none."""
    if (old := meta.get("motion_file")) is not None:
        db.execute("INSERT OR IGNORE INTO unused_files VALUES (?)", (old,))
    if name is not None:
        db.execute("DELETE FROM unused_files WHERE name = ?", (name,))
    new = None if first is None else name or new_name(MOTION_PREFIX)
    _write(db, {"motion_file": new, "motion_first": first})


def use_rows(db: sqlite3.Connection, num_rows: int) -> None:
    """How many rows of the files count."""
    _write(db, {"vectors_rows": num_rows})


def has_moments(db: sqlite3.Connection) -> bool:
    """Whether there is any vector, in the transaction of `db`."""
    return bool(db.execute("SELECT EXISTS (SELECT 1 FROM moments)").fetchone()[0])


def count_commit(db: sqlite3.Connection) -> None:
    """Makes this transaction one more."""
    db.execute(
        "INSERT INTO meta VALUES ('commits', '1')"
        " ON CONFLICT DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)"
    )


def commit_number(meta: Meta) -> str:
    """How many transactions there were."""
    return meta.get("commits") or "0"


def _number(meta: Meta, key: str) -> int | None:
    value = meta.get(key)
    return None if value is None else int(value)


def _write(db: sqlite3.Connection, values: Mapping[str, object]) -> None:
    rows = [(key, None if value is None else str(value)) for key, value in values.items()]
    db.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", rows)
