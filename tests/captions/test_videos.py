"""Which file is the video of an id."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaclip.captions import find_videos
from deltaclip.captions.videos import _stem
from deltaclip.errors import CaptionError


def shelf(folder: Path, *names: str) -> Path:
    """Empty files, which are enough to be found."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def found(folder: Path, *ids: str) -> dict[str, str]:
    files = find_videos(folder, ids)
    assert set(files.found) | set(files.missing) == set(ids)
    return {name: path.relative_to(folder).as_posix() for name, path in files.found.items()}


def test_copies_and_records_beside_a_film_are_not_meant_by_its_name(tmp_path: Path) -> None:
    shelf(tmp_path, "DJI_0042.MP4", "DJI_0042.LRF", "a.mov", "a.dat", "a.rec", "b.lrv")
    assert found(tmp_path, "DJI_0042", "a", "b", "b.lrv") == {
        "DJI_0042": "DJI_0042.MP4",
        "a": "a.mov",
        "b.lrv": "b.lrv",
    }


def test_an_id_is_found_in_any_container_and_folder(tmp_path: Path) -> None:
    shelf(
        tmp_path,
        "video1.webm",
        "sub/deep/video2.MP4",
        "-4w_5_15.avi",
        "Rori_60.0_210.0.mkv",
        "video1.jpg",
        "video3.txt",
    )
    assert found(tmp_path, "video2", "video1", "-4w_5_15", "Rori_60.0_210.0", "video3") == {
        "video1": "video1.webm",
        "video2": "sub/deep/video2.MP4",
        "-4w_5_15": "-4w_5_15.avi",
        "Rori_60.0_210.0": "Rori_60.0_210.0.mkv",
    }


def test_missing_ids_keep_their_order_and_hidden_files_do_not_count(tmp_path: Path) -> None:
    shelf(tmp_path, "._a.mp4", ".b.mp4", ".hidden/c.mp4", "d.mp4")
    files = find_videos(tmp_path, ["c", "b", "d", "a"])
    assert files.missing == ("c", "b", "a")
    assert list(files.found) == ["d"]


def test_letters_count_as_they_are(tmp_path: Path) -> None:
    assert found(shelf(tmp_path, "aB_1_2.avi"), "Ab_1_2") == {}


@pytest.mark.parametrize("name", ["a@N01_b.mov", "a@N01_b.mp4", "a@N01_b.mov.mp4", "a@N01_b.MOV"])
def test_an_id_with_a_suffix_is_found_under_another_one_too(tmp_path: Path, name: str) -> None:
    assert found(shelf(tmp_path, name), "a@N01_b.mov") == {"a@N01_b.mov": name}


@pytest.mark.parametrize("name", ["a@N01_b.", "a@N01_b.mp4", "a@N01_b..mp4"])
def test_an_id_that_ends_in_a_bare_dot_is_found(tmp_path: Path, name: str) -> None:
    assert found(shelf(tmp_path, name), "a@N01_b.") == {"a@N01_b.": name}


def test_the_suffix_in_the_id_goes_before_others(tmp_path: Path) -> None:
    shelf(tmp_path, "a.mp4", "a.webm")
    assert found(tmp_path, "a.webm", "a.mp4") == {"a.webm": "a.webm", "a.mp4": "a.mp4"}


def test_paths_are_found_below_the_folder_or_beside_the_table_that_names_them(tmp_path: Path) -> None:
    shelf(tmp_path, "clips/x/a.mp4", "clips/y/a.mp4")
    assert found(tmp_path, "clips/x/a.mp4", "clips/y/a") == {
        "clips/x/a.mp4": "clips/x/a.mp4",
        "clips/y/a": "clips/y/a.mp4",
    }
    assert found(tmp_path / "clips", "clips/x/a.mp4", "../clips/y/a.avi") == {
        "clips/x/a.mp4": "x/a.mp4",
        "../clips/y/a.avi": "y/a.mp4",
    }
    assert found(tmp_path, "clips\\x\\a.mp4", "z/a.mp4") == {"clips\\x\\a.mp4": "clips/x/a.mp4"}


def test_an_absolute_path_is_that_file_or_missing(tmp_path: Path) -> None:
    shelf(tmp_path, "here/a.mp4", "elsewhere/b.mp4")
    there, gone = str(tmp_path / "elsewhere" / "b.mp4"), str(tmp_path / "gone" / "a.mp4")
    files = find_videos(tmp_path / "here", [there, gone])
    assert (files.found, files.missing) == ({there: Path(there)}, (gone,))


