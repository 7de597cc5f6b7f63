"""Files as answers, sent from the descriptor that was checked when it was opened: what is sent is what was checked.

Starlette's FileResponse takes a path, and opens it again after it was checked: a link put there meanwhile would be
followed.
"""

import asyncio
import os
import re
from email.utils import formatdate
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from deltaclip.serve.problems import Problem, answer_of

__all__ = ["SentFile", "open_regular"]

CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def open_regular(file: Path) -> BinaryIO:
    """Opens a file unless it is a link, or a pipe or device, which could block or give anything. Raises OSError."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    opened = open(os.open(file, flags), "rb", buffering=0)  # noqa: SIM115 - its taker closes it
    if not S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise OSError(f"{file} is no regular file")
    return opened


class SentFile(Response):
    """An open file, whole or the range asked for, which is closed at the end.

    Of a request for several ranges the whole file is the answer, as RFC 9110 allows: players ask for one, and many
    small or overlapping ones cost more than they give.
    """

    def __init__(self, file: BinaryIO, media_type: str, disposition: str) -> None:
        """disposition: as the header Content-Disposition has it."""
        stat = os.fstat(file.fileno())
        self._file, self._size = file, stat.st_size
        self.status_code, self.background, self.media_type = 200, None, media_type
        self.init_headers(
            {
                "Accept-Ranges": "bytes",
                "Content-Disposition": disposition,
                "ETag": f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"',
                "Last-Modified": formatdate(stat.st_mtime, usegmt=True),
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file:
            asked = Headers(scope=scope)
            if asked.get("if-none-match") == self.headers["etag"]:
                await self._head(send, 304, 0)
                await send({"type": "http.response.body", "body": b""})
                return
            try:
                wanted = self._wanted(asked)
            except Problem as problem:
                await answer_of(problem)(scope, receive, send)
                return
            start, end = wanted or (0, self._size)
            if wanted is not None:
                self.headers["Content-Range"] = f"bytes {start}-{end - 1}/{self._size}"
            await self._head(send, 200 if wanted is None else 206, end - start)
            gone = asyncio.create_task(_until_gone(receive))
            try:
                await self._body(send, start, end, gone)
            finally:
                gone.cancel()

    async def _head(self, send: Send, status: int, length: int) -> None:
        if status != 304:
            self.headers["Content-Length"] = str(length)
        await send({"type": "http.response.start", "status": status, "headers": self.raw_headers})

    async def _body(self, send: Send, start: int, end: int, gone: "asyncio.Task[None]") -> None:
        await run_in_threadpool(self._file.seek, start)
        while start < end and not gone.done():
            chunk = await run_in_threadpool(self._file.read, min(CHUNK, end - start))
            if not chunk:  # it was made shorter meanwhile: the connection ends short of what its head says
                raise OSError("the file became shorter while it was sent")
            start += len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": start < end})
        if not self._size:
            await send({"type": "http.response.body", "body": b""})

    def _wanted(self, asked: Headers) -> tuple[int, int] | None:
        """The range that is sent, start <= byte < end; None for the whole file. Raises Problem for one that the file
        does not have."""
        condition = asked.get("if-range")
        if condition is not None and condition not in (self.headers["etag"], self.headers["last-modified"]):
            return None
        found = _RANGE.fullmatch(asked.get("range", "").replace(" ", ""))
        if found is None or found.groups() == ("", ""):
            return None
        first, last = found.groups()
        if first:
            start, end = int(first), min(int(last) + 1, self._size) if last else self._size
            if last and int(last) < start:
                return None
        else:
            start, end = max(self._size - int(last), 0), self._size
        if start >= end:
            headers = {"Content-Range": f"bytes */{self._size}"}
            raise Problem("range_not_satisfiable", f"The file has {self._size:,} bytes.", headers=headers)
        return start, end


async def _until_gone(receive: Receive) -> None:
    """Ends when nobody waits for the answer any more."""
    while (await receive())["type"] != "http.disconnect":
        pass
