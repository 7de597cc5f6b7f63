"""Batches of videos, written by any process and committed by one.

A worker writes the moments of its batch as fragments that no reader sees, and gives the `MomentBatch` back, which
pickles in a few kilobytes; whoever holds the library for writing commits it, one commit for any number of batches.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from deltaclip.library.lance.errors import in_words
from deltaclip.library.lance.meta import LanceMeta, VectorWord
from deltaclip.library.lance.places import MOMENTS, lance, storage_options, table_uri
from deltaclip.library.lance.tables import moment_schema, moment_table, record_of
from deltaclip.library.store import NewVideo

__all__ = ["Layout", "MomentBatch", "write_batch"]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a worker has to know of a library to write into it. It pickles.

    dimension, motion_dimension: of vectors and motion vectors; None without the latter.
    """

    address: str
    vectors: VectorWord
    dimension: int
    motion_dimension: int | None

    @classmethod
    def of(cls, address: str, meta: LanceMeta) -> "Layout":
        """Of a library that has an encoder."""
        assert meta.encoder is not None, "no vectors come before their encoder: `remember` is called first"
        motion = None if meta.motion is None else meta.motion.dimension
        return cls(address, meta.vectors, meta.encoder.dimension, motion)


@dataclass(frozen=True, slots=True)
class MomentBatch:
    """Videos whose moments are written and not committed. It pickles; one that is never committed costs disk only.

    layout: for which it was written. records: a row a video. fragments: of their moments, as Lance describes them.
    """

    layout: Layout
    records: Sequence[dict[str, Any]] = field(repr=False)
    fragments: Sequence[str] = field(repr=False)


def write_batch(layout: Layout, videos: Sequence[NewVideo]) -> MomentBatch:
    """Writes the moments of videos as fragments of the library's table, which no reader sees until they are committed.

    Raises ValueError for a vector or motion vector that is not of the dimension of the library, LibraryError if they
    cannot be written.
    """
    schema = moment_schema(layout.vectors, layout.dimension, layout.motion_dimension)
    ids = [(uuid4().hex, video) for video in videos]
    table = moment_table(schema, ids)
    records, first = [], 0
    for number, video in ids:
        records.append(record_of(video, number, table.slice(first, len(video.moments))))
        first += len(video.moments)
    if not first:
        return MomentBatch(layout, records, ())
    with in_words(layout.address):
        uri = table_uri(layout.address, MOMENTS)
        fragments = lance.fragment.write_fragments(
            table, uri, schema=schema, storage_options=storage_options(layout.address)
        )
    return MomentBatch(layout, records, [json.dumps(fragment.to_json()) for fragment in fragments])
