"""Addresses of libraries, and which class of store an address belongs to."""

import os
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from platformdirs import user_data_path

from deltaclip.checks import AnyPath
from deltaclip.errors import LibraryError
from deltaclip.library.paths import absolute_paths

if TYPE_CHECKING:  # who looks for a server needs an address only
    from deltaclip.library.store import Store, StoreClass

__all__ = [
    "LANCE_VIDEOS",
    "STORES",
    "default_library_path",
    "full_address",
    "local_folder",
    "open_store",
    "store_exists",
]

FOLDER, LANCE = "folder", "lance"
STORES = {
    FOLDER: "deltaclip.library.sqlite.SqliteStore",
    LANCE: "deltaclip.library.lance.LanceStore",
    "s3": "deltaclip.library.lance.LanceStore",
}
"""Scheme of an address -> class of its store, imported when it is wanted; an address without a scheme is a folder."""

LANCE_VIDEOS = "videos.lance"
"""The table by which a folder is known to hold a library of Lance tables."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://")


def default_library_path() -> Path:
    """The folder of the library by default: DELTACLIP_LIBRARY, else one in the user's data folder."""
    chosen = os.environ.get("DELTACLIP_LIBRARY")
    return Path(chosen) if chosen else user_data_path("deltaclip") / "library"


def open_store(address: AnyPath | None, *, create: bool) -> "Store":
    """The store at an address, or at `default_library_path()`; raises as `StoreClass.open` does."""
    scheme, full = _at(address)
    return _class(scheme).open(full, create=create)


def store_exists(address: AnyPath | None) -> bool:
    """Whether there is a store at an address, or at `default_library_path()`; one that is damaged counts."""
    scheme, full = _at(address)
    return _class(scheme).exists(full)


def full_address(address: AnyPath | None) -> str:
    """An address, absolute if it is a folder; None is `default_library_path()`. Raises LibraryError."""
    return _at(address)[1]


def local_folder(address: str) -> Path | None:
    """The folder of a full address; None for a library that is on no disk of this machine."""
    scheme = _SCHEME.match(address)
    if scheme is None:
        return Path(address)
    return Path(address[scheme.end() :]) if scheme[1] == LANCE else None


def _at(address: AnyPath | None) -> tuple[str, str]:
    """The scheme of an address, and the address, absolute if it is a folder: lance:// for a folder of Lance tables."""
    words = os.fsdecode(default_library_path() if address is None else address)
    scheme = _SCHEME.match(words)
    if scheme is None:
        folder = absolute_paths([words])[0]
        return (LANCE, f"{LANCE}://{folder}") if (folder / LANCE_VIDEOS).is_dir() else (FOLDER, str(folder))
    if scheme[1] not in STORES:
        known = ", ".join(f"{name}://" for name in STORES if name != FOLDER)
        remedy = f"Give a folder{f', or an address that begins with {known}' if known else ''}."
        raise LibraryError(words, f"no kind of library has addresses that begin with {scheme[0]}", remedy)
    if scheme[1] == LANCE:
        return LANCE, f"{LANCE}://{absolute_paths([words.removeprefix(scheme[0])])[0]}"
    return scheme[1], words


def _class(scheme: str) -> "StoreClass":
    module, name = STORES[scheme].rsplit(".", 1)
    return cast("StoreClass", getattr(import_module(module), name))
