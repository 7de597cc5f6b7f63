"""Which files are looked at."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaclip.library.candidates import absolute_paths, find_candidates


def make(folder: Path, *names: str | bytes) -> None:
    for name in names:
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names_below(folder: Path, library: Path = Path("/nowhere")) -> list[str]:
    return [os.path.relpath(path, folder) for path in find_candidates([folder], library).files]


def test_folders_give_videos_by_suffix_in_any_case_sorted_and_nothing_hidden(tmp_path: Path) -> None:
    make(tmp_path, "b.MP4", "a/c.mkv", "notes.txt", "song.mp3", "list.m3u8", "x.webp", "mp4", "clip.m2ts")
    make(tmp_path, ".hidden.mp4", "._b.MP4", ".trash/d.mp4")
    assert names_below(tmp_path) == ["a/c.mkv", "b.MP4", "clip.m2ts"]


def test_a_file_that_is_named_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    make(tmp_path, "notes.txt", ".hidden.mp4", ".folder/a.mp4")
    found = find_candidates([tmp_path / name for name in ("notes.txt", ".hidden.mp4", ".folder")], Path("/nowhere"))
    assert sorted(path.name for path in found.files) == [".hidden.mp4", "a.mp4", "notes.txt"]


def test_what_is_named_twice_is_seen_once(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4")
    paths: list[str | Path] = [tmp_path, tmp_path / "a.mp4", f"{tmp_path}/../{tmp_path.name}/a.mp4", tmp_path]
    assert find_candidates(paths, Path("/nowhere")).files == (tmp_path / "a.mp4",)


def test_links_in_a_circle_and_links_to_nothing_do_no_harm(tmp_path: Path) -> None:
    make(tmp_path, "real/a.mp4", "other/b.mp4")
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "real" / "up").symlink_to(tmp_path)
    (tmp_path / "self.mp4").symlink_to(tmp_path / "self.mp4")
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nothing.mp4")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "real" / "a.mp4")
    found = find_candidates([tmp_path], Path("/nowhere"))
    assert [path.relative_to(tmp_path).as_posix() for path in found.files] == ["other/b.mp4", "real/a.mp4"]
    assert found.failures == ()


def test_a_linked_folder_outside_is_followed(tmp_path: Path) -> None:
    make(tmp_path, "disk/a.mp4", "videos/b.mp4")
    (tmp_path / "videos" / "disk").symlink_to(tmp_path / "disk")
    assert names_below(tmp_path / "videos") == ["b.mp4", "disk/a.mp4"]


def test_the_library_itself_is_never_a_candidate(tmp_path: Path) -> None:
    make(tmp_path, "library/a.mp4", "b.mp4")
    assert names_below(tmp_path, tmp_path / "library") == ["b.mp4"]
    found = find_candidates([tmp_path / "library" / "a.mp4", tmp_path / "library"], tmp_path / "library")
    assert found.files == ()
    assert len(found.failures) == 2


def test_a_folder_that_cannot_be_read_is_named_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a/a.mp4", "b/b.mp4")
    scandir = os.scandir

    def guarded(path: Path) -> object:
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    found = find_candidates([tmp_path], Path("/nowhere"))
    assert [path.name for path in found.files] == ["b.mp4"]
    assert [(failure.path, "Permission denied" in failure.reason) for failure in found.failures] == [
        (tmp_path / "a", True)
    ]


def test_a_pipe_in_a_folder_is_no_video(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert names_below(tmp_path) == []


def test_the_home_folder_is_meant_by_a_tilde_unless_a_file_has_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    make(tmp_path, "~a.mp4")
    assert absolute_paths(["~/b.mp4", "~a.mp4"]) == (tmp_path / "home/b.mp4", tmp_path / "~a.mp4")


def test_one_string_and_an_empty_name_are_refused() -> None:
    with pytest.raises(TypeError, match="not one string"):
        absolute_paths("video.mp4")
    with pytest.raises(ValueError, match="empty"):
        absolute_paths([""])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as a name")
@given(name=st.binary(min_size=1, max_size=40).filter(lambda name: not {0, 47} & {*name} and name[0] != 46))
def test_any_bytes_are_a_name(name: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("names")
    make(folder, name + b".mp4")
    assert [os.fsencode(path.name) for path in find_candidates([folder], Path("/nowhere")).files] == [name + b".mp4"]
