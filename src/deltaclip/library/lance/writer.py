"""The store of Lance tables: writing."""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from deltaclip.errors import LibraryError
from deltaclip.library.content import Stamp
from deltaclip.library.encoders import outdated_reason, require_same_encoder
from deltaclip.library.lance.batches import Layout, MomentBatch, write_batch
from deltaclip.library.lance.errors import in_words, is_conflict, is_lost
from deltaclip.library.lance.losses import without_lost
from deltaclip.library.lance.meta import META_PATH, LanceMeta, Probing
from deltaclip.library.lance.places import MOMENTS, VIDEOS, lance, storage_options, table_uri
from deltaclip.library.lance.places import pyarrow as pa
from deltaclip.library.lance.state import IDS_AT_ONCE, LanceState, batched, open_table, path_key
from deltaclip.library.lance.tables import VIDEO_SCHEMA, Record, ids_among, moment_schema
from deltaclip.library.lock import LockedError
from deltaclip.library.results import RememberedEncoder, RememberedMotionEncoder
from deltaclip.library.store import NewVideo, VideoRow

__all__ = ["LanceWriter", "Place"]

_NOTHING = dict.fromkeys(("num_segments", "num_motion"), 0)
_NO_MOTION = {"num_motion": 0, "motion_crc": None}


class Place(Protocol):
    """The store of a writer: which state is the newest, and whether it was closed."""

    @property
    def address(self) -> str: ...

    def state(self) -> LanceState: ...


