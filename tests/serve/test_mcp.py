"""Tools for assistants, asked by the SDK's own client over stdio and over HTTP."""

import asyncio
import base64
import io
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import httpx2
import numpy as np
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, ImageContent
from PIL import Image

from deltaclip.serve import Tokens
from tests.serve.conftest import Drawn
from tests.serve.live import START, LiveServer

READING = ["describe_library", "get_moment_frames", "list_failures", "search_moments"]
Ask = Callable[[Client], Awaitable[Any]]


def over_stdio(*options: object, ask: Ask) -> Any:  # Any: what `ask` gives
    """What the client gets of `deltaclip mcp` with these options."""

    async def run() -> Any:
        command = StdioServerParameters(
            command=sys.executable, args=["-c", START, "mcp", *map(str, options)], env=dict(os.environ)
        )
        async with Client(stdio_client(command)) as client:
            return await ask(client)

    return asyncio.run(run())


def over_http(url: str, *, ask: Ask, token: str | None = None) -> Any:  # Any: what `ask` gives
    """What the client gets at /mcp of a server."""

    async def run() -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(f"{url}mcp", http_client=http)) as client,
        ):
            return await ask(client)

    return asyncio.run(run())


async def names(client: Client) -> list[str]:
    return sorted(tool.name for tool in (await client.list_tools()).tools)


def calling(name: str, **arguments: object) -> Ask:
    async def ask(client: Client) -> CallToolResult:
        return await client.call_tool(name, arguments)

    return ask


def pictures(result: CallToolResult) -> list[np.ndarray[Any, Any]]:
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(each.data))).convert("RGB"), np.int16)
        for each in result.content
        if isinstance(each, ImageContent)
    ]


def test_an_assistant_at_stdio_finds_a_moment_and_looks_at_it(drawn: Drawn) -> None:
    async def ask(client: Client) -> tuple[CallToolResult, CallToolResult]:
        assert await names(client) == READING
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in (await client.list_tools()).tools)
        found = await client.call_tool("search_moments", {"text": drawn.questions[0], "limit": 3})
        first = (found.structured_content or {})["moments"][0]["moment_id"]
        return found, await client.call_tool("get_moment_frames", {"moment_id": first, "count": 2, "overlay": "both"})

    found, frames = over_stdio("--library", drawn.library, ask=ask)
    assert found.structured_content is not None
    first = found.structured_content["moments"][0]
    assert Path(first["path"]).parent == drawn.videos
    assert (first["start_seconds"], first["end_seconds"]) == (0.0, 2.0)
    plain, outlined = pictures(frames)[:2], pictures(frames)[2:]
    assert len(plain) == len(outlined) == 2
    assert all(np.abs(one - other).max() > 100 for one, other in zip(plain, outlined, strict=True))


def test_it_hears_that_nothing_matches_what_a_library_holds_and_what_failed(drawn: Drawn) -> None:
    async def ask(client: Client) -> list[CallToolResult]:
        text = {"text": "a lecture about the history of tax law", "by": "appearance"}
        asked = [("search_moments", {**text, "min_relevance": "high"}), ("describe_library", {}), ("list_failures", {})]
        return [await client.call_tool(name, arguments) for name, arguments in asked]

    nothing, library, failures = [each.structured_content for each in over_stdio("--library", drawn.library, ask=ask)]
    assert nothing["matches_nothing"]
    assert "Nothing" in nothing["summary"]
    assert library["libraries"][0]["videos"] == 12
    assert failures == {"failures": [], "next": None}


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("get_moment_frames", {"moment_id": "99.0"}, "no moment"),
        ("get_moment_frames", {"moment_id": "1.0", "count": 9}, "less than or equal to 8"),
        ("search_moments", {"text": "x", "library": "none"}, "No library is named 'none'"),
        ("search_moments", {"text": " "}, "empty"),
        ("index_folder", {"path": "/"}, "Unknown tool"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(drawn: Drawn, name: str, arguments: dict[str, Any], words: str) -> None:
    result = over_stdio("--library", drawn.library, ask=calling(name, **arguments))
    assert result.is_error
    assert words in result.content[0].text


def test_with_allow_index_it_indexes_below_the_root_only(drawn: Drawn, tmp_path: Path) -> None:
    async def ask(client: Client) -> tuple[list[str], CallToolResult, dict[str, Any]]:
        outside = await client.call_tool("index_folder", {"path": str(tmp_path)})
        began = await client.call_tool("index_folder", {"path": str(drawn.videos)})
        job = (began.structured_content or {})["job_id"]
        while True:
            told = await client.call_tool("index_status", {"job_id": job})
            state: dict[str, Any] = (told.structured_content or {})["jobs"][0]
            if state["state"] not in ("waiting", "running"):
                return await names(client), outside, state
            await asyncio.sleep(0.1)

    options = ("--library", tmp_path / "library", "--encoder", "shapes", "--allow-index", "--root", drawn.videos)
    tools, outside, job = over_stdio(*options, ask=ask)
    assert tools == sorted([*READING, "index_folder", "index_status"])
    assert outside.is_error
    assert (job["state"], job["report"]["indexed"]) == ("done", 12)


def test_over_http_the_token_decides_what_is_told_and_which_tools_there_are(drawn: Drawn, tokens: Tokens) -> None:
    (_, read), (_, index) = tokens.new("read", ["read"]), tokens.new("index", ["read", "index"])
    options = ("--host", "0.0.0.0", "--root", str(drawn.videos))
    with LiveServer.over(drawn.library, *options) as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        found = over_http(url, ask=calling("search_moments", text=drawn.questions[0]), token=read)
        assert found.structured_content["moments"][0]["path"] is None
        assert str(drawn.videos) not in found.model_dump_json()
        assert over_http(url, ask=names, token=read) == READING
        assert "index_folder" in over_http(url, ask=names, token=index)
        answer = httpx.post(f"{url}mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_on_its_own_machine_a_server_needs_no_token_and_shows_frames(drawn: Drawn) -> None:
    with LiveServer.over(drawn.library) as server:
        frames = over_http(server.url, ask=calling("get_moment_frames", moment_id="1.0", count=3, overlay=True))
        assert [each.shape[2] for each in pictures(frames)] == [3, 3, 3]
        page = {"Origin": "http://evil.example", "Content-Type": "application/json"}
        assert httpx.post(f"{server.url}mcp", content="{}", headers=page).status_code == 403
