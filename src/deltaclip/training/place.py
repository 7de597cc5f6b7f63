"""The folder of a run: held by one run at a time, begun anew or gone on with, and refused to any other."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from deltaclip.durable import one_writer
from deltaclip.errors import DeltaclipError, TrainingError
from deltaclip.model import check_place
from deltaclip.training.peers import Peers
from deltaclip.training.saving import save_whole

__all__ = ["FOLDER", "RunInUseError", "beside_run", "differences", "held_place", "refuse_other_recipe", "take_place"]

FOLDER = "training"
"""The part of a checkpoint's folder that holds the run which made it."""
RUN_FILE = "run.json"
LOCK_NAME = ".lock"
SHOWN = 10


class RunInUseError(TrainingError):
    """Another process trains in the folder. Nothing was done; try again when it has ended."""

    refused = True
    """Tells the command line that this is no failure of the work: exit code 3."""


@contextmanager
def held_place(out: Path, peers: Peers, device: torch.device, take: Callable[[], None]) -> Iterator[None]:
    """Holds OUT for one run; the leading process locks it and calls `take`, the others hear whether that went well.

    The lock is the system's: it is free however its holder ends. Raises RunInUseError where another run holds it.
    """
    with ExitStack() as stack:
        refusal: DeltaclipError | OSError | None = None
        if peers.leads:
            try:
                stack.enter_context(_lock(out))
                take()
            except (DeltaclipError, OSError) as error:
                refusal = error  # raised below, when no other process waits for this one
        if peers.any(refusal is not None, device):
            others = TrainingError(str(out), "the leading process could not take this folder", "Its message says why.")
            raise refusal or others
        yield


@contextmanager
def _lock(out: Path) -> Iterator[None]:
    if beside_run(out):
        check_place(out)  # before anything of ours is written there

    def in_use() -> RunInUseError:
        remedy = "Wait until it has ended, or train into a different folder."
        return RunInUseError(str(out), "another process is training in this folder", remedy)

    with ExitStack() as stack:
        try:
            (out / FOLDER).mkdir(parents=True, exist_ok=True)
            stack.enter_context(one_writer(out / FOLDER / LOCK_NAME, in_use))
        except OSError as error:
            remedy = "Choose a folder that you may write to."
            raise TrainingError(str(out), f"cannot be written ({error.strerror or error})", remedy) from error
        yield


def take_place(out: Path, facts: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Makes OUT a run's own. facts: a json document; what the run is, which one that goes on must share.

    Raises TrainingError where another run lies there, CheckpointError for anything else.
    """
    folder = out / FOLDER
    facts = json.loads(json.dumps(facts))
    then = _held(out) if resume else None
    if then is not None:
        _refuse_others(out, then, facts)
        return
    others = beside_run(out)
    if others or not out.is_dir():
        check_place(out)
    if not overwrite and (others or (folder / RUN_FILE).exists()):
        remedy = "Give a new folder; --resume continues a run with these settings, --overwrite replaces it."
        raise TrainingError(str(out), "the folder is not empty", remedy)
    for name in (RUN_FILE, "metrics.jsonl", "results.json", "report.html"):
        (folder / name).unlink(missing_ok=True)
    for name in ("states", "best", "reported", "replaced", "tensorboard"):  # a frame cache may lie there as well
        shutil.rmtree(folder / name, ignore_errors=True)
    save_whole(folder / RUN_FILE, lambda stream: stream.write(json.dumps(facts, indent=2).encode()))


def refuse_other_recipe(out: Path, recipe: dict[str, Any]) -> None:
    """Before clips are decoded: TrainingError where the run in OUT, to be gone on with, has another recipe.

    recipe: `Recipe.facts()` of what was asked for. `take_place` looks at the clips as well, once they are known.
    """
    then = _held(out)
    if then is not None:
        now = json.loads(json.dumps(recipe))
        _refuse_changed(out, differences({"recipe": then["recipe"]}, {"recipe": now}))


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs between two json documents, as "optim.lr 0.001, not 0.002"; none for equal ones."""
    before, after = _flat(then), _flat(now)
    return [
        f"{name} {before.get(name)}, not {after.get(name)}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def beside_run(out: Path) -> list[Path]:
    """What lies in OUT beside the run."""
    return [path for path in out.iterdir() if path != out / FOLDER] if out.is_dir() else []


def _held(out: Path) -> dict[str, Any] | None:
    """The facts of the run that lies in OUT, None where none does."""
    file = out / FOLDER / RUN_FILE
    facts: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    return facts


def _refuse_others(out: Path, then: dict[str, Any], now: dict[str, Any]) -> None:
    """TrainingError with what differs between the run that lies there and this one."""
    if "sources" in now and "sources" not in then:
        found = "the run there does not say which files and frames it learnt from; an earlier deltaclip began it"
        raise TrainingError(str(out), found, "Train into a new folder; what is there stays.")
    if "start" not in then:
        now.pop("start", None)  # an earlier deltaclip began it, which kept the name of its start alone
    videos = differences(then.pop("sources", {}), now.pop("sources", {}))
    if videos:  # each is named, which says more than the digest over them
        then["clips"].pop("sources", None)
        now["clips"].pop("sources", None)
    changed = differences(then, now) + videos[:SHOWN]
    if len(videos) > SHOWN:
        changed.append(f"{len(videos) - SHOWN} more videos that differ")
    _refuse_changed(out, changed)


def _refuse_changed(out: Path, changed: list[str]) -> None:
    if changed:
        remedy = "Go on with the same settings, start (model.init) and clips, or train into a new folder."
        raise TrainingError(str(out), f"the run there has {'; '.join(changed)}", remedy)


def _flat(facts: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat
