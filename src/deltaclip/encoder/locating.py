"""The names that encoders are loaded by."""

from importlib.resources import files
from pathlib import Path

from deltaclip.encoder.motion_weights import RECORD, WEIGHTS
from deltaclip.errors import CheckpointError

__all__ = [
    "BUNDLED",
    "BUNDLED_MOTION",
    "DEFAULT_ENCODER",
    "checkpoint_problem",
    "full_name",
    "inside_package",
    "is_motion_encoder",
    "locate",
]

DEFAULT_ENCODER = "openai/clip-vit-base-patch32"
BUNDLED = {"shapes": "checkpoints/shapes"}
"""Encoders that come with the package: name -> folder inside it."""
BUNDLED_MOTION = "motion"
"""The name of the motion encoder that comes with the package."""


def locate(name: str) -> str:
    """The folder of a bundled encoder, or the name itself.

    Raises CheckpointError if the package is not unpacked, and for a motion encoder.
    """
    if name in BUNDLED:
        return str(inside_package(name, BUNDLED[name]))
    if is_motion_encoder(name) and not (Path(name).expanduser() / "config.json").is_file():
        remedy = (
            f"Give an encoder of appearance, such as shapes or {DEFAULT_ENCODER}: each library has a motion encoder "
        )
        remedy += "beside it. evaluate actions, evaluate moments and evaluate --reversed measure a motion encoder."
        raise CheckpointError(name, "a motion encoder, which tells how things move and not how they look", remedy)
    return name


def is_motion_encoder(name: str) -> bool:
    """Whether that is the bundled motion encoder, or a folder that `save_motion_encoder` wrote, even if damaged."""
    folder = Path(name).expanduser()
    return name == BUNDLED_MOTION or any((folder / file).is_file() for file in (WEIGHTS, RECORD))


def inside_package(name: str, path: str) -> Path:
    """A folder of the package, which holds the encoder `name`. Raises CheckpointError if it is not unpacked."""
    folder = files("deltaclip").joinpath(path)
    if not isinstance(folder, Path):
        raise CheckpointError(name, "the package is inside an archive", "Install deltaclip unpacked, with pip.")
    return folder


def full_name(name: str) -> str:
    """The name by which an encoder can be loaded from any working directory: folders become absolute."""
    folder = Path(name).expanduser()
    return str(folder.resolve()) if name not in BUNDLED and folder.is_dir() else name


def checkpoint_problem(name: str) -> str | None:
    """What is wrong with the checkpoint of that name, in a sentence; None if nothing is, or it is not on this machine.

    Compares all of its weights with the digest that is kept of them, by which `Encoder.load` tells encoders apart
    without reading the weights.
    """
    from deltaclip.model import kept_problem

    try:
        return kept_problem(locate(name))
    except CheckpointError as error:
        return str(error)
