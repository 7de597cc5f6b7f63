"""Ctrl-C or SIGTERM during a run: the first saves a state after the current step, the second stops at once."""

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
"""The signals that ask a run to end, and Python's handler for each."""
UNDER_TORCHRUN = "TORCHELASTIC_RUN_ID"
"""Set by torchrun. Its processes receive Ctrl-C twice, from the terminal and from torchrun; that does not count as a
second one. torchrun kills processes that have not ended after 30 s."""


class Interrupt:
    """While this context lasts, a signal to end sets `asked`; the next one acts as usual, or is ignored under torchrun.

    Only Python's own handlers are replaced: handlers of other code stay, and so do ignored signals.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self.asked = False
        self._note = note
        self._former: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():  # only this thread may set a handler
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
        with suppress(RuntimeError):  # the signal came while stderr was being written; a message is not worth the run
            self._note(f"stopping after this step{again}")

    def _restore(self) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former.clear()
