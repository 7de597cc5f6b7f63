"""The contract of stores, kept by Lance tables; and what only they have to do."""

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import LibraryError
from deltaclip.library import Library, LockedError, open_store
from deltaclip.library.store import MotionQuery, Store, VideoRow
from tests.library.store_contract import (
    DIMENSION,
    ENCODER,
    MOTION,
    MOTION_DIMENSION,
    OTHER,
    StoreContract,
    failed_video,
    moving_video,
    names,
    unit_rows,
)

if find_spec("lance") is None:
    pytest.skip("the extra cluster is not installed", allow_module_level=True)

from deltaclip.library.lance import LanceStore, write_batch
from deltaclip.library.lance.meta import LanceMeta
from deltaclip.library.lance.places import MOMENTS, VIDEOS, lance, pyarrow
from deltaclip.library.lance.state import open_table
from deltaclip.library.lance.tables import VIDEO_SCHEMA

pytestmark = pytest.mark.cluster


class TestLanceStore(StoreContract):
    store_class = LanceStore

    def damage(self, address: str, row: VideoRow, *, motion: bool = False) -> None:
        """Changes the bytes of a vector in the file in which they lie."""
        store = LanceStore.open(address, create=False)
        moment = next(iter(store.moments([row])))
        vector = moment.motion if motion else moment.vector
        assert vector is not None
        wrong = vector.copy()
        wrong[3] += 0.25
        changed = 0
        for file in (Path(address) / MOMENTS / "data").iterdir():
            content = file.read_bytes()
            changed += content.count(vector.tobytes())
            file.write_bytes(content.replace(vector.tobytes(), wrong.tobytes()))
        assert changed == 1


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"lance://{tmp_path / 'library'}"


@pytest.fixture
def store(address: str) -> LanceStore:
    store = LanceStore.open(address, create=True)
    with store.writing() as writer:
        writer.remember(ENCODER, MOTION)
    return store


def test_a_folder_with_lance_tables_is_opened_as_what_it_is(store: LanceStore, address: str, tmp_path: Path) -> None:
    for each in (address, str(tmp_path / "library"), tmp_path / "library"):
        assert Library.exists(each)
        opened = open_store(each, create=False)
        assert (type(opened), opened.address, opened.folder) == (LanceStore, address, tmp_path / "library")


def test_batches_that_several_wrote_are_one_commit(store: LanceStore, address: str) -> None:
    with store.writing() as writer:
        writer.put([moving_video("a.mp4", seed=7)])
        before, layout = store.version(), writer.layout
        batches = [write_batch(layout, [moving_video(f"{n}.mp4", seed=n), failed_video(f"{n}.bad")]) for n in range(3)]
        batches.append(write_batch(layout, [moving_video("a.mp4", seed=8, count=3), failed_video("2.bad")]))
        assert (store.version(), names(store.videos())) == (before, ["a.mp4"])
        writer.commit(batches)
    assert store.version() != before
    assert names(store.videos()) == ["0.bad", "0.mp4", "1.bad", "1.mp4", "2.bad", "2.mp4", "a.mp4"]
    assert store.video(Path("/videos/a.mp4")).num_segments == 3  # type: ignore[union-attr]
    assert (len(store.find(unit_rows(0, 1), 99)), list(store.problems())) == (9, [])


def test_a_batch_for_a_different_encoder_is_refused(store: LanceStore) -> None:
    with store.writing() as writer:
        batch = write_batch(writer.layout, [moving_video("a.mp4")])
        writer.remember(replace(OTHER, dimension=DIMENSION + 1), MOTION)
        with pytest.raises(LibraryError, match="a batch was written for"):
            writer.commit([batch])
    assert store.videos() == []


@pytest.mark.parametrize("keyed", [True, False])
def test_two_writers_of_one_new_key_leave_one_row_because_the_path_is_the_key(tmp_path: Path, keyed: bool) -> None:
    schema = VIDEO_SCHEMA if keyed else pyarrow.schema([field.remove_metadata() for field in VIDEO_SCHEMA])
    rows = pyarrow.Table.from_pylist([dict.fromkeys(schema.names) | {"path": b"/a.mp4"}], schema=schema)
    lance.write_dataset(schema.empty_table(), str(tmp_path / "videos"))
    writers = [lance.dataset(str(tmp_path / "videos")) for _ in range(2)]
    for writer in writers:
        merge = writer.merge_insert("path").when_matched_update_all().when_not_matched_insert_all()
        merge.conflict_retries(10).execute(rows)
    assert lance.dataset(str(tmp_path / "videos")).count_rows() == (1 if keyed else 2)


