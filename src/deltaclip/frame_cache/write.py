"""Writing a cache: videos decoded in child processes, put into shards in one order, safe to kill anywhere."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from deltaclip.durable import FULL, one_writer, replace_durably
from deltaclip.errors import CacheError, VideoError
from deltaclip.frame_cache.decoding import decoded_videos
from deltaclip.frame_cache.index import INDEX_NAME, CacheIndex, Entry, Source
from deltaclip.frame_cache.read import read_index
from deltaclip.frame_cache.settings import CacheSettings
from deltaclip.frame_cache.shard import PART_SUFFIX, EncodedVideo, ShardWriter
from deltaclip.library import Stamp, content_of
from deltaclip.names import matched

__all__ = [
    "CacheFailure",
    "CacheInUseError",
    "CacheProgress",
    "CacheReport",
    "only_writer",
    "write_cache",
    "write_index",
]

VIDEOS_PER_SHARD = 32
"""About 35 MB: what a kill may lose, and what object storage likes to hold in one piece."""
LOCK_NAME = ".lock"


class CacheInUseError(CacheError):
    """Another process is writing to the cache. Nothing was done; try again when it has ended."""

    refused = True
    """Tells the command line that this is no failure of the work: exit code 3."""


@dataclass(frozen=True, slots=True)
class CacheFailure:
    """A video that is not in the cache, and why."""

    video: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class CacheProgress:
    """How far a run is. total: videos to write. done: written or failed. failed: of them. video: the one just done."""

    total: int
    done: int
    failed: int
    video: str


@dataclass(frozen=True, slots=True)
class CacheReport:
    """What a run of `write_cache` did.

    held: videos asked for that the cache now holds, those of earlier runs among them. written: by this run.
    changed: those of them whose files had changed since they were cached; they were written anew.
    failures: left out. shards, size_bytes: written by this run. seconds: it took. notes: what is worth knowing of files
    that were read by this run, by video.
    """

    held: int
    written: int
    changed: tuple[str, ...]
    failures: tuple[CacheFailure, ...]
    shards: int
    size_bytes: int
    seconds: float
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def write_cache(
    out: Path,
    videos: Mapping[str, Path],
    settings: CacheSettings,
    *,
    workers: int | None = None,
    allow_missing: bool = False,
    progress: Callable[[CacheProgress], None] | None = None,
) -> CacheReport:
    """Brings every video into the cache at `out` that is not there yet, or whose file has changed since.

    videos: id -> file. Ids are any texts; a cache may hold more videos than are asked for here.
    workers: child processes that decode, None takes one a core. The shards are the same bytes for any number.
    allow_missing: leave out what is not there. Without it CacheError names every missing file before work begins. Files
    that turn out broken are left out and named in the report in both cases; none is ever filled in.
    Killed at any moment, it leaves what was finished; the same call goes on from there and ends with the same cache.
    Raises CacheError where the cache has other settings, is in use by another writer (CacheInUseError), or the disk is
    full.
    """
    begun = time.monotonic()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise CacheError(
            str(out), f"cannot be made ({err.strerror})", "Choose a folder that you may write to."
        ) from err
    with only_writer(out):
        index = _agreed_index(out, settings)
        # A video that is held under a name of the same letters is that video.
        held = matched(videos, index.videos)
        videos = {held.get(video, video): path for video, path in videos.items()}
        stamps, missing = _look_at(videos, index)
        if missing and not allow_missing:
            _refuse_missing(missing, len(videos))
        current = {
            video: _current(entry, videos[video], stamps[video]) if video in stamps else entry
            for video, entry in index.videos.items()
        }
        # Not held any more, whether or not the new file can be read: nobody shall learn from another file unknowingly.
        changed = [video for video, entry in current.items() if entry is None]
        kept = {video: entry for video, entry in current.items() if entry is not None}
        run = _Run(out, replace(index, videos=kept), missing, is_written=kept == index.videos)
        pending = [video for video in sorted(stamps) if video not in kept]
        for done, video in enumerate(run.write(pending, videos, workers or os.cpu_count() or 1), 1):
            if progress is not None:
                progress(CacheProgress(len(pending), done, len(run.failures) - len(missing), video))
    return CacheReport(
        held=sum(video in run.index.videos for video in videos),
        written=run.written,
        changed=tuple(changed),
        failures=tuple(run.failures),
        shards=run.index.num_shards - index.num_shards,
        size_bytes=run.size_bytes,
        seconds=time.monotonic() - begun,
        notes=run.notes,
    )


def _current(entry: Entry, path: Path, stamp: Stamp) -> Entry | None:
    """The entry of a held video if it was made of the file that is there now, else None.

    A file of other times and the same bytes is the same one; from now on it is known by its new times.
    """
    held = entry.source
    if held.is_untouched(stamp):
        return entry
    if held.digest is None or held.size_bytes != stamp.size_bytes:
        return None
    try:
        now = Source.of(path, content_of(path))
    except VideoError:
        return None  # whoever decodes it will say why
    return replace(entry, source=now) if now.digest == held.digest else None


class _Run:
    """One run of `write_cache`, after everything that could be refused beforehand."""

    def __init__(self, out: Path, index: CacheIndex, failures: Sequence[CacheFailure], *, is_written: bool) -> None:
        """is_written: `index` is what lies on the disk."""
        self._out = out
        self._is_written = is_written
        self._shard: ShardWriter | None = None
        self.index = index
        self.failures = list(failures)
        self.notes: dict[str, tuple[str, ...]] = {}
        self.written = self.size_bytes = 0

    def write(self, pending: Sequence[str], videos: Mapping[str, Path], workers: int) -> Iterator[str]:
        """Writes the pending videos in their order; yields each when it is settled. Raises CacheError."""
        try:
            with _writing(self._out):
                for video, result in decoded_videos(pending, videos, self.index.settings, workers):
                    if isinstance(result, VideoError):
                        self.failures.append(CacheFailure(video, str(videos[video]), result.reason))
                    else:
                        encoded, source = result
                        self._add(video, encoded, source)
                        if encoded.notes:
                            self.notes[video] = encoded.notes
                    yield video
                self._commit()
                if not self._is_written:  # nothing to add, but a changed file that fails now is held no more
                    write_index(self._out, self.index)
        finally:
            if self._shard is not None:
                self._shard.discard()

    def _add(self, video: str, encoded: EncodedVideo, source: Source) -> None:
        if self._shard is None:
            self._shard = ShardWriter(self._out, self.index.num_shards, self.index.settings.suffix)
        self._shard.add(video, encoded, source)
        if len(self._shard.entries) == VIDEOS_PER_SHARD:
            self._commit()

    def _commit(self) -> None:
        """First the shard, then the index that names it: a reader never meets a name without its bytes."""
        if self._shard is None:
            return
        self.size_bytes += self._shard.finish()
        held = {**self.index.videos, **self._shard.entries}
        self.index = replace(self.index, videos=dict(sorted(held.items())), num_shards=self.index.num_shards + 1)
        write_index(self._out, self.index)
        self._is_written = True
        self.written += len(self._shard.entries)
        self._shard = None


def write_index(out: Path, index: CacheIndex) -> None:
    """Replaces cache.json as a whole. Raises OSError where it cannot; then the former one is untouched."""
    part = out / f".{INDEX_NAME}{PART_SUFFIX}"
    with part.open("wb") as file:
        file.write(index.to_bytes())
        replace_durably(file, part, out / INDEX_NAME)


@contextmanager
def only_writer(out: Path) -> Iterator[None]:
    """Holds the cache for writing and clears what a writer that died left behind."""

    def in_use(holder: str) -> CacheInUseError:
        found = f"another process is writing to this cache (process {holder})"
        return CacheInUseError(str(out), found, "Wait until it has ended; the cache can be read in the meantime.")

    with ExitStack() as stack:
        with _writing(out):
            stack.enter_context(one_writer(out / LOCK_NAME, in_use))
            for part in out.glob(f".*{PART_SUFFIX}"):
                part.unlink()
        yield


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Errors of the disk as what they mean."""
    try:
        yield
    except OSError as err:
        remedy = "What was finished is kept; fix that, and run the same command again to continue."
        if err.errno in FULL:
            remedy = "What was finished is kept; make room, and run the same command again to continue."
        raise CacheError(str(out), f"cannot be written ({err.strerror or err})", remedy) from err


