"""Which files are looked at."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaclip.library.candidates import find_candidates
from deltaclip.library.paths import absolute_paths


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


def transport_stream(size: int = 188, packets: int = 40, before: int = 0) -> bytes:
    """Packets of MPEG-TS without content: a sync byte, the null packet's number, zeros."""
    head = bytes(size - 188)
    return b"\x01" * before + (head[:4] + b"G\x1f\xff\x10" + bytes(184) + head[4:]) * packets


def write(folder: Path, name: str, content: bytes) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ts", transport_stream()),
        ("cut.ts", transport_stream(before=77)),
        ("camera.mts", transport_stream(192)),
        ("broadcast.ts", transport_stream(204)),
        ("damaged_head.ts", bytes(100_000) + transport_stream(packets=2000)),
        ("camcorder.mod", b"\0\0\x01\xba" + bytes(2000)),
        ("vcd.dat", b"RIFF\0\0\0\0CDXAfmt " + bytes(2000)),
        ("film.ts", b"\0\0\0\x20ftypisom" + bytes(2000)),
        ("sphere.360", b"\0\0\0\x20ftypmp41" + bytes(2000)),
        ("recorder.rec", transport_stream()),
    ],
)
def test_a_video_of_an_ambiguous_suffix_is_taken(tmp_path: Path, name: str, content: bytes) -> None:
    write(tmp_path, name, content)
    assert names_below(tmp_path) == [name]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("types.d.ts", b"export const x: number = 1\n"),
        ("app_de.ts", b'<?xml version="1.0"?><!DOCTYPE TS><TS/>\n' * 900),
        ("dna.ts", b"G" * 100_000),
        ("wide.ts", "export type G = 'GGGG'\n".encode("utf-16") * 900),
        ("module.mts", b"export {}\n"),
        ("go.mod", b"module example.com/a\n\ngo 1.22\n"),
        ("song.mod", b"a song".ljust(1080, b"\0") + b"M.K." + bytes(3000)),
        ("numbers.dat", b"\0\0\0\x01" + bytes(3000)),
        ("empty.ts", b""),
        ("zeros.rec", bytes(300_000)),
    ],
)
def test_another_file_of_an_ambiguous_suffix_is_passed_over_and_counted(
    tmp_path: Path, name: str, content: bytes
) -> None:
    write(tmp_path, name, content)
    found = find_candidates([tmp_path])
    assert found.files == ()
    assert found.passed_over == {f"{Path(name).suffix} files that are not videos": 1}
    assert find_candidates([tmp_path / name]).files == (tmp_path / name,)


@pytest.mark.parametrize(
    ("film", "other"),
    [
        ("GHAA0001.MP4", "GLAB0001.LRV"),
        ("GX010042 (1).MP4", "GL010042 (2).LRV"),
        ("GX010042.MP4", "GL010042-copy.LRV"),
        ("PRO_VID_20240501_101500_00_011.mp4", "PRO_LRV_20240501_101500_01_012.lrv"),
    ],
)
def test_the_small_copy_of_a_different_film_is_taken(tmp_path: Path, film: str, other: str) -> None:
    make(tmp_path, film, other)
    assert set(names_below(tmp_path)) == {film, other}


def test_suffixes_of_cameras_and_recorders_are_taken(tmp_path: Path) -> None:
    names = sorted(
        f"x.{suffix}" for suffix in ["264", "265", "dav", "evo", "insv", "m2p", "mk3d", "mpe", "tod", "trp", "vro"]
    )
    make(tmp_path, *names, "alone.LRV", "alone.lrf")
    assert names_below(tmp_path) == ["alone.LRV", "alone.lrf", *names]


