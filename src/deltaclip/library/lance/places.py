"""Where the tables of a library lie. The only file that imports Lance, so that its absence is told in one place."""

import os

from deltaclip.errors import LibraryError
from deltaclip.library.address import LANCE_VIDEOS, full_address, local_folder
from deltaclip.library.store import NoLibraryError

os.environ.setdefault("LANCE_LOG", "error")  # or it tells on stderr that a new table did not exist before

try:
    import lance
    import lance.optimize
    import pyarrow
except ModuleNotFoundError as error:
    raise LibraryError(
        f"the package {error.name}",
        "not installed, and this library is kept in Lance tables",
        "Install it with: pip install 'deltaclip[cluster]'",
    ) from error

__all__ = [
    "MOMENTS",
    "SCHEME",
    "VIDEOS",
    "lance",
    "lance_address",
    "no_library",
    "pyarrow",
    "storage_options",
]
__all__ += ["table_uri"]

SCHEME = "lance://"
VIDEOS, MOMENTS = LANCE_VIDEOS, "moments.lance"


def table_uri(address: str, table: str) -> str:
    """What Lance opens `table` of a library by."""
    folder = local_folder(address)
    return f"{address.rstrip('/')}/{table}" if folder is None else str(folder / table)


def storage_options(address: str) -> dict[str, str] | None:
    """What Lance needs to be told beyond its environment (AWS_ACCESS_KEY_ID and the like); None for a folder.

    Plain HTTP only if AWS_ENDPOINT_URL asks for it, as of a server on this machine.
    """
    if local_folder(address) is not None:
        return None
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint is None:
        return {}
    return {"aws_endpoint": endpoint, "allow_http": str(endpoint.startswith("http://")).lower()}


def lance_address(address: str) -> str:
    """The address of Lance tables that somebody typed, in which a folder needs no scheme."""
    return full_address(address if "://" in address else SCHEME + address)


def no_library(address: str) -> NoLibraryError:
    """Of an address without one."""
    remedy = "Make one with `deltaclip index FOLDER` or Library.open(..., create=True), or check the name."
    return NoLibraryError(address, "no library there", remedy)
