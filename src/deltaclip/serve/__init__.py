"""The server: an HTTP API, a page and tools for assistants over libraries. Needs the extra `[serve]`."""

from typing import TYPE_CHECKING

from deltaclip.fronts import fetched

if TYPE_CHECKING:
    from deltaclip.serve.announcing import asked_of_server
    from deltaclip.serve.app import ServeSpec, make_app
    from deltaclip.serve.server import run_server
else:
    __getattr__, __dir__ = fetched(
        __name__, "deltaclip.serve.announcing", "deltaclip.serve.app", "deltaclip.serve.server"
    )

__all__ = ["ServeSpec", "asked_of_server", "make_app", "run_server"]
