"""Whether the file of a video counts as there: gone, back under any name, or not to be looked at."""

import errno
import os
from pathlib import Path

import pytest

from tests.library.fakes import Shelf


def unreadable(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Nobody may look at anything in a folder, as without its permission `x`; root may, so that it is made up here."""
    stat, scandir = os.stat, os.scandir

    def refusing_stat(path: Path, **kwargs: bool) -> os.stat_result:
        if str(path).startswith(f"{folder}{os.sep}"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return stat(path, **kwargs)

    def refusing_scandir(path: object) -> object:
        if path == folder:
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "stat", refusing_stat)
    monkeypatch.setattr(os, "scandir", refusing_scandir)
    monkeypatch.setattr(Path, "stat", lambda self, **kwargs: refusing_stat(self, **kwargs))
    monkeypatch.setattr(os.path, "exists", lambda path: not str(path).startswith(f"{folder}{os.sep}"))


@pytest.mark.parametrize("link", [os.link, os.symlink])
@pytest.mark.parametrize("name", ["a.mp4", "z.mp4"])
def test_a_film_that_came_back_with_a_second_name_is_found_again(shelf: Shelf, name: str, link: object) -> None:
    path, away = shelf.write("c.mp4", "c 1"), shelf.videos.parent / "away.mp4"
    shelf.library.index([shelf.videos])
    path.rename(away)
    shelf.library.index([shelf.videos])
    assert shelf.library.status().missing == 1
    away.rename(path)
    assert callable(link)
    link(path, shelf.videos / name)
    report = shelf.library.index([shelf.videos])
    assert (report.unchanged, report.left_alone) == (1, 0)
    assert report.passed_over == {"links to files already included": 1}
    assert shelf.found("c 0", limit=9) == ["c.mp4"]
    assert shelf.library.status().missing == 0


def test_a_film_whose_second_name_alone_is_indexed_is_found_again(shelf: Shelf) -> None:
    path, away = shelf.write("v/c.mp4", "c 1"), shelf.videos / "away.mp4"
    shelf.library.index([path.parent])
    path.rename(away)
    shelf.library.index([path.parent])
    away.rename(path)
    (shelf.videos / "w").mkdir()
    (shelf.videos / "w" / "b.mp4").hardlink_to(path)
    shelf.library.index([shelf.videos / "w"])
    assert shelf.found("c 0", limit=9) == ["c.mp4"]


@pytest.mark.parametrize(("text", "found"), [("c 1", ["c.mp4"]), ("d 1", [])])
def test_an_excluded_film_that_is_back_is_found_again_if_its_bytes_are_the_same(
    shelf: Shelf, text: str, found: list[str]
) -> None:
    path = shelf.write("c.mp4", "c 1")
    shelf.library.index([shelf.videos])
    path.unlink()
    shelf.library.index([shelf.videos])
    path.write_text(text)
    report = shelf.library.index([shelf.videos], exclude=["c.*"])
    assert shelf.found("c 0", limit=9) == found
    assert report.left_alone == len(found)


@pytest.mark.parametrize("given", ["folder", "file"])
@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_a_film_that_gave_way_to_something_else_leaves_the_search_as_verify_says(
    shelf: Shelf, kind: str, given: str
) -> None:
    path = shelf.write("c.mp4", "c 1")
    shelf.library.index([shelf.videos])
    path.unlink()
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    (problem,) = shelf.library.verify().problems
    assert problem.endswith(
        "Index its folder again: it is then no longer found, and its moments are kept until it is back."
    )
    shelf.library.index([shelf.videos if given == "folder" else path])
    assert (shelf.library.search("c 0"), shelf.library.status().missing) == ([], 1)
    assert shelf.library.verify().ok


def test_videos_of_a_folder_that_cannot_be_read_stay_in_the_search(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shelf.write("v/c.mp4", "c 1")
    shelf.library.index([shelf.videos])
    with monkeypatch.context() as patch:
        unreadable(patch, path.parent)
        report = shelf.library.index([shelf.videos])
        assert [failure.path for failure in report.failures] == [path.parent]
        report = shelf.library.index([path])
        assert report.failures[0].reason == "cannot be reached. Check the permissions of its folders."
        (problem,) = shelf.library.verify().problems
    assert problem == (
        f"{path}: cannot be read (Permission denied). Check the file and its permissions. Its moments are still found."
    )
    assert shelf.found("c 0", limit=9) == ["c.mp4"]
    assert shelf.library.status().missing == 0


def test_a_copy_does_not_take_the_moments_of_a_film_that_nobody_can_look_at(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, copy = shelf.write("v/c.mp4", "c 1"), shelf.write("w/c.mp4", "c 1")
    shelf.library.index([path])
    with monkeypatch.context() as patch:
        unreadable(patch, path.parent)
        shelf.library.index([copy])
    assert {hit.path for hit in shelf.library.search("c 0")} == {path, copy}


@pytest.mark.parametrize("given", [["nas"], ["nas", "v"], ["v", "nas"]])
def test_a_film_that_moved_behind_a_link_of_its_name_is_known_under_its_real_name(
    shelf: Shelf, given: list[str]
) -> None:
    path, real = shelf.write("v/a.mp4", "a 1"), shelf.videos / "nas" / "a.mp4"
    shelf.library.index([path.parent])
    real.parent.mkdir()
    path.rename(real)
    path.symlink_to(real)
    report = shelf.library.index([shelf.videos / name for name in given])
    assert (report.indexed, report.failed) == (1, 0)
    assert [hit.path for hit in shelf.library.search("a 0", limit=9)] == [real]
    assert shelf.reader.opened == ["a.mp4"]
    assert shelf.library.index([shelf.videos / name for name in given]).unchanged == 1


def test_prune_removes_what_is_gone_and_only_below_the_given_paths(shelf: Shelf) -> None:
    gone, kept = shelf.write("in/a.mp4", "a 1"), shelf.write("out/b.mp4", "b 1")
    shelf.write("in/c.mp4", "c 1")
    shelf.library.index([shelf.videos])
    gone.unlink()
    kept.unlink()
    assert shelf.library.index([shelf.videos]).missing == 2
    report = shelf.library.index([shelf.videos / "in"], prune=True)
    assert (report.unchanged, report.missing, report.removed) == (1, 0, 1)
    assert [row.path.name for row in shelf.library.videos()] == ["c.mp4", "b.mp4"]
    assert shelf.library.verify().ok


@pytest.mark.parametrize("is_empty", [True, False])
def test_prune_keeps_what_may_be_on_a_disk_that_is_not_mounted(shelf: Shelf, is_empty: bool) -> None:
    shelf.write("disk/a.mp4", "a 1")
    shelf.write("b.mp4", "b 1")
    disk = shelf.videos / "disk"
    shelf.library.index([shelf.videos])
    (disk / "a.mp4").unlink()
    if not is_empty:
        disk.rmdir()
    report = shelf.library.index([disk, shelf.videos], prune=True)
    assert (report.removed, report.missing, len(shelf.library.videos())) == (0, 1, 2)


def test_prune_keeps_what_cannot_be_looked_at(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shelf.write("in/a.mp4", "a 1")
    shelf.write("b.mp4", "b 1")
    shelf.library.index([shelf.videos])
    path.unlink()
    assert shelf.library.index([shelf.videos]).missing == 1
    with monkeypatch.context() as patch:
        unreadable(patch, path.parent)
        assert shelf.library.index([shelf.videos], prune=True).removed == 0
    assert shelf.library.index([shelf.videos], prune=True).removed == 1
