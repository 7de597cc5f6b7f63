"""The server: an HTTP API, a page and tools for assistants over libraries. Needs the extra `[serve]`."""

from typing import TYPE_CHECKING

from deltaclip.fronts import fetched

if TYPE_CHECKING:
    from deltaclip.serve.announcing import asked_of_server
    from deltaclip.serve.app import ServeSpec, make_app
    from deltaclip.serve.mcp_server import run_stdio
    from deltaclip.serve.server import run_server
    from deltaclip.serve.tokens import Tokens
else:
    __getattr__, __dir__ = fetched(
        __name__,
        "deltaclip.serve.tokens",
        "deltaclip.serve.announcing",
        "deltaclip.serve.app",
        "deltaclip.serve.mcp_server",
        "deltaclip.serve.server",
    )

__all__ = ["ServeSpec", "Tokens", "asked_of_server", "make_app", "run_server", "run_stdio"]
