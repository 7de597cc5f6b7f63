"""Ctrl-C, or SIGTERM, in a run: the first asks for a state behind the current step, the second ends at once."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Interrupt"]

ENDING: dict[int, Any] = {  # Any: a handler, as the module signal has them
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
"""The signals that ask a run to end, and what Python does with each."""
UNDER_TORCHRUN = "TORCHELASTIC_RUN_ID"
"""Set by torchrun. A terminal's Ctrl-C reaches its processes, and then it passes its own on to them: that is no second
one. It kills those that have not ended after 30 s."""


class Interrupt:
    """While this context lasts, a signal to end is noted in `asked`; the next one does as ever, under torchrun nothing.

    Only where Python's own handler would act: one of somebody else's stays, and so does "ignore".
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self.asked = False
        self._note = note
        self._former: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():  # no other one may set a handler
            for number, own in ENDING.items():
                if signal.getsignal(number) is own:
                    self._former[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._restore()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            return
        self.asked = True
        again = ""
        if UNDER_TORCHRUN not in os.environ:
            self._restore()
            again = "; Ctrl-C again stops at once"
        with suppress(RuntimeError):  # the signal came while stderr was being written; words are not worth the run
            self._note(f"stopping behind this step{again}")

    def _restore(self) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former.clear()
