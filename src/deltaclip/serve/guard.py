"""What every request passes before anything else: who asks, from where, and how much."""

from starlette.types import ASGIApp, Receive, Scope, Send

from deltaclip.serve.access import Visitor

__all__ = ["Guarded"]


class Guarded:
    """ASGI middleware: puts the visitor into the state of a request."""

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope.setdefault("state", {})["visitor"] = Visitor(frozenset({"read", "index"}), True)
        await self._app(scope, receive, send)
