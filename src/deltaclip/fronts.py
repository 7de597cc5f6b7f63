"""Fronts of rooms that fetch their names when they are asked for: who wants a small one must not wait for OpenCV or
torch, which a large one needs."""

import sys
from collections.abc import Callable
from importlib import import_module

__all__ = ["fetched"]


def fetched(room: str, *modules: str) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` (PEP 562) of the front of a room, whose `__all__` are its public names.

    modules: those that hold them, by full name, in the order in which a name is looked for in their `__all__`: the ones
    that import little come first.
    """

    def fetch(name: str) -> object:
        front = sys.modules[room]
        if name in front.__all__:
            for module in map(import_module, modules):
                if name in module.__all__:
                    found: object = getattr(module, name)
                    setattr(front, name, found)  # so that it is looked for once
                    return found
        raise AttributeError(f"module {room!r} has no attribute {name!r}")

    def names() -> list[str]:
        front = sys.modules[room]
        return sorted({*vars(front), *front.__all__})

    return fetch, names
