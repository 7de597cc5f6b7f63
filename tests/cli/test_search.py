"""`search` and `index` by motion words, with a motion encoder that knows four of them."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltaclip.motion import encode_png
from deltaclip.video import write_mp4
from tests.cli.motion_stand_in import FourWords
from tests.helpers import moving_square, small_checkpoint


@pytest.fixture(autouse=True)
def four_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deltaclip.encoder.MotionEncoder", FourWords, raising=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint and the same square going right and going left."""
    folder = tmp_path_factory.mktemp("home")
    small_checkpoint(folder / "encoder", motion="difference")
    (folder / "videos").mkdir()
    frames = moving_square(24, step=1)
    write_mp4(folder / "videos" / "right.mp4", frames, 12)
    write_mp4(folder / "videos" / "left.mp4", np.ascontiguousarray(frames[:, :, ::-1]), 12)
    return folder


@pytest.fixture
def library(home: Path, tmp_path: Path, deltaclip: Any) -> Path:
    code, _, _ = deltaclip("index", home / "videos", "--library", tmp_path / "lib", "--encoder", home / "encoder")
    assert code == 0
    return tmp_path / "lib"


def names(found: dict[str, Any]) -> list[str]:
    return [Path(hit["path"]).name for hit in found["hits"]]


@pytest.mark.parametrize("way", ["left", "right"])
def test_motion_words_find_what_goes_that_way(library: Path, tmp_path: Path, deltaclip: Any, way: str) -> None:
    # Of two moments alone each is as far from the mean by appearance as by motion, whatever they look like.
    write_mp4(tmp_path / "still.mp4", np.full((24, 64, 64, 3), (0, 0, 255), np.uint8), 12)
    deltaclip("index", tmp_path / "still.mp4", "--library", library)
    query = ("search", f"the red square to the {way}", "--library", library)
    code, found, _ = deltaclip(*query, "--json")
    first = next(name for name in names(found) if name != "still.mp4")
    assert (code, first, found["by"], found["motion_words"]) == (0, f"{way}.mp4", "both", [way])
    assert all(isinstance(hit[part], float) for hit in found["hits"] for part in ("score", "appearance", "motion"))
    code, out, err = deltaclip(*query)
    assert f"understood as motion: {way}" in err
    assert "appearance" in out
    assert "motion" in out


def test_a_sentence_without_motion_words_gives_the_hits_of_appearance(library: Path, deltaclip: Any) -> None:
    query = ("search", "the red square", "--library", library)
    _, both, _ = deltaclip(*query, "--json")
    _, alone, _ = deltaclip(*query, "--by", "appearance", "--json")
    assert both["hits"] == alone["hits"]
    assert (both["by"], alone["by"], both["motion_words"], alone["motion_words"]) == ("both", "appearance", [], [])
    assert [hit["motion"] for hit in both["hits"]] == [None, None]
    assert "understood" not in deltaclip(*query)[2]


def test_by_motion_alone_needs_motion_words(library: Path, deltaclip: Any) -> None:
    _, found, _ = deltaclip("search", "nonsense left", "--by", "motion", "--library", library, "--json")
    assert (names(found)[0], found["by"], found["hits"][0]["appearance"]) == ("left.mp4", "motion", None)
    code, _, err = deltaclip("search", "the red square", "--by", "motion", "--library", library)
    assert code == 2
    words = " ".join(err.replace("│", " ").split())
    assert "no word of 'the red square' is understood as motion" in words
    assert "to the left; up" in words


def test_a_clip_finds_what_moves_like_it(home: Path, library: Path, deltaclip: Any) -> None:
    query = ("search", "--like-motion-of", home / "videos" / "left.mp4", "--library", library)
    code, found, _ = deltaclip(*query, "--json")
    assert (code, names(found), found["by"]) == (0, ["left.mp4", "right.mp4"], "motion")
    assert found["hits"][0]["motion"] == pytest.approx(1)


@pytest.mark.parametrize("query", [("--video", "a.mp4"), ("--image", "a.png"), ("--like-motion-of", "a.mp4")])
def test_by_beside_a_file_is_refused(deltaclip: Any, query: tuple[str, str]) -> None:
    code, _, err = deltaclip("search", *query, "--by", "both")
    assert code == 2
    assert "--by" in err


