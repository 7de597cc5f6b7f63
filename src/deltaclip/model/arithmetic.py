"""Transformer blocks in numpy, for one text at a time: a search in words need not wait for torch.

The arithmetic is that of torch's and transformers' layers in float32, up to the order of sums.
"""

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

__all__ = ["NUMPY_ACTIVATIONS", "Affine", "NumpyBlock", "layer_norm", "one_blas_thread", "unit_rows"]

Array = NDArray[np.float32]
_erf = np.frompyfunc(math.erf, 1, 1)


def _gelu(rows: Array) -> Array:
    return np.asarray(rows * (0.5 * (1 + np.asarray(_erf(rows * math.sqrt(0.5)), np.float32))))


def _quick_gelu(rows: Array) -> Array:
    with np.errstate(over="ignore"):  # exp overflows to infinity far below zero, where the result is rightly zero
        return np.asarray(rows / (1 + np.exp(-1.702 * rows)))


def _gelu_tanh(rows: Array) -> Array:
    inner = math.sqrt(2 / math.pi) * (rows + np.float32(0.044715) * rows**3)
    return np.asarray(rows * (0.5 * (1 + np.tanh(inner))), np.float32)


NUMPY_ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "gelu": _gelu,
    "quick_gelu": _quick_gelu,
    "gelu_pytorch_tanh": _gelu_tanh,
}
"""Those of published models, by transformers' names."""


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """weight: (out, in) of a linear layer, or (W,) of a layer norm. bias: (out,) or (W,)."""

    weight: Array
    bias: Array

    def __call__(self, rows: Array) -> Array:
        """A linear layer: (T, in) -> (T, out)."""
        # Not rows @ weight.T, which OpenBLAS takes a quarter longer for with ten rows.
        return np.asarray((self.weight @ rows.T).T + self.bias, np.float32)


_turn = threading.Lock()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keeps BLAS to one thread; others who ask for it wait, so that the number before is what comes back.

    A text is some hundred small products. Shared by the threads of OpenBLAS, each of them waits for the slowest, and
    on a machine whose cores are busy one text took 300 to 1,000 ms in place of 37 (lab/LOG.md, 2026-11-27).
    """
    with _turn, _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through the libraries of the process: 1 ms


def layer_norm(rows: Array, affine: Affine, eps: float) -> Array:
    """(T, W) -> (T, W): each row less its mean, over its deviation."""
    centred = rows - rows.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.sqrt(variance + np.float32(eps)) * affine.weight + affine.bias)


def unit_rows(rows: Array) -> Array:
    """Rows (N, D) of unit length."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.float32(1e-12)), np.float32)  # torch's normalize


@dataclass(frozen=True, slots=True, eq=False)
class NumpyBlock:
    """One block: attention and two linear layers, each after a layer norm and added to what it was given.

    query, key, value, out: of attention. heads: how many it has. activation: a name in NUMPY_ACTIVATIONS. causal:
    whether a row attends to itself and earlier ones only.
    """

    norm_1: Affine
    query: Affine
    key: Affine
    value: Affine
    out: Affine
    norm_2: Affine
    wide: Affine
    narrow: Affine
    heads: int
    activation: str
    eps: float
    causal: bool

    def __call__(self, hidden: Array) -> Array:
        """(T, W) -> (T, W)."""
        hidden = hidden + self._attended(layer_norm(hidden, self.norm_1, self.eps))
        wide = self.wide(layer_norm(hidden, self.norm_2, self.eps))
        return hidden + self.narrow(NUMPY_ACTIVATIONS[self.activation](wide))

    def _attended(self, rows: Array) -> Array:
        length, width = rows.shape
        # (T, W) -> (heads, T, W / heads)
        query, key, value = (
            part(rows).reshape(length, self.heads, -1).transpose(1, 0, 2) for part in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(0, 2, 1) * np.float32((width // self.heads) ** -0.5)
        if self.causal:
            scores[:, np.triu(np.ones((length, length), np.bool_), 1)] = -np.inf
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        # (heads, T, W / heads) -> (T, W)
        return self.out((shares @ value).transpose(1, 0, 2).reshape(length, width))
