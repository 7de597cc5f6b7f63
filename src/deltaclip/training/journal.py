"""What a run records: metrics.jsonl, and the same for TensorBoard if it is installed.

TensorBoard's file is not written by its own writer, which writes in a thread whose errors cannot be caught.
"""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deltaclip.training.run_folder import cannot_write, save_whole

__all__ = ["Board", "Journal", "Stopwatch", "TrainingProgress", "Watch", "read_rows"]


NAME = "metrics.jsonl"


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Progress of a run. r1: T2V R@1 of the last validation, or None. data_wait: share of time spent waiting for clips.

    clips_per_second, data_wait: over the steps so far. memory_bytes: the peak, of the GPU if there is one.
    """

    step: int
    steps: int
    loss: float
    clips_per_second: float
    data_wait: float
    memory_bytes: int
    r1: float | None


Watch = Callable[[TrainingProgress], None]


class Stopwatch:
    """Clips and seconds of steps, and how many of those seconds were spent waiting for clips."""

    def __init__(self) -> None:
        self._clips, self._seconds, self._waited = 0, 0.0, 0.0

    def count(self, clips: int, seconds: float, waited: float) -> None:
        """Adds a step: its clips, its seconds, and how many of these were spent waiting."""
        self._clips += clips
        self._seconds += seconds
        self._waited += waited

    def read(self) -> tuple[float, float]:
        """Clips per second and the share of time spent waiting; zeros before the first step."""
        if not self._seconds:
            return 0.0, 0.0
        return self._clips / self._seconds, self._waited / self._seconds


def read_rows(folder: Path) -> list[dict[str, Any]]:  # Any: numbers and validation figures
    """All rows of the journal in OUT/training, without a last line that a kill cut off."""
    path = folder / NAME
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1] if line]


class Journal:
    """Rows of a run by step. folder: OUT/training. A run resumed from a step forgets later rows.

    note: called with a message if TensorBoard's file cannot be written.
    """

    def __init__(self, folder: Path, step: int, note: Callable[[str], None] = lambda text: None) -> None:
        self.path = folder / NAME
        rows = [row for row in read_rows(folder) if row["step"] <= step] if step else []
        text = "".join(json.dumps(row) + "\n" for row in rows)
        save_whole(self.path, lambda stream: stream.write(text.encode()))
        self._board = Board(folder / "tensorboard", step, note)

    def write(self, row: Mapping[str, Any]) -> None:
        """Adds a row: "step" and what was measured there; dicts of metrics are one level deep.

        Raises TrainingError if it cannot be written; a part of the row may then be in the file.
        """
        text = json.dumps(row, allow_nan=False) + "\n"
        try:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self._board.write(row)

    def close(self) -> None:
        """Closes TensorBoard's file."""
        self._board.close()


class Board:
    """Metrics by step. A file that cannot be written is abandoned with one note: it must not end a run.

    folder: OUT/training/tensorboard. step: TensorBoard then ignores later steps of earlier files.
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
            # Unbuffered: a write that fails does so here, and not when the file is closed.
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
