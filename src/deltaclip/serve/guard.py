"""What every request passes before anything else, and every answer after: ASGI middleware."""

import time

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deltaclip.serve.access import require
from deltaclip.serve.admission import SAFE, Admission, Asking
from deltaclip.serve.bodies import has_body, in_time, whole_body
from deltaclip.serve.metrics import REQUEST_SECONDS, REQUESTS
from deltaclip.serve.problems import Problem, answer_of, unforeseen_problem

__all__ = ["Guarded"]

UPLOADS = "/v1/uploads"
MOST_UPLOADS = 4
"""Files that are being sent at once."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""Of every answer."""
METHODS = ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS")


class Guarded:
    """Lets in who may come in, puts the visitor into the state of the request, and sets the headers of the answer."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:  # there are no web sockets here
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        asking = Asking.of(scope)
        if asking.method == "HEAD":  # answered as GET is, so that routes need not know of it
            scope = {**scope, "method": "GET"}
            receive, send = _head_only(receive, send)
        began, is_uploading, has_started = time.perf_counter(), False, False

        async def send_guarded(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                _harden(message)
                route, method = _route(scope), asking.method if asking.method in METHODS else "other"
                REQUESTS.labels(route, method, str(message["status"])).inc()
                REQUEST_SECONDS.labels(route).observe(time.perf_counter() - began)
            await send(message)

        try:
            self._admission.require_form(asking)
            visitor = self._admission.visitor(asking)
            scope.setdefault("state", {})["visitor"] = visitor
            if not _is_open(asking):
                require(visitor, "read")
            if asking.path == UPLOADS and asking.method == "POST":
                if self._uploads >= MOST_UPLOADS:
                    raise Problem("unavailable", "Too many files are being sent.", headers={"Retry-After": "10"})
                is_uploading = True
                self._uploads += 1
                receive = in_time(receive)
            elif has_body(asking.headers):
                receive = await whole_body(asking.headers, receive)
        except Problem as problem:
            if has_body(asking.headers):
                problem.headers["Connection"] = "close"  # what is still to come of the body is not read
            await answer_of(problem)(scope, receive, send_guarded)
            return
        try:
            await self._app(scope, receive, send_guarded)
        except Exception as error:
            if has_started:
                raise
            await answer_of(unforeseen_problem(Request(scope), error))(scope, receive, send_guarded)
        finally:
            self._uploads -= is_uploading


def _head_only(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """A connection that is sent the head of an answer alone.

    After the head the application is told that its client is gone, so that it ends a stream or a long file.
    """
    has_started = False

    async def receive_until_head() -> Message:
        return {"type": "http.disconnect"} if has_started else await receive()

    async def send_head(message: Message) -> None:
        nonlocal has_started
        if message["type"] == "http.response.start":
            has_started = True
            await send(message)
            await send({"type": "http.response.body", "body": b""})

    return receive_until_head, send_head


def _is_open(asking: Asking) -> bool:
    """Whether who has shown no token may ask this: for the page itself, which says nothing of any library, and to log
    in."""
    if asking.path == "/v1/session":
        return True
    if asking.method not in SAFE:
        return False
    if asking.path in ("/", "/library", "/compare", "/healthz", "/readyz", "/favicon.ico"):
        return True
    return asking.path.startswith(("/static/", "/video/", "/.well-known/"))


def _harden(message: Message) -> None:
    """Sets the headers of an answer."""
    headers = MutableHeaders(raw=list(message.get("headers", [])))
    for name, value in HEADERS.items():
        headers[name] = value
    is_json = "json" in headers.get("content-type", "json")
    headers.setdefault("Cache-Control", "no-store" if is_json else "private, no-cache")
    message["headers"] = headers.raw


def _route(scope: Scope) -> str:
    """The route that answered, without ids: a label of metrics has few values."""
    return getattr(scope.get("route"), "path", "other")
