"""Bodies of requests: how large they may be, and how slowly they may come."""

import asyncio
import time

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from deltaclip.serve.problems import Problem

__all__ = ["has_body", "in_time", "whole_body"]

MOST_BYTES = 64 * 1024
"""Of a body that is not a file."""
WHOLE_SECONDS, IDLE_SECONDS = 30.0, 30.0
SLOWEST = 16 * 1024
"""Bytes a second that a file has to come with, in the long run."""


def has_body(headers: Headers) -> bool:
    """Whether a request says that it has one."""
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def whole_body(headers: Headers, receive: Receive) -> Receive:
    """Takes a body that is no file, and returns what hands it on. Raises Problem if it is too large or too slow.

    Nothing else is begun for a request before it is whole.
    """
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > MOST_BYTES:
        raise _too_large()
    body, last = bytearray(), True
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            while last:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return _handing_on(message, receive)
                body += message.get("body", b"")
                last = message.get("more_body", False)
                if len(body) > MOST_BYTES:
                    raise _too_large()
    except TimeoutError:
        raise _too_slow() from None
    return _handing_on({"type": "http.request", "body": bytes(body), "more_body": False}, receive)


def in_time(receive: Receive) -> Receive:
    """Hands a file on piece by piece. Raises Problem there if it comes too slowly."""
    began, taken = time.monotonic(), 0

    async def receive_in_time() -> Message:
        nonlocal taken
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                message = await receive()
        except TimeoutError:
            raise _too_slow() from None
        taken += len(message.get("body", b""))
        if taken < SLOWEST * (time.monotonic() - began - IDLE_SECONDS) and message.get("more_body"):
            raise _too_slow()
        return message

    return receive_in_time


def _handing_on(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def hand_on() -> Message:
        return waiting.pop() if waiting else await receive()

    return hand_on


def _too_large() -> Problem:
    return Problem("too_large", f"The body of this request has at most {MOST_BYTES // 1024} kB.")


def _too_slow() -> Problem:
    return Problem("too_slow", "The request came too slowly.")