@pytest.mark.parametrize(
    ("film", "copy"),
    [
        ("GX010042.MP4", "GL010042.LRV"),
        ("GOPR0042.MP4", "GOPR0042.LRV"),
        ("DJI_0042.MP4", "DJI_0042.LRF"),
        ("VID_20240501_101500_00_007.insv", "LRV_20240501_101500_01_007.lrv"),
        ("GHAA0001.MP4", "GLAA0001.LRV"),
        ("GX010042 (1).MP4", "GL010042 (1).LRV"),
        ("GX010042-copy.mp4", "GL010042-copy.lrv"),
        ("VID_20240501_101500_00_011(1).mp4", "LRV_20240501_101500_01_011(1).lrv"),
        ("PRO_VID_20240501_101500_00_011.mp4", "PRO_LRV_20240501_101500_01_011.lrv"),
    ],
)
def test_the_small_copy_of_a_film_beside_it_is_passed_over(tmp_path: Path, film: str, copy: str) -> None:
    make(tmp_path, film, copy, f"elsewhere/{copy}", "GX010043.MP4")
    found = find_candidates([tmp_path])
    assert {path.relative_to(tmp_path).as_posix() for path in found.files} == {
        film,
        "GX010043.MP4",
        f"elsewhere/{copy}",
    }
    assert found.passed_over == {"small copies beside their video": 1}


def test_who_excludes_a_film_does_not_want_its_small_copy(tmp_path: Path) -> None:
    make(tmp_path, "GX010042.MP4", "GL010042.LRV", "other.mp4")
    found = find_candidates([tmp_path], exclude=["GX010042.MP4"])
    assert [path.name for path in found.files] == ["other.mp4"]
    assert found.passed_over == {"excluded files and folders": 1, "small copies beside their video": 1}


def test_a_folder_that_is_given_itself_can_be_excluded_by_its_name(tmp_path: Path) -> None:
    make(tmp_path, "drafts/a.mp4", "films/b.mp4", "films/drafts/c.mp4")
    found = find_candidates([tmp_path / "drafts", tmp_path / "films"], exclude=["drafts"])
    assert [path.name for path in found.files] == ["b.mp4"]


SYSTEM = ("@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found", "@Recycle", "#snapshot")


@pytest.mark.parametrize("name", SYSTEM)
def test_folders_of_systems_are_not_searched_unless_they_are_named(tmp_path: Path, name: str) -> None:
    make(tmp_path, f"a/{name}/b/c.mp4", "a/d.mp4", f"{name}.mp4")
    found = find_candidates([tmp_path])
    assert {path.name for path in found.files} == {"d.mp4", f"{name}.mp4"}
    assert found.passed_over == {"system folders": 1}
    assert names_below(tmp_path / "a" / name) == ["b/c.mp4"]
    assert names_below(tmp_path / "a" / name / "b") == ["c.mp4"]
    assert len(find_candidates([tmp_path, tmp_path / "a" / name]).files) == 3


def test_what_is_passed_over_is_counted_by_kind(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4", "b.jpg", "c.JPG", "notes.txt", "README", ".hidden.mp4", ".git/x.mp4", "x.old copy of it")
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nothing")
    (tmp_path / "hard.mp4").hardlink_to(tmp_path / "a.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    assert find_candidates([tmp_path]).passed_over == {
        ".jpg": 2,
        ".txt": 1,
        "files without a suffix": 2,
        "hidden files and folders": 2,
        "links to files already included": 1,
        "broken links": 1,
        "pipes, sockets and devices": 1,
    }


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("*.gif", ["2019/raw/c.mp4", "2019/b.mp4", "raw/d.mp4", "a.mp4"]),
        ("raw", ["2019/b.mp4", "a.mp4", "e.GIF"]),
        ("raw/", ["2019/b.mp4", "a.mp4", "e.GIF"]),
        ("a.mp4/", ["2019/raw/c.mp4", "2019/b.mp4", "raw/d.mp4", "a.mp4", "e.GIF"]),
        ("/raw", ["2019/raw/c.mp4", "2019/b.mp4", "a.mp4", "e.GIF"]),
        ("2019/raw", ["2019/b.mp4", "raw/d.mp4", "a.mp4", "e.GIF"]),
        ("2019/*", ["raw/d.mp4", "a.mp4", "e.GIF"]),
        ("**/raw/*", ["2019/b.mp4", "a.mp4", "e.GIF"]),
        ("[ab].mp4", ["2019/raw/c.mp4", "raw/d.mp4", "e.GIF"]),
        ("RAW", ["2019/b.mp4", "a.mp4", "e.GIF"]),
    ],
)
def test_excluded_are_names_anywhere_and_paths_below_the_given_folder(
    tmp_path: Path, pattern: str, left: list[str]
) -> None:
    make(tmp_path, "2019/raw/c.mp4", "2019/b.mp4", "raw/d.mp4", "a.mp4", "e.GIF")
    found = find_candidates([tmp_path], exclude=[pattern])
    assert {path.relative_to(tmp_path).as_posix() for path in found.files} == set(left)


