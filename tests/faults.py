"""Faulty arithmetic, put in below torch's modules: some operations give wrong numbers in bfloat16 only."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

Operations = Callable[[str, tuple[Any, ...]], bool]
"""Whether an operation of that name with these arguments is meant."""


class FaultyInBfloat16(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is active, results of operations for which `strikes(name, arguments)` holds are out of order.

    The numbers are finite and of the right size, as those of a faulty kernel are. hits: how often it struck.
    """

    def __init__(self, strikes: Operations) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.strikes = strikes
        self.hits = 0

    def __torch_dispatch__(
        self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not isinstance(result, torch.Tensor) or result.dtype != torch.bfloat16 or not self.strikes(str(func), args):
            return result
        self.hits += 1
        return result.roll(1, dims=-1)


def plain_products(name: str, arguments: tuple[Any, ...]) -> bool:
    """Products without a bias: the patch embedding and the projections."""
    return name.startswith("aten.linear") and len(arguments) == 2


def biased_products(name: str, arguments: tuple[Any, ...]) -> bool:
    """Products with a bias: all those of the layers."""
    return name.startswith("aten.linear") and len(arguments) == 3


def attention(name: str, arguments: tuple[Any, ...]) -> bool:
    """Attention, the weighing of values by keys and queries."""
    return "scaled_dot_product" in name
