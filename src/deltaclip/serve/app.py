"""The application: routes, guard and page over the libraries that are served."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from starlette.routing import Route

import deltaclip
from deltaclip.checks import AnyPath
from deltaclip.serve import job_routes, library_routes, page_routes, search_routes, session_routes, video_routes
from deltaclip.serve.admission import Admission
from deltaclip.serve.forms import ProblemForm
from deltaclip.serve.guard import Guarded
from deltaclip.serve.mcp_server import McpRoute, tools_over
from deltaclip.serve.problems import MEDIA_TYPE, handle_errors
from deltaclip.serve.state import at_work

__all__ = ["ServeSpec", "make_app"]


@dataclass(frozen=True, slots=True)
class ServeSpec:
    """What a server serves, and to whom.

    libraries: addresses; none for the default library. encoder: for those that are empty; None for the default.
    roots: folders below which videos may be indexed; none: nothing is indexed. host, port: where it listens; port 0 for
    any that is free. allow_hosts: names that it answers to besides, such as that of a reverse proxy.
    """

    libraries: Sequence[AnyPath] = ()
    encoder: str | None = None
    roots: Sequence[Path] = ()
    host: str = "127.0.0.1"
    port: int = 8765
    allow_hosts: Sequence[str] = ()


def make_app(spec: ServeSpec) -> FastAPI:
    """The application, for any ASGI server. What it opens is given back when its lifespan ends.

    Raises TokenError if other machines could reach it and there is no token.
    """
    admission = Admission(spec.host, spec.allow_hosts)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with at_work(spec.libraries, spec.encoder, list(spec.roots)) as state:
            app.state.deltaclip = state
            async with tools_over(state) as app.state.tools:
                yield

    app = FastAPI(
        title="deltaclip",
        version=deltaclip.__version__,
        summary="Finds moments in videos from words, by how things move in them.",
        lifespan=lifespan,
        docs_url=None,  # these pages load their scripts from other hosts
        redoc_url=None,
        responses={"default": {"description": "A problem", "model": ProblemForm, "content": {MEDIA_TYPE: {}}}},
    )
    handle_errors(app)
    for router in (
        search_routes.router,
        video_routes.router,
        job_routes.router,
        library_routes.router,
        library_routes.state_router,
        session_routes.router,
        page_routes.router,
    ):
        app.include_router(router)
    app.router.routes.append(Route("/mcp", McpRoute(), include_in_schema=False))
    app.state.admission = admission
    app.add_middleware(Guarded, admission=admission)
    return app