@pytest.mark.parametrize(
    "pattern",
    [
        "./drafts",
        "./drafts/",
        "{cwd}/drafts",
        "{cwd}/DRAFTS/",
        "{cwd}/dr*",
        "~/v [1]/drafts",
        "~/v [1]/drafts/a.mp4",
        "../v [[]1]/drafts",
        "x/../drafts",
        "./**/drafts",
    ],
)
def test_excluded_are_places_as_a_shell_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str) -> None:
    videos = tmp_path / "v [1]"
    make(tmp_path, "v [1]/drafts/a.mp4", "v [1]/b.mp4")
    monkeypatch.chdir(videos)
    monkeypatch.setenv("HOME", str(tmp_path))
    found = find_candidates([videos], exclude=[pattern.format(cwd=videos)])
    assert found.files == (videos / "b.mp4",)
    assert found.unused_exclude == ()


@pytest.mark.parametrize("pattern", ["./drafts", "{folder}/v/drafts"])
def test_an_excluded_place_is_below_a_given_folder_from_wherever_that_is_said(tmp_path: Path, pattern: str) -> None:
    make(tmp_path, "v/drafts/a.mp4", "v/b.mp4")
    found = find_candidates([tmp_path / "v"], exclude=[pattern.format(folder=tmp_path)])
    assert found.files == (tmp_path / "v" / "b.mp4",)


def test_a_name_with_the_letters_of_patterns_is_excluded_as_it_is(tmp_path: Path) -> None:
    make(tmp_path, "a [1].mp4", "b.mp4")
    assert find_candidates([tmp_path], exclude=["a [1].mp4"]).files == (tmp_path / "b.mp4",)


@pytest.mark.parametrize("pattern", ["drafts\\", "a.mp4,b.mp4", "{a,b}.mp4", "../elsewhere/drafts", "a.mp4/"])
def test_patterns_that_matched_nothing_are_told(tmp_path: Path, pattern: str) -> None:
    make(tmp_path, "drafts/a.mp4", "a.mp4", ".cache/b.mp4")
    found = find_candidates([tmp_path], exclude=["drafts", pattern, ".cache"])
    assert found.unused_exclude == (pattern,)


@pytest.mark.parametrize("given", [["b/d", "b"], ["b", "b/d"], ["link", "b"], ["b", "link"]])
def test_what_is_excluded_does_not_depend_on_the_order_of_the_folders(tmp_path: Path, given: list[str]) -> None:
    make(tmp_path, "b/d/raw/a.mp4", "b/d/c.mp4", "b/d/e/f.mp4")
    (tmp_path / "link").symlink_to("b/d")
    found = find_candidates([tmp_path / name for name in given], exclude=["d/raw"])
    assert {path.relative_to(tmp_path).as_posix() for path in found.files} == {"b/d/c.mp4", "b/d/e/f.mp4"}


def test_exclusion_knows_names_however_they_are_composed_and_holds_for_named_files(tmp_path: Path) -> None:
    make(tmp_path, "cafe\u0301.mp4", b"\xff.mp4", "b.mp4")
    found = find_candidates([tmp_path, tmp_path / "b.mp4"], exclude=["caf\u00e9.*", "b.*"])
    assert [os.fsencode(path.name) for path in found.files] == [b"\xff.mp4"]
    with pytest.raises(ValueError, match="empty"):
        find_candidates([tmp_path], exclude=["/"])
