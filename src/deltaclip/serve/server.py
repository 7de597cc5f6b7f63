"""Running the application until somebody ends it."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from deltaclip.errors import DeltaclipError
from deltaclip.serve.admission import MOST_HEADER_BYTES
from deltaclip.serve.announcing import Announced, announced
from deltaclip.serve.app import ServeSpec, make_app
from deltaclip.serve.connection import Connection
from deltaclip.serve.hosts import Names
from deltaclip.serve.jobs import IndexJob

__all__ = ["run_server"]

SHUTDOWN_SECONDS = 5
"""How long answers that are being sent may take when the server ends; jobs have longer, see `jobs`."""
IDLE_SECONDS = 15
MOST_CONNECTIONS = 500


def run_server(spec: ServeSpec, on_ready: Callable[[str], None], on_note: Callable[[str], None]) -> None:
    """Serves until Ctrl-C or SIGTERM, and then lets the videos in hand finish.

    on_ready: called with the address once connections are taken. on_note: with what people should know. Raises
    DeltaclipError if the address is not free, and TokenError if other machines could reach it and there is no token.
    """
    app = make_app(spec)
    listening = _listen(spec.host, spec.port)
    port = listening.getsockname()[1]
    shown = f"[{spec.host}]" if ":" in spec.host else spec.host
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        limit_concurrency=MOST_CONNECTIONS,
        http=Connection,
        ws="none",
        proxy_headers=False,  # who asks is known by the connection: a header that says so may come from anybody
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
    )
    server = uvicorn.Server(config)

    async def serve() -> None:
        task = asyncio.create_task(server.serve([listening]))
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
        served = (
            [] if task.done() or not Names(spec.host, spec.allow_hosts).is_local else _announced(app, spec.host, port)
        )
        with announced(served):
            if server.started:
                on_ready(f"http://{shown}:{port}/")
            while not task.done() and not server.should_exit:
                await asyncio.wait([task], timeout=0.1)
            if any(not job.has_ended for job in _jobs(app)):
                on_note("ending once the videos in hand are indexed; the next run does the rest")
            await task

    asyncio.run(serve())


def _jobs(app: FastAPI) -> list[IndexJob]:
    state = getattr(app.state, "deltaclip", None)  # there is none if the start failed
    return [] if state is None else list(state.jobs.all())


def _announced(app: FastAPI, host: str, port: int) -> list[Announced]:
    shelf = app.state.deltaclip.shelf
    return [Announced(served.full_address, served.name, host, port) for served in shelf]


def _listen(host: str, port: int) -> socket.socket:
    """Raises DeltaclipError if the address is not this machine's, or is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named: only then asyncio sets TCP_NODELAY, without which an answer takes 40 ms more.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        remedy = "Choose a different --port or --host, or end the program that has it."
        raise DeltaclipError(f"{host}:{port}", f"cannot listen there ({error.strerror})", remedy) from error
    return listening
