"""Whatever is done to a library, the SQLite store, the one of Lance tables and the dict say the same of it."""

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from deltaclip.library import RememberedMotionEncoder
from deltaclip.library.content import Stamp
from deltaclip.library.sqlite import SqliteStore
from deltaclip.library.store import MotionQuery, Store, StoreClass, VideoRow
from tests.library.memory_store import LIBRARIES, MemoryStore
from tests.library.store_contract import (
    ENCODER,
    MOTION,
    MOTION_DIMENSION,
    OTHER_MOTION,
    content_of,
    failed_video,
    moving_video,
    new_video,
    unit_rows,
)

NAMES = st.sampled_from(["a", "b", "b/c", "b/d", "bb", "é", "z"])
SEEDS = st.integers(0, 3)
PICKS = st.integers(0, 6)


class Both(RuleBasedStateMachine):
    """Two stores to which the same is done; ids differ, so that rows are known by their paths."""

    kind: StoreClass = SqliteStore

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.address = str(Path(self.folder.name) / "library")
        LIBRARIES.pop(self.address, None)
        self.stores: list[Store] = [kind.open(self.address, create=True) for kind in (self.kind, MemoryStore)]
        self.reader = self.kind.open(self.address, create=False)
        for store in self.stores:
            with store.writing() as writer:
                writer.remember(ENCODER)

    def teardown(self) -> None:
        for store in (*self.stores, self.reader):
            store.close()
        self.folder.cleanup()

    def rows(self, store: Store, picks: list[int]) -> list[VideoRow]:
        there = store.videos()
        return [there[pick] for pick in sorted({*picks}) if pick < len(there)]

    @rule(names=st.lists(NAMES, max_size=3), seed=SEEDS, count=st.integers(0, 5))
    def put(self, names: list[str], seed: int, count: int) -> None:
        for store in self.stores:
            with store.writing() as writer:
                new = new_video if store.declines_motion() else partial(moving_video, still=[seed])
                videos = [new(name, seed, count) for name in names if count]
                content = content_of(f"{seed} {count}")
                writer.put([replace(video, content=content) for video in videos])
                writer.put([failed_video(name) for name in names if not count])

    @rule(motion=st.sampled_from([None, MOTION, OTHER_MOTION]))
    def remember(self, motion: RememberedMotionEncoder | None) -> None:
        for store in self.stores:
            with store.writing() as writer:
                writer.remember(ENCODER, motion)

    @rule(picks=st.lists(PICKS), missing=st.booleans())
    def set_missing(self, picks: list[int], missing: bool) -> None:
        for store in self.stores:
            with store.writing() as writer:
                writer.set_missing(self.rows(store, picks), missing)

    @rule(picks=st.lists(PICKS))
    def delete(self, picks: list[int]) -> None:
        for store in self.stores:
            with store.writing() as writer:
                writer.delete(self.rows(store, picks))

    @precondition(lambda self: self.stores[0].videos())
    @rule(pick=PICKS, name=NAMES, copies=st.booleans())
    def move_or_copy(self, pick: int, name: str, copies: bool) -> None:
        for store in self.stores:
            rows = store.videos()
            row, path = rows[pick % len(rows)], Path("/videos") / name
            if row.size_bytes is None:
                continue
            stamp = Stamp(row.size_bytes, 2, pick)
            with store.writing() as writer:
                if not copies:
                    assert writer.move(row, path, stamp)
                elif row.path != path:
                    writer.copy(row, path, stamp)

    @invariant()
    def everything_is_the_same(self) -> None:
        told = []
        for store in (*self.stores, self.reader):
            rows = store.videos()
            known = [(r.path, r.digest, r.stamp, r.status, r.missing, r.num_segments, r.duration_seconds) for r in rows]
            moments = [
                (m.path, m.start, m.end, m.vector.tobytes(), None if m.motion is None else m.motion.tobytes())
                for m in store.moments(rows)
            ]
            below = [row.path for row in store.below(Path("/videos/b"))]
            asked = None if store.motion_encoder() is None else MotionQuery(unit_rows(2, 1, MOTION_DIMENSION))
            found = store.find(unit_rows(1, 2), 4) + store.find(unit_rows(1, 2), 4, motion=asked)
            found += [] if asked is None else store.find(None, 4, motion=asked)
            hits = [(hit.path, hit.start, round(hit.score, 6), hit.motion is None) for hit in found]
            told.append((known, moments, below, hits, store.status(), store.failures(), store.has_moments()))
            assert [*store.problems(), *(text for row in rows for text in store.problems_of(row))] == []
        assert told[0] == told[1] == told[2]
        for row in self.stores[0].videos()[:1]:
            for moment in self.stores[0].moments([row]):
                again = self.reader.moment(moment.id)
                assert again is not None
                np.testing.assert_array_equal(again.vector, moment.vector)


TestBoth = Both.TestCase
TestBoth.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


@pytest.mark.cluster
def test_lance_tables_say_the_same_too() -> None:
    pytest.importorskip("lance", reason="the extra cluster is not installed")
    from deltaclip.library.lance import LanceStore

    kinds = {"kind": LanceStore}
    machine = type("BothWithLance", (Both,), kinds)
    run_state_machine_as_test(machine, settings=settings(max_examples=6, stateful_step_count=12, deadline=None))
