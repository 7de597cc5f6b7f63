"""Where the tables of a library lie, and what Lance's own errors mean for it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deltaclip.errors import LibraryError
from deltaclip.library.address import LANCE_VIDEOS
from deltaclip.library.store import NoLibraryError

os.environ.setdefault("LANCE_LOG", "error")  # or it tells on stderr that a new table did not exist before

try:
    import lance
    import pyarrow
except ModuleNotFoundError as error:
    raise LibraryError(
        f"the package {error.name}",
        "not installed, and this library is kept in Lance tables",
        "Install it with: pip install 'deltaclip[cluster]'",
    ) from error

__all__ = ["MOMENTS", "SCHEME", "VIDEOS", "folder_of", "in_words", "lance", "no_library", "pyarrow", "storage_options"]
__all__ += ["table_uri"]

SCHEME = "lance://"
VIDEOS, MOMENTS = LANCE_VIDEOS, "moments.lance"
_REMOTE = "s3://"


def folder_of(address: str) -> Path | None:
    """The folder of a library on this machine; None if it is kept elsewhere."""
    return None if address.startswith(_REMOTE) else Path(address.removeprefix(SCHEME))


def table_uri(address: str, table: str) -> str:
    """What Lance opens `table` of a library by."""
    folder = folder_of(address)
    return f"{address.rstrip('/')}/{table}" if folder is None else str(folder / table)


def storage_options(address: str) -> dict[str, str] | None:
    """What Lance needs to be told beyond its environment (AWS_ACCESS_KEY_ID and the like); None for a folder.

    Plain HTTP only if AWS_ENDPOINT_URL asks for it, as of a server on this machine.
    """
    if folder_of(address) is not None:
        return None
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint is None:
        return {}
    return {"aws_endpoint": endpoint, "allow_http": str(endpoint.startswith("http://")).lower()}


def no_library(address: str) -> NoLibraryError:
    remedy = "Make one with `deltaclip index FOLDER` or Library.open(..., create=True), or check the name."
    return NoLibraryError(address, "no library there", remedy)


@contextmanager
def in_words(address: str) -> Iterator[None]:
    """Turns what Lance, which has no classes of errors of its own, raises into LibraryError."""
    try:
        yield
    except (OSError, RuntimeError, pyarrow.ArrowInvalid) as error:
        if isinstance(error, NotImplementedError):
            raise
        raise LibraryError(address, *_found(error)) from error


def _found(error: Exception) -> tuple[str, str]:
    words = _first_line(error)
    low = words.lower()
    if "credential" in low or "accessdenied" in low or "403" in low or "invalidaccesskey" in low:
        return f"cannot be read or written ({words})", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile."
    if "nosuchbucket" in low:
        return "its bucket does not exist", "Check the address, or make the bucket."
    if "no space left" in low:
        return "the disk is full", "Free some space, then run the same command again."
    if "not found" in low or "no such file" in low:
        remedy = "Put back a copy of the library, or run `deltaclip verify`, which names what is damaged."
        return f"a file of it is gone ({words})", remedy
    return f"cannot be read or written ({words})", "Run `deltaclip verify`, which names what is damaged."


def _first_line(error: Any) -> str:  # Any: whatever was raised
    return str(error).strip().split("\n")[0].split(", /home/")[0].rstrip(".")