class LanceWriter:
    """As `store.Writer`, while its maker holds the lock.

    Each method commits to the table of moments first, and then to that of the videos, whose row about the library names
    the version of the moments that counts: readers see both, or nothing.
    """

    def __init__(self, store: Place, require_held: Callable[[], None]) -> None:
        """require_held: raises LockedError once the library is not held for writing any more."""
        self._store, self._require_held = store, require_held

    @property
    def layout(self) -> Layout:
        """What workers need for `write_batch`; it holds until the next `remember`."""
        return Layout.of(self._store.address, self._store.state().meta)

    def begin(self) -> None:
        """Takes back what a writer that was killed had not committed to the end."""
        state = self._store.state()
        if state.moments is not None and state.moments.latest_version != state.moments.version:
            with in_words(self._store.address):
                open_table(self._store.address, MOMENTS, state.moments.version).restore()
                self._commit(state, moments=open_table(self._store.address, MOMENTS), count=False)

    def remember(self, encoder: RememberedEncoder, motion: RememberedMotionEncoder | None = None) -> None:
        """As `store.Writer.remember`."""
        state = self._store.state()
        stored, known = state.meta.encoder, state.meta
        has_moments = state.has_moments
        require_same_encoder(self._store.address, stored, has_moments, encoder, renewing=True)
        changed = list[Record]()
        if (reason := outdated_reason(stored)) is not None:
            lost = {"status": "failed", "reason": reason, "duration_seconds": None, "crc": None}
            changed = [row | lost | _NOTHING | _NO_MOTION for row in state.records("status <> 'failed'")]
        moments = state.moments
        with in_words(self._store.address):
            if stored is None or stored.fingerprint != encoder.fingerprint:  # of none of the vectors that there were
                schema = moment_schema(known.vectors, encoder.dimension, None if motion is None else motion.dimension)
                moments = lance.write_dataset(
                    schema.empty_table(),
                    table_uri(self._store.address, MOMENTS),
                    mode="overwrite",
                    storage_options=storage_options(self._store.address),
                )
            elif (known.motion and known.motion.fingerprint) != (motion and motion.fingerprint):
                changed = [row | _NO_MOTION for row in state.records("num_motion > 0")]
                moments = self._new_motion_column(state, encoder, motion)
                known = replace(known, probing={name: each for name, each in known.probing.items() if name != "motion"})
        if moments is not state.moments and stored is not None and stored.fingerprint != encoder.fingerprint:
            known = replace(known, probing={})
        known = replace(known, encoder=encoder, motion=motion, declined=motion is None)
        self._commit(state, changed, moments=moments, meta=known)

    def put(self, videos: Sequence[NewVideo]) -> None:
        """As `store.Writer.put`."""
        self.commit([write_batch(self.layout, videos)])

    def commit(self, batches: Sequence[MomentBatch]) -> None:
        """Writes the videos of batches, each in place of whatever was known under its path: one transaction for all.

        Of a path that is there twice the last counts. Raises LibraryError if a batch was written for a different
        encoder, or for a different library.
        """
        state = self._store.state()
        layout = Layout.of(self._store.address, state.meta)
        if wrong := next((batch for batch in batches if batch.layout != layout), None):
            found = f"a batch was written for {wrong.layout}, and the library is {layout}"
            raise LibraryError(self._store.address, found, "Write the batch again.")
        records = {record["path"]: record for batch in batches for record in batch.records}
        fragments = [fragment for batch in batches for fragment in batch.fragments]
        kept = {record["id"] for record in records.values()}
        superseded = [record["id"] for batch in batches for record in batch.records if record["id"] not in kept]
        gone = [record["id"] for record in self._at(state, records)]
        moments = self._changed_moments(state, fragments, gone, superseded)
        self._commit(state, [*records.values()], moments=moments)

    def move(self, row: VideoRow, path: Path, stamp: Stamp) -> bool:
        """As `store.Writer.move`."""
        state = self._store.state()
        record = next(iter(state.records_of([row.id])), None)
        if record is None:
            return False
        moved = record | _stamped(stamp) | {"path": os.fsencode(path)}
        gone = [other["id"] for other in self._at(state, [moved["path"]]) if other["id"] != row.id]
        self._commit(state, [moved], [row.id], moments=self._changed_moments(state, [], gone))
        return True

    def copy(self, row: VideoRow, path: Path, stamp: Stamp) -> str:
        """As `store.Writer.copy`."""
        state, number = self._store.state(), uuid4().hex
        [record] = state.records_of([row.id])
        copied = record | _stamped(stamp) | {"path": os.fsencode(path), "id": number}
        rows = state.moment_rows([row.id])
        fragments = list[str]()
        if rows is not None and len(rows):
            column = pa.array([number] * len(rows), pa.string())
            rows = rows.set_column(0, state.moments.schema.field("video"), column)
            fragments = self._written(rows)
        gone = [other["id"] for other in self._at(state, [copied["path"]])]
        self._commit(state, [copied], moments=self._changed_moments(state, fragments, gone))
        return number

    def seen_again(self, row: VideoRow, stamp: Stamp) -> None:
        """As `store.Writer.seen_again`."""
        state = self._store.state()
        self._commit(state, [record | _stamped(stamp) for record in state.records_of([row.id])])

    def set_missing(self, rows: Iterable[VideoRow], missing: bool) -> None:
        """As `store.Writer.set_missing`."""
        state = self._store.state()
        self._commit(state, [r | {"missing": missing} for r in state.records_of(row.id for row in rows)])

    def delete(self, rows: Iterable[VideoRow]) -> None:
        """As `store.Writer.delete`."""
        state, ids = self._store.state(), [row.id for row in rows]
        self._commit(state, [], ids, moments=self._changed_moments(state, [], ids))

    def forget_motion(self, rows: Iterable[VideoRow]) -> None:
        """As `store.Writer.forget_motion`."""
        state = self._store.state()
        records = [record for record in state.records_of(row.id for row in rows) if record["num_motion"]]
        ids = [record["id"] for record in records]
        if not ids:
            return
        table = state.moment_rows(ids, [name for name in state.moments.schema.names if name != "motion"], or_lost=True)
        field = state.moments.schema.field("motion")
        assert table is not None
        fragments = self._written(table.append_column(field, pa.nulls(len(table), field.type)))
        self._commit(state, [r | _NO_MOTION for r in records], moments=self._changed_moments(state, fragments, ids))

    def use_moments(self, moments: Any, probing: Mapping[str, Probing]) -> None:  # a LanceDataset
        """Makes a table of the same moments, in different files or with an index, the one that is read."""
        state = self._store.state()
        self._commit(state, moments=moments, meta=replace(state.meta, probing=probing), count=False)

    def _at(self, state: LanceState, paths: Iterable[bytes]) -> list[Record]:
        """The rows of the videos at these paths."""
        keys = [path_key(path) for path in paths]
        found = list[Record]()
        for some in batched(keys, IDS_AT_ONCE):
            found += state.records(f"path IN ({', '.join(some)})")
        return found

    def _written(self, table: pa.Table) -> list[str]:
        with in_words(self._store.address):
            options = storage_options(self._store.address)
            uri = table_uri(self._store.address, MOMENTS)
            made = lance.fragment.write_fragments(table, uri, schema=table.schema, storage_options=options)
        return [json.dumps(fragment.to_json()) for fragment in made]

    def _changed_moments(
        self, state: LanceState, fragments: Sequence[str], gone: Sequence[str], superseded: Sequence[str] = ()
    ) -> Any:  # a LanceDataset
        """The table of moments without those of the videos `gone`, and then with these fragments.

        superseded: videos of these very fragments that do not count.
        """
        if state.moments is None or not (gone or fragments):
            return state.moments
        with in_words(self._store.address):
            # The version must hold what the state holds and this, and nothing of a writer that did not come to its end.
            moments = open_table(self._store.address, MOMENTS, state.moments.version)
            if moments.latest_version != moments.version:
                moments.restore()
            moments, version = self._without(moments, gone)
            if fragments:
                made = [lance.FragmentMetadata.from_json(fragment) for fragment in fragments]
                operation = lance.LanceOperation.Append(made)
                moments = lance.LanceDataset.commit(moments, operation, moments.version, max_retries=0)
                version += 1 + _delete(moments, superseded)
            if moments.version != version:
                raise self._two_writers()
        return moments

    def _without(self, moments: Any, videos: Sequence[str]) -> tuple[Any, int]:  # LanceDatasets
        """The table without the moments of videos, and which version it has if nobody else writes."""
        version = moments.version
        try:
            return moments, version + _delete(moments, videos)
        except (OSError, ValueError) as error:
            if not is_lost(error):
                raise
        moments = without_lost(open_table(self._store.address, MOMENTS, moments.version))
        return moments, moments.version + _delete(moments, videos)

    def _two_writers(self) -> LockedError:
        remedy = "Run one of them again when the other has ended."
        return LockedError(self._store.address, "two processes wrote to it at once", remedy)

    def _new_motion_column(
        self, state: LanceState, encoder: RememberedEncoder, motion: RememberedMotionEncoder | None
    ) -> Any:  # a LanceDataset
        """The table of moments with an empty column of motion vectors, or with none."""
        moments = open_table(self._store.address, MOMENTS, state.moments.version)
        if "motion" in moments.schema.names:
            moments.drop_columns(["motion"])
        if motion is not None:
            schema = moment_schema(state.meta.vectors, encoder.dimension, motion.dimension)
            moments.add_columns(schema.field("motion"))
        return moments

    def _commit(
        self,
        state: LanceState,
        changed: Sequence[Record] = (),
        gone: Sequence[str] = (),
        *,
        moments: Any = None,  # a LanceDataset
        meta: LanceMeta | None = None,
        count: bool = True,
    ) -> None:
        """One commit to the table of videos, after which readers see all of it."""
        self._require_held()
        moments = state.moments if moments is None else moments
        version = None if moments is None else moments.version
        new = (meta or state.meta).next(version, count=count)
        rows = [*changed, dict.fromkeys(VIDEO_SCHEMA.names) | {"path": META_PATH, "meta": new.to_json()}]
        table = pa.Table.from_pylist(rows, schema=VIDEO_SCHEMA)
        # A commit moves the dataset by which it is made to the new version, and that of the state must stay.
        videos = open_table(self._store.address, VIDEOS, state.videos.version)
        merge = videos.merge_insert("path").when_matched_update_all().when_not_matched_insert_all()
        if gone:
            merge = merge.when_not_matched_by_source_delete(ids_among("id", gone))
        try:
            with in_words(self._store.address):
                merge.conflict_retries(0).execute(table)
        except LibraryError as error:
            if is_conflict(error.__cause__):  # every commit changes the row about the library
                raise self._two_writers() from error
            raise


def _delete(moments: Any, videos: Sequence[str]) -> int:  # a LanceDataset
    """Deletes the moments of videos; returns in how many commits."""
    parts = [*batched(videos, IDS_AT_ONCE)]
    for some in parts:
        moments.delete(ids_among("video", some))
    return len(parts)


def _stamped(stamp: Stamp) -> dict[str, Any]:
    """What a file that is there has."""
    return {"mtime_ns": stamp.mtime_ns, "ctime_ns": stamp.ctime_ns, "missing": False}
