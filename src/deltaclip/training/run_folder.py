"""The folder of a run: used by one run at a time, and all that is needed to resume it.

OUT/training/run.json                                 the settings and clips, which a resumed run must share
OUT/training/states/step-00000120-best-00000100.pt    weights, optimiser, running mean
OUT/training/best/step-00000100/                      the checkpoint with the best validation so far

Each file is written whole or not at all. A state names the best checkpoint at its time, so that both are kept or
removed together.
"""

import errno
import json
import pickle
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch

from deltaclip.durable import FULL, PARTIAL, one_writer, write_whole
from deltaclip.errors import DeltaclipError, TrainingError
from deltaclip.model import check_place
from deltaclip.training.devices import Peers

__all__ = [
    "RUN_FOLDER",
    "RunInUseError",
    "SavedState",
    "States",
    "cannot_write",
    "claim_run_folder",
    "differences",
    "files_beside_run",
    "has_run",
    "hold_run_folder",
    "read_run",
    "refuse_other_recipe",
    "save_whole",
]


RUN_FOLDER = "training"
"""The part of a checkpoint's folder that contains the run which made it."""
RUN_FILE = "run.json"
REPORT_FILE = "report.html"
MASKS_FILE = "masks.json"
"""Pictures of some clips with their masks, for the report."""
LOCK_NAME = ".lock"
SHOWN = 10


class RunInUseError(TrainingError):
    """A different process is training in the folder. Nothing was done; try again when it has ended."""

    refused = True
    """Tells the command line that this is a refusal and not a failure: exit code 3."""


@contextmanager
def hold_run_folder(out: Path, peers: Peers, device: torch.device, take: Callable[[], None]) -> Iterator[None]:
    """Holds OUT for one run: the leading process locks it and calls `take`; the others learn whether that succeeded.

    The system frees the lock however its holder ends. Raises RunInUseError if a different run holds it.
    """
    with ExitStack() as stack:
        refusal: DeltaclipError | OSError | None = None
        if peers.leads:
            try:
                stack.enter_context(_lock(out))
                take()
            except (DeltaclipError, OSError) as error:
                refusal = error  # raised below, once no process waits for this one
        if peers.any(refusal is not None, device):
            others = TrainingError(str(out), "the leading process could not use this folder", "See its error message.")
            raise refusal or others
        yield


@contextmanager
def _lock(out: Path) -> Iterator[None]:
    if files_beside_run(out):
        check_place(out)  # before anything of ours is written there

    def in_use(holder: str) -> RunInUseError:
        found = f"another process is training in this folder (process {holder})"
        return RunInUseError(str(out), found, "Wait until it has ended, or train into a different folder.")

    with ExitStack() as stack:
        try:
            (out / RUN_FOLDER).mkdir(parents=True, exist_ok=True)
            stack.enter_context(one_writer(out / RUN_FOLDER / LOCK_NAME, in_use))
        except OSError as error:
            remedy = "Choose a folder that you may write to."
            raise TrainingError(str(out), f"cannot be written ({error.strerror or error})", remedy) from error
        yield


