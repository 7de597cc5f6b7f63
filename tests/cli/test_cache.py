"""`deltaclip cache`: its contract, exit codes and words."""

from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock

from deltaclip.frame_cache import FrameCache
from tests.cli.calls import Call
from tests.helpers import write_square


@pytest.fixture
def cache(deltaclip: Call) -> Call:
    """Calls the command in this process: cache("--captions", path)."""
    return partial(deltaclip, "cache")


@pytest.fixture
def options(tmp_path: Path) -> list[object]:
    """Of a folder with captions of three videos in two splits, and small frames."""
    rows = "path,caption,split\na.mp4,a dog,train\nb.mp4,a cat,train\nc.mp4,a bird,test\n"
    (tmp_path / "captions.csv").write_text(rows)
    (tmp_path / "clips").mkdir()
    for name in "abc":
        write_square(tmp_path / "clips" / f"{name}.mp4")
    own = ["--captions", tmp_path / "captions.csv", "--videos", tmp_path / "clips", "--out", tmp_path / "cache"]
    return [*own, "--frames", 4, "--size", 32, "--motion", "none"]


def test_json_tells_what_was_written_and_a_split_may_be_added_later(
    options: list[object], tmp_path: Path, cache: Call
) -> None:
    code, out, _ = cache(*options, "--split", "train", "--json")
    told = out
    assert code == 0
    assert (told["held"], told["written"], told["changed"], told["failures"]) == (2, 2, [], [])
    assert told["settings"] == {"num_frames": 4, "size": 32, "motion": None, "quality": 90}
    code, out, _ = cache(*options)
    assert code == 0
    assert "3 of 3 videos cached, 1 of them now" in out
    assert FrameCache.open(tmp_path / "cache").videos == ("a.mp4", "b.mp4", "c.mp4")


def test_missing_videos_stop_it_by_name_or_are_left_out_where_allowed(
    options: list[object], tmp_path: Path, cache: Call
) -> None:
    (tmp_path / "clips" / "b.mp4").unlink()
    code, _, words = cache(*options)
    assert code == 1
    assert "1 of 3 videos: " in words
    assert "b.mp4 cannot be read" in words
    code, out, words = cache(*options, "--allow-missing")
    assert code == 0
    assert "2 of 3 videos cached" in out
    assert "b.mp4  cannot be read" in words


def test_a_broken_video_is_a_failure_unless_it_may_be_missing(
    options: list[object], tmp_path: Path, cache: Call
) -> None:
    (tmp_path / "clips" / "b.mp4").write_bytes(b"no video")
    for allowed, expected in (((), 1), (("--allow-missing",), 0)):
        code, report, words = cache(*options, *allowed, "--json")
        assert (code, report["held"]) == (expected, 2)
        assert [failure["video"] for failure in report["failures"]] == ["b.mp4"]
        assert "b.mp4" in words


def test_a_cache_that_holds_none_of_the_videos_is_a_failure_in_any_case(
    options: list[object], tmp_path: Path, cache: Call
) -> None:
    for name in "abc":
        (tmp_path / "clips" / f"{name}.mp4").unlink()
    assert cache(*options, "--allow-missing")[0] == 1


def test_other_settings_are_refused_by_name(options: list[object], cache: Call) -> None:
    cache(*options, "--split", "test")
    code, _, words = cache(*options, "--raw")
    assert code == 1
    assert "this cache was made with quality 90, not none" in words


def test_a_cache_in_use_is_refused_with_its_own_exit_code(options: list[object], tmp_path: Path, cache: Call) -> None:
    (tmp_path / "cache").mkdir()
    with FileLock(tmp_path / "cache" / ".lock"):
        assert cache(*options)[0] == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["msvd"], "cannot be combined with DATASET"),
        (["--split", "dev"], "there is no split 'dev'; there is train, test"),
        (["--motion", "difference"], "computed when reading"),
    ],
)
def test_wrong_usage_is_told(words: list[str], said: str, options: list[object], cache: Call) -> None:
    code, _, told = cache(*options, *words)
    assert code == 2
    assert said in " ".join(told.replace("│", " ").split())


def test_without_a_data_set_and_captions_it_asks_for_one(tmp_path: Path, cache: Call) -> None:
    code, _, told = cache("--videos", tmp_path, "--out", tmp_path / "cache")
    assert code == 2
    assert "--captions FILE" in told
