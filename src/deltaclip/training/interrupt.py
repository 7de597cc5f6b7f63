"""Ctrl-C in a run: the first one asks for a state behind the current step, the second one ends at once."""

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Interrupt"]


class Interrupt:
    """While this context lasts, SIGINT is noted in `asked` once; the next one raises KeyboardInterrupt as ever.

    Only where SIGINT would raise KeyboardInterrupt: a handler of somebody else's stays, and so does "ignore".
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self.asked = False
        self._note = note
        self._former: Any = None  # Any: a handler, as the module signal has them

    def __enter__(self) -> "Interrupt":
        in_main = threading.current_thread() is threading.main_thread()  # no other one may set a handler
        if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._former = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._restore()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self._restore()
        with suppress(RuntimeError):  # the signal came while stderr was being written; words are not worth the run
            self._note("stopping behind this step; Ctrl-C again stops at once")

    def _restore(self) -> None:
        if self._former is not None:
            signal.signal(signal.SIGINT, self._former)
            self._former = None
