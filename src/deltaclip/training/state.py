"""What a run needs to go on as if it had never stopped, in files that are whole or not there.

OUT/training/states/step-00000120-best-00000100.pt    weights, optimiser, running mean
OUT/training/best/step-00000100/                      the checkpoint with the best validation up to there

A state names the best checkpoint it knows, so that both stay together when older ones are removed.
"""

import errno
import pickle
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from deltaclip.durable import PARTIAL
from deltaclip.errors import TrainingError
from deltaclip.training.saving import save_whole

__all__ = ["SavedState", "States"]

_NAME = re.compile(r"step-(\d+)-best-(\d+)\.pt")


@dataclass(frozen=True, slots=True, order=True)
class SavedState:
    """A state on disk. step: steps done. best_step: of the best checkpoint by then, 0 for none."""

    step: int
    best_step: int

    @property
    def name(self) -> str:
        return f"step-{self.step:08d}-best-{self.best_step:08d}.pt"


class States:
    """The states of one run, and its best checkpoints. folder: OUT/training."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder, self.keep = folder, keep

    def best_folder(self, step: int) -> Path:
        """Where the checkpoint of a step is kept while it is the best."""
        return self.folder / "best" / f"step-{step:08d}"

    def saved(self) -> list[SavedState]:
        """All states on disk, oldest first."""
        names = [_NAME.fullmatch(path.name) for path in (self.folder / "states").glob("*.pt")]
        return sorted(SavedState(int(match[1]), int(match[2])) for match in names if match)

    def save(self, state: SavedState, content: dict[str, Any]) -> None:  # Any: tensors, numbers, dicts of them
        """Writes a state whole, then removes what is older than the last `keep`. Raises TrainingError; older stay."""
        save_whole(self.folder / "states" / state.name, lambda stream: torch.save(content, stream))
        kept = self.saved()[-self.keep :]
        for old in self.saved()[: -self.keep]:
            (self.folder / "states" / old.name).unlink()
        named = {self.best_folder(each.best_step).name for each in kept}
        for folder in (self.folder / "best").glob("step-*"):
            if folder.name not in named:
                shutil.rmtree(folder)

    def load(self, state: SavedState, device: torch.device) -> dict[str, Any]:
        """A state's content. Raises TrainingError if the file cannot be read, or is damaged."""
        path = self.folder / "states" / state.name
        try:
            content: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        except torch.OutOfMemoryError as error:  # a RuntimeError too, and the file is whole
            found = f"no memory left on {device} to load it"
            raise TrainingError(str(path), found, "Free memory there, then continue with --resume.") from error
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:  # of a place that the cut file has not
                found = f"cannot be read ({error.strerror or error})"
                raise TrainingError(str(path), found, "Check the disk and the permissions; the file stays.") from error
            found = f"not a whole state ({str(error).strip().splitlines()[0] if str(error) else type(error).__name__})"
            remedy = "Move it out of this folder, and keep it: --resume then continues from the state before it."
            raise TrainingError(str(path), found, remedy) from error
        return content

    def sweep(self) -> None:
        """Removes what a killed process left half written."""
        for left in (self.folder / "states").glob(f"*{PARTIAL}"):
            left.unlink()
