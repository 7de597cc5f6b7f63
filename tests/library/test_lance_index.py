"""Libraries of Lance tables that are large enough for an index, and what keeps them small."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from deltaclip.library import Filter
from deltaclip.library.store import MotionQuery, NewMoment, NewVideo
from tests.library.store_contract import ENCODER, MOTION, content_of, unit_rows

if find_spec("lance") is None:
    pytest.skip("the extra cluster is not installed", allow_module_level=True)

from deltaclip.library.lance import LanceStore, compact_tables, indexing
from deltaclip.library.lance import store as lance_store
from deltaclip.library.lance.places import MOMENTS
from deltaclip.library.lance.state import open_table

pytestmark = pytest.mark.cluster

WIDTH, MOVES, PER_VIDEO = 32, 16, 20


def videos(first: int, count: int) -> list[NewVideo]:
    """Each of 20 moments, whose vectors lie around a few centres as those of real videos do."""
    made = []
    for number in range(first, first + count):
        looks = unit_rows(number % 40, 1, WIDTH) + 0.6 * unit_rows(1000 + number, PER_VIDEO, WIDTH)
        looks /= np.linalg.norm(looks, axis=1, keepdims=True)
        moves = unit_rows(5000 + number, PER_VIDEO, MOVES)
        moments = [NewMoment(n, n + 1.0, n / PER_VIDEO, looks[n], moves[n]) for n in range(PER_VIDEO)]
        path = Path("/videos") / f"{number % 3}/{number}.mp4"
        made.append(NewVideo(path, content_of(str(number)), "indexed", None, moments))
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanceStore]:
    store = LanceStore.open(f"lance://{tmp_path_factory.mktemp('large') / 'library'}", create=True)
    with store.writing() as writer:
        writer.remember(replace(ENCODER, dimension=WIDTH), replace(MOTION, dimension=MOVES))
        for first in range(0, 200, 40):
            writer.put(videos(first, 40))
        writer.set_missing(store.videos()[:3], True)
    yield store
    store.close()


def test_what_the_index_finds_is_what_exact_search_finds_and_in_its_order(store: LanceStore) -> None:
    looks, moves = unit_rows(7, 2, WIDTH), MotionQuery(unit_rows(8, 1, MOVES), 0.7)
    asked = (
        {"queries": looks},
        {"queries": looks, "where": Filter(folder=Path("/videos/1"))},
        {"queries": looks, "where": Filter(glob="1*.mp4", min_coverage=0.5)},
        {"queries": looks, "where": Filter(folder=Path("/nowhere"))},
        {"queries": None, "motion": moves},
    )
    exact = [store.find(limit=10, **each) for each in asked]
    both = store.find(looks, 10, motion=moves)
    version, planned = store.version(), compact_tables(store, dry_run=True, keep_hours=0, indexed_rows=1000)
    assert (planned.dry_run, planned.indexed, planned.freed_bytes, planned.recall) == (True, 4000, None, None)
    assert planned.merged > 4
    assert planned.versions > 4
    assert store.state().meta.probing == {}

    report = compact_tables(store, keep_hours=0, recall=0.99, indexed_rows=1000)
    assert report.indexed == 4000
    assert report.files >= report.merged >= planned.merged
    assert report.versions >= planned.versions
    for recall in (report.recall, report.filtered_recall, report.motion_recall, report.filtered_motion_recall):
        assert recall is not None
        assert 0.99 <= recall <= 1
    assert report.freed_bytes
    assert store.version() == version
    assert [index.index_type for index in store.state().moments.describe_indices()].count("IVF_RQ") == 2
    found = [store.find(limit=10, **each) for each in asked]
    assert found == exact
    again = store.find(looks, 10, motion=moves)
    assert len({hit.id for hit in again} & {hit.id for hit in both}) >= 9
    assert len(store.find(looks, 2000)) == 2000  # beyond what the index is asked for
    assert [*store.problems(), *(text for row in store.videos() for text in store.problems_of(row))] == []


def test_a_search_among_some_finds_what_exact_search_finds_wherever_it_lies_in_the_index(
    store: LanceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    compact_tables(store, indexed_rows=1000)
    probing = store.state().meta.probing
    assert all(each.some_recall is not None and each.some_recall >= 0.99 for each in probing.values())
    fitting = [(unit_rows(number, 1, WIDTH), Filter(folder=Path(f"/videos/{number % 3}"))) for number in range(20)]
    exact = [store.find(query, 10, where=where) for query, where in fitting]  # few fit: the vectors of all are read
    monkeypatch.setattr(lance_store, "MOST_FITTING", 0)
    found = [store.find(query, 10, where=where) for query, where in fitting]
    shares = [len({hit.id for hit in a} & {hit.id for hit in b}) / 10 for a, b in zip(exact, found, strict=True)]
    assert np.mean(shares) >= 0.99


def test_an_index_keeps_its_lists_until_it_has_too_many_parts(
    store: LanceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parts() -> list[tuple[int, int]]:
        moments = store.state().moments
        stats = [moments.stats.index_stats(name)["indices"] for name in ("vector_idx", "motion_idx")]
        return [(part["num_partitions"], len(each)) for each in stats for part in each[:1]]

    compact_tables(store, indexed_rows=1000)
    [(lists, before), _] = first = parts()
    compact_tables(store, indexed_rows=1000)
    assert parts() == first  # nothing was new
    with store.writing() as writer:
        writer.put(videos(400, 1))
    compact_tables(store, indexed_rows=1000)
    assert parts() == [(lists, before + 1)] * 2
    monkeypatch.setattr(indexing, "MOST_PARTS", before + 1)
    with store.writing() as writer:
        writer.put(videos(401, 1))
    compact_tables(store, indexed_rows=1000)
    assert [number for _, number in parts()] == [1, 1]  # built anew
    with store.writing() as writer:
        writer.delete([row for row in store.videos() if row.path.name in ("400.mp4", "401.mp4")])


def test_new_moments_are_found_before_they_are_in_the_index_and_old_ones_are_gone(store: LanceStore) -> None:
    compact_tables(store, indexed_rows=1000)
    with store.writing() as writer:
        [new] = videos(999, 1)
        writer.put([new])
        query = new.moments[3].vector[None]
        assert [(hit.path, hit.start) for hit in store.find(query, 1)] == [(new.path, 3.0)]
        writer.set_missing([row for row in store.videos() if row.path == new.path], True)
        assert new.path not in {hit.path for hit in store.find(query, 10)}
    report = compact_tables(store, indexed_rows=1000)
    assert report.indexed == 4020
    with store.writing() as writer:
        writer.delete([row for row in store.videos() if row.path == new.path])
    assert new.path not in {hit.path for hit in store.find(query, 10)}


def test_damaged_vectors_in_the_index_are_left_out_and_counted(store: LanceStore) -> None:
    compact_tables(store, indexed_rows=1000)
    with store.writing() as writer:
        [new] = videos(777, 1)
        moments = [replace(each, vector=each.vector * np.float32(9)) for each in new.moments]
        writer.put([replace(new, moments=moments)])
    told = list[int]()
    hits = store.find(new.moments[0].vector[None], 10, on_damaged=told.append)
    assert (len(hits), len(told), new.path in {hit.path for hit in hits}) == (10, 1, False)
    with store.writing() as writer:
        writer.delete([row for row in store.videos() if row.path == new.path])


def test_old_versions_are_kept_as_long_as_a_search_may_take(store: LanceStore) -> None:
    reader = LanceStore.open(store.address, create=False)
    state = reader.state()
    with store.writing() as writer:
        writer.put(videos(300, 1))
    compact_tables(store, indexed_rows=10**9, keep_hours=1)
    assert open_table(store.address, MOMENTS, state.moments.version).count_rows() == state.moments.count_rows()
    with store.writing() as writer:
        writer.delete([row for row in store.videos() if row.path.name == "300.mp4"])
