"""What the routes of a server share."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Query, Request

from deltaclip.checks import AnyPath
from deltaclip.serve.jobs import Jobs
from deltaclip.serve.media import Media
from deltaclip.serve.questions import Desk
from deltaclip.serve.shelf import Served, Shelf
from deltaclip.serve.uploads import Uploads

__all__ = ["Asked", "Server", "ServerState", "at_work"]


@dataclass(frozen=True, slots=True)
class ServerState:
    """One server at work. roots: folders below which videos may be indexed."""

    shelf: Shelf
    desk: Desk
    media: Media
    uploads: Uploads
    jobs: Jobs
    roots: Sequence[Path]


@asynccontextmanager
async def at_work(
    libraries: Sequence[AnyPath], encoder: str | None, roots: Sequence[Path]
) -> AsyncIterator[ServerState]:
    """A server over these libraries, as `ServeSpec` has them; jobs finish the videos in hand when it ends."""
    shelf = Shelf(libraries)
    state = ServerState(shelf, Desk(), Media(roots or None), Uploads(), Jobs(encoder), roots)
    try:
        yield state
    finally:
        await state.jobs.close()
        state.desk.close()
        state.uploads.close()
        state.media.close()
        shelf.close()


def _state(request: Request) -> ServerState:
    return cast("ServerState", request.app.state.deltaclip)


Server = Annotated[ServerState, Depends(_state)]


def _served(
    server: Server,
    library: Annotated[
        str | None, Query(description="Name of the library, of several (default: the first)", max_length=255)
    ] = None,
) -> Served:
    return server.shelf.named(library)


Asked = Annotated[Served, Depends(_served)]
"""The library that a request is about."""
