"""Pictures and films of moments: made by watched children, and kept for a while."""

import hashlib
import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from deltaclip.library import MOST_OUTLINED, Outlines, PlayFacts, Showing, VideoRow, shown_motion
from deltaclip.object_paths import ELSEWHERE, TO_LOOK_AT, is_elsewhere
from deltaclip.serve.metrics import STAGE_SECONDS
from deltaclip.serve.problems import Problem
from deltaclip.serve.sending import open_regular
from deltaclip.serve.shelf import Served

__all__ = ["Jpeg", "Media"]

PICTURES_BYTES = 96 * 2**20
"""Of pictures that are kept: some 6,000."""
OUTLINES_KEPT, FACTS_KEPT = 64, 4096
FILMS_BYTES = 2 * 2**30
"""Of films that are kept on disk."""
LONGEST_FILM_SECONDS = 120.0

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A JPEG, and the tag that changes with it."""

    content: bytes
    etag: str

    @classmethod
    def of(cls, content: bytes) -> "Jpeg":
        """The picture of these bytes."""
        return cls(content, f'"{hashlib.sha256(content).hexdigest()[:24]}"')


class _Kept:
    """Things that were made, each once although several threads ask for it; the ones longest unused make room."""

    def __init__(self, most: int, size_of: Callable[[Any], int] = lambda thing: 1) -> None:
        self._most, self._size_of = most, size_of
        self._things: OrderedDict[Hashable, object] = OrderedDict()
        self._size = 0
        self._turn = threading.Lock()
        self._in_work: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Made], forget: Callable[[Made], None] | None = None) -> Made:
        """What is kept under the key, else what `make` gives now. forget: is told of what makes room."""
        with self._turn:
            lock = self._in_work.setdefault(key, threading.Lock())
        try:
            with lock:
                with self._turn:
                    if key in self._things:
                        self._things.move_to_end(key)
                        return self._things[key]  # type: ignore[return-value]  # made by the same function
                made = make()
                with self._turn:
                    self._things[key] = made
                    self._size += self._size_of(made)
                    while self._size > self._most and len(self._things) > 1:
                        _, old = self._things.popitem(last=False)
                        self._size -= self._size_of(old)
                        if forget is not None:
                            forget(old)  # type: ignore[arg-type]
                return made
        finally:
            with self._turn:
                self._in_work.pop(key, None)


class Media:
    """What is shown of videos. Its methods wait for children, and are called in threads."""

    def __init__(self, roots: Sequence[Path] | None) -> None:
        """roots: folders out of which no link may lead; None: links of videos that the library has may lead anywhere.

        A video that is no link is shown wherever it is: somebody has indexed it.
        """
        self._roots = None if roots is None else [root.resolve() for root in roots]
        self._showing = Showing()
        self._folder = Path(tempfile.mkdtemp(prefix="deltaclip-films-"))
        self._pictures = _Kept(PICTURES_BYTES, _size_of_pictures)
        self._outlines, self._facts = _Kept(OUTLINES_KEPT), _Kept(FACTS_KEPT)
        self._films = _Kept(FILMS_BYTES, lambda film: film.stat().st_size)

    def close(self) -> None:
        """Ends the children and deletes the films."""
        self._showing.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def file_of(self, row: VideoRow) -> Path:
        """The file of a video if it is the one that was indexed, and inside the roots. Raises Problem.

        For children that decode it: they open it again, by a path without links. To send its bytes, take `opened`.
        """
        file, opened = self._checked(row)
        opened.close()
        return file

    def opened(self, row: VideoRow) -> BinaryIO:
        """The file of a video as `file_of` finds it, open: whatever is put in its place later is not sent."""
        return self._checked(row)[1]

    def _checked(self, row: VideoRow) -> tuple[Path, BinaryIO]:
        """What is compared is what was opened, not what the path leads to now. Size and time of change are those of the
        row, so a file that somebody linked or moved there is not taken for it unless it was made to look so."""
        if is_elsewhere(row.path):
            raise Problem("gone", f"The file of this video is {ELSEWHERE}. {TO_LOOK_AT}")
        if row.missing or row.stamp is None:
            raise Problem("gone", "The file of this video is missing: put it back, and index it again.")
        try:
            real = row.path.resolve(strict=True)
            if real != row.path and not self._is_inside(real):
                raise Problem("forbidden", "The file of this video is a link that leads out of the server's roots.")
            opened = open_regular(real)
        except (OSError, RuntimeError):  # RuntimeError: links that lead to each other
            raise Problem("gone", "The file of this video is gone: index its folder again.") from None
        stat = os.fstat(opened.fileno())
        if (stat.st_size, stat.st_mtime_ns) != (row.stamp.size_bytes, row.stamp.mtime_ns):
            opened.close()
            raise Problem("gone", "The file of this video has changed since it was indexed: index its folder again.")
        return real, opened

    def _is_inside(self, real: Path) -> bool:
        return self._roots is None or any(real.is_relative_to(root) for root in self._roots)

    def facts(self, row: VideoRow) -> PlayFacts:
        """What the file of a video holds. Raises Problem, VideoError."""
        file = self.file_of(row)
        return self._facts.get((row.id, row.stamp), lambda: self._showing.facts(file))

    def thumbnail(self, served: Served, row: VideoRow, start: float, end: float, width: int) -> tuple[Jpeg, Jpeg]:
        """The frame of a moment that shows motion best, plain and outlined. Raises Problem, VideoError."""
        file, made_by = self.file_of(row), served.made_by()
        key = (str(file), row.stamp, start, end, width, *shown_motion(made_by))

        def make() -> tuple[Jpeg, Jpeg]:
            with STAGE_SECONDS.labels("picture").time():
                both = self._showing.thumbnails(file, start, end, made_by, width=width)
            return Jpeg.of(both.plain), Jpeg.of(both.outlined)

        return self._pictures.get(key, make)

    def outlines(self, served: Served, row: VideoRow, start: float, end: float, per_second: float) -> Outlines:
        """What moves from start to end. Raises Problem, also for too many frames, VideoError."""
        if (end - start) * per_second > MOST_OUTLINED:
            raise Problem("invalid_value", f"At most {MOST_OUTLINED} frames are outlined at once: ask for less time.")
        file, (shown, _) = self.file_of(row), shown_motion(served.made_by())
        key = (str(file), row.stamp, start, end, per_second, shown)

        def make() -> Outlines:
            with STAGE_SECONDS.labels("picture").time():
                return self._showing.outlines(file, start, end, per_second=per_second, motion=shown)

        return self._outlines.get(key, make)

    def frames(
        self, served: Served, row: VideoRow, start: float, end: float, count: int, *, outlined: bool
    ) -> list[bytes]:
        """JPEGs spread over a moment. Raises Problem, VideoError."""
        return self._showing.frames(self.file_of(row), start, end, served.made_by(), count, outlined=outlined)

    def film(self, row: VideoRow, start: float, end: float) -> Path:
        """An mp4 of a moment that browsers play; its time 0 is `start`. Raises Problem, VideoError."""
        if not 0 < end - start <= LONGEST_FILM_SECONDS:
            raise Problem("invalid_value", f"A film of a moment is at most {LONGEST_FILM_SECONDS:.0f} s long.")
        file = self.file_of(row)
        key = (str(file), row.stamp, round(start, 3), round(end, 3))
        out = self._folder / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.mp4"

        def make() -> Path:
            with STAGE_SECONDS.labels("cut").time():
                self._showing.cut(file, out, start, end)
            return out

        return self._films.get(key, make, lambda film: film.unlink(missing_ok=True))


def _size_of_pictures(pictures: Sequence[Jpeg]) -> int:
    return sum(len(picture.content) for picture in pictures)
