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

from deltaclip.library.content import Content, Stamp
from deltaclip.library.results import Hit
from deltaclip.library.sqlite.vectors import as_bytes
from deltaclip.library.store import NewVideo, VideoRow

__all__ = ["VideoMoments", "hits_of_rows", "insert_video", "moment_id", "moments_of", "video_rows"]

_ROW = (
    "id, path, size_bytes, sample, mtime_ns, ctime_ns, digest, status, reason, missing, num_segments, duration_seconds"
)
_HITS = (
    "SELECT row.value, videos.id, number, videos.path, start_seconds, end_seconds, coverage FROM json_each(?) AS row"
    " JOIN videos ON videos.first_row = (SELECT max(first_row) FROM videos WHERE first_row <= row.value)"
    " JOIN moments ON moments.video_id = videos.id AND moments.number = row.value - videos.first_row"
)
_MOMENTS = (
    "SELECT videos.id, path, first_row, num_segments, crc, number, start_seconds, end_seconds, coverage FROM videos"
    " LEFT JOIN moments ON moments.video_id = videos.id WHERE videos.id IN (SELECT value FROM json_each(?))"
    " ORDER BY videos.id, number"
)


@dataclass(frozen=True, slots=True)
class VideoMoments:
    """What the tables know of the moments of a video.

    first_row, num_rows, crc: of its vectors; no row without moments. moments: number, start, end, coverage of each.
    """

    id: int
    path: Path
    first_row: int | None
    num_rows: int
    crc: int | None
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
            _stamp(size, *times),
            digest,
            status,
            reason,
            bool(missing),
            count,
            duration,
        )
        for number, path, size, sample, *times, digest, status, reason, missing, count, duration in rows
    ]


def moments_of(db: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, VideoMoments]:
    """The moments of videos, in order of time; none of a video that is gone."""
    found: dict[int, VideoMoments] = {}
    for video, path, first_row, num_rows, crc, *moment in db.execute(_MOMENTS, (json.dumps(numbers),)):
        if video not in found:
            found[video] = VideoMoments(video, Path(os.fsdecode(path)), first_row, num_rows, crc, [])
        number, start, end, coverage = moment
        if number is not None:
            found[video].moments.append((number, start, end, coverage))
    return found


def hits_of_rows(db: sqlite3.Connection, rows: NDArray[np.intp], scores: NDArray[np.float64]) -> list[Hit]:
    """The moments whose vectors are in these rows, best first; ties by path, then start.

    rows, scores: (K,). Raises ValueError for a row that belongs to no moment.
    """
    found = db.execute(_HITS, (json.dumps(rows.tolist()),)).fetchall()
    if len(found) != len(rows):
        raise ValueError(f"{len(rows) - len(found)} vectors of no moment")
    score_of = dict(zip(rows.tolist(), scores.tolist(), strict=True))
    found.sort(key=lambda row: (-score_of[row[0]], row[3], row[4]))
    return [
        Hit(
            Path(os.fsdecode(path)),
            start,
            end,
            min(score_of[row], 1.0),  # rounding lifts a clip against itself beyond a cosine's bound
            coverage,
            moment_id(video, number),
        )
        for row, video, number, path, start, end, coverage in found
    ]


def moment_id(video: int, number: int) -> str:
    """The id of a moment: of its video, and its place among that video's moments."""
    return f"{video}.{number}"


def insert_video(db: sqlite3.Connection, video: NewVideo, first_row: int, dimension: int) -> bytes:
    """Writes a video and its moments in place of whatever was known under its path; returns its vectors as bytes.

    first_row: where the vectors will be, if there are any. Raises ValueError for a vector that is not (dimension,).
    """
    moments = video.moments
    if any(moment.vector.shape != (dimension,) for moment in moments):
        raise ValueError(f"{video.path}: every vector of this library has {dimension} numbers")
    data = as_bytes(np.stack([moment.vector for moment in moments])) if moments else b""
    db.execute("DELETE FROM videos WHERE path = ?", (os.fsencode(video.path),))
    cursor = db.execute(
        "INSERT INTO videos (path, size_bytes, mtime_ns, ctime_ns, sample, digest, status, reason, notes,"
        " num_segments, duration_seconds, first_row, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
        ),
    )
    db.executemany(
        "INSERT INTO moments (video_id, number, start_seconds, end_seconds, coverage) VALUES (?, ?, ?, ?, ?)",
        [(cursor.lastrowid, number, m.start, m.end, m.coverage) for number, m in enumerate(moments)],
    )
    return data


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
