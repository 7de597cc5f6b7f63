"""The library as its users see it: open, index, search, and look after what is there."""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_data_path

from deltaclip.errors import LibraryError
from deltaclip.library.candidates import absolute_paths, find_candidates
from deltaclip.library.database import Database, NoLibraryError
from deltaclip.library.encoders import require_same_encoder
from deltaclip.library.indexing import IndexRun
from deltaclip.library.ledger import Ledger
from deltaclip.library.lock import writer_lock
from deltaclip.library.protocols import ReadMoments, VectorEncoder
from deltaclip.library.reading import guarded_reader
from deltaclip.library.results import (
    Failure,
    Hit,
    IndexProgress,
    IndexReport,
    Note,
    RememberedEncoder,
    RemoveReport,
    Status,
    VerifyReport,
)
from deltaclip.library.search import VectorTable, encode_query_file, load_vectors
from deltaclip.library.verify import verify_library
from deltaclip.names import matched

__all__ = ["Library", "default_library_path"]

AnyPath = str | os.PathLike[str]


def default_library_path() -> Path:
    """Where the library lies if nobody says otherwise: DELTACLIP_LIBRARY, else the user's data folder."""
    chosen = os.environ.get("DELTACLIP_LIBRARY")
    return Path(chosen) if chosen else user_data_path("deltaclip") / "library"


