"""What a run writes down while it goes: metrics.jsonl, and the same for TensorBoard."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from deltaclip.training.board import Board
from deltaclip.training.saving import cannot_write, save_whole

__all__ = ["Journal", "Progress", "Stopwatch", "Watch", "peak_memory", "read_rows"]

NAME = "metrics.jsonl"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is. r1: of the last validation, or None. data_wait: share of the time spent waiting for clips.

    clips_per_second, data_wait: of the steps so far. memory_bytes: the most that was taken, of the GPU
    where there is one.
    """

    step: int
    steps: int
    loss: float
    clips_per_second: float
    data_wait: float
    memory_bytes: int
    r1: float | None


Watch = Callable[[Progress], None]


class Stopwatch:
    """Clips and seconds of steps, and how many of those seconds were spent waiting for clips."""

    def __init__(self) -> None:
        self._clips, self._seconds, self._waited = 0, 0.0, 0.0

    def count(self, clips: int, seconds: float, waited: float) -> None:
        """A step of so many clips that took so long, waiting among it."""
        self._clips += clips
        self._seconds += seconds
        self._waited += waited

    def read(self) -> tuple[float, float]:
        """Clips a second and the share of time spent waiting; zeros before the first step."""
        if not self._seconds:
            return 0.0, 0.0
        return self._clips / self._seconds, self._waited / self._seconds


def read_rows(folder: Path) -> list[dict[str, Any]]:  # Any: numbers and validation figures
    """All rows of the journal in OUT/training; a last line that was cut off by a kill is left out."""
    path = folder / NAME
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1] if line]


class Journal:
    """Rows of a run by step. folder: OUT/training. A run that goes on from a step forgets the rows after it.

    note: told where TensorBoard's file cannot be written.
    """

    def __init__(self, folder: Path, step: int, note: Callable[[str], None] = lambda text: None) -> None:
        self.path = folder / NAME
        rows = [row for row in read_rows(folder) if row["step"] <= step] if step else []
        text = "".join(json.dumps(row) + "\n" for row in rows)
        save_whole(self.path, lambda stream: stream.write(text.encode()))
        self._board = Board(folder / "tensorboard", step, note)

    def write(self, row: Mapping[str, Any]) -> None:
        """Adds a row: "step" and whatever was measured there; dicts of figures are one level deep.

        Raises TrainingError where there is no room or right to write; of the row, a part may then be there.
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


def peak_memory(device: torch.device) -> int:
    """The most bytes taken so far: of the GPU, or of this process where it runs on the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource  # Unix only

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
