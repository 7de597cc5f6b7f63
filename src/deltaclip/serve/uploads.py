"""Files that clients send to search with: kept for a while in a folder of the server, and read in a watched child."""

import asyncio
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deltaclip.errors import VideoError
from deltaclip.library import Hit
from deltaclip.serve.hiding import without_paths
from deltaclip.serve.problems import Problem
from deltaclip.serve.questions import Page, Question
from deltaclip.serve.shelf import Served

__all__ = ["MOST_BYTES", "Upload", "Uploads"]

MOST_BYTES = 512 * 2**20
MOST_KEPT, MOST_KEPT_BYTES = 16, 2 * 2**30
EXPIRES_SECONDS = 3600.0
MOST_HITS = 1000
"""How far down one can read in what is like a file."""


@dataclass(frozen=True, slots=True)
class _Found:
    """All hits for a file. library: its name. question: what was asked."""

    library: str
    question: Question
    hits: Sequence[Hit]
    notes: Sequence[str]


@dataclass(slots=True)
class Upload:
    """A file that was sent. answered: what was found with it last."""

    id: str
    kind: Literal["image", "video"]
    file: Path
    since: float
    answered: _Found | None = None

    @property
    def expires_seconds(self) -> float:
        """How long it is still kept."""
        return max(self.since + EXPIRES_SECONDS - time.monotonic(), 0.0)


class Uploads:
    """Keeps a few files; the oldest ones make room. Its methods are called in the event loop."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="deltaclip-uploads-"))
        self._kept: dict[str, Upload] = {}
        self._thread = ThreadPoolExecutor(1, "deltaclip-uploads")  # files take seconds: texts must not wait for them

    def close(self) -> None:
        """Deletes all of them."""
        self._thread.shutdown(cancel_futures=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def keep(self, body: AsyncIterator[bytes], content_type: str, length: str | None) -> Upload:
        """Writes what is sent to a file. Raises Problem for a kind that cannot be searched with, and for too much."""
        kind = content_type.partition("/")[0].strip().lower()
        if kind not in ("image", "video"):
            raise Problem(
                "unsupported_media", f"{content_type or 'no type'}: send a picture or a video, with its type."
            )
        if length is not None and length.isdecimal() and int(length) > MOST_BYTES:
            raise _too_large()
        self._tidy()
        name = secrets.token_urlsafe(16)
        file, taken = self._folder / name, 0
        try:
            with file.open("xb") as stream:
                async for chunk in body:
                    taken += len(chunk)
                    if taken > MOST_BYTES:
                        raise _too_large()
                    await asyncio.to_thread(stream.write, chunk)
            if not taken:
                raise Problem("invalid_value", "Nothing was sent: the body of the request is the file.")
        except BaseException:
            file.unlink(missing_ok=True)
            raise
        self._make_room(taken)
        kept = self._kept[name] = Upload(name, "image" if kind == "image" else "video", file, time.monotonic())
        return kept

    def forget(self, upload_id: str) -> None:
        """Deletes one. Raises Problem if there is none."""
        self._known(upload_id).file.unlink(missing_ok=True)
        del self._kept[upload_id]

    async def ask(self, served: Served, upload_id: str, question: Question, limit: int, cursor: str | None) -> Page:
        """Hits for a file, by appearance, or for a video by motion. Raises Problem, and what the search raises."""
        kept = self._known(upload_id)
        if question.by == "both" or (question.by == "motion" and kept.kind == "image"):
            raise Problem("invalid_value", "A file is searched by appearance, or a video by motion: set `by` so.")
        start = 0
        if cursor is not None:
            if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 6):
                raise Problem("invalid_value", "This cursor was not given for this file: leave it out to begin again.")
            start = int(cursor)
        if cursor is None:
            loop = asyncio.get_running_loop()
            kept.answered = await loop.run_in_executor(self._thread, _search, served, kept, question)
        found = kept.answered
        if found is None or (found.library, found.question) != (served.name, question):
            raise Problem("gone", "This answer is no longer kept: search again without a cursor.")
        end = start + limit
        return Page(found.hits[start:end], str(end) if end < len(found.hits) else None, notes=found.notes)

    def _known(self, upload_id: str) -> Upload:
        self._tidy()
        if upload_id not in self._kept:
            raise Problem("gone", "This file is no longer kept: send it again.")
        return self._kept[upload_id]

    def _make_room(self, size_bytes: int) -> None:
        """Deletes the oldest ones until all fit with one more of that size."""
        sizes = {each.id: each.file.stat().st_size for each in self._kept.values()}
        for each in sorted(self._kept.values(), key=lambda each: each.since):
            if sum(sizes.values()) + size_bytes <= MOST_KEPT_BYTES:
                return
            each.file.unlink(missing_ok=True)
            del self._kept[each.id], sizes[each.id]

    def _tidy(self) -> None:
        """Deletes what has expired, and the oldest if there are too many."""
        late = [each for each in self._kept.values() if not each.expires_seconds]
        rest = sorted((each for each in self._kept.values() if each.expires_seconds), key=lambda each: each.since)
        for each in [*late, *rest[: max(len(rest) - MOST_KEPT + 1, 0)]]:
            each.file.unlink(missing_ok=True)
            del self._kept[each.id]


def _search(served: Served, kept: Upload, question: Question) -> _Found:
    library = served.library()
    find = {"image": library.search_image, "video": library.search_video}[kept.kind]
    if question.by == "motion":
        find = library.like_motion_of
    notes: list[str] = []
    try:
        hits = find(kept.file, MOST_HITS, notes.append, where=question.where, fold=question.fold)
    except VideoError as error:  # named without the file's place here, which says nothing to who sent it
        raise Problem(
            "unreadable_video", without_paths(f"The file that was sent: {error.reason}", kept.file)
        ) from error
    return _Found(served.name, question, hits, notes)


def _too_large() -> Problem:
    return Problem("too_large", f"Files to search with have at most {MOST_BYTES // 2**20} MB: send a shorter moment.")
