"""What the plan says about a path, from rows in memory and an invented disk."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from deltaclip.errors import VideoError
from deltaclip.library import RememberedEncoder, RememberedMotionEncoder
from deltaclip.library.candidates import Candidates
from deltaclip.library.content import Content, Stamp
from deltaclip.library.plan import (
    FurtherName,
    LeaveAlone,
    MarkMissing,
    Measure,
    Nothing,
    Plan,
    Read,
    SeenAgain,
    TakeOver,
    Wait,
    known_names_first,
    work_for_links,
    work_for_unseen,
)
from deltaclip.library.store import NewMoment, NewVideo, VideoRow, VideoStatus
from tests.library.fakes import FakeEncoder, FakeMotionEncoder, motion_of, vector_of
from tests.library.memory_store import MemoryStore

A, B, C = (Path(f"/videos/{name}.mp4") for name in "abc")


@dataclass
class InventedDisk:
    """files: path -> (text of the file, time, number of the file). soft: paths with a soft link in them.

    read: how often every byte of a file was read. Two texts share a sample if their first three letters are the same.
    """

    files: dict[Path, tuple[str, int, int]] = field(default_factory=dict)
    soft: set[Path] = field(default_factory=set)
    locked: set[Path] = field(default_factory=set)
    read: Counter[Path] = field(default_factory=Counter)

    def put(self, path: Path, text: str, time: int = 1, number: int | None = None) -> None:
        self.files[path] = (text, time, hash(path) if number is None else number)

    def sample_of(self, path: Path) -> Content:
        if path not in self.files or path in self.locked:
            raise VideoError(str(path), "cannot be read", "Check it.")
        text, time, _ = self.files[path]
        return Content(Stamp(len(text), time, time), text[:3].encode(), None)

    def digested(self, path: Path, content: Content) -> Content:
        self.read[path] += 1
        return replace(content, digest=self.files[path][0].encode())

    def identity(self, path: Path) -> Hashable | None:
        return self.files[path][2] if path in self.files else None

    def is_gone(self, path: Path) -> bool:
        return path not in self.files

    def is_soft(self, path: Path) -> bool:
        return path in self.soft


@pytest.fixture
def disk() -> InventedDisk:
    return InventedDisk()


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    store = MemoryStore.open(str(tmp_path / "library"), create=True)
    with store.writing() as writer:
        motion = RememberedMotionEncoder.of(FakeMotionEncoder())
        writer.remember(RememberedEncoder.of(FakeEncoder()), motion)
    return store


def keep(
    store: MemoryStore, disk: InventedDisk, path: Path, status: VideoStatus = "indexed", *, moving: bool = False
) -> VideoRow:
    """Indexes a file as it is on the disk. moving: with a motion vector."""
    content = disk.digested(path, disk.sample_of(path))
    disk.read.clear()
    moments = (
        []
        if status == "failed"
        else [NewMoment(0.0, 1.0, None, vector_of("v", 0), motion_of("v", 0) if moving else None)]
    )
    reason = None if status == "indexed" else "it was damaged"
    with store.writing() as writer:
        writer.put([NewVideo(path, content, status, reason, moments)])
    row = store.video(path)
    assert row is not None
    return row


def plan_of(store: MemoryStore, disk: InventedDisk, broken: tuple[str, ...] = ()) -> Plan:
    return Plan(store, disk, lambda row: row.id not in broken)


def measuring(store: MemoryStore, disk: InventedDisk, broken: tuple[str, ...] = ()) -> Plan:
    return Plan(store, disk, lambda row: row.id not in broken, needs_motion=True)


def test_a_known_file_without_motion_vectors_is_measured_if_they_are_wanted(
    store: MemoryStore, disk: InventedDisk
) -> None:
    disk.put(A, "film")
    disk.put(B, "other")
    row, _ = keep(store, disk, A), keep(store, disk, B, moving=True)
    assert measuring(store, disk).work_for(A) == Measure(A, disk.sample_of(A), row)
    assert measuring(store, disk).work_for(B) == Nothing(B)
    assert plan_of(store, disk).work_for(A) == Nothing(A)
    assert measuring(store, disk).work_for(A, {b"fil"}) == Wait(A)


def test_a_known_file_takes_motion_vectors_over_from_a_copy_that_is_whole(
    store: MemoryStore, disk: InventedDisk
) -> None:
    for path in (A, B):
        disk.put(path, "film")
    row, twin = keep(store, disk, A), keep(store, disk, B, moving=True)
    content = replace(disk.sample_of(A), digest=b"film")
    assert measuring(store, disk).work_for(A) == TakeOver(A, content, twin, moves=False)
    assert measuring(store, disk, (twin.id,)).work_for(A) == Measure(A, disk.sample_of(A), row)


def test_a_new_file_is_read(store: MemoryStore, disk: InventedDisk) -> None:
    disk.put(A, "film")
    assert plan_of(store, disk).work_for(A) == Read(A, disk.sample_of(A), None)
    assert not disk.read, "nobody needs all its bytes before it is decoded"


def test_a_known_file_is_left_as_it_is_without_being_read(store: MemoryStore, disk: InventedDisk) -> None:
    disk.put(A, "film")
    keep(store, disk, A)
    assert plan_of(store, disk).work_for(A) == Nothing(A)
    assert not disk.read


def test_a_file_with_other_times_is_known_by_its_bytes(store: MemoryStore, disk: InventedDisk) -> None:
    disk.put(A, "film")
    row = keep(store, disk, A)
    disk.put(A, "film", time=2)
    assert plan_of(store, disk).work_for(A) == SeenAgain(A, row, Stamp(4, 2, 2))
    assert disk.read[A] == 1
    disk.put(A, "fill", time=2)  # the same sample
    work = plan_of(store, disk).work_for(A)
    assert isinstance(work, Read)
    assert work.before == row


@pytest.mark.parametrize("status", ["failed", "damaged"])
def test_a_failed_or_damaged_file_is_tried_again(store: MemoryStore, disk: InventedDisk, status: VideoStatus) -> None:
    disk.put(A, "film")
    row = keep(store, disk, A, status)
    work = plan_of(store, disk).work_for(A)
    assert isinstance(work, Read)
    assert work.before == row


def test_a_missing_video_that_is_back_is_seen_again(store: MemoryStore, disk: InventedDisk) -> None:
    disk.put(A, "film")
    row = keep(store, disk, A)
    with store.writing() as writer:
        writer.set_missing([row], True)
    assert isinstance(plan_of(store, disk).work_for(A), SeenAgain)


def test_a_file_waits_for_one_that_is_read_now_and_may_be_the_same(store: MemoryStore, disk: InventedDisk) -> None:
    disk.put(A, "film")
    assert plan_of(store, disk).work_for(A, {b"fil"}) == Wait(A)
    assert isinstance(plan_of(store, disk).work_for(A, {b"oth"}), Read)


def test_a_file_that_was_moved_takes_its_moments_along(store: MemoryStore, disk: InventedDisk) -> None:
    disk.put(A, "film")
    row = keep(store, disk, A)
    disk.put(B, "film", time=2)
    del disk.files[A]
    plan = plan_of(store, disk)
    work = plan.work_for(B)
    assert work == TakeOver(B, disk.digested(B, disk.sample_of(B)), row, moves=True)
    plan.taken_over(work, row.id)
    disk.put(C, "film")
    second = plan.work_for(C)
    assert isinstance(second, TakeOver)
    assert not second.moves, "there was one file to move, and it has moved"


def test_a_copy_gets_copies_of_the_moments(store: MemoryStore, disk: InventedDisk) -> None:
    disk.put(A, "film")
    row = keep(store, disk, A)
    disk.put(B, "film", time=2)
    work = plan_of(store, disk).work_for(B)
    assert isinstance(work, TakeOver)
    assert (work.twin, work.moves) == (row, False)


def test_other_bytes_with_the_same_sample_are_read(store: MemoryStore, disk: InventedDisk) -> None:
    disk.put(A, "film")
    keep(store, disk, A)
    disk.put(B, "fill")
    work = plan_of(store, disk).work_for(B)
    assert isinstance(work, Read)
    assert work.content.digest == b"fill", "its bytes are not read a second time"


def test_damaged_moments_are_neither_moved_nor_copied(store: MemoryStore, disk: InventedDisk) -> None:
    disk.put(A, "film")
    row = keep(store, disk, A)
    disk.put(B, "film")
    assert isinstance(plan_of(store, disk, broken=(row.id,)).work_for(B), Read)
    del disk.files[A]
    assert isinstance(plan_of(store, disk, broken=(row.id,)).work_for(B), Read)


def test_a_further_name_of_a_known_file_is_passed_over(store: MemoryStore, disk: InventedDisk) -> None:
    disk.put(A, "film", number=7)
    row = keep(store, disk, A)
    disk.put(B, "film", number=7)
    assert plan_of(store, disk).work_for(B) == FurtherName(B, row, None)
    disk.put(B, "other")
    before = keep(store, disk, B)
    disk.put(B, "film", number=7)
    assert plan_of(store, disk).work_for(B) == FurtherName(B, row, before)


def test_a_soft_link_gives_way_to_a_name_without_one(store: MemoryStore, disk: InventedDisk) -> None:
    disk.put(A, "film", number=7)
    disk.soft.add(A)
    row = keep(store, disk, A)
    disk.put(B, "film", number=7)
    work = plan_of(store, disk).work_for(B)
    assert isinstance(work, TakeOver)
    assert (work.twin, work.moves) == (row, True)


def test_a_file_that_cannot_be_read_is_an_error(store: MemoryStore, disk: InventedDisk) -> None:
    with pytest.raises(VideoError, match="cannot be read"):
        plan_of(store, disk).work_for(A)


def candidates(*files: Path, links: dict[Path, Path] | None = None) -> Candidates:
    return Candidates(files, (Path("/videos"),), (), links or {}, {})


def test_videos_that_a_run_did_not_read_are_missing_back_or_left_alone(store: MemoryStore, disk: InventedDisk) -> None:
    for path in (A, B, C):
        disk.put(path, f"film {path.name}")
    gone, there, back = (keep(store, disk, path) for path in (A, B, C))
    del disk.files[A]
    with store.writing() as writer:
        writer.set_missing([back], True)
    works = list(work_for_unseen(store, disk, candidates(), set()))
    assert works[:2] == [MarkMissing(gone), LeaveAlone(there)]
    [again] = works[2:]
    assert isinstance(again, SeenAgain)
    assert again.row.id == back.id
    disk.put(C, "another film")
    assert list(work_for_unseen(store, disk, candidates(), set())) == works[:2], "other bytes are not its own"


def test_a_file_that_failed_in_this_run_is_missing_only_if_it_is_gone(store: MemoryStore, disk: InventedDisk) -> None:
    disk.put(A, "film")
    row = keep(store, disk, A)
    assert list(work_for_unseen(store, disk, candidates(A), {A})) == []
    del disk.files[A]
    assert list(work_for_unseen(store, disk, candidates(A), {A})) == [MarkMissing(row)]
    assert list(work_for_unseen(store, disk, candidates(A), set())) == []


def test_of_several_names_the_real_one_comes_first_and_then_the_known_one(
    store: MemoryStore, disk: InventedDisk
) -> None:
    disk.put(B, "film")
    keep(store, disk, B)
    chosen = known_names_first(store, disk, candidates(A, links={B: A, C: A}))
    assert (chosen.files, chosen.links) == ((B,), {A: B, C: B})
    disk.soft.add(B)
    assert known_names_first(store, disk, candidates(A, links={B: A})).files == (A,)


def test_further_names_are_forgotten_if_the_file_is_kept_and_did_not_fail(
    store: MemoryStore, disk: InventedDisk
) -> None:
    disk.put(A, "film")
    disk.put(B, "film")
    keep(store, disk, A)
    second = keep(store, disk, B)
    assert work_for_links(store, candidates(A, links={B: A}), set()) == [second]
    assert work_for_links(store, candidates(A, links={B: A}), {A}) == []
    assert work_for_links(store, candidates(A, links={C: A}), set()) == []
