"""Files of moments that are gone: what can be read without them, and a table that does without them."""

from collections.abc import Iterator, Sequence
from typing import Any

from deltaclip.library.lance.errors import is_lost
from deltaclip.library.lance.places import lance
from deltaclip.library.lance.places import pyarrow as pa

__all__ = ["readable_rows", "without_lost"]


def readable_rows(moments: Any, columns: Sequence[str] | None, condition: str | None = None) -> pa.Table:
    """The rows for which a condition holds, without those in files that are gone. moments: a LanceDataset."""
    names = None if columns is None else [*columns]
    try:
        return moments.to_table(columns=names, filter=condition)
    except (OSError, ValueError) as error:
        if not is_lost(error):
            raise
    empty = moments.schema.empty_table()
    empty = empty if names is None else empty.select(names)
    return pa.concat_tables([empty, *(table for _, table in _read(moments, names, condition) if table is not None)])


def without_lost(moments: Any) -> Any:
    """The table without the rows in files that are gone, as a new version; itself if there are none. LanceDatasets."""
    lost = [fragment.fragment_id for fragment, table in _read(moments, ["number"], None) if table is None]
    if not lost:
        return moments
    operation = lance.LanceOperation.Delete([], lost, "file is gone")
    return lance.LanceDataset.commit(moments, operation, moments.version)


def _read(moments: Any, names: list[str] | None, condition: str | None) -> Iterator[tuple[Any, pa.Table | None]]:
    """Each fragment with its rows, or None if its file is gone."""
    for fragment in moments.get_fragments():
        try:
            yield fragment, fragment.to_table(columns=names, filter=condition)
        except (OSError, ValueError) as error:
            if not is_lost(error):
                raise
            yield fragment, None
