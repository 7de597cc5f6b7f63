"""Videos, moments and hits: out of the tables and into them."""

import json
import os
import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.library.both import Ranked
from deltaclip.library.content import Content, Stamp
from deltaclip.library.results import Hit
from deltaclip.library.sqlite.vectors import as_bytes
from deltaclip.library.store import NewVideo, VideoRow

__all__ = ["VideoMoments", "hits_of_rows", "insert_video", "moment_id", "moments_of", "no_motion", "video_rows"]

_ROW = (
    "id, path, size_bytes, sample, mtime_ns, ctime_ns, digest, status, reason, missing, num_segments, duration_seconds,"
    " num_motion"
)
_HITS = (
    "SELECT row.value, videos.id, number, videos.path, start_seconds, end_seconds, coverage FROM json_each(?) AS row"
    " JOIN videos ON videos.first_row = (SELECT max(first_row) FROM videos WHERE first_row <= row.value)"
    " JOIN moments ON moments.video_id = videos.id AND moments.number = row.value - videos.first_row"
)
_MOMENTS = (
    "SELECT videos.id, path, first_row, num_segments, crc, num_motion, motion_crc, number, start_seconds, end_seconds,"
    " coverage FROM videos LEFT JOIN moments ON moments.video_id = videos.id"
    " WHERE videos.id IN (SELECT value FROM json_each(?)) ORDER BY videos.id, number"
)


@dataclass(frozen=True, slots=True)
class VideoMoments:
    """What the tables know of the moments of a video.

    first_row, num_rows, crc: of its vectors; no row without moments. num_motion, motion_crc: of its motion vectors.
    moments: number, start, end, coverage of each.
    """

    id: int
    path: Path
    first_row: int | None
    num_rows: int
    crc: int | None
    num_motion: int
    motion_crc: int | None
    moments: list[tuple[int, float, float, float | None]]


def video_rows(
    db: sqlite3.Connection, condition: str, values: Sequence[object] = (), order: str = "path"
) -> list[VideoRow]:
    """The videos for which a condition holds."""
    rows = db.execute(f"SELECT {_ROW} FROM videos WHERE {condition} ORDER BY {order}", values)
    return [
        VideoRow(
            str(number),
            Path(os.fsdecode(path)),
            size,
            sample,
            _stamp(size, mtime, ctime),
            digest,
            status,
            reason,
            bool(missing),
            *counts,
        )
        for number, path, size, sample, mtime, ctime, digest, status, reason, missing, *counts in rows
    ]


def moments_of(db: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, VideoMoments]:
    """The moments of videos, in order of time; none of a video that is gone."""
    found: dict[int, VideoMoments] = {}
    for video, path, *of_rows, number, start, end, coverage in db.execute(_MOMENTS, (json.dumps(numbers),)):
        if video not in found:
            first_row, num_rows, crc, num_motion, motion_crc = of_rows
            file = Path(os.fsdecode(path))
            found[video] = VideoMoments(video, file, first_row, num_rows, crc, num_motion, motion_crc, [])
        if number is not None:
            found[video].moments.append((number, start, end, coverage))
    return found


def hits_of_rows(db: sqlite3.Connection, ranked: Ranked) -> list[Hit]:
    """The moments whose vectors are in these rows, best first; ties by path, then start.

    Raises ValueError for a row that belongs to no moment.
    """
    scores = ranked.scores_of_rows()
    found = db.execute(_HITS, (json.dumps([*scores]),)).fetchall()
    if len(found) != len(scores):
        raise ValueError(f"{len(scores) - len(found)} vectors of no moment")
    found.sort(key=lambda row: (-scores[row[0]].score, row[3], row[4]))
    hits = []
    for row, video, number, path, start, end, coverage in found:
        told = scores[row]
        moment = Path(os.fsdecode(path)), start, end, told.score, coverage, moment_id(video, number), str(video)
        hits.append(Hit(*moment, told.appearance, told.motion))
    return hits