def test_two_writers_at_once_never_both_commit(store: LanceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the lock had not held: on a network drive without locks, or after a lease ran out unseen."""
    with store.writing() as first:
        second = LanceStore.open(store.address, create=False)
        state = second.state()
        first.put([moving_video("a.mp4")])
        monkeypatch.setattr(second, "state", lambda: state)
        with pytest.raises(LockedError, match="two processes wrote to it at once"):
            type(first)(second, lambda: None).put([moving_video("a.mp4", seed=1)])
        first.put([moving_video("b.mp4", seed=2)])
    with store.writing():  # takes back the moments that the second one left
        pass
    assert names(store.videos()) == ["a.mp4", "b.mp4"]
    assert (len(store.find(unit_rows(0, 1), 9)), list(store.problems())) == (4, [])


def test_what_a_killed_writer_left_is_never_seen_and_taken_back(store: LanceStore) -> None:
    with store.writing() as writer:
        writer.put([moving_video("a.mp4"), moving_video("b.mp4", seed=1)])
    version, rows = store.version(), store.videos()
    hits = store.find(unit_rows(0, 1), 9)
    open_table(store.address, MOMENTS).delete("true")  # the first half of a transaction
    for each in (store, LanceStore.open(store.address, create=False)):
        assert (each.version(), each.videos(), each.find(unit_rows(0, 1), 9)) == (version, rows, hits)
    with store.writing():
        assert (store.version(), store.find(unit_rows(0, 1), 9)) == (version, hits)
    assert list(store.problems()) == []
    assert open_table(store.address, MOMENTS).count_rows() == 4


def test_halves_are_kept_as_such_and_read_as_what_they_are(address: str) -> None:
    store = LanceStore.make(address, vectors="float16")
    with store.writing() as writer:
        writer.remember(ENCODER, MOTION)
        video = moving_video("a.mp4", count=4, still=[1])
        writer.put([video])
    assert store.status().vectors == "float16"
    for read, written in zip(store.moments(store.videos()), video.moments, strict=True):
        assert np.array_equal(read.vector, written.vector.astype(np.float16).astype(np.float32))
        assert (read.motion is None) == (written.motion is None)
    assert list(store.problems_of(store.videos()[0])) == []
    asked = MotionQuery(unit_rows(98, 1, MOTION_DIMENSION))
    assert len(store.find(unit_rows(0, 1), 9, motion=asked)) == 4


def test_a_library_that_was_made_anew_is_seen_by_who_had_the_old_one_open(store: LanceStore, address: str) -> None:
    import shutil

    with store.writing() as writer:
        writer.put([moving_video("a.mp4")])
    assert names(store.videos()) == ["a.mp4"]
    shutil.rmtree(address.removeprefix("lance://"))
    with pytest.raises(LibraryError, match="no library there"):
        store.videos()
    other = LanceStore.open(address, create=True)
    with other.writing() as writer:
        writer.remember(ENCODER, MOTION)
        writer.put([moving_video("b.mp4")])
    assert names(store.videos()) == ["b.mp4"]
    assert {hit.path.name for hit in store.find(unit_rows(0, 1), 9)} == {"b.mp4"}


def test_a_newer_format_and_nonsense_are_refused(store: LanceStore, address: str) -> None:
    known = json.loads(store.state().meta.to_json())
    for text, found in (
        (json.dumps(known | {"format": 99}), "written in format 99, and this deltaclip reads format 1"),
        ("{}", "what it says of itself cannot be read"),
    ):
        row = dict.fromkeys(VIDEO_SCHEMA.names) | {"path": b"", "meta": text}
        table = pyarrow.Table.from_pylist([row], schema=VIDEO_SCHEMA)
        open_table(address, VIDEOS).merge_insert("path").when_matched_update_all().execute(table)
        assert LanceStore.exists(address)
        with pytest.raises(LibraryError, match=found):
            LanceStore.open(address, create=True)


def test_a_table_of_somebody_elses_is_refused(tmp_path: Path) -> None:
    lance.write_dataset(pyarrow.table({"words": ["a"]}), str(tmp_path / "library" / VIDEOS))
    with pytest.raises(LibraryError, match="not the table of a deltaclip"):
        Library.open(tmp_path / "library", create=True)


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.mp4").write_text("")
    with pytest.raises(LibraryError, match=r"other files in it \(holiday.mp4\)"):
        Library.open(f"lance://{tmp_path}", create=True)


def test_a_data_file_that_is_lost_is_told_of_its_videos_and_mended(store: LanceStore, address: str) -> None:
    with store.writing() as writer:
        writer.put([moving_video("a.mp4")])
        writer.put([moving_video("b.mp4", seed=1)])
    a, b = store.videos()
    [file] = state_files(store, 0)
    (Path(address.removeprefix("lance://")) / MOMENTS / "data" / file).unlink()
    again = LanceStore.open(address, create=False)
    assert [bool(list(again.problems_of(row))) for row in (a, b)] == [True, False]
    with pytest.raises(LibraryError, match="deltaclip verify"):
        again.find(unit_rows(0, 1), 9)
    with again.writing() as writer:
        writer.put([replace(failed_video("a.mp4"), reason="lost")])
    assert [hit.path.name for hit in again.find(unit_rows(0, 1), 9)] == ["b.mp4"] * 2
    assert [*again.problems(), *(text for row in again.videos() for text in again.problems_of(row))] == []


def state_files(store: LanceStore, fragment: int) -> list[str]:
    return [file.path for file in store.state().moments.get_fragments()[fragment].data_files()]


def test_what_meta_says_comes_back(store: Store) -> None:
    meta = replace(LanceMeta.new("float16"), encoder=replace(ENCODER, keep=1 / 3), motion=MOTION, commits=3)
    assert LanceMeta.from_json("x", meta.to_json()) == meta
