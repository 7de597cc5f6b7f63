"""Files: writing those that a command was asked for and no others, and how long one may take to be read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from deltaclip.errors import CheckpointError, DeltaclipError

__all__ = ["OverwriteOption", "StallLimitOption", "refuse_file", "refuse_to_replace", "writable"]


def _set_stall_limit(seconds: float | None) -> None:
    """Through the environment, which the processes that decode inherit."""
    from deltaclip.video.guard import STALL_LIMIT_VARIABLE

    if seconds is not None:
        os.environ[STALL_LIMIT_VARIABLE] = str(seconds)


StallLimitOption = Annotated[
    float | None,
    typer.Option(
        "--stall-limit",
        min=0.1,
        max=86_400,
        envvar="DELTACLIP_STALL_LIMIT",
        callback=_set_stall_limit,
        expose_value=False,
        metavar="SECONDS",
        help="Give up on a file if its decoder makes no progress for this long (default: 20, and 1 more for every 20 "
        "MB of the file).",
    ),
]
"""For every command that decodes. The command itself does not see it."""

OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace the checkpoint that lies there.")]


def refuse_file(folder: Path, option: str) -> None:
    """Raises BadParameter where a folder that is to be written is a file, or would lie in one."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise typer.BadParameter(f"{there} is a file; give a folder.", param_hint=f"'{option}'")


def refuse_to_replace(out: Path, overwrite: bool) -> None:
    """Raises CheckpointError where `out` holds something: hours of training, or what a library was made with.

    BadParameter where it is a file.
    """
    refuse_file(out, "--out")
    if not overwrite and out.is_dir() and any(out.iterdir()):
        remedy = "Give a new folder, or --overwrite to replace a checkpoint."
        raise CheckpointError(str(out), "the folder is not empty", remedy)


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Makes the folder of a file to be written; an error of the system becomes one that says what to do."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        remedy = "Give another place, or make room and permissions there."
        raise DeltaclipError(str(path), f"cannot be written ({error.strerror})", remedy) from error