def _agreed_index(out: Path, settings: CacheSettings) -> CacheIndex:
    """The index of the cache at `out`, or a new one, written. Raises CacheError where its settings are others."""
    if not (out / INDEX_NAME).exists():
        index = CacheIndex(settings)
        with _writing(out):
            write_index(out, index)
        return index
    index = read_index(out)
    differences = index.settings.differences(settings)
    if differences:
        remedy = "Ask for the same settings, or choose a different folder."
        raise CacheError(str(out), f"this cache was made with {'; '.join(differences)}", remedy)
    return index


def _look_at(videos: Mapping[str, Path], index: CacheIndex) -> tuple[dict[str, Stamp], list[CacheFailure]]:
    """What there is to read now, and what cannot be; videos that are held need their files no more."""
    stamps, failures = {}, []
    for video, path in sorted(videos.items()):
        try:
            stamp = Stamp.of(path)
            reason = None if stamp.size_bytes else "the file is empty"
        except VideoError as error:
            reason = error.found
        if reason is None:
            stamps[video] = stamp
        elif video not in index.videos:
            failures.append(CacheFailure(video, str(path), reason))
    return stamps, failures


def _refuse_missing(missing: Sequence[CacheFailure], asked: int) -> None:
    names = "; ".join(f"{failure.path} {failure.reason}" for failure in missing)
    remedy = "Bring them back, or leave them out: allow_missing (--allow-missing)."
    raise CacheError(f"{len(missing)} of {asked} videos", names, remedy)