def test_an_index_without_motion_words_says_so_and_can_be_given_them(
    home: Path, tmp_path: Path, deltaclip: Any
) -> None:
    words = ("index", home / "videos", "--library", tmp_path / "lib", "--encoder", home / "encoder")
    assert deltaclip(*words, "--no-motion-words")[0] == 0
    code, out, _ = deltaclip("status", "--library", tmp_path / "lib")
    assert "motion encoder none" in out
    _, found, _ = deltaclip("search", "red left", "--library", tmp_path / "lib", "--json")
    assert found["motion_words"] == []
    code, report, err = deltaclip(*words, "--motion-words", "--json")
    assert (code, report["indexed"], report["measured"]) == (0, 2, 2)
    assert "2 moments have no motion vector: their files are read again if they are among the given paths" in err
    _, state, _ = deltaclip("status", "--library", tmp_path / "lib", "--json")
    assert (state["motion_encoder"], state["motion_fingerprint"]) == ("motion", FourWords.fingerprint)
    assert state["without_motion"] == 0
    code, _, err = deltaclip(*words, "--no-motion-words")
    assert code == 1
    assert "would be lost" in err


def test_an_index_that_measures_again_says_how_many_files(
    home: Path, library: Path, deltaclip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FourWords, "fingerprint", "of new weights")
    _, _, err = deltaclip("search", "the red square left", "--library", library)
    assert "2 moments have no motion vector of this motion encoder and are ranked by appearance alone" in err
    _, out, err = deltaclip("index", home / "videos", "--library", library)
    assert "2 videos of these read again only to measure how they move" in out
    assert "2 moments have no motion vector of this motion encoder" in err


def test_the_address_of_a_library_keeps_its_slashes(deltaclip: Any) -> None:
    code, answer, _ = deltaclip("status", "--library", "nowhere://a//b", "--json")
    assert (code, answer["error"]["what"]) == (1, "nowhere://a//b")


@pytest.mark.parametrize("ask", [("the red square",), ("--video", "left.mp4"), ("--like-motion-of", "left.mp4")])
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("--glob", "R*.mp4"), {"right.mp4"}),
        (("--folder", "VIDEOS"), {"left.mp4", "right.mp4"}),
        (("--folder", "VIDEOS/left.mp4", "--shorter", "60", "--after", "2001-02-03", "--coverage", "0"), {"left.mp4"}),
        (("--longer", "60"), set()),
        (("--before", "2001-02-03 04:05:06"), set()),
        (("--coverage", "1"), set()),
    ],
)
def test_only_what_the_filters_let_through_is_found(
    home: Path, library: Path, deltaclip: Any, ask: tuple[str, ...], filters: tuple[str, ...], expected: set[str]
) -> None:
    asked = [str(home / "videos" / word) if word.endswith(".mp4") else word for word in ask]
    options = [word.replace("VIDEOS", str(home / "videos")) for word in filters]
    code, found, _ = deltaclip("search", *asked, "--library", library, *options, "--json")
    assert (code, {*names(found)}) == (0, expected)
    if not expected:
        _, _, err = deltaclip("search", *asked, "--library", library, *options)
        assert "nothing found: no moment that can be found fits the filters" in err


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        (("--longer", "60", "--shorter", "60"), "no video lasts at least 60 s and less than 60 s"),
        (("--glob", "/"), "the pattern '/' is empty"),
        (("--after", "yesterday"), "yesterday"),
        (("--coverage", "20"), "--coverage"),
    ],
)
def test_filters_that_nothing_can_fit_are_wrong_usage(deltaclip: Any, filters: tuple[str, ...], words: str) -> None:
    code, _, err = deltaclip("search", "a dog", *filters)
    assert code == 2
    assert words in " ".join(err.split())


