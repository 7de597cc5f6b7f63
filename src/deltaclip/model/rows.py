"""Weights by name as numpy arrays: of a safetensors file that is mapped and not read, or held in memory."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["LONGEST_HEADER", "HeldRows", "MappedRows", "WeightRows", "digest_of_weights"]

DTYPES: Mapping[str, Any] = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}  # Any: whatever numpy takes
"""What checkpoints may consist of; numpy has no bfloat16, which is the upper half of a float32."""
LONGEST_HEADER = 100_000_000
"""Bytes, as in the safetensors library."""
METADATA = "__metadata__"
ALL = slice(None)


@runtime_checkable
class WeightRows(Protocol):
    """Weights by name."""

    def rows(self, name: str, which: NDArray[np.int64] | slice = ALL) -> NDArray[np.float32]:
        """Some rows of a weight, or all."""


class HeldRows:
    """Weights in memory."""

    def __init__(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        self._arrays = arrays

    def rows(self, name: str, which: NDArray[np.int64] | slice = ALL) -> NDArray[np.float32]:
        """See `WeightRows`."""
        return _some(self._arrays[name], which)


class MappedRows:
    """Weights of a safetensors file. Those of float32 are read when they are used, and not copied."""

    def __init__(self, path: Path) -> None:
        """Raises OSError or ValueError if the file is not a whole one of safetensors with floats only."""
        whole = np.asarray(np.memmap(path, np.uint8, "r"))  # the view keeps the map open
        length = int.from_bytes(whole[:8].tobytes(), "little")
        if len(whole) < 8 or length > min(len(whole) - 8, LONGEST_HEADER):
            raise ValueError(f"{path}: not a whole safetensors file")
        try:
            header = {name: at for name, at in json.loads(whole[8 : 8 + length].tobytes()).items() if name != METADATA}
            data = whole[8 + length :]
            self._arrays = {name: _array(data, **at) for name, at in header.items()}
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: not a safetensors file of floats ({error})") from error
        self._bfloat16 = frozenset(name for name, at in header.items() if at["dtype"] == "BF16")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each weight."""
        return {name: array.shape for name, array in self._arrays.items()}

    def rows(self, name: str, which: NDArray[np.int64] | slice = ALL) -> NDArray[np.float32]:
        """See `WeightRows`."""
        found = _some(self._arrays[name], which)
        if name in self._bfloat16:
            return np.asarray(found.astype(np.uint32) << np.uint32(16)).view(np.float32)
        return found.astype(np.float32, copy=False)


def _some(array: NDArray[Any], which: NDArray[np.int64] | slice) -> NDArray[Any]:
    return array if which is ALL else array[which]  # a single number has no rows


def _array(data: NDArray[np.uint8], dtype: str, shape: list[int], data_offsets: list[int]) -> NDArray[Any]:
    """One weight of a file, in its own numbers. Raises ValueError unless all of its bytes are there."""
    begin, end = data_offsets
    if not 0 <= begin <= end <= len(data):
        raise ValueError(f"a weight at bytes {begin} to {end} of {len(data)}")
    return np.asarray(data[begin:end].view(DTYPES[dtype]).reshape(shape))


def digest_of_weights(weights: Mapping[str, NDArray[Any]]) -> str:
    """32 hexadecimal digits of weights, by name."""
    made = hashlib.blake2b(digest_size=16)
    for name in sorted(weights):
        made.update(name.encode())
        made.update(np.ascontiguousarray(weights[name]).data)
    return made.hexdigest()
