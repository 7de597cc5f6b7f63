"""TensorBoard's file of a run, where tensorboard is installed.

Written here and not by its own writer: that one writes in a thread, whose errors nobody can catch.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["Board"]


class Board:
    """Figures by step. A file that cannot be written is given up with one note: it must not end a run.

    folder: OUT/training/tensorboard. step: what earlier files say of later steps is forgotten.
    """

    def __init__(self, folder: Path, step: int, note: Callable[[str], None]) -> None:
        self._folder, self._note = folder, note
        self._writer: Any = None  # Any: tensorboard has no types
        if find_spec("tensorboard") is None:
            return
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.record_writer import RecordWriter

        name = f"events.out.tfevents.{time.time():010.0f}.{socket.gethostname()}.{os.getpid()}"
        began = [Event(file_version="brain.Event:2"), Event(step=step + 1, session_log=SessionLog(status=1))]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Unbuffered: what cannot be written fails here, and not when the file is closed.
            self._writer = RecordWriter((folder / name).open("ab", buffering=0))
        except OSError as error:
            self._give_up(error)
        self._write(began)

    def write(self, row: Mapping[str, Any]) -> None:  # Any: numbers, and dicts of them
        """Adds the numbers of a row of the journal."""
        if self._writer is None:
            return
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=tag, simple_value=number) for tag, number in _numbers(row)]
        self._write([Event(wall_time=time.time(), step=row["step"], summary=Summary(value=values))])

    def close(self) -> None:
        """Closes the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, events: list[Any]) -> None:  # Any: protobuf messages
        if self._writer is None:
            return
        try:
            for event in events:
                self._writer.write(event.SerializeToString())
        except OSError as error:
            self.close()
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._note(
            f"{self._folder}: cannot be written ({error.strerror or error}); the run continues without TensorBoard"
        )


def _numbers(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in row.items():
        for key, number in value.items() if isinstance(value, dict) else [("", value)]:
            if name != "step" and isinstance(number, int | float):
                yield f"{name}/{key}".rstrip("/"), float(number)