class Library:
    """A folder with the moments of many videos and their vectors.

        with Library.open("holiday.library", Encoder.load("shapes")) as library:
            library.index(["~/Videos"])
            for hit in library.search("the red circle moves", limit=5):
                print(hit.path, hit.start, hit.end, hit.score)

    One process writes at a time (`index`, `remove`; LockedError for a second one), any number read meanwhile. Any
    thread may use it. A library that cannot be written, for example on a read-only disk, is searched all the same;
    `index` and `remove` raise NotWritableError.
    """

    def __init__(
        self,
        database: Database,
        encoder: VectorEncoder | None,
        open_reader: Callable[[], AbstractContextManager[ReadMoments]],
    ) -> None:
        self._database = database
        self._ledger = Ledger(database)
        self._encoder = encoder
        self._open_reader = open_reader
        self._table: tuple[tuple[int, ...], VectorTable] | None = None
        self._loading = threading.Lock()

    @classmethod
    def open(
        cls,
        path: AnyPath | None = None,
        encoder: VectorEncoder | None = None,
        *,
        create: bool = False,
        open_reader: Callable[[], AbstractContextManager[ReadMoments]] = guarded_reader,
    ) -> Self:
        """Opens the library in the folder `path`, or in `default_library_path()`.

        encoder: needed for `index` and the searches; `remembered_encoder()` tells which one an old library wants.
        create: makes a library where there is none, in a new or empty folder; giving an encoder does so too.
        open_reader: how files are read; in a guarded child process unless somebody reads in another way.
        Raises LibraryError where there is no library, it cannot be read, or another encoder made its vectors.
        """
        if isinstance(encoder, str | os.PathLike):
            raise TypeError(f"encoder is {encoder!r}: give a loaded one, Encoder.load({os.fspath(encoder)!r})")
        folder = _folder(path)
        database = Database.open(folder, create=create or encoder is not None)
        library = cls(database, encoder, open_reader)
        try:
            if encoder is not None:
                with database.reading() as db:
                    require_same_encoder(db, encoder, folder, renewing=True)  # `index` may; searches ask again
        except BaseException:
            database.close()
            raise
        return library

    @staticmethod
    def exists(path: AnyPath | None = None) -> bool:
        """Whether there is a library in the folder `path`, or in `default_library_path()`; one that is damaged counts.

        A file without tables is none: a full disk leaves one behind, and so does, for a moment, who makes a library.
        """
        try:
            Database.open(_folder(path), create=False).close()
        except NoLibraryError:
            return False
        except LibraryError:
            return True
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the files back. May be called again."""
        with self._loading:
            self._table = None
        self._database.close()

    @property
    def path(self) -> Path:
        """The folder, absolute."""
        return self._database.folder

    def remembered_encoder(self) -> RememberedEncoder | None:
        """The encoder that made the vectors, as it has to be loaded again; None before the first `index`."""
        return self._ledger.encoder()

    def index(
        self,
        paths: Iterable[AnyPath],
        on_progress: Callable[[IndexProgress], None] = lambda progress: None,
        *,
        exclude: Sequence[str] = (),
    ) -> IndexReport:
        """Brings the library up to date with files and folders; what it knows by content is not decoded again.

        exclude: patterns of names and paths that are passed over, see `library.Exclusion`; videos that the library has
        stay in it until `remove`. The report counts what was passed over.

        Files that cannot be read are in the report and in `failures()`, the others go on. Files that are gone below
        the given folders are no longer found, until they come back. Can be interrupted at any time: videos that were
        finished are kept, and the next call goes on. on_progress: called before every file and at the end.
        Raises LockedError while another process writes, NotWritableError if the library can only be read.
        """
        encoder = self._need_encoder()
        self._database.require_writable()
        candidates = find_candidates(paths, self.path, exclude)
        with writer_lock(self._database):
            self._ledger.remember(encoder)
            with self._open_reader() as read:
                return IndexRun(self._ledger, encoder, read, candidates, on_progress).run()

    def search(self, text: str, limit: int = 10) -> list[Hit]:
        """The moments that fit the text best, best first; ties by path, then start."""
        return self._hits(self._need_encoder().encode_texts([text]), limit)

    def search_video(
        self, path: AnyPath, limit: int = 10, on_note: Callable[[str], None] = lambda text: None
    ) -> list[Hit]:
        """The moments most like any segment of a video file, which is cut as `index` cuts. Raises VideoError.

        on_note: told what is worth knowing of the file, for example that its time stamps are broken.
        """
        with self._open_reader() as read:
            vectors = encode_query_file(absolute_paths([path])[0], self._need_encoder(), read, on_note)
        return self._hits(vectors, limit)

    def search_image(
        self, path: AnyPath, limit: int = 10, on_note: Callable[[str], None] = lambda text: None
    ) -> list[Hit]:
        """The moments most like a still picture: a video of one frame to the reader. Raises VideoError."""
        return self.search_video(path, limit, on_note)

    def status(self) -> Status:
        """How much there is, and who made the vectors."""
        return self._ledger.status()

    def failures(self) -> tuple[Failure, ...]:
        """Files that could not be read, or only up to a point, with reasons, by path."""
        return self._ledger.failures()

    def notes(self) -> tuple[Note, ...]:
        """What is worth knowing of files that were read, for example that their time stamps are broken, by path."""
        return self._ledger.notes()

    def verify(self, *, every_byte: bool = False) -> VerifyReport:
        """Checks the database, every vector, and that the files are still the ones that were read.

        A file counts as the same if its size, its times and blocks of its bytes are; with other times, or with
        every_byte, all of it is read and compared.
        """
        return verify_library(self._ledger, every_byte=every_byte)

    def remove(self, paths: Iterable[AnyPath]) -> RemoveReport:
        """Takes files, and all files below folders, out of the library, whether they still exist or not.

        The files themselves are never touched. Raises LockedError while another process writes, NotWritableError if the
        library can only be read.
        """
        removed, unknown = 0, list[Path]()
        with writer_lock(self._database):
            for path in absolute_paths(paths):
                rows = self._ledger.below(self._known_as(path))
                self._ledger.delete(rows)
                removed += len(rows)
                if not rows:
                    unknown.append(path)
        return RemoveReport(removed, tuple(unknown))

    def _known_as(self, path: Path) -> Path:
        """The path as the library spells it: a file that is gone can be named with its letters composed differently."""
        if str(path).isascii() or self._ledger.below(path):
            return path
        known = {str(Path(*row.path.parts[: len(path.parts)])) for row in self._ledger.videos()}
        return Path(matched([str(path)], known).get(str(path), path))

    def _hits(self, queries: NDArray[np.float32], limit: int) -> list[Hit]:
        with self._loading:  # threads share one table and wait for it together
            version = self._database.version()
            if self._table is None or self._table[0] != version:
                # The version is asked first: what is committed between the two is loaded once more, never missed.
                self._table = version, load_vectors(self._database, self._need_encoder())
            table = self._table[1]
        return table.hits(queries, limit)

    def _need_encoder(self) -> VectorEncoder:
        if self._encoder is None:
            remedy = "Give one: Library.open(path, Encoder.load(name)); `remembered_encoder()` tells which."
            raise LibraryError(str(self.path), "opened without an encoder", remedy)
        return self._encoder


def _folder(path: AnyPath | None) -> Path:
    """The absolute folder of a library."""
    return absolute_paths([default_library_path() if path is None else path])[0]