def test_two_files_of_one_id_are_refused_unless_they_are_one_file(tmp_path: Path) -> None:
    shelf(tmp_path, "a/video0.mp4", "other.mp4")
    (tmp_path / "video0.mp4").symlink_to(tmp_path / "a" / "video0.mp4")
    assert found(tmp_path, "video0") == {"video0": "video0.mp4"}
    shelf(tmp_path, "b/video0.webm")
    with pytest.raises(CaptionError, match=r"video0.mp4 and .*b/video0.webm are both video0"):
        find_videos(tmp_path, ["video0"])
    assert found(tmp_path, "other") == {"other": "other.mp4"}


def test_two_ids_of_one_file_are_refused(tmp_path: Path) -> None:
    shelf(tmp_path, "a.mp4")
    with pytest.raises(CaptionError, match=r"is the file of two ids, a and a\.avi"):
        find_videos(tmp_path, ["a", "a.avi"])


def test_links_to_folders_are_followed_once_and_broken_links_do_not_count(tmp_path: Path) -> None:
    shelf(tmp_path, "videos/real.mp4", "store/linked.mp4")
    (tmp_path / "videos" / "store").symlink_to(tmp_path / "store")
    (tmp_path / "store" / "loop").symlink_to(tmp_path / "videos")
    (tmp_path / "videos" / "gone.mp4").symlink_to(tmp_path / "nothing")
    assert found(tmp_path / "videos", "real", "linked", "gone") == {"real": "real.mp4", "linked": "store/linked.mp4"}


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptionError, match="not a folder"):
        find_videos(tmp_path / "nothing", ["a"])


@given(st.text(min_size=1), st.sampled_from([".mp4", ".AVI", ".webm", "."]))
def test_the_stem_of_a_name_with_a_suffix_of_videos_is_that_name(name: str, suffix: str) -> None:
    assert _stem(name + suffix) == name


NFC, NFD = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(("typed", "there"), [(NFC, NFD), (NFD, NFC)])
def test_a_name_whose_accents_are_composed_differently_is_found(tmp_path: Path, typed: str, there: str) -> None:
    shelf(tmp_path, f"{there}/one {there}.mp4", f"two {there}.MOV")
    assert found(tmp_path, f"{typed}/one {typed}.mp4", f"two {typed}") == {
        f"{typed}/one {typed}.mp4": f"{there}/one {there}.mp4",
        f"two {typed}": f"two {there}.MOV",
    }
    absolute = str(tmp_path / typed / f"one {typed}.mp4")
    assert find_videos(tmp_path / typed, [absolute]).found == {absolute: tmp_path / there / f"one {there}.mp4"}


def test_of_two_files_that_differ_in_composition_the_exact_one_is_taken(tmp_path: Path) -> None:
    shelf(tmp_path, f"{NFC}.mp4", f"{NFD}.mp4")
    assert found(tmp_path, NFC, f"{NFD}.mp4") == {NFC: f"{NFC}.mp4", f"{NFD}.mp4": f"{NFD}.mp4"}


def test_two_files_that_differ_in_composition_are_refused_unless_one_is_exact(tmp_path: Path) -> None:
    shelf(tmp_path, f"{NFC} {NFD}.mp4", f"{NFD} {NFC}.mp4")
    with pytest.raises(CaptionError) as caught:
        find_videos(tmp_path, [f"{NFC} {NFC}"])
    assert r"caf\xe9 cafe\u0301.mp4" in caught.value.found
    assert r"cafe\u0301 caf\xe9.mp4" in caught.value.found


def test_two_ids_of_one_file_that_differ_in_composition_are_told_apart(tmp_path: Path) -> None:
    shelf(tmp_path, f"{NFC}.mp4")
    with pytest.raises(CaptionError, match=r"caf\\xe9' and 'cafe\\u0301'"):
        find_videos(tmp_path, [NFC, NFD])


def test_a_folder_that_cannot_be_read_is_named_only_if_something_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf(tmp_path, "a.mp4", "lost+found/b.mp4")
    real = os.scandir

    def scandir(place: str | Path = ".") -> object:
        if Path(place).name == "lost+found":
            raise PermissionError(13, "Permission denied", str(place))
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    assert find_videos(tmp_path, ["a"]).unreadable == ()
    files = find_videos(tmp_path, ["a", "b"])
    assert (list(files.found), files.missing) == (["a"], ("b",))
    assert files.unreadable == (f"{tmp_path / 'lost+found'}: a folder that cannot be read (Permission denied)",)
    with pytest.raises(CaptionError, match=r"lost.found: a folder that cannot be read"):
        find_videos(tmp_path / "lost+found", ["b"])
