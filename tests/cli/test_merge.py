"""`index --shard` and `merge`."""

from pathlib import Path

from deltaclip.shapes import draw_demo
from tests.cli.calls import Call


def test_shards_of_a_folder_are_merged_into_what_one_run_gives(deltaclip: Call, tmp_path: Path) -> None:
    draw_demo(tmp_path / "videos")
    parts = []
    for number in (1, 2):
        parts.append(tmp_path / f"part{number}")
        options = ("--shard", f"{number}/2", "--library", parts[-1], "--encoder", "shapes", "--json")
        code, report, _ = deltaclip("index", tmp_path / "videos", *options)
        assert code == 0
        assert report["indexed"] + report["passed_over"]["files of other shards"] == 12
    code, merged, _ = deltaclip("merge", *parts, "--out", tmp_path / "all", "--json")
    assert (code, merged) == (0, {"videos": 12, "segments": 12, "failed": 0, "missing": 0, "kept": 0, "twice": 0})
    code, words, _ = deltaclip("merge", *parts, "--out", tmp_path / "all")
    assert words.endswith("0 videos with 0 moments written, 0 failed, 0 missing, 12 kept\n")


def test_a_shard_is_given_as_part_and_number_of_parts(deltaclip: Call, tmp_path: Path) -> None:
    for words in ("3/2", "0/2", "2", "a/b", "1/2/3"):
        code, _, said = deltaclip("index", tmp_path, "--shard", words, "--library", tmp_path / "library")
        assert code == 2
        assert f"'{words}' is no shard: give a part and the number of parts, such as 3/16." in said
    code, _, said = deltaclip("index", tmp_path, "--shard", "1/2", "--watch")
    assert code == 2
    assert "not with --watch" in said
