"""A server tells others on its machine that it serves a library, so that `search` need not load an encoder of its own.

Imports nothing but the standard library: whoever looks for a server must not wait.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import deltaclip
from deltaclip.durable import write_bytes_whole
from deltaclip.folders import default_cache_path

__all__ = ["Announced", "announced", "asked_of_server"]

CONNECT_SECONDS, ANSWER_SECONDS = 0.3, 20.0
OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class Announced:
    """A library that a server has open. host, port: of a loopback address. name: as the server calls the library."""

    address: str
    name: str
    host: str
    port: int


@contextmanager
def announced(libraries: Sequence[Announced]) -> Iterator[None]:
    """Others find these while the context is open, and as long as this process lives; without a cache folder that can
    be written nobody does."""
    files = []
    for library in libraries:
        told = {"pid": os.getpid(), "version": deltaclip.__version__, "host": library.host, "port": library.port}
        file = _file_of(library.address)
        with suppress(OSError):
            write_bytes_whole(file, json.dumps({**told, "library": library.name}).encode())
            file.chmod(OWNER_ONLY)
            files.append(file)
    try:
        yield
    finally:
        for file in files:
            if _read(file).get("pid") == os.getpid():
                file.unlink(missing_ok=True)


def asked_of_server(
    address: str, request: dict[str, Any], file: tuple[Path, str] | None = None
) -> dict[str, Any] | None:
    """The answer of a server of this version that has the library open, to a search; None if nobody gives one.

    address: of a library, absolute. request: as `POST /v1/search` takes it. file: to search with, and "image" or
    "video"; it is sent to the server, and deleted there after the answer.
    """
    told = _read(_file_of(address))
    if told.get("version") != deltaclip.__version__ or not _is_mine(_file_of(address)):
        return None
    connection = HTTPConnection(str(told.get("host")), int(told.get("port", 0)), timeout=CONNECT_SECONDS)
    try:
        connection.connect()
        connection.sock.settimeout(ANSWER_SECONDS)
        path = f"/v1/search?library={quote(str(told.get('library')), safe='')}"
        if file is None:
            return _sent(connection, path, json.dumps(request).encode(), "application/json")
        with file[0].open("rb") as stream:
            sent = _sent(connection, "/v1/uploads", stream, f"{file[1]}/*")
        if sent is None:
            return None
        try:
            asked = json.dumps({**request, "upload_id": sent["upload_id"]}).encode()
            return _sent(connection, path, asked, "application/json")
        finally:
            connection.request("DELETE", f"/v1/uploads/{sent['upload_id']}")
            connection.getresponse().read()
    except (OSError, HTTPException, ValueError, KeyError):
        return None
    finally:
        connection.close()


def _sent(connection: HTTPConnection, path: str, body: bytes | BinaryIO, kind: str) -> dict[str, Any] | None:
    """The answer to a POST; None unless it is one of success. Raises OSError, HTTPException, ValueError."""
    connection.request("POST", path, body, {"Content-Type": kind, "Content-Length": str(_length(body))})
    response = connection.getresponse()
    content = response.read()
    return dict(json.loads(content)) if response.status in (200, 201) else None


def _length(body: bytes | BinaryIO) -> int:
    return len(body) if isinstance(body, bytes) else os.fstat(body.fileno()).st_size


def _file_of(address: str) -> Path:
    digest = hashlib.sha256(os.fsencode(address)).hexdigest()[:24]
    return default_cache_path() / "servers" / f"{digest}.json"


def _is_mine(file: Path) -> bool:
    """Whether this user wrote the file: nobody else may answer in the place of a library."""
    return not hasattr(os, "getuid") or file.stat().st_uid == os.getuid()


def _read(file: Path) -> dict[str, Any]:
    """What a file tells; nothing if there is none, or if it is damaged."""
    try:
        told = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
