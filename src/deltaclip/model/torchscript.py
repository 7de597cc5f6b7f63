"""Reads the weights out of a TorchScript archive as data, without running anything in it.

An archive is a zip with one pickle (`data.pkl`) that describes modules and one plain file of numbers a tensor. The
unpickler here knows tensors and attribute bags and refuses everything else; code in the archive is never looked at.
`torch.jit.load` would run the archive's interpreter, `torch.load(weights_only=True)` refuses such files.
"""

import collections
import io
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deltaclip.errors import CheckpointError

ARCHIVE_REMEDY = "Download it again, or save the model's state_dict() with torch.save and give that."
STORAGE_DTYPES = {
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class _Bag:
    """Stands for any module of the archive: it holds attributes and does nothing."""

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict):
            raise pickle.UnpicklingError(f"a module holds {type(state).__name__} instead of attributes")
        self.attributes: dict[str, Any] = state  # Any: tensors, modules, numbers, strings


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """All tensors that the archive's modules hold, by dotted name, like `state_dict()`.

    Includes attributes that are no parameters, such as the causal mask (`attn_mask`) that traced models keep.
    Raises CheckpointError for an archive that is damaged or holds anything but modules and tensors.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            root = _root(archive)
            module = _Unpickler(archive, root).load()
            if not isinstance(module, _Bag):
                raise pickle.UnpicklingError("its top level is not a module")
            return dict(_tensors(module, "", set()))
    except (
        zipfile.BadZipFile,
        pickle.UnpicklingError,
        OSError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        RuntimeError,
    ) as err:
        raise CheckpointError(str(path), f"not a TorchScript archive of weights ({err})", ARCHIVE_REMEDY) from err


def _root(archive: zipfile.ZipFile) -> str:
    """The folder inside the zip that holds everything, with its slash."""
    roots = [name.removesuffix("data.pkl") for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise pickle.UnpicklingError(f"it holds {len(roots)} files data.pkl instead of one")
    return roots[0]


class _Unpickler(pickle.Unpickler):
    """Builds attribute bags and tensors; any other name in the pickle is refused before anything is called."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{root}data.pkl")))
        self._archive = archive
        self._root = root
        self._storages: dict[str, Tensor] = {}
        if f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder") != b"little":
            raise pickle.UnpicklingError("its numbers are not little-endian")

    def find_class(self, module: str, name: str) -> Callable[..., object] | torch.dtype:
        if module == "__torch__" or module.startswith("__torch__."):
            return _Bag
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in STORAGE_DTYPES:
            return STORAGE_DTYPES[name]
        # Lists of numbers and typed values are written as calls of these; the value is the first argument.
        if module == "torch.jit._pickle" and name in {"build_intlist", "build_boollist", "restore_type_tag"}:
            return _first
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is neither a module nor a tensor")

    def persistent_load(self, pid: object) -> Tensor:
        """The numbers of one storage, flat. The device it was saved from does not matter: all come to the CPU."""
        if not (isinstance(pid, tuple) and len(pid) == 5 and pid[0] == "storage" and isinstance(pid[1], torch.dtype)):
            raise pickle.UnpicklingError("it names a storage in an unknown way")
        dtype, key, count = pid[1], pid[2], pid[4]
        if key not in self._storages:
            entry = self._archive.getinfo(f"{self._root}data/{key}")
            # PyTorch never compresses; refusing it keeps a small file from asking for much memory.
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != count * dtype.itemsize:
                raise pickle.UnpicklingError(
                    f"storage {key} has {entry.file_size} bytes, not {count} x {dtype.itemsize}"
                )
            buffer = bytearray(self._archive.read(entry))
            self._storages[key] = torch.frombuffer(buffer, dtype=dtype) if buffer else torch.empty(0, dtype=dtype)
        return self._storages[key]


def _rebuild_tensor(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Tensor:
    """The tensor as a view into its storage; PyTorch refuses a view beyond the storage's end."""
    return torch.as_strided(storage, size, stride, offset)


def _first(value: object, *_: object) -> object:
    return value


def _tensors(module: _Bag, prefix: str, above: set[int]) -> Iterator[tuple[str, Tensor]]:
    """Every tensor below a module, with its dotted name. A module that holds itself is refused."""
    if id(module) in above:
        raise pickle.UnpicklingError(f"module {prefix} holds itself")
    for name, value in module.attributes.items():
        if isinstance(value, Tensor):
            yield f"{prefix}{name}", value
        elif isinstance(value, _Bag):
            yield from _tensors(value, f"{prefix}{name}.", above | {id(module)})
