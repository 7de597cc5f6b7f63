"""MCP, the protocol of assistants: over stdio for one that starts us, and at /mcp of the server."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ToolAnnotations
from starlette.types import Receive, Scope, Send

import deltaclip
from deltaclip.checks import AnyPath
from deltaclip.serve.access import Visitor
from deltaclip.serve.mcp_tools import Told, Tools
from deltaclip.serve.state import ServerState, at_work

__all__ = ["McpRoute", "run_stdio", "tools_over"]

INSTRUCTIONS = (
    "Finds moments in the user's own videos from words, by what is seen and how it moves. Begin with search_moments; "
    "look at what it found with get_moment_frames."
)
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
INDEXES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


@dataclass(frozen=True, slots=True)
class ToolServers:
    """reading: only looks. indexing: may also index, and is None if there is no root to index below."""

    reading: MCPServer[None]
    indexing: MCPServer[None] | None


class McpRoute:
    """The ASGI application at /mcp. The guard lets in who may read; whoever may index is shown more tools.

    Every request is answered by itself: there are no sessions to keep, or to steal.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        servers: ToolServers = scope["app"].state.tools
        visitor: Visitor = scope["state"]["visitor"]
        chosen = servers.indexing if "index" in visitor.scopes else None
        await (chosen or servers.reading).session_manager.handle_request(scope, receive, send)


@asynccontextmanager
async def tools_over(server: ServerState) -> AsyncIterator[ToolServers]:
    """The tools for requests at /mcp, as long as the context is open."""
    tools = Tools(server, _sender)
    servers = ToolServers(_made(tools), _made(tools, may_index=True) if server.roots else None)
    async with AsyncExitStack() as stack:
        for each in (servers.reading, servers.indexing):
            if each is not None:
                each.streamable_http_app(
                    stateless_http=True,
                    json_response=True,
                    # The guard has checked Host and Origin, against names that the SDK does not know.
                    transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
                )
                await stack.enter_async_context(each.session_manager.run())
        yield servers


async def run_stdio(libraries: Sequence[AnyPath], encoder: str | None, roots: Sequence[Path]) -> None:
    """Serves the assistant at stdin and stdout, which is the user's own, until it closes stdin.

    roots: folders below which it may index; none: it only reads.
    """
    owner = Visitor(frozenset({"read", "index"} if roots else {"read"}), sees_paths=True)
    async with at_work(libraries, encoder, roots) as server:
        await _made(Tools(server, lambda context: owner), may_index=bool(roots)).run_stdio_async()


def _made(tools: Tools, *, may_index: bool = False) -> MCPServer[None]:
    server: MCPServer[None] = MCPServer(
        "deltaclip",
        title="deltaclip",
        instructions=INSTRUCTIONS,
        version=deltaclip.__version__,
        log_level="WARNING",  # on a lower level the SDK tells what was asked
    )
    reading: list[Callable[..., object]] = [
        tools.search_moments,
        tools.describe_library,
        tools.list_failures,
        tools.get_moment_frames,
    ]
    for each in reading:
        server.add_tool(each, annotations=READS)
    if may_index:
        server.add_tool(tools.index_folder, annotations=INDEXES)
        server.add_tool(tools.index_status, annotations=READS)
    return server


def _sender(context: Told) -> Visitor:
    """Who sent the request in which a tool is called, as the guard has found."""
    request = context.request_context.request
    assert request is not None  # there is one of every call over HTTP
    visitor: Visitor = request.state.visitor
    return visitor
