"""The library as its users see it: open, index, search, and look after what is there."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from deltaclip.checks import AnyPath, check_path, check_paths, check_whole
from deltaclip.library.address import open_store, store_exists
from deltaclip.library.candidates import Candidates, Shard, find_candidates
from deltaclip.library.encoders import (
    keeps_motion,
    require_same_encoder,
    require_same_encoders,
)
from deltaclip.library.export import export_vectors
from deltaclip.library.indexing import IndexRun
from deltaclip.library.judging import prepare_relevance
from deltaclip.library.paths import absolute_paths
from deltaclip.library.protocols import MotionVectorEncoder, VectorEncoder
from deltaclip.library.queries import (
    check_encoder,
    check_motion_encoder,
)
from deltaclip.library.removing import remove_paths
from deltaclip.library.repair import damaged_videos, drop_damaged, not_repaired
from deltaclip.library.results import (
    Failure,
    Hit,
    IndexProgress,
    IndexReport,
    Note,
    RememberedEncoder,
    RememberedMotionEncoder,
    RemoveReport,
    RepairReport,
    Status,
    VerifyReport,
)
from deltaclip.library.searches import OpenReader, Searches
from deltaclip.library.store import Moment, VideoRow
from deltaclip.library.verify import verify_library
from deltaclip.library.watching import WatchTimes, watch_folders
from deltaclip.pipeline import Pipeline, usual_workers
from deltaclip.reader import Clip

if TYPE_CHECKING:  # imported when a picture is drawn
    from PIL.Image import Image

__all__ = ["Library"]


def _watched_reader(workers: int) -> Pipeline[Clip]:
    from deltaclip.reader import read_moments

    return Pipeline(read_moments, workers)


class Library(Searches):
    """The moments of many videos and their vectors, one of appearance and one of motion, in a folder.

        with Library.open("holiday.library", Encoder.load("shapes"), create=True) as library:
            library.index(["~/Videos"])

        with Library.open("holiday.library") as library:  # loads its own encoder when it is first needed
            for hit in library.search("the red circle moves", limit=5):
                print(hit.path, hit.start, hit.end, hit.score)

    One process writes at a time (`index`, `remove`; LockedError for a second one), any number may read at the same
    time. Any thread may use it. A library that cannot be written, for example on a read-only disk, can be searched all
    the same; `index` and `remove` raise NotWritableError.
    """

    @classmethod
    def open(
        cls,
        address: AnyPath | None = None,
        encoder: VectorEncoder | None = None,
        motion_encoder: MotionVectorEncoder | None = None,
        *,
        create: bool = False,
        open_reader: OpenReader = _watched_reader,
    ) -> Self:
        """Opens the library in a folder, or in `default_library_path()`.

        encoder, motion_encoder: for `index` and the searches; default: those that made the library's vectors, or the
        bundled motion encoder, loaded when they are first needed. create: makes a library, in a new or empty folder, if
        there is none. open_reader: called with a number of workers, how files are read; default: in watched children.
        Raises NoLibraryError if there is no library, LibraryError if it cannot be read, or if a different encoder made
        its vectors; motion vectors of a different motion encoder are no error, since `index` measures them anew.
        """
        if address is not None:
            check_path(address, "Library.open")
        if encoder is not None:
            check_encoder(encoder)
        if motion_encoder is not None:
            check_motion_encoder(motion_encoder)
        store = open_store(address, create=create)
        try:
            if encoder is not None:  # `index` may renew its vectors; searches ask again
                wanted = RememberedEncoder.of(encoder)
                require_same_encoder(store.address, store.encoder(), store.has_moments(), wanted, renewing=True)
        except BaseException:
            store.close()
            raise
        return cls(store, encoder, motion_encoder, open_reader)

    @staticmethod
    def exists(address: AnyPath | None = None) -> bool:
        """Whether there is a library in a folder, or in `default_library_path()`; one that is damaged counts."""
        return store_exists(address)

    def __repr__(self) -> str:
        return f"Library({self.address!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the files back. May be called again."""
        self._store.close()

    @property
    def keeps_motion(self) -> bool:
        """Whether `index` gives moments motion vectors unless it is told otherwise."""
        return keeps_motion(self._store, None)

    def remembered_encoder(self) -> RememberedEncoder | None:
        """The encoder that made the vectors, as it has to be loaded again; None before the first `index`."""
        return self._store.encoder()

    def index(
        self,
        paths: Iterable[AnyPath],
        on_progress: Callable[[IndexProgress], None] | None = None,
        *,
        exclude: Sequence[str] = (),
        motion_words: bool | None = None,
        workers: int | None = None,
        prune: bool = False,
        shard: Shard | None = None,
    ) -> IndexReport:
        """Brings the library up to date with files and folders; known content is not decoded again.

        motion_words: whether each moment also gets a motion vector, so that it is found by how it moves; default: as
        the library was made, True for a new one and for one of an earlier deltaclip. Files whose moments lack motion
        vectors are read again for them; their other vectors are kept. False raises LibraryError if that would lose any.

        exclude: patterns of names and paths to skip, see `library.Exclusion`; videos that the library has are kept
        until `remove`. The report counts what was skipped.

        workers: child processes that decode and measure motion side by side; default: `pipeline.usual_workers`, one for
        each core and at most 8. What the library gets does not depend on it.

        prune: whether videos below the given paths whose files are gone are removed from the library; default: they
        are kept as missing. Nothing is removed below a given path that is gone itself, or an empty folder: a disk that
        is not mounted looks like that.

        shard: only this part of the files, for several machines that index one folder, each into a library of its own;
        `library.merge_libraries` makes one of them.

        Files that cannot be read are in the report and in `failures()`, and do not affect the others. Files below the
        given folders that are gone are no longer found, until they come back. Can be interrupted at any time: finished
        videos are kept, and the next call continues. on_progress: called before every file and at the end; it may raise
        `library.StopIndexing` to end the run, which keeps what was read, and the report says `stopped`.
        Raises LockedError while a different process writes, NotWritableError if the library can only be read.
        """
        given = check_paths(paths, "index")
        chosen = _checked_workers(exclude, workers)
        tell = on_progress or _ignore

        def find() -> Candidates:
            found = find_candidates(given, self._store.folder, exclude)
            return found if shard is None else shard.of(found)

        return self._index(find, tell, motion_words, chosen, prune=prune)

    def watch(
        self,
        paths: Iterable[AnyPath],
        on_progress: Callable[[IndexProgress], None] | None = None,
        on_note: Callable[[str], None] | None = None,
        *,
        exclude: Sequence[str] = (),
        motion_words: bool | None = None,
        workers: int | None = None,
        prune: bool = False,
        times: WatchTimes | None = None,
    ) -> Iterator[IndexReport]:
        """Brings the library up to date with files and folders and keeps it so, until the caller stops.

            for report in library.watch(["~/Videos"]):
                print(report.indexed, report.missing)

        Yields a report of the first look, then one whenever something was done; each is about the files that had
        changed. A file is read once its size and times have not changed for some seconds, and a file that failed is
        tried again once it has changed. The library is locked only while files are indexed; if a different process
        holds it then, this one waits. on_note: called with what people should know, such as that. times: how long is
        waited for what, see `library.WatchTimes`. The other arguments are those of `index`, and it raises as `index`
        does, except for LockedError.
        """
        given = absolute_paths(check_paths(paths, "watch"))
        chosen = _checked_workers(exclude, workers)
        tell = on_progress or _ignore
        return watch_folders(
            lambda: find_candidates(given, self._store.folder, exclude),
            lambda candidates: self._index(lambda: candidates, tell, motion_words, chosen, prune=prune),
            on_note or _ignore,
            times or WatchTimes(),
        )

    def _index(
        self,
        find: Callable[[], Candidates],
        on_progress: Callable[[IndexProgress], None],
        motion_words: bool | None,
        workers: int,
        *,
        prune: bool,
    ) -> IndexReport:
        encoder = self.encoder
        with self._store.writing() as writer:
            candidates = find()
            motion = self.motion_encoder if keeps_motion(self._store, motion_words) else None
            remembered = None if motion is None else RememberedMotionEncoder.of(motion)
            writer.remember(RememberedEncoder.of(encoder), remembered)
            with self._open_reader(workers) as reader:
                run = IndexRun(self._store, writer, encoder, motion, reader, candidates, on_progress, prune=prune)
                report = run.run()
        prepare_relevance(encoder)
        return report

    def picture(self, hit: Hit | Moment) -> "Image":
        """The frame of a hit that best shows what moves, with the motion outlined and the rest dimmed.

        Returns a PIL image, 224 pixels on its short side: `.save("hit.png")` writes it, `numpy.asarray` gives uint8
        (H, W, 3), and a notebook shows it. Raises VideoError if the file cannot be read any more.
        """
        from PIL import Image

        from deltaclip.library.hit_pictures import draw_hit

        if not isinstance(hit, Hit | Moment):
            raise TypeError(f"picture takes one hit, not {type(hit).__name__}")
        return Image.fromarray(draw_hit(hit.path, hit.start, hit.end, self._store.encoder()))

    def videos(self) -> list[VideoRow]:
        """All videos, by path: also those that failed or are missing."""
        return self._store.videos()

    def video(self, video_id: str) -> VideoRow | None:
        """The video of that id, as hits and `videos()` name it; None if it was indexed again or removed since."""
        if not isinstance(video_id, str):
            raise TypeError(f"video takes the id of a video, not {video_id!r}")
        return self._store.video_of_id(video_id)

    def version(self) -> str:
        """Changes with every commit, of any process."""
        return self._store.version()

    def moments(self, videos: Iterable[VideoRow] | None = None) -> Iterator[Moment]:
        """The moments of some of these `videos`, or of all, with their vectors, by path and start."""
        if isinstance(videos, VideoRow):
            raise TypeError("moments takes a list of videos, not one: write [video]")
        rows = self._store.videos() if videos is None else list(videos)
        if wrong := next((row for row in rows if not isinstance(row, VideoRow)), None):
            raise TypeError(f"moments takes videos as `videos()` lists them, not {wrong!r}")
        return self._store.moments(rows)

    def export(self, file: AnyPath) -> int:
        """Writes the vectors of all moments that can be found, with paths and times, and returns their number N.

        file: an .npz, replaced if it exists, for `numpy.load`: vectors (N, D) float32, paths, starts, ends, coverages
        and ids (N,), encoder and fingerprint. Raises ValueError for a different suffix, LibraryError if nothing was
        indexed or it cannot be written. Also motion_vectors (N, Dm), NaN for a moment that has none, motion_encoder and
        motion_fingerprint.
        """
        path = absolute_paths([check_path(file, "export")])[0]
        if path.suffix.lower() != ".npz":
            raise ValueError(f"export writes an .npz file, not {path.name!r}")
        return export_vectors(self._store, path)

    def status(self) -> Status:
        """How much there is, and who made the vectors."""
        return self._store.status()

    def failures(self) -> tuple[Failure, ...]:
        """Files that could not be read, or only up to a point, with reasons, by path."""
        return self._store.failures()

    def notes(self) -> tuple[Note, ...]:
        """What is worth knowing about files that were read, for example that their time stamps are broken, by path."""
        return self._store.notes()

    def verify(self, *, every_byte: bool = False) -> VerifyReport:
        """Checks the store, every vector, and that the files have not changed.

        A file counts as unchanged if its size, its times and blocks of its bytes are the same; if its times differ, or
        with every_byte, it is read in full and compared.
        """
        self._store.version()  # raises for a closed library, which is no problem of the library
        return verify_library(self._store, every_byte=every_byte)

    def repair(
        self,
        on_progress: Callable[[IndexProgress], None] | None = None,
        *,
        dry_run: bool = False,
        workers: int | None = None,
    ) -> RepairReport:
        """Drops moments that `verify` finds damaged, reads their files again, and changes nothing else.

        Motion vectors alone are dropped if only they are damaged. A video whose file is gone or cannot be read stays as
        a failed one, which `index` reads once it can. dry_run: only says what would be done. on_progress, workers: as
        in `index`. Raises LibraryError before anything is dropped if the encoders that made the vectors are no longer
        what they were, or if the database itself is damaged, CheckpointError if they cannot be loaded; LockedError,
        NotWritableError as `index`.
        """
        damaged = tuple(damaged_videos(self._store))
        if dry_run:
            return RepairReport(True, damaged, 0, (), ())
        if damaged:
            require_same_encoders(self._store, self.encoder, self.motion_encoder if self.keeps_motion else None)
        if damaged or any(self._store.problems()):
            self._store.require_sound()
            drop_damaged(self._store, damaged)
        if there := [video.path for video in damaged if not video.gone]:
            self.index(there, on_progress, workers=workers)
        failures = tuple(not_repaired(self._store, damaged))
        remaining = verify_library(self._store, every_byte=False).problems
        return RepairReport(False, damaged, len(damaged) - len(failures), failures, remaining)

    def remove(self, paths: Iterable[AnyPath]) -> RemoveReport:
        """Removes files, and all files below folders, from the library, whether they still exist or not.

        The files themselves are never touched. Raises LockedError while a different process writes, NotWritableError if
        the library can only be read.
        """
        return remove_paths(self._store, absolute_paths(check_paths(paths, "remove")))


def _ignore(told: object) -> None:
    """What is done with progress and notes that nobody wants."""


def _checked_workers(exclude: Sequence[str], workers: int | None) -> int:
    """How many children read files. Raises TypeError for one pattern in place of a list, and for no whole number."""
    if isinstance(exclude, str):
        raise TypeError(f"exclude is a list of patterns, not one string: write [{exclude!r}]")
    return usual_workers() if workers is None else check_whole(workers, "workers", 1)
