"""One state of a library: its two tables as one commit left them."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from deltaclip.errors import LibraryError
from deltaclip.library.lance.errors import is_missing
from deltaclip.library.lance.losses import readable_rows
from deltaclip.library.lance.meta import LanceMeta
from deltaclip.library.lance.places import MOMENTS, VIDEOS, lance, no_library, storage_options, table_uri
from deltaclip.library.lance.places import pyarrow as pa
from deltaclip.library.lance.tables import ids_among, records_in

__all__ = ["IDS_AT_ONCE", "NOT_META", "LanceState", "batched", "hex_of", "open_table", "path_key", "read_state"]

NOT_META = "meta IS NULL"
IDS_AT_ONCE = 1000
"""In one condition."""


@dataclass(frozen=True)
class LanceState:
    """The tables of a library, as of one commit. videos, moments: datasets of Lance; None without a table."""

    meta: LanceMeta
    videos: Any  # a LanceDataset; lance ships no types
    moments: Any

    @cached_property
    def has_moments(self) -> bool:
        """Whether there is any vector, also of a video that is missing."""
        return self.moments is not None and self.moments.count_rows() > 0

    @cached_property
    def missing(self) -> Sequence[str]:
        """The ids of the videos that are missing."""
        return [record["id"] for record in self.records("missing", ["id"])]

    def records(self, condition: str = "true", columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """The rows of the videos for which a condition holds."""
        asked = f"{NOT_META} AND ({condition})"
        return records_in(self.videos.to_table(columns=None if columns is None else [*columns], filter=asked))

    def records_of(self, ids: Iterable[str], columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """The rows of the videos of these ids, in any order."""
        found = list[dict[str, Any]]()
        for some in batched([*ids], IDS_AT_ONCE):
            found += self.records(ids_among("id", some), columns)
        return found

    def moment_rows(
        self, ids: Iterable[str], columns: Sequence[str] | None = None, *, or_lost: bool = False
    ) -> pa.Table | None:
        """The rows of the moments of these videos; None if there is no table.

        or_lost: whether those in files that are gone are left out, which raises as Lance does otherwise.
        """
        if self.moments is None:
            return None
        read = readable_rows if or_lost else _rows
        tables = [read(self.moments, columns, ids_among("video", some)) for some in batched([*ids], IDS_AT_ONCE)]
        return pa.concat_tables(tables) if tables else self.moments.schema.empty_table()


def open_table(address: str, table: str, version: int | None = None) -> Any:  # a LanceDataset
    """A table as of a version, or as it is now. Raises NoLibraryError if there is none; else as Lance does."""
    uri, options = table_uri(address, table), storage_options(address)
    try:
        return lance.dataset(uri, version=version, storage_options=options)
    except ValueError as error:
        if version is None and is_missing(error):
            raise no_library(address) from error
        raise


def read_state(address: str, known: LanceState | None = None) -> LanceState:
    """The newest state; `known` if nothing was committed since. Raises as `open_table`, and LibraryError."""
    videos = open_table(address, VIDEOS)
    if known is not None and _mark(known.videos) == _mark(videos):
        return known
    if "meta" not in videos.schema.names:
        found = f"{VIDEOS} there is not the table of a deltaclip"
        raise LibraryError(address, found, "Choose a different address.")
    rows = videos.to_table(columns=["meta"], filter="meta IS NOT NULL")["meta"].to_pylist()
    meta = LanceMeta.from_json(address, rows[0] if rows else "")
    if known is not None and known.meta.moments_version == meta.moments_version and known.meta.library == meta.library:
        return LanceState(meta, videos, known.moments)
    moments = None if meta.moments_version is None else open_table(address, MOMENTS, meta.moments_version)
    return LanceState(meta, videos, moments)


def _rows(moments: Any, columns: Sequence[str] | None, condition: str) -> pa.Table:  # Any: a LanceDataset
    return moments.to_table(columns=None if columns is None else [*columns], filter=condition)


def _mark(videos: Any) -> tuple[int, str]:  # a LanceDataset
    """Of a version of a table: its number, and a file of its last commit, since a new library counts from 1 again."""
    return videos.version, videos.get_fragments()[-1].data_files()[0].path


def batched(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]


def hex_of(value: bytes) -> str:
    """Bytes as a condition has them."""
    return f"X'{value.hex()}'"


def path_key(path: Path | bytes) -> str:
    """The same of a path."""
    return hex_of(os.fsencode(path))