def claim_run_folder(out: Path, facts: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Makes OUT the folder of a run. facts: a json document that describes the run; a resumed run must have the same.

    Raises TrainingError if it contains a different run, CheckpointError if it contains anything else.
    """
    folder = out / RUN_FOLDER
    facts = json.loads(json.dumps(facts))
    then = read_run(out) if resume else None
    if then is not None:
        _refuse_others(out, then, facts)
        return
    others = files_beside_run(out)
    if others or not out.is_dir():
        check_place(out)
    if not overwrite and (others or (folder / RUN_FILE).exists()):
        if not (folder / RUN_FILE).exists():
            raise TrainingError(str(out), "the folder is not empty", "Give a new folder, or overwrite (--overwrite).")
        remedy = "Continue it with resume (--resume), or give a new folder, or overwrite (--overwrite)."
        raise TrainingError(str(out), "the folder has a training run", remedy)
    for name in (RUN_FILE, "metrics.jsonl", "results.json", REPORT_FILE, MASKS_FILE):
        (folder / name).unlink(missing_ok=True)
    for name in ("states", "best", "reported", "replaced", "tensorboard"):  # a frame cache may be there as well
        shutil.rmtree(folder / name, ignore_errors=True)
    save_whole(folder / RUN_FILE, lambda stream: stream.write(json.dumps(facts, indent=2).encode()))


def refuse_other_recipe(out: Path, recipe: dict[str, Any]) -> None:
    """Before clips are decoded: TrainingError if the run in OUT that is to be resumed has a different recipe.

    recipe: `Recipe.facts()` of the recipe asked for. `claim_run_folder` checks the clips too, once they are known.
    """
    then = read_run(out)
    if then is not None:
        now = json.loads(json.dumps(recipe))
        _refuse_changed(out, differences({"recipe": then["recipe"]}, {"recipe": now}))


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The differences between two json documents, as "optim.lr 0.001, not 0.002"; none for equal ones."""
    before, after = _flat(then), _flat(now)
    return [
        f"{name} {before.get(name)}, not {after.get(name)}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def files_beside_run(out: Path) -> list[Path]:
    """What OUT contains besides the run."""
    return [path for path in out.iterdir() if path != out / RUN_FOLDER] if out.is_dir() else []


def has_run(out: Path) -> bool:
    """Whether a run was begun in OUT."""
    return (out / RUN_FOLDER / RUN_FILE).is_file()


def read_run(out: Path) -> dict[str, Any] | None:  # Any: a json document
    """The facts of the run in OUT, as `claim_run_folder` got them; None if there is none."""
    file = out / RUN_FOLDER / RUN_FILE
    facts: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    return facts


def _refuse_others(out: Path, then: dict[str, Any], now: dict[str, Any]) -> None:
    """TrainingError with the differences between the run in OUT and this one."""
    if "sources" in now and "sources" not in then:
        found = "the run there does not record which files it was trained on: an earlier deltaclip started it"
        raise TrainingError(str(out), found, "Train into a new folder; this one is left as it is.")
    if "start" not in then:
        now.pop("start", None)  # an earlier deltaclip recorded only the name of the start weights
    videos = differences(then.pop("sources", {}), now.pop("sources", {}))
    if videos:  # each is named, which says more than a digest of all of them
        then["clips"].pop("sources", None)
        now["clips"].pop("sources", None)
    changed = differences(then, now) + videos[:SHOWN]
    if len(videos) > SHOWN:
        changed.append(f"{len(videos) - SHOWN} more videos")
    _refuse_changed(out, changed)


def _refuse_changed(out: Path, changed: list[str]) -> None:
    if changed:
        remedy = "Resume it with the same settings, start weights (model.init) and clips, or train into a new folder."
        raise TrainingError(str(out), f"the run there has {'; '.join(changed)}", remedy)


def _flat(facts: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def save_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """`durable.write_whole` for a file of a run. Raises TrainingError if it cannot be written; the old file stays."""
    try:
        write_whole(path, write)
    except (OSError, RuntimeError) as error:  # torch.save turns a full disk into a RuntimeError
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError | RuntimeError) -> TrainingError:
    """The error of a run that cannot write one of its files."""
    full = isinstance(error, OSError) and error.errno in FULL
    found = "no space left to write it" if full else f"cannot be written ({str(error).splitlines()[0]})"
    remedy = "Earlier states are untouched. Free space or grant permission there, then resume (--resume)."
    return TrainingError(str(path), found, remedy)


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
    """The saved states of a run, and its best checkpoints. folder: OUT/training."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder, self.keep = folder, keep

    def best_folder(self, step: int) -> Path:
        """The folder of the checkpoint of a step, as long as it is the best."""
        return self.folder / "best" / f"step-{step:08d}"

    def saved(self) -> list[SavedState]:
        """All states on disk, oldest first."""
        names = [_NAME.fullmatch(path.name) for path in (self.folder / "states").glob("*.pt")]
        return sorted(SavedState(int(match[1]), int(match[2])) for match in names if match)

    def save(self, state: SavedState, content: dict[str, Any]) -> None:  # Any: tensors, numbers, dicts of them
        """Writes a state, then removes all but the last `keep`. Raises TrainingError if it cannot be written."""
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
        except torch.OutOfMemoryError as error:  # a RuntimeError too, but the file is fine
            found = f"no memory left on {device} to load it"
            raise TrainingError(str(path), found, "Free memory there, then resume (--resume).") from error
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:  # seeking beyond the end of a truncated file
                found = f"cannot be read ({error.strerror or error})"
                raise TrainingError(
                    str(path), found, "Check the disk and the permissions; the file is left as it is."
                ) from error
            found = (
                f"not a complete state ({str(error).strip().splitlines()[0] if str(error) else type(error).__name__})"
            )
            remedy = "Move it out of this folder: resume (--resume) then continues from the previous state."
            raise TrainingError(str(path), found, remedy) from error
        return content

    def sweep(self) -> None:
        """Removes files that a killed process left half written."""
        for left in (self.folder / "states").glob(f"*{PARTIAL}"):
            left.unlink()
