"""Clients that send slowly, or nothing, or no HTTP: they hold no connection for long."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
import uvicorn
from starlette.datastructures import Headers
from uvicorn.server import ServerState as UvicornState

from deltaclip.serve import bodies, connection
from deltaclip.serve.problems import Problem


def never() -> Awaitable[Any]:
    return asyncio.sleep(3600)


def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "WHOLE_SECONDS", 0.05)
    monkeypatch.setattr(bodies, "IDLE_SECONDS", 0.05)
    for waiting in (lambda: bodies.whole_body(Headers(), never), bodies.in_time(never)):
        with pytest.raises(Problem) as raised:
            asyncio.run(waiting())  # type: ignore[arg-type]
        assert raised.value.status == 408


def test_a_file_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "IDLE_SECONDS", 0.0001)

    async def trickle() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": True}

    async def taken() -> None:
        receive = bodies.in_time(trickle)
        while True:
            await receive()

    with pytest.raises(Problem, match="slowly"):
        asyncio.run(taken())


def test_headers_that_do_not_come_end_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def talk(*pieces: bytes) -> bytes:
        config = uvicorn.Config(app, http=connection.Connection, lifespan="off")
        config.load()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: connection.Connection(config, UvicornState(), {}), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.05)
            answer = await reader.read()
            writer.close()
            return answer

    whole = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert asyncio.run(talk()) == b""
    assert asyncio.run(talk(b"GET / HTTP/1.1\r\nHost:")) == b""
    assert asyncio.run(talk(whole, b"GET / HT")).count(b"204") == 1
    assert b"headers_too_large" in asyncio.run(talk(b"GET / HTTP/1.1\r\nX: " + b"a" * 50_000, b"a" * 50_000))
    assert b"This is no HTTP/1.1 request" in asyncio.run(talk(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"))
