"""The two records of a cache: the index of all videos (cache.json), and one record per video inside its shard."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deltaclip.frame_cache.settings import FORMAT, READABLE, CacheSettings
from deltaclip.library import Content, Stamp
from deltaclip.provenance import VECTOR_VERSION
from deltaclip.wording import listed

__all__ = ["INDEX_NAME", "CacheIndex", "Entry", "Source", "StoredFrame", "VideoRecord"]

INDEX_NAME = "cache.json"
SOURCE_FIELDS = 5


@dataclass(frozen=True, slots=True)
class Source:
    """The file that a video was decoded from.

    path: as given. size_bytes, mtime_ns, ctime_ns: as they were then. digest: of every byte, in hex. The last two are
    None in caches of an earlier deltaclip, which identified a file by its size and modification time.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int | None = None
    digest: str | None = None

    @classmethod
    def of(cls, path: Path, content: Content) -> "Source":
        """The file at `path`, of which every byte was read."""
        assert content.digest is not None, "times alone do not identify a file"
        stamp = content.stamp
        return cls(str(path), stamp.size_bytes, stamp.mtime_ns, stamp.ctime_ns, content.digest.hex())

    def is_untouched(self, stamp: Stamp) -> bool:
        """Whether size and times are unchanged, so that nobody has written to the file."""
        times = (self.mtime_ns, stamp.ctime_ns if self.digest is None else self.ctime_ns)
        return (self.size_bytes, *times) == (stamp.size_bytes, stamp.mtime_ns, stamp.ctime_ns)


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a video's record is: its shard's file name, and the bytes offset <= position < offset + size_bytes.

    version: `provenance.VECTOR_VERSION` of the program that decoded it and measured its masks; None in caches of an
    earlier deltaclip, which did not write it down.
    """

    shard: str
    offset: int
    size_bytes: int
    source: Source
    version: int | None = VECTOR_VERSION


@dataclass(frozen=True, slots=True)
class CacheIndex:
    """The contents of a cache.

    videos: id -> Entry. num_shards: shards finished so far; the next one gets this number, and none is written twice.
    """

    settings: CacheSettings
    videos: dict[str, Entry] = field(default_factory=dict)
    num_shards: int = 0

    def to_bytes(self) -> bytes:
        """cache.json: one line per video, ids sorted, so that equal caches are equal files."""
        lines = [
            json.dumps(video) + ": " + json.dumps([*_entry_row(self.videos[video])]) for video in sorted(self.videos)
        ]
        head = json.dumps({"format": FORMAT, "settings": self.settings.to_json(), "num_shards": self.num_shards})
        return (head[:-1] + ', "videos": {\n' + ",\n".join(lines) + "\n}}\n").encode("ascii")

    @classmethod
    def from_bytes(cls, document: bytes) -> "CacheIndex":
        """The reverse. Raises ValueError (including json's own), KeyError or TypeError for any other file."""
        data = json.loads(document)
        if data["format"] not in READABLE:
            raise ValueError(f"format {data['format']}, but this program reads {listed([*map(str, READABLE)])}")
        videos = {video: _row_entry(row) for video, row in data["videos"].items()}
        return cls(CacheSettings.from_json(data["settings"]), videos, data["num_shards"])

    @classmethod
    def salvaged(cls, document: bytes) -> "CacheIndex | None":
        """What can still be read of a truncated cache.json: settings and complete lines. None without settings."""
        head, *lines = document.decode("ascii", "replace").split("\n")
        videos: list[str] = []
        for line in lines[:-1]:  # the last one is incomplete
            try:
                json.loads("{" + line.rstrip(",") + "}")
            except ValueError:
                break
            videos.append(line.rstrip(","))
        try:
            return cls.from_bytes((head + ",".join(videos) + "}}").encode("ascii"))
        except (ValueError, KeyError, TypeError, IndexError):
            return None


def _entry_row(entry: Entry) -> tuple[str | int | None, ...]:
    source = entry.source
    row = (entry.shard, entry.offset, entry.size_bytes, source.path, source.size_bytes, source.mtime_ns)
    if source.digest is None:
        return row
    identified = (*row, source.ctime_ns, source.digest)
    return identified if entry.version is None else (*identified, entry.version)


def _row_entry(row: list[Any]) -> Entry:  # Any: json
    """The reverse. Raises TypeError or ValueError for a row of a different length."""
    place, source, version = row[:3], row[3 : 3 + SOURCE_FIELDS], row[3 + SOURCE_FIELDS :]
    shard, offset, size_bytes = place
    [made] = version or [None]
    return Entry(shard, offset, size_bytes, Source(*source), made)


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """Bytes of a frame in its shard.

    offset, size_bytes: of the span that contains the picture's member, followed by alpha's.
    picture_bytes: of the picture, at the start of the span. alpha_bytes: of alpha, at its end; 0 if alpha is all ones
    or the cache has no mask. crc32: of the picture's bytes followed by alpha's.
    """

    offset: int
    size_bytes: int
    picture_bytes: int
    alpha_bytes: int
    crc32: int


@dataclass(frozen=True, slots=True)
class VideoRecord:
    """What is known about one cached video besides its pictures.

    seconds: (N,) of the cached frames. coverage, fallback: N entries each of the stored mask, None without one.
    height, width: of all its pictures, in pixels. span: from when to when the video lasts, on a player's clock; None in
    caches of an earlier deltaclip. notes: what is worth knowing of its file, see `reader.Clip`.
    """

    video: str
    height: int
    width: int
    seconds: tuple[float, ...]
    coverage: tuple[float, ...] | None
    fallback: tuple[str | None, ...] | None
    frames: tuple[StoredFrame, ...]
    source: Source
    span: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """The member NAME.json of a shard."""
        data = asdict(self)
        data["frames"] = [list(frame.values()) for frame in data["frames"]]
        return json.dumps(data).encode("ascii")

    @classmethod
    def from_bytes(cls, document: bytes) -> "VideoRecord":
        """The reverse. Raises ValueError, KeyError or TypeError for anything else."""
        data: dict[str, Any] = json.loads(document)
        keys = ("seconds", "coverage", "fallback", *(key for key in ("span", "notes") if key in data))
        lists = {key: None if data[key] is None else tuple(data[key]) for key in keys}
        frames = tuple(StoredFrame(*row) for row in data["frames"])
        return cls(**{**data, **lists, "frames": frames, "source": Source(**data["source"])})
