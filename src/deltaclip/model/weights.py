"""Reads a file of weights, whatever its format, into tensors by name; never runs code from it."""

import argparse
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from deltaclip.errors import CheckpointError
from deltaclip.model.downloads import AGAIN, check_start
from deltaclip.model.rows import LONGEST_HEADER
from deltaclip.model.torchscript import read_torchscript
from deltaclip.model.wrappings import Weights, unwrap

__all__ = ["read_safetensors", "read_weights"]

ZIP_START = b"PK\x03\x04"
PICKLE_START = b"\x80"
# Lightning keeps a script's options as one: a bag of attributes that runs nothing when it is made.
HARMLESS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [argparse.Namespace]  # as torch types it


def read_weights(path: Path) -> Weights:
    """Tensors by name from safetensors, a torch.save file, a TorchScript archive or an npz, looked up by content.

    What a training program put around them is taken off (`wrappings.unwrap`).
    Raises CheckpointError if the file is damaged, of another kind, or holds no tensors by name.
    """
    return unwrap(_read_content(path), str(path))


def _read_content(path: Path) -> object:
    start = check_start(path)
    if start.startswith(ZIP_START):
        return _read_zip(path)
    # safetensors: eight bytes of length, then a header in json. Asked first: a length may begin as a pickle does.
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= LONGEST_HEADER:
        return read_safetensors(path)
    if start.startswith(PICKLE_START):
        return _read_pickle(path)
    remedy = "Give safetensors, a file made by torch.save, or a TorchScript archive. " + AGAIN
    raise CheckpointError(str(path), f"not a file of weights (it starts with {start[:8]!r})", remedy)


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a safetensors file; CheckpointError if it is cut short or of another kind."""
    check_start(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as err:
        raise CheckpointError(str(path), f"not a whole safetensors file ({err})", AGAIN) from err


def _read_zip(path: Path) -> object:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError) as err:
        raise CheckpointError(str(path), f"cut short or damaged ({err})", AGAIN) from err
    if any(name.endswith("/constants.pkl") for name in names):
        return read_torchscript(path)
    if names and all(name.endswith(".npy") for name in names):
        return _read_npz(path)
    return _read_pickle(path)


def _read_npz(path: Path) -> dict[str, Tensor]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    except (ValueError, TypeError, OSError, zipfile.BadZipFile) as err:
        raise CheckpointError(str(path), f"not an npz of plain arrays ({err})", AGAIN) from err


def _read_pickle(path: Path) -> object:
    try:
        # weights_only: tensors and plain containers; a class that would run code is refused.
        # As an open file: by a name that ends in .safetensors torch would take it for one, whatever is in it.
        with torch.serialization.safe_globals(HARMLESS), path.open("rb") as file:
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as err:
        raise _not_plain(path, str(err).strip()) from err
    except (RuntimeError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, OSError) as err:
        first_line = str(err).strip().splitlines()[0] if str(err).strip() else type(err).__name__
        raise CheckpointError(str(path), f"cut short or damaged ({first_line})", AGAIN) from err


def _not_plain(path: Path, reason: str) -> CheckpointError:
    """Of a pickle that holds more than tensors and containers; reason: what torch says of it."""
    named = re.search(r"GLOBAL ([\w.]+)", reason)
    if named is None:
        told = re.search(r"WeightsUnpickler error: (.*)", reason)
        found = f"not plain weights ({told[1] if told else reason.splitlines()[0]})"
        remedy = "Use only weights you trust; save them again with torch.save(model.state_dict()) where they were made."
        return CheckpointError(str(path), found, remedy)
    remedy = (
        "Making such an object may run code, so deltaclip does not. If you trust the file, save its weights alone, in "
        f"the environment it was trained in: content = torch.load({path.name!r}, weights_only=False); "
        "torch.save(content['state_dict'], 'weights.pt') (a whole model: content.state_dict()); and give weights.pt."
    )
    return CheckpointError(str(path), f"not plain weights: it also holds a {named[1]}", remedy)
