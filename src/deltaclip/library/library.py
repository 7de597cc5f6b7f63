"""The library as its users see it: open, index, search, and look after what is there."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import LibraryError
from deltaclip.library.address import AnyPath, open_store, store_exists
from deltaclip.library.candidates import absolute_paths, find_candidates
from deltaclip.library.encoders import require_same_encoder
from deltaclip.library.indexing import IndexRun
from deltaclip.library.protocols import MomentReader, VectorEncoder
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
from deltaclip.library.search import encode_query_file
from deltaclip.library.store import Moment, Store, VideoRow
from deltaclip.library.verify import verify_library
from deltaclip.names import matched
from deltaclip.pipeline import Pipeline
from deltaclip.reader import Clip, read_moments

__all__ = ["Library"]


def _watched_reader() -> Pipeline[Clip]:
    return Pipeline(read_moments)


class Library:
    """The moments of many videos and their vectors, in a folder.

        with Library.open("holiday.library", Encoder.load("shapes"), create=True) as library:
            library.index(["~/Videos"])

        with Library.open("holiday.library") as library:  # loads its own encoder when it is first needed
            for hit in library.search("the red circle moves", limit=5):
                print(hit.path, hit.start, hit.end, hit.score)

    One process writes at a time (`index`, `remove`; LockedError for a second one), any number may read at the same
    time. Any thread may use it. A library that cannot be written, for example on a read-only disk, can be searched all
    the same; `index` and `remove` raise NotWritableError.
    """

    def __init__(
        self,
        store: Store,
        encoder: VectorEncoder | None,
        open_reader: Callable[[], AbstractContextManager[MomentReader]],
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._open_reader = open_reader
        self._loading = threading.Lock()

    @classmethod
    def open(
        cls,
        address: AnyPath | None = None,
        encoder: VectorEncoder | None = None,
        *,
        create: bool = False,
        open_reader: Callable[[], AbstractContextManager[MomentReader]] = _watched_reader,
    ) -> Self:
        """Opens the library in a folder, or in `default_library_path()`.

        encoder: for `index` and the searches; default: the one that made the library's vectors, loaded when it is first
        needed. create: makes a library, in a new or empty folder, if there is none. open_reader: how files are read;
        default: in a watched child process. Raises NoLibraryError if there is no library, LibraryError if it cannot be
        read, or if a different encoder made its vectors.
        """
        if isinstance(encoder, str | os.PathLike):
            raise TypeError(f"encoder is {encoder!r}: give a loaded one, Encoder.load({os.fspath(encoder)!r})")
        store = open_store(address, create=create)
        try:
            if encoder is not None:  # `index` may renew its vectors; searches ask again
                wanted = RememberedEncoder.of(encoder)
                require_same_encoder(store.address, store.encoder(), store.has_moments(), wanted, renewing=True)
        except BaseException:
            store.close()
            raise
        return cls(store, encoder, open_reader)

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
    def address(self) -> str:
        """What opens it again: the folder, absolute."""
        return self._store.address

    @property
    def encoder(self) -> VectorEncoder:
        """The encoder given to `open`, else the one that made the vectors, which is loaded now if it was not before.

        Raises LibraryError if nothing was indexed yet, CheckpointError if the encoder cannot be loaded.
        """
        with self._loading:
            if self._encoder is None:
                if (remembered := self._store.encoder()) is None:
                    remedy = "Give one: Library.open(folder, Encoder.load(name))."
                    raise LibraryError(self.address, "opened without an encoder, and nothing was indexed yet", remedy)
                self._encoder = remembered.load()
            return self._encoder

    def remembered_encoder(self) -> RememberedEncoder | None:
        """The encoder that made the vectors, as it has to be loaded again; None before the first `index`."""
        return self._store.encoder()

    def index(
        self,
        paths: Iterable[AnyPath],
        on_progress: Callable[[IndexProgress], None] = lambda progress: None,
        *,
        exclude: Sequence[str] = (),
    ) -> IndexReport:
        """Brings the library up to date with files and folders; known content is not decoded again.

        exclude: patterns of names and paths to skip, see `library.Exclusion`; videos that the library has are kept
        until `remove`. The report counts what was skipped.

        Files that cannot be read are in the report and in `failures()`, and do not affect the others. Files below the
        given folders that are gone are no longer found, until they come back. Can be interrupted at any time: finished
        videos are kept, and the next call continues. on_progress: called before every file and at the end.
        Raises LockedError while a different process writes, NotWritableError if the library can only be read.
        """
        encoder = self.encoder
        with self._store.writing() as writer:
            candidates = find_candidates(paths, self._store.folder, exclude)
            writer.remember(RememberedEncoder.of(encoder))
            with self._open_reader() as reader:
                return IndexRun(self._store, writer, encoder, reader, candidates, on_progress).run()

    def search(self, text: str, limit: int = 10) -> list[Hit]:
        """The moments that fit the text best, best first; ties by path, then start.

        Raises TypeError for anything but one text, ValueError for a text without letters or a limit below 1.
        """
        if not isinstance(text, str):
            raise TypeError(f"search takes one text, not {type(text).__name__}: call it once for each")
        if not text.strip():
            raise ValueError("the text is empty: nothing is like it")
        return self._hits(self.encoder.encode_texts([text]), limit)

    def search_video(
        self, path: AnyPath, limit: int = 10, on_note: Callable[[str], None] = lambda text: None
    ) -> list[Hit]:
        """The moments most like any segment of a video file, which is cut as `index` cuts. Raises VideoError.

        on_note: called with what is worth knowing about the file, for example that its time stamps are broken.
        """
        with self._open_reader() as reader:
            vectors = encode_query_file(absolute_paths([path])[0], self.encoder, reader, on_note)
        return self._hits(vectors, limit)

    def search_image(
        self, path: AnyPath, limit: int = 10, on_note: Callable[[str], None] = lambda text: None
    ) -> list[Hit]:
        """The moments most like a still picture: a video of one frame to the reader. Raises VideoError."""
        return self.search_video(path, limit, on_note)

    def search_vectors(self, vectors: NDArray[np.float32], limit: int = 10) -> list[Hit]:
        """The moments most like any of some vectors of the library's encoder.

        vectors: (Q, D) or (D,), of any length but zero. Raises ValueError for a different shape.
        """
        queries = np.atleast_2d(np.asarray(vectors, np.float32))
        lengths = np.linalg.norm(queries, axis=-1, keepdims=True)
        if queries.ndim != 2 or not len(queries) or not (np.isfinite(lengths) & (lengths > 0)).all():
            raise ValueError("vectors are an array (Q, D) with Q >= 1, and each has a direction: none is zero or NaN")
        return self._store.find(queries / lengths, limit)

    def search_moment(self, moment_id: str, limit: int = 10) -> list[Hit]:
        """The moments most like one that the library has, which is among them. Raises LibraryError if it is gone."""
        moment = self.moment(moment_id)
        if moment is None:
            remedy = "Search again: its video was indexed again or removed since."
            raise LibraryError(self.address, f"no moment {moment_id!r}", remedy)
        return self._store.find(moment.vector[None], limit)

    def videos(self) -> list[VideoRow]:
        """All videos, by path: also those that failed or are missing."""
        return self._store.videos()

    def moments(self, videos: Iterable[VideoRow] | None = None) -> Iterator[Moment]:
        """The moments of some videos, or of all, with their vectors, by path and start."""
        return self._store.moments(self._store.videos() if videos is None else videos)

    def moment(self, moment_id: str) -> Moment | None:
        """The moment of that id, as hits name it; None if its video was indexed again or removed since."""
        return self._store.moment(moment_id)

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
        return verify_library(self._store, every_byte=every_byte)

    def remove(self, paths: Iterable[AnyPath]) -> RemoveReport:
        """Removes files, and all files below folders, from the library, whether they still exist or not.

        The files themselves are never touched. Raises LockedError while a different process writes, NotWritableError if
        the library can only be read.
        """
        removed, unknown = 0, list[Path]()
        with self._store.writing() as writer:
            for path in absolute_paths(paths):
                rows = self._store.below(self._known_as(path))
                writer.delete(rows)
                removed += len(rows)
                if not rows:
                    unknown.append(path)
        return RemoveReport(removed, tuple(unknown))

    def _known_as(self, path: Path) -> Path:
        """The path as the library spells it: the letters of a name may be composed differently."""
        if str(path).isascii() or self._store.below(path):
            return path
        known = {str(Path(*row.path.parts[: len(path.parts)])) for row in self._store.videos()}
        return Path(matched([str(path)], known).get(str(path), path))

    def _hits(self, queries: NDArray[np.float32], limit: int) -> list[Hit]:
        return self._store.find(queries, limit, RememberedEncoder.of(self.encoder))
