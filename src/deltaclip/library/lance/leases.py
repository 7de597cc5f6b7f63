"""One writer at a time where files cannot be locked: a row that its holder renews, and that runs out without it."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

from deltaclip.errors import LibraryError
from deltaclip.library.lance.errors import in_words, is_conflict
from deltaclip.library.lance.places import lance, storage_options, table_uri
from deltaclip.library.lance.places import pyarrow as pa
from deltaclip.library.lance.state import open_table
from deltaclip.library.lock import LockedError
from deltaclip.library.store import NoLibraryError

__all__ = ["lease"]

TABLE = "lock.lance"
SECONDS = 60.0
"""How long a lease holds without being renewed. Clocks of machines that write to one library differ by less."""
RENEWED_SECONDS = 20.0
KEPT = timedelta(minutes=10)
"""For how long old versions of the row are kept."""

_SCHEMA = pa.schema(
    [
        pa.field("key", pa.int32(), nullable=False, metadata={"lance-schema:unenforced-primary-key": "true"}),
        pa.field("holder", pa.string()),
        pa.field("words", pa.string()),
        pa.field("until", pa.float64()),
    ]
)


@contextmanager
def lease(address: str) -> Iterator[Callable[[], None]]:
    """Holds the library at `address` for writing; yields what raises LockedError once it is not held any more.

    Raises LockedError at once if a different process holds it, LibraryError if it cannot be written.
    """
    with in_words(address):
        holder = uuid4().hex
        _take(address, holder, first=True)
    ended, lost = threading.Event(), threading.Event()
    renewer = threading.Thread(target=_renew, args=(address, holder, ended, lost), daemon=True, name="deltaclip-lease")
    renewer.start()

    def require() -> None:
        if lost.is_set():
            remedy = "Run the same command again: what was committed is kept."
            raise LockedError(address, "it could not be held for writing any longer", remedy)

    try:
        yield require
    finally:
        ended.set()
        renewer.join()
        with suppress(LibraryError), in_words(address):  # it runs out by itself
            _take(address, holder, until=0.0)
            open_table(address, TABLE).cleanup_old_versions(KEPT)


def _renew(address: str, holder: str, ended: threading.Event, lost: threading.Event) -> None:
    last = time.monotonic()
    while not ended.wait(RENEWED_SECONDS):
        try:
            with in_words(address):
                _take(address, holder)
            last = time.monotonic()
        except LockedError:
            lost.set()
            return
        except LibraryError:  # of the network: it may be back in time
            if time.monotonic() - last > SECONDS - RENEWED_SECONDS:
                lost.set()
                return


def _take(address: str, holder: str, *, first: bool = False, until: float | None = None) -> None:
    """Writes the row, if nobody else holds it. Raises LockedError."""
    table = _table(address)
    [row] = table.to_table().to_pylist()
    if row["holder"] != holder and (row["until"] > time.time() or not first):
        raise _in_use(address, row)
    words = f"process {os.getpid()} on {socket.gethostname()}"
    mine = {"key": 0, "holder": holder, "words": words, "until": time.time() + SECONDS if until is None else until}
    merge = table.merge_insert("key").when_matched_update_all().when_not_matched_insert_all().conflict_retries(0)
    try:
        merge.execute(pa.Table.from_pylist([mine], schema=_SCHEMA))
    except OSError as error:
        if is_conflict(error):
            raise _in_use(address, _table(address).to_table().to_pylist()[0]) from error
        raise


def _table(address: str) -> Any:  # a LanceDataset
    uri, options = table_uri(address, TABLE), storage_options(address)
    with suppress(NoLibraryError):
        return open_table(address, TABLE)
    free = pa.Table.from_pylist([{"key": 0, "holder": "", "words": "", "until": 0.0}], schema=_SCHEMA)
    with suppress(OSError):  # somebody else has made it meanwhile
        return lance.write_dataset(free, uri, mode="create", storage_options=options)
    return open_table(address, TABLE)


def _in_use(address: str, row: dict[str, Any]) -> LockedError:
    left = max(row["until"] - time.time(), 0)
    remedy = f"Wait until it has ended; if it was killed, {left:.0f} s. It can be searched in the meantime."
    return LockedError(address, f"locked by another deltaclip ({row['words']})", remedy)
