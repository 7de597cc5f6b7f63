"""Who asks, and what may be told and done."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from deltaclip.serve.hiding import plain, without_paths
from deltaclip.serve.problems import Problem
from deltaclip.serve.tokens import Scope

__all__ = ["Indexer", "Reader", "Visitor", "path_for", "require", "words_for"]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request.

    scopes: what they may do; none for who has not shown a token yet. sees_paths: whether answers name paths of this
    machine.
    """

    scopes: frozenset[Scope]
    sees_paths: bool


def require(visitor: Visitor, scope: Scope) -> None:
    """Raises Problem unless the visitor may do that."""
    if not visitor.scopes:
        headers = {"WWW-Authenticate": "Bearer"}
        raise Problem("unauthorized", "Send a token that `deltaclip token` made, as a Bearer.", headers=headers)
    if scope not in visitor.scopes:
        raise Problem("forbidden", f"This needs a token with the scope {scope!r}.")


def _having(scope: Scope) -> Callable[[Request], Visitor]:
    def visitor(request: Request) -> Visitor:
        found: Visitor = request.state.visitor  # put there by the guard, which every request passes
        require(found, scope)
        return found

    return visitor


Reader = Annotated[Visitor, Depends(_having("read"))]
Indexer = Annotated[Visitor, Depends(_having("index"))]


def path_for(visitor: Visitor, path: Path | str) -> str | None:
    """A path as this visitor may see it."""
    return plain(str(path)) if visitor.sees_paths else None


def words_for(visitor: Visitor, text: str, *known: Path | str) -> str:
    """Words about files as this visitor may see them; known: as in `without_paths`."""
    return plain(text if visitor.sees_paths else without_paths(text, *known))
