"""The two tables of a library: one row a video, and one row a moment with its vectors."""

import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.library.content import Content, Stamp
from deltaclip.library.lance.meta import VectorWord
from deltaclip.library.lance.places import pyarrow as pa
from deltaclip.library.store import Moment, NewVideo, VideoRow

__all__ = ["VIDEO_SCHEMA", "Record", "ids_among", "is_id", "moment_id", "moment_schema", "moment_table", "moments_in"]
__all__ += ["record_of", "records_in", "rows_in", "split_moment_id", "vectors_in"]

Record = Mapping[str, Any]
"""A row of the table of videos, by column."""

_KEY = {"lance-schema:unenforced-primary-key": "true"}
"""Without it two writers that merge the same new key at once leave two rows of it."""

VIDEO_SCHEMA = pa.schema(
    [
        pa.field("path", pa.binary(), nullable=False, metadata=_KEY),
        pa.field("id", pa.string()),
        pa.field("size_bytes", pa.int64()),
        pa.field("mtime_ns", pa.int64()),
        pa.field("ctime_ns", pa.int64()),
        pa.field("sample", pa.binary()),
        pa.field("digest", pa.binary()),
        pa.field("status", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("notes", pa.list_(pa.string())),
        pa.field("missing", pa.bool_()),
        pa.field("num_segments", pa.int32()),
        pa.field("num_motion", pa.int32()),
        pa.field("duration_seconds", pa.float64()),
        pa.field("crc", pa.int64()),
        pa.field("motion_crc", pa.int64()),
        pa.field("meta", pa.string()),
    ]
)
_ID_DIGITS = 32


def moment_schema(vectors: VectorWord, dimension: int, motion_dimension: int | None) -> pa.Schema:
    """Of the table of moments. motion_dimension: None if it has no motion vectors."""
    number = pa.float16() if vectors == "float16" else pa.float32()
    columns = [
        pa.field("video", pa.string(), nullable=False),
        pa.field("number", pa.int32(), nullable=False),
        pa.field("start", pa.float64(), nullable=False),
        pa.field("end", pa.float64(), nullable=False),
        pa.field("coverage", pa.float64()),
        pa.field("vector", pa.list_(number, dimension)),
    ]
    if motion_dimension is not None:
        columns.append(pa.field("motion", pa.list_(number, motion_dimension)))
    return pa.schema(columns)


def moment_table(schema: pa.Schema, videos: Sequence[tuple[str, NewVideo]]) -> pa.Table:
    """The rows of the moments of videos, each with its id.

    Raises ValueError for a vector or motion vector that is not of the dimension of the table.
    """
    moments = [(video, number, m) for video, new in videos for number, m in enumerate(new.moments)]
    kind = schema.field("vector").type
    if any(m.vector.shape != (kind.list_size,) for _, _, m in moments):
        raise ValueError(f"every vector of this library has {kind.list_size} numbers")
    columns = [
        pa.array([video for video, _, _ in moments], pa.string()),
        pa.array([number for _, number, _ in moments], pa.int32()),
        pa.array([m.start for _, _, m in moments], pa.float64()),
        pa.array([m.end for _, _, m in moments], pa.float64()),
        pa.array([m.coverage for _, _, m in moments], pa.float64()),
        _lists([m.vector for _, _, m in moments], kind),
    ]
    moves = [m.motion for _, _, m in moments]
    if "motion" in schema.names:
        kind = schema.field("motion").type
        if any(move is not None and move.shape != (kind.list_size,) for move in moves):
            raise ValueError(f"all motion vectors of this library have {kind.list_size} numbers")
        columns.append(_lists(moves, kind))
    elif any(move is not None for move in moves):
        raise ValueError("motion vectors in a library without a motion encoder")
    return pa.table(columns, schema=schema)


def _lists(rows: Sequence[NDArray[np.float32] | None], kind: pa.DataType) -> pa.Array:
    width = kind.list_size
    stacked = np.zeros((len(rows), width), np.float16 if kind.value_type == pa.float16() else np.float32)
    for place, row in enumerate(rows):
        if row is not None:
            stacked[place] = row
    mask = pa.array([row is None for row in rows], pa.bool_())
    return pa.FixedSizeListArray.from_arrays(pa.array(stacked.reshape(-1), kind.value_type), type=kind, mask=mask)


def vectors_in(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """The vectors of a column, (N, D) float32; NaN throughout where there is none."""
    width = column.type.list_size
    made = np.empty((len(column), width), np.float32)
    first = 0
    for chunk in column.chunks:
        values = chunk.values.slice(chunk.offset * width, len(chunk) * width)
        made[first : first + len(chunk)] = values.to_numpy(zero_copy_only=False).reshape(-1, width)
        if chunk.null_count:
            made[first : first + len(chunk)][chunk.is_null().to_numpy(zero_copy_only=False)] = np.nan
        first += len(chunk)
    return made


def _checksums(table: pa.Table) -> tuple[int | None, int | None, int]:
    """Of the vectors and of the motion vectors of a video's moments, as they are read; and how many of the latter.

    None without any.
    """
    if not len(table):
        return None, None, 0
    crc = zlib.crc32(vectors_in(table["vector"]).tobytes())
    count = len(table) - table["motion"].null_count if "motion" in table.column_names else 0
    return crc, zlib.crc32(vectors_in(table["motion"]).tobytes()) if count else None, count


def record_of(video: NewVideo, video_id: str, table: pa.Table) -> dict[str, Any]:
    """The row of a new video whose moments are the rows of `table`."""
    crc, motion_crc, num_motion = _checksums(table)
    return {
        "path": os.fsencode(video.path),
        "id": video_id,
        **_content(video.content),
        "status": video.status,
        "reason": video.reason,
        "notes": [*video.notes] or None,
        "missing": False,
        "num_segments": len(video.moments),
        "num_motion": num_motion,
        "duration_seconds": video.moments[-1].end if video.moments else None,
        "crc": crc,
        "motion_crc": motion_crc,
        "meta": None,
    }


def _content(content: Content | None) -> dict[str, Any]:
    if content is None:
        return dict.fromkeys(("size_bytes", "mtime_ns", "ctime_ns", "sample", "digest"))
    stamp = content.stamp
    return {
        "size_bytes": stamp.size_bytes,
        "mtime_ns": stamp.mtime_ns,
        "ctime_ns": stamp.ctime_ns,
        "sample": content.sample,
        "digest": content.digest,
    }


def rows_in(records: Iterable[Record]) -> list[VideoRow]:
    """Videos as `Library.videos` lists them, by path."""
    return [_row(record) for record in sorted(records, key=lambda record: bytes(record["path"]))]


def _row(record: Record) -> VideoRow:
    times = record["size_bytes"], record["mtime_ns"], record["ctime_ns"]
    return VideoRow(
        id=record["id"],
        path=Path(os.fsdecode(record["path"])),
        size_bytes=record["size_bytes"],
        sample=record["sample"],
        stamp=None if None in times else Stamp(*times),
        digest=record["digest"],
        status=record["status"],
        reason=record["reason"],
        missing=record["missing"],
        num_segments=record["num_segments"],
        duration_seconds=record["duration_seconds"],
        num_motion=record["num_motion"],
    )


def records_in(table: pa.Table) -> list[dict[str, Any]]:
    """Rows of the table of videos."""
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def moments_in(table: pa.Table, paths: Mapping[str, Path]) -> dict[str, list[Moment]]:
    """The moments of rows by the ids of their videos, in order of time. paths: of these videos."""
    found: dict[str, list[Moment]] = {}
    table = table.sort_by([("video", "ascending"), ("number", "ascending")])
    looks = vectors_in(table["vector"])
    moves = vectors_in(table["motion"]) if "motion" in table.column_names else None
    columns = (table[name].to_pylist() for name in ("video", "number", "start", "end", "coverage"))
    for row, (video, number, start, end, coverage) in enumerate(zip(*columns, strict=True)):
        motion = None if moves is None or np.isnan(moves[row]).all() else moves[row].copy()
        moment = Moment(moment_id(video, number), paths[video], start, end, coverage, looks[row].copy(), motion)
        found.setdefault(video, []).append(moment)
    return found


def moment_id(video: str, number: int) -> str:
    """The id of a moment: of its video, and its place among that video's moments."""
    return f"{video}.{number}"


def split_moment_id(moment_id: str) -> tuple[str, int] | None:
    """The parts of `moment_id`; None for a text that is none."""
    video, _, number = moment_id.partition(".")
    if not (is_id(video) and number.isascii() and number.isdecimal() and len(number) < 10):
        return None
    return video, int(number)


def is_id(text: str) -> bool:
    """Whether this may be the id of a video: then it may be part of a condition."""
    return len(text) == _ID_DIGITS and set(text) <= set("0123456789abcdef")


def ids_among(column: str, ids: Iterable[str]) -> str:
    """The condition that a column holds one of some ids of videos."""
    quoted = ", ".join(f"'{each}'" for each in ids if is_id(each))
    return f"{column} IN ({quoted})" if quoted else "false"
