"""HTTP/1.1 as uvicorn speaks it, with a limit on how slowly the head of a request may come, and problems for what is no
request."""

import asyncio
import sys

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from deltaclip.serve.problems import MEDIA_TYPE, Problem, answer_of

__all__ = ["Connection"]

HEAD_SECONDS = 15.0
"""From the begin of a connection, or from the first byte of a later request, to the end of its headers."""


class Connection(H11Protocol):
    """A connection. uvicorn itself waits for ever for headers, so few clients could hold all connections."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self._await_head()
        else:
            self._forget_head()

    def send_400_response(self, msg: str) -> None:
        """Called while the error is handled that says what is wrong."""
        error = sys.exception()
        is_long = isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431
        problem = (
            Problem("headers_too_large", "The headers of a request have at most 32 kB.")
            if is_long
            else Problem("invalid_value", "This is no HTTP/1.1 request.")
        )
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = answer_of(problem)
            headers = [(b"content-type", MEDIA_TYPE.encode()), (b"connection", b"close")]
            headers.append((b"content-length", str(len(answer.body)).encode()))
            for event in (
                h11.Response(status_code=problem.status, headers=headers),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._end_late)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_late(self) -> None:
        self._head_timer = None
        if self.conn.their_state is h11.IDLE:
            self.transport.close()
