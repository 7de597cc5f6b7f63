"""The two small networks that weigh the numbers of a cell, and the file they come in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CLIP_DEVIATIONS", "Network", "Networks", "networks_from_json", "networks_to_json", "shipped_networks"]

CLIP_DEVIATIONS = 6.0
"""Inputs are cut at this many deviations from their mean: nothing rare may decide alone."""
BLOCKS = 8
"""Blocks a call of numpy, which multiplies one after the other: a call costs as much as a product of that size."""
BLOCK = 512
"""Cells a product. They stay in the cache, and OpenBLAS starts threads, which would wait for each other longer than
they work, only above 2^18 multiplications (`camera.SMALL_PRODUCT`; 512 x 25 x 16 is below)."""

_WEIGHTS = "weights.json"
_DECIMALS = 5
_ARRAYS = ("mean", "deviation", "hidden", "hidden_bias", "output", "output_bias")


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """One hidden layer of rectified units on standardised numbers.

    inputs: names of the F maps it reads. mean, deviation: (F,). hidden: (F, units), hidden_bias: (units,),
    output: (units,), output_bias: (1,). All float32.
    """

    inputs: tuple[str, ...]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    hidden: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    output: NDArray[np.float32]
    output_bias: NDArray[np.float32]

    def __post_init__(self) -> None:
        count, units = len(self.inputs), len(self.hidden_bias)
        shapes = ((count,), (count,), (count, units), (units,), (units,), (1,))
        for name, shape in zip(_ARRAYS, shapes, strict=True):
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must be {shape}, not {getattr(self, name).shape}")

    def logit(self, maps: Mapping[str, NDArray[np.float32]], shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Its answer at every cell: maps that broadcast to `shape` -> `shape` float32."""
        numbers = np.empty((len(self.inputs), *shape), np.float32)
        reach = np.float32(CLIP_DEVIATIONS) * self.deviation
        for number, name, low, high in zip(numbers, self.inputs, self.mean - reach, self.mean + reach, strict=True):
            np.clip(maps[name], low, high, out=number)
        # Standardising is folded into the weights.
        weights = np.ascontiguousarray((self.hidden / self.deviation[:, None]).T)
        bias = np.asarray(self.hidden_bias - weights @ self.mean, np.float32)[:, None]
        flat = numbers.reshape(len(numbers), -1)
        answer = np.empty(flat.shape[1], np.float32)
        whole = flat.shape[1] - flat.shape[1] % BLOCK
        # (F, cells) -> (blocks, F, BLOCK), a view
        blocks = flat[:, :whole].reshape(len(flat), -1, BLOCK).transpose(1, 0, 2)
        for start in range(0, len(blocks), BLOCKS):
            some = blocks[start : start + BLOCKS]
            first = start * BLOCK
            answer[first : first + len(some) * BLOCK] = self._answer(weights, bias, some).ravel()
        answer[whole:] = self._answer(weights, bias, flat[:, whole:])
        answer += self.output_bias
        return answer.reshape(shape)

    def _answer(
        self, weights: NDArray[np.float32], bias: NDArray[np.float32], numbers: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The sum of the hidden units for numbers (..., F, cells): (..., cells)."""
        units = weights @ numbers
        units += bias
        np.maximum(units, 0, out=units)
        return np.asarray(self.output @ units, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """evidence: the first, on `evidence.evidence`. context: the second, on `context.context`."""

    evidence: Network
    context: Network


@cache
def shipped_networks() -> Networks:
    """The weights that come with the package. How they were made is in the file, under "recipe"."""
    return networks_from_json(resources.files(__package__).joinpath(_WEIGHTS).read_text("utf-8"))


def networks_from_json(text: str) -> Networks:
    """Networks out of a weights file's text."""
    document = json.loads(text)
    return Networks(_network(document["evidence"]), _network(document["context"]))


def networks_to_json(networks: Networks, recipe: Mapping[str, Any]) -> str:  # Any: a json document
    """The text of a weights file: a line for each row of numbers, so that a change can be read."""
    rows = [f'"recipe": {json.dumps(dict(recipe), indent=1)}']
    for part in ("evidence", "context"):
        network: Network = getattr(networks, part)
        lines = [f'"inputs": {json.dumps(network.inputs)}']
        lines += [f'"{name}": {_numbers(getattr(network, name))}' for name in _ARRAYS]
        rows.append(f'"{part}": {{\n' + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _numbers(array: NDArray[np.float32]) -> str:
    if array.ndim == 2:
        return "[\n" + ",\n".join(_numbers(row) for row in array) + "\n]"
    return json.dumps([round(float(value), _DECIMALS) for value in array])


def _network(document: Mapping[str, Any]) -> Network:  # Any: a json document
    arrays = {name: np.array(document[name], np.float32) for name in _ARRAYS}
    return Network(inputs=tuple(document["inputs"]), **arrays)