def test_hits_tell_their_relevance_and_copies_are_one_hit(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    videos = tmp_path / "videos"
    shutil.copytree(home / "videos", videos)
    shutil.copy(videos / "left.mp4", videos / "copy.mp4")
    query = ("--library", tmp_path / "lib")
    assert deltaclip("index", videos, *query, "--encoder", home / "encoder")[0] == 0
    ask = ("search", "the red square to the left", *query, "--by", "appearance")
    _, found, _ = deltaclip(*ask, "--json", "--min-relevance", "none")
    assert {hit["relevance"] for hit in found["hits"]} <= {"high", "medium", "low", "none"}
    assert all(hit["moment_id"] for hit in found["hits"])
    [folded] = [hit for hit in found["hits"] if hit["folded"]]
    both = {Path(folded["path"]).name, Path(folded["folded"][0]["path"]).name}
    assert (len(found["hits"]), both) == (2, {"left.mp4", "copy.mp4"})
    _, found, _ = deltaclip(*ask, "--json", "--no-fold")
    assert [hit["folded"] for hit in found["hits"]] == [[], [], []]
    _, out, _ = deltaclip(*ask, "--min-relevance", "none")
    assert "and 1 more like it" in out
    code, _, err = deltaclip("search", "--video", videos / "left.mp4", *query, "--min-relevance", "low")
    assert (code, "only for TEXT" in err) == (2, True)


def test_a_text_of_unknown_words_matches_nothing_and_the_rest_is_shown_on_request(
    library: Path, deltaclip: Any
) -> None:
    ask = ("search", "quantum chromodynamics", "--library", library)
    code, out, err = deltaclip(*ask)
    assert (code, out) == (0, "")
    assert "nothing here matches 'quantum chromodynamics'" in " ".join(err.split())
    assert len(deltaclip(*ask, "--min-relevance", "none")[1].splitlines()) == 2
    assert "no moment has a relevance of low or better" in " ".join(
        deltaclip(*ask, "--min-relevance", "low")[2].split()
    )
    assert {hit["relevance"] for hit in deltaclip(*ask, "--json")[1]["hits"]} == {"none"}


def test_where_nothing_matches_no_picture_is_written_and_json_says_so(
    library: Path, tmp_path: Path, deltaclip: Any
) -> None:
    ask = ("search", "quantum chromodynamics", "--library", library)
    assert deltaclip(*ask, "--png", tmp_path / "hits.png")[0] == 0
    assert not (tmp_path / "hits.png").exists()
    assert deltaclip(*ask, "--json")[1]["matches_nothing"] is True
    assert deltaclip(*ask, "--json", "--min-relevance", "none")[1]["matches_nothing"] is False


@pytest.mark.parametrize(("option", "date", "found"), [("--before", "9999-12-31", 2), ("--after", "2263-01-01", 0)])
def test_dates_that_no_file_has_are_dates_all_the_same(
    library: Path, deltaclip: Any, option: str, date: str, found: int
) -> None:
    code, answer, _ = deltaclip("search", "the red square", "--library", library, option, date, "--json")
    assert (code, len(answer["hits"])) == (0, found)


def test_a_library_whose_videos_are_missing_is_not_called_empty(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    videos = tmp_path / "videos"
    shutil.copytree(home / "videos", videos)
    (videos / "notes.txt").write_text("so that the folder is not empty")
    query = ("--library", tmp_path / "lib")
    deltaclip("index", videos, *query, "--encoder", home / "encoder")
    for path in videos.glob("*.mp4"):
        path.unlink()
    deltaclip("index", videos, *query)
    assert "2 videos of the library are missing" in deltaclip("search", "the red square", *query)[2]


def test_a_demo_that_cannot_work_is_wrong_usage_before_any_work(tmp_path: Path, deltaclip: Any) -> None:
    (tmp_path / "file").write_text("")
    for words in (("--query", " ", "--out", tmp_path / "demo"), ("--out", tmp_path / "file")):
        assert deltaclip("demo", *words)[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_without_a_video_of_the_library_is_told(
    home: Path, library: Path, tmp_path: Path, deltaclip: Any
) -> None:
    words = ("search", "the red square", "--library", library, "--folder")
    _, _, err = deltaclip(*words, tmp_path / "none")
    assert err.endswith(f"the library has no video in --folder {tmp_path / 'none'}, which does not exist\n")
    (tmp_path / "empty").mkdir()
    assert deltaclip(*words, tmp_path / "empty")[2].endswith(f"no video in --folder {tmp_path / 'empty'}\n")
    _, _, err = deltaclip(*words, home / "videos", "--longer", "9999")
    assert "no moment that can be found fits the filters" in err


def test_a_still_picture_has_no_motion_to_look_for(library: Path, tmp_path: Path, deltaclip: Any) -> None:
    (tmp_path / "still.png").write_bytes(encode_png(moving_square(1)[0]))
    code, out, err = deltaclip("search", "--like-motion-of", tmp_path / "still.png", "--library", library)
    assert (code, out) == (1, "")
    assert "still.png: a still picture, in which nothing moves. Give a video, or search for" in err
