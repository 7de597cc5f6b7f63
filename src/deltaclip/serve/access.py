"""Who asks, and what may be told and done."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from fastapi import Depends, Request

from deltaclip.serve.problems import Problem

__all__ = ["Indexer", "Reader", "Scope", "Visitor", "path_for"]

Scope = Literal["read", "index"]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request.

    scopes: what they may do. sees_paths: whether answers name paths of this machine.
    """

    scopes: frozenset[Scope]
    sees_paths: bool


def _having(scope: Scope) -> Callable[[Request], Visitor]:
    def visitor(request: Request) -> Visitor:
        found: Visitor = request.state.visitor  # put there by the guard, which every request passes
        if scope not in found.scopes:
            raise Problem("forbidden", f"This needs a token with the scope {scope!r}.")
        return found

    return visitor


Reader = Annotated[Visitor, Depends(_having("read"))]
Indexer = Annotated[Visitor, Depends(_having("index"))]


def path_for(visitor: Visitor, path: Path | str) -> str | None:
    """A path as this visitor may see it."""
    return str(path) if visitor.sees_paths else None
