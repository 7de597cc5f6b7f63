"""What people look at of a moment: thumbnails, outlines, clips. Files are read in watched children, a few at once."""

import math
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar, TypeVarTuple, cast

from deltaclip.errors import VideoError
from deltaclip.library.moment_pictures import (
    SHOWN_WITHOUT_MASKS,
    Thumbnails,
    draw_frames,
    draw_thumbnails,
    shown_motion,
)
from deltaclip.library.outlines import MOST_OUTLINED, Outlines, trace_outlines
from deltaclip.library.results import RememberedEncoder
from deltaclip.motion import MotionSpec
from deltaclip.processes import Guard, once
from deltaclip.video import Cut, PlayFacts, cut_moment, play_facts

__all__ = ["Showing"]

Result = TypeVar("Result")
Given = TypeVarTuple("Given")

THUMBNAIL_WIDTH = 320
KILL_AGAIN_SECONDS = 0.05
"""A child may be between two files when it is killed, and another be started."""


class Showing:
    """Reads moments for people and assistants. Use as a context manager; its methods may be called from many threads.

    Files are opened and decoded in at most `workers` child processes, which may crash, hang or need too much memory
    without taking the caller along (`processes.Guard`); calls wait their turn in the order in which they come. Methods
    raise VideoError for a file that cannot be read, and ValueError once it is closed.
    """

    def __init__(self, workers: int = 2) -> None:
        if workers < 1:
            raise ValueError(f"workers start at 1, not {workers}")
        self._guards: list[Guard[Any]] = [Guard(once) for _ in range(workers)]  # Any: what the functions give
        self._idle: SimpleQueue[Guard[Any]] = SimpleQueue()
        for guard in self._guards:
            self._idle.put(guard)
        # As many threads as guards: a call that runs always finds one idle.
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="showing")
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the children at once; calls that wait or run raise ValueError. May be called again."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        while self._idle.qsize() < len(self._guards):
            for guard in self._guards:
                guard.kill()
            time.sleep(KILL_AGAIN_SECONDS)
        self._threads.shutdown()
        for guard in self._guards:
            guard.close()

    def facts(self, path: str | Path) -> PlayFacts:
        """What the file holds, and whether a browser plays it: see `video.play_facts`."""
        return self._call(play_facts, Path(path))

    def thumbnails(
        self,
        path: str | Path,
        start: float,
        end: float,
        made_by: RememberedEncoder | None,
        *,
        width: int = THUMBNAIL_WIDTH,
    ) -> Thumbnails:
        """The frame of start <= second < end that shows motion best, plain and outlined.

        made_by: of the library, whose mask is drawn; `subject` if it has none. width: in pixels; a picture that would
        be more than one and a half times as tall is made smaller.
        """
        _check(start, end, width)
        return self._call(draw_thumbnails, Path(path), start, end, *shown_motion(made_by), width)

    def thumbnail(
        self,
        path: str | Path,
        start: float,
        end: float,
        made_by: RememberedEncoder | None,
        *,
        outlined: bool,
        width: int = THUMBNAIL_WIDTH,
    ) -> bytes:
        """One of `thumbnails`, as JPEG: the same frame outlined or not."""
        both = self.thumbnails(path, start, end, made_by, width=width)
        return both.outlined if outlined else both.plain

    def frames(
        self,
        path: str | Path,
        start: float,
        end: float,
        made_by: RememberedEncoder | None,
        count: int,
        *,
        outlined: bool,
        width: int = THUMBNAIL_WIDTH,
    ) -> list[bytes]:
        """`count` frames at the middles of equal spans of start <= second < end, as JPEG; else as `thumbnails`."""
        _check(start, end, width)
        if not 1 <= count <= MOST_OUTLINED:
            raise ValueError(f"count must be 1 to {MOST_OUTLINED}, not {count}")
        motion = shown_motion(made_by)[0] if outlined else None
        return self._call(draw_frames, Path(path), start, end, motion, count, width)

    def outlines(
        self,
        path: str | Path,
        start: float,
        end: float,
        *,
        per_second: float = 5,
        motion: MotionSpec | str = SHOWN_WITHOUT_MASKS,
    ) -> Outlines:
        """What moves in start <= second < end, `per_second` times a second, to be drawn over the playing video.

        motion: the mask, or its word. Raises ValueError for more than MOST_OUTLINED frames.
        """
        _check(start, end, 1)
        if not 0 < per_second < math.inf:
            raise ValueError(f"per_second must be positive, not {per_second}")
        num_frames = max(round((end - start) * per_second), 1)
        if num_frames > MOST_OUTLINED:
            raise ValueError(f"{num_frames} frames at once: ask for at most {MOST_OUTLINED}, in several calls")
        spec = MotionSpec.parse(motion) if isinstance(motion, str) else motion
        return self._call(trace_outlines, Path(path), start, end, spec, num_frames)

    def cut(self, path: str | Path, out: str | Path, start: float, end: float, *, copies: bool = True) -> Cut:
        """Writes the moment as an mp4 that browsers play, whole or not at all: see `video.cut_moment`."""
        _check(start, end, 1)
        out = Path(out)
        # A folder of our own: a child that is killed leaves its file there, and not beside `out`.
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".") as folder:
            beside = Path(folder) / "moment.mp4"
            written = self._call(_cut, Path(path), beside, start, end, copies)
            os.replace(beside, out)
        return written

    def _call(self, function: Callable[[Path, *Given], Result], path: Path, *args: *Given) -> Result:
        """What a function of a module's top level gives in a child; waits for its turn."""
        try:
            result = self._threads.submit(self._in_child, function, path, args).result()
        except (CancelledError, RuntimeError) as err:
            if self._closed:
                raise ValueError("this Showing is closed") from err
            raise
        return cast("Result", result)

    def _in_child(self, function: Callable[..., object], path: Path, args: tuple[object, ...]) -> object:
        guard = self._idle.get()
        try:
            [result] = guard.stream(str(path), function, path, *args)
        except VideoError as err:
            if self._closed:
                raise CancelledError from err
            raise
        finally:
            self._idle.put(guard)
        return result


def _cut(path: Path, out: Path, start: float, end: float, copies: bool) -> Cut:
    return cut_moment(path, out, start, end, copies=copies)


def _check(start: float, end: float, width: int) -> None:
    """Raises ValueError for a moment without length or a picture without width."""
    if not (math.isfinite(start) and math.isfinite(end) and start < end):
        raise ValueError(f"a moment needs start < end, not {start} and {end}")
    if width < 1:
        raise ValueError(f"width starts at 1, not {width}")