def rows_of_moments(db: sqlite3.Connection, ids: Sequence[str]) -> NDArray[np.intp]:
    """The row of vectors of each moment by its id, (K,); -1 for one that is gone."""
    places = [(int(video), int(number)) for video, _, number in (each.partition(".") for each in ids)]
    wanted = json.dumps(sorted({video for video, _ in places}))
    sql = "SELECT id, first_row, num_segments FROM videos WHERE id IN (SELECT value FROM json_each(?))"
    first = {video: (row, count) for video, row, count in db.execute(sql, (wanted,)) if row is not None}
    rows = [first[video][0] + number if number < first.get(video, (0, 0))[1] else -1 for video, number in places]
    return np.array(rows, np.intp)


def moment_id(video: int, number: int) -> str:
    """The id of a moment: of its video, and its place among that video's moments."""
    return f"{video}.{number}"


def insert_video(
    db: sqlite3.Connection, video: NewVideo, first_row: int, dimension: int, motion_dimension: int | None
) -> tuple[bytes, bytes]:
    """Writes a video and its moments in place of whatever was known under its path.

    first_row: where the vectors will be, if there are any. Returns its vectors and its motion vectors as bytes, the
    latter empty without a motion_dimension. Raises ValueError for a vector that is not (dimension,), and for a motion
    vector that is not (motion_dimension,).
    """
    moments = video.moments
    if any(moment.vector.shape != (dimension,) for moment in moments):
        raise ValueError(f"{video.path}: every vector of this library has {dimension} numbers")
    data = as_bytes(np.stack([moment.vector for moment in moments])) if moments else b""
    motion = _motion_bytes(video, motion_dimension)
    num_motion = sum(moment.motion is not None for moment in moments)
    db.execute("DELETE FROM videos WHERE path = ?", (os.fsencode(video.path),))
    cursor = db.execute(
        "INSERT INTO videos (path, size_bytes, mtime_ns, ctime_ns, sample, digest, status, reason, notes,"
        " num_segments, duration_seconds, first_row, crc, num_motion, motion_crc)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            os.fsencode(video.path),
            *_columns(video.content),
            video.status,
            video.reason,
            "\n".join(video.notes) or None,
            len(moments),
            moments[-1].end if moments else None,
            first_row if moments else None,
            zlib.crc32(data) if moments else None,
            num_motion,
            zlib.crc32(motion) if num_motion else None,
        ),
    )
    db.executemany(
        "INSERT INTO moments (video_id, number, start_seconds, end_seconds, coverage) VALUES (?, ?, ?, ?, ?)",
        [(cursor.lastrowid, number, m.start, m.end, m.coverage) for number, m in enumerate(moments)],
    )
    return data, motion


def _motion_bytes(video: NewVideo, dimension: int | None) -> bytes:
    """The rows of a video in the file of motion vectors, NaN for moments that have none; empty without such a file."""
    vectors = [moment.motion for moment in video.moments]
    if any(vector is not None and vector.shape != (dimension,) for vector in vectors):
        has = "no motion vectors" if dimension is None else f"motion vectors of {dimension} numbers"
        raise ValueError(f"{video.path}: this library has {has}")
    if dimension is None or not vectors:
        return b""
    nothing = no_motion(1, dimension)[0]
    return as_bytes(np.stack([nothing if vector is None else vector for vector in vectors]))


def no_motion(count: int, dimension: int) -> NDArray[np.float32]:
    """(count, Dm): the rows of moments without a motion vector. Any score with them is NaN, never that of a vector."""
    return np.full((count, dimension), np.nan, np.float32)


def _columns(content: Content | None) -> tuple[int | bytes | None, ...]:
    """What is known of a file: size_bytes, mtime_ns, ctime_ns, sample, digest."""
    if content is None:
        return (None,) * 5
    stamp = content.stamp
    return stamp.size_bytes, stamp.mtime_ns, stamp.ctime_ns, content.sample, content.digest


def _stamp(size_bytes: int | None, mtime_ns: int | None, ctime_ns: int | None) -> Stamp | None:
    if size_bytes is None or mtime_ns is None or ctime_ns is None:
        return None
    return Stamp(size_bytes, mtime_ns, ctime_ns)
