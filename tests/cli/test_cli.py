"""The command line as its users meet it: contracts of the json, exit codes, words and files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltaclip.cli.output import clock, shown
from deltaclip.library import Library
from deltaclip.library.lock import writer_lock
from tests.helpers import small_checkpoint, write_square, write_wide


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint and two videos, one of them in a sub-folder."""
    folder = tmp_path_factory.mktemp("home")
    small_checkpoint(folder / "encoder", motion="difference")
    (folder / "videos" / "sub").mkdir(parents=True)
    write_square(folder / "videos" / "moving.mp4", step=1)
    write_square(folder / "videos" / "sub" / "still.mp4", step=0)
    return folder


@pytest.fixture
def library(home: Path, tmp_path: Path, deltaclip: Any) -> Path:
    """The two videos, indexed."""
    code, _, _ = deltaclip("index", home / "videos", "--library", tmp_path / "lib", "--encoder", home / "encoder")
    assert code == 0
    return tmp_path / "lib"


def test_index_tells_what_it_did(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    words = ("index", home / "videos", "--library", tmp_path / "lib", "--json")
    code, first, err = deltaclip(*words, "--encoder", home / "encoder")
    assert (code, first["seen"], first["indexed"], first["segments"], first["failures"]) == (0, 2, 2, 2, [])
    assert first["fallback"] == {"nothing moves": 4}
    assert "masks difference" in err
    _, second, _ = deltaclip(*words)
    assert (second["indexed"], second["unchanged"], second["segments"]) == (0, 2, 0)


@pytest.mark.parametrize("workers", ["auto", "1", "3"])
def test_index_takes_as_many_workers_as_asked(home: Path, tmp_path: Path, deltaclip: Any, workers: str) -> None:
    words = ("index", home / "videos", "--library", tmp_path / "lib", "--encoder", home / "encoder")
    code, report, _ = deltaclip(*words, "--workers", workers, "--json")
    assert (code, report["indexed"]) == (0, 2)
    assert report["videos_per_second"] == pytest.approx(2 / report["seconds"])


def test_a_library_that_was_indexed_fast_stays_so(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    words = ("index", home / "videos", "--library", tmp_path / "lib", "--json")
    code, first, _ = deltaclip(*words, "--encoder", home / "encoder", "--fast")
    assert (code, first["indexed"]) == (0, 2)
    for again in (words, (*words, "--fast")):
        code, second, _ = deltaclip(*again)
        assert (code, second["unchanged"]) == (0, 2)
    with Library.open(tmp_path / "lib") as library:
        assert library.encoder.reader_spec.sampling == "keyframes"


def test_fast_is_refused_for_a_library_of_evenly_spaced_frames(home: Path, library: Path, deltaclip: Any) -> None:
    code, answer, _ = deltaclip("index", home / "videos", "--library", library, "--fast", "--json")
    assert code == 1
    assert "keyframes sampling" in answer["error"]["found"]


@pytest.mark.parametrize("workers", ["0", "-1", "two", "1.5", "", "\u0663"])
def test_index_refuses_what_is_no_number_of_workers(home: Path, deltaclip: Any, workers: str) -> None:
    code, answer, _ = deltaclip("index", home / "videos", f"--workers={workers}", "--json")
    assert code == 2
    assert f"{workers!r} is neither auto nor a number of at least 1" in answer["error"]["found"]


def test_index_says_what_it_passed_over(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    shutil.copytree(home / "videos", tmp_path / "videos")
    for name in ("a.jpg", "b.jpg", "c.txt", ".hidden", "types.ts"):
        (tmp_path / "videos" / name).write_text("words")
    (tmp_path / "videos" / "link.mp4").symlink_to("moving.mp4")
    words = ("index", tmp_path / "videos", "--library", tmp_path / "lib", "--encoder", home / "encoder")
    code, out, _ = deltaclip(*words)
    assert code == 0
    assert out.splitlines()[1] == (
        "skipped: 1 .ts files that are not videos, 1 hidden files and folders, 1 links to files already included, "
        "3 other files (.jpg 2, .txt 1)"
    )
    _, report, _ = deltaclip(*words[:-2], "--exclude", "sub", "--exclude", "*.JPG", "--json")
    assert report["passed_over"]["excluded files and folders"] == 3
    assert (report["seen"], report["left_alone"], report["notes"]) == (1, 1, [])
    _, out, _ = deltaclip(*words[:-2], "--exclude", "sub")
    assert "still in the library: 1 excluded video (use deltaclip remove to remove them)" in out
    code, answer, _ = deltaclip(*words[:-2], "--exclude", "/", "--json")
    assert (code, answer["error"]["found"]) == (2, "Invalid value for '--exclude': the pattern '/' is empty.")


def test_index_continues_if_a_full_disk_left_an_empty_library(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    (tmp_path / "library.sqlite").touch()
    code, report, _ = deltaclip(
        "index", home / "videos", "--library", tmp_path, "--encoder", home / "encoder", "--json"
    )
    assert (code, report["indexed"]) == (0, 2)


def test_a_folder_whose_film_is_known_by_a_link_is_not_called_empty(
    home: Path, library: Path, tmp_path: Path, deltaclip: Any
) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "film.mp4").hardlink_to(home / "videos" / "moving.mp4")
    code, out, err = deltaclip("index", tmp_path / "links", "--library", library)
    assert (code, "1 links to files already included" in out, "no video files" in err) == (0, True, False)


def test_index_says_which_patterns_matched_nothing(home: Path, library: Path, deltaclip: Any) -> None:
    words = ("index", home / "videos", "--library", library, "--exclude", "sub", "--exclude", "{a,b}.mp4")
    _, _, err = deltaclip(*words)
    assert "--exclude matched nothing: '{a,b}.mp4' (" in err
    _, report, _ = deltaclip(*words, "--json")
    assert report["unused_exclude"] == ["{a,b}.mp4"]


def test_a_library_that_cannot_be_written_refuses_with_3_and_is_searched(
    home: Path, library: Path, deltaclip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deltaclip.library.sqlite.connection._why_not_written", lambda folder: "no permission")
    for words in (("index", home / "videos"), ("remove", home / "videos")):
        code, answer, _ = deltaclip(*words, "--library", library, "--json")
        assert code == 3
        assert answer["error"]["found"] == "cannot be written (no permission)"
    code, found, _ = deltaclip("search", "the red square moves", "--library", library, "--json")
    assert (code, len(found["hits"])) == (0, 2)
    assert deltaclip("verify", "--library", library)[0] == 0


def test_a_bad_file_is_named_and_the_exit_code_is_1(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    words = ("index", home / "videos", bad, "--library", tmp_path / "lib", "--encoder", home / "encoder", "--json")
    code, report, _ = deltaclip(*words)
    assert (code, report["seen"], report["indexed"], report["failed"]) == (1, 3, 2, 1)
    assert [row["path"] for row in report["failures"]] == [str(bad)]
    _, listed, _ = deltaclip("failures", "--library", tmp_path / "lib", "--json")
    assert listed["failures"] == report["failures"]


def test_search_gives_moments_with_scores_in_order(library: Path, deltaclip: Any) -> None:
    code, found, _ = deltaclip("search", "the red square moves", "--library", library, "--json")
    assert code == 0
    assert {"path", "start_seconds", "end_seconds", "score"} <= found["hits"][0].keys()
    assert [hit["score"] for hit in found["hits"]] == sorted((hit["score"] for hit in found["hits"]), reverse=True)
    _, one, _ = deltaclip("search", "the red square moves", "--library", library, "--limit", 1, "--json")
    assert one["hits"] == found["hits"][:1]


def test_a_video_used_as_query_finds_itself_first(home: Path, library: Path, deltaclip: Any) -> None:
    for name in ("moving.mp4", "sub/still.mp4"):
        _, found, _ = deltaclip("search", "--video", home / "videos" / name, "--library", library, "--json")
        assert found["hits"][0]["path"] == str(home / "videos" / name)
        assert found["hits"][0]["score"] == pytest.approx(1, abs=1e-2)


def test_words_the_encoder_does_not_know_are_named(library: Path, deltaclip: Any) -> None:
    _, _, err = deltaclip("search", "the red zebra moves", "--library", library)
    assert "does not know these words: zebra" in err


def test_a_question_longer_than_the_encoder_reads_is_said_to_be_cut(library: Path, deltaclip: Any) -> None:
    _, _, err = deltaclip("search", "the red square moves " * 4, "--library", library)
    assert "its last 6 tokens are ignored" in err


def test_hits_come_as_a_picture(library: Path, tmp_path: Path, deltaclip: Any) -> None:
    deltaclip("search", "the red square", "--library", library, "--png", tmp_path / "new" / "hits.png")
    assert (tmp_path / "new" / "hits.png").read_bytes().startswith(b"\x89PNG")


def test_status_verify_and_remove_answer(home: Path, library: Path, deltaclip: Any) -> None:
    _, state, _ = deltaclip("status", "--library", library, "--json")
    assert (state["videos"], state["segments"], state["failed"]) == (2, 2, 0)
    whole = {"ok": True, "problems": [], "unsure": [], "elsewhere": 0, "notes": []}
    assert deltaclip("verify", "--library", library, "--json")[:2] == (0, whole)
    code, gone, _ = deltaclip("remove", home / "videos" / "sub", "--library", library, "--json")
    assert (code, gone["removed"]) == (0, 1)
    assert deltaclip("remove", home / "nowhere.mp4", "--library", library)[0] == 1


def test_repair_reads_damaged_videos_again(library: Path, deltaclip: Any) -> None:
    words = ("repair", "--library", library)
    assert deltaclip(*words) == (0, "0 videos damaged, 0 repaired\n", "")
    [file] = library.glob("vectors-*")
    with file.open("r+b") as opened:
        opened.write(b"0000")
    code, planned, _ = deltaclip(*words, "--dry-run", "--json")
    [video] = planned["damaged"]
    assert (code, video["problem"], video["gone"]) == (1, "its vectors are damaged", False)
    code, out, _ = deltaclip(*words, "--dry-run")
    assert (code, out.splitlines()[1]) == (1, "1 video damaged")
    assert deltaclip("verify", "--library", library)[0] == 1
    code, report, _ = deltaclip(*words, "--json")
    assert (code, report["repaired"], report["failures"], report["remaining"]) == (0, 1, [], [])
    assert deltaclip("verify", "--library", library)[0] == 0


def test_repair_of_a_video_that_is_gone_names_it_with_exit_code_1(home: Path, library: Path, deltaclip: Any) -> None:
    [file] = library.glob("vectors-*")
    file.unlink()
    gone = home / "videos" / "sub"
    gone.rename(home / "unplugged")
    try:
        code, out, err = deltaclip("repair", "--library", library)
    finally:
        (home / "unplugged").rename(gone)
    assert (code, out.splitlines()[-1]) == (1, "2 videos damaged, 1 repaired")
    assert "its file is gone. Bring it back and index it again." in err
    assert deltaclip("index", home / "videos", "--library", library)[0] == 0
    assert deltaclip("verify", "--library", library)[0] == 0


def test_a_second_writer_is_refused_with_exit_code_3_and_readers_are_not(
    home: Path, library: Path, deltaclip: Any
) -> None:
    [file] = library.glob("vectors-*")
    with file.open("r+b") as opened:
        opened.write(b"0000")
    with writer_lock(library / "library.lock"):
        for words in (("index", home / "videos"), ("remove", home / "videos"), ("repair",)):
            code, answer, _ = deltaclip(*words, "--library", library, "--json")
            assert (code, "is writing to it already" in answer["error"]["found"]) == (3, True)
        assert deltaclip("status", "--library", library)[0] == 0
        assert deltaclip("verify", "--library", library)[0] == 1


def test_verify_of_a_damaged_library_says_so(library: Path, deltaclip: Any) -> None:
    (library / "library.sqlite").write_bytes(b"no database" * 1000)
    code, report, _ = deltaclip("verify", "--library", library, "--json")
    assert (code, report["ok"]) == (1, False)
    assert report["problems"]


def test_searching_without_a_library_says_what_to_do(tmp_path: Path, deltaclip: Any) -> None:
    code, answer, err = deltaclip("search", "a dog", "--library", tmp_path / "none", "--json")
    assert code == 1
    assert "deltaclip index" in answer["error"]["remedy"]
    assert "deltaclip index" in err


@pytest.mark.parametrize(
    ("words", "what", "found"),
    [
        (("search", "a dog", "--limit", "nine"), "deltaclip search", "--limit"),
        (("index",), "deltaclip index", "Missing argument"),
        (("train", "shapes", "--resume", "--overwrite", "--out", "run"), "deltaclip train", "mutually exclusive"),
        (("indx",), "deltaclip", "No such command 'indx'"),
    ],
)
def test_wrong_usage_is_one_json_object_too(words: tuple[str, ...], what: str, found: str, deltaclip: Any) -> None:
    code, answer, err = deltaclip(*words, "--json")
    assert (code, answer["error"]["what"]) == (2, what)
    assert found in answer["error"]["found"]
    assert answer["error"]["remedy"] == f"See {what} --help."
    assert err


def test_another_encoder_than_the_librarys_is_refused(
    home: Path, library: Path, tmp_path: Path, deltaclip: Any
) -> None:
    other = small_checkpoint(tmp_path / "other", seed=5)
    code, _, err = deltaclip("index", home / "videos", "--library", library, "--encoder", other)
    assert code == 1
    assert "fingerprint" in err


def test_another_mask_than_the_librarys_is_named(home: Path, library: Path, deltaclip: Any) -> None:
    code, _, err = deltaclip("index", home / "videos", "--library", library, "--motion", "full")
    assert code == 1
    assert "with masks difference and 4 frames" in err
    assert "with masks full and 4 frames" in err


def test_a_folder_without_videos_says_so(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    (tmp_path / "empty").mkdir()
    words = ("index", tmp_path / "empty", "--library", tmp_path / "lib", "--encoder", home / "encoder", "--json")
    code, report, err = deltaclip(*words)
    assert (code, report["seen"]) == (0, 0)
    assert "no video files found" in err


def test_the_demo_answers_in_one_json_object_too(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    words = ("demo", "--videos", home / "videos", "--encoder", home / "encoder", "--out", tmp_path, "--json")
    code, answer, _ = deltaclip(*words, "--query", "the red square moves")
    assert code == 0
    assert [row["query"] for row in answer["answers"]] == ["the red square moves"]
    assert len(answer["answers"][0]["hits"]) == 2
    assert Path(answer["picture"]).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", [("train", "shapes", "--steps", 1), ("convert", "--clip", "shapes")])
def test_a_checkpoint_is_not_replaced_unless_asked(home: Path, command: tuple[Any, ...], deltaclip: Any) -> None:
    before = (home / "encoder" / "model.safetensors").read_bytes()
    code, _, err = deltaclip(*command, "--out", home / "encoder")
    assert code == 1
    assert "--overwrite" in err
    assert (home / "encoder" / "model.safetensors").read_bytes() == before


def test_the_default_encoder_offline_names_every_way_out(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    code, answer, _ = deltaclip("index", home / "videos", "--library", tmp_path / "lib", "--json")
    assert code == 1
    assert answer["error"]["what"] == "openai/clip-vit-base-patch32"
    assert "--encoder shapes" in answer["error"]["remedy"]


@pytest.mark.parametrize(
    "words",
    [
        ("search",),
        ("search", "words", "--video", "a.mp4"),
        ("search", "  "),
        ("index",),
        ("masks", "a.mp4", "--motion", "optical"),
        ("masks", "."),
        ("masks", ".", "--report", "out.html", "--png", "out.png"),
        ("evaluate",),
        ("evaluate", "msrvtt"),
        ("evaluate", "shapes"),
        ("evaluate", "shapes", "--encoder", "shapes", "--camera", "drone"),
        ("train", "msvd", "--out", "x"),
        ("train", "shapes", "--motion", "optical", "--out", "x"),
        ("nonsense",),
        ("search", "a", "--limit", "0"),
    ],
)
def test_wrong_usage_is_exit_code_2(words: tuple[str, ...], deltaclip: Any) -> None:
    code, out, err = deltaclip(*words)
    assert (code, out) == (2, "")
    assert "Traceback" not in err


def test_masks_gives_numbers_arrays_and_a_picture(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    video = home / "videos" / "moving.mp4"
    words = ("masks", video, "--motion", "difference", "--num-frames", 6, "--json")
    code, answer, _ = deltaclip(*words, "--npz", tmp_path / "m.npz", "--png", tmp_path / "m.png")
    arrays = np.load(tmp_path / "m.npz")
    assert code == 0
    assert arrays["motion"].shape == (6, 224, 224)
    assert arrays["motion"].dtype == np.bool_
    assert arrays["alpha"].dtype == np.float32
    assert (arrays["alpha"] == arrays["motion"]).all()
    assert (arrays["measured"] == arrays["motion"]).all()
    assert arrays["fallback"].tolist() == [reason or "" for reason in answer["fallback"]] == [""] * 6
    assert arrays["confidence"].tolist() == pytest.approx(answer["confidence"])
    assert arrays["coverage"].tolist() == pytest.approx(answer["coverage"])
    assert arrays["seconds"].tolist() == pytest.approx(answer["seconds"])
    assert (tmp_path / "m.png").stat().st_size > 1000


def test_masks_tells_how_the_subject_and_the_camera_move(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    video = home / "videos" / "moving.mp4"
    words = ("masks", video, "--num-frames", 6, "--json", "--npz", tmp_path / "m.npz")
    code, answer, _ = deltaclip(*words)
    arrays = np.load(tmp_path / "m.npz")
    assert code == 0
    assert arrays["velocity"].shape == (6, 224, 224, 2)
    assert arrays["camera"].shape == (6, 4)
    assert arrays["velocity_confidence"].shape == arrays["camera_confidence"].shape == (6,)
    assert answer["camera"] == pytest.approx(arrays["camera"])
    assert answer["camera_confidence"] == pytest.approx(arrays["camera_confidence"])
    deltaclip(*words, "--motion", "difference")
    assert "velocity" not in np.load(tmp_path / "m.npz")


@pytest.mark.parametrize("option", ["--png", "--npz"])
def test_no_output_is_written_over_a_video(home: Path, tmp_path: Path, deltaclip: Any, option: str) -> None:
    video = tmp_path / "mine.mp4"
    video.write_bytes((home / "videos" / "moving.mp4").read_bytes())
    before = video.read_bytes()
    code, _, err = deltaclip("masks", video, option, video)
    assert (code, f"Give a .{option[2:]} file" in err) == (1, True), err
    code, _, err = deltaclip("masks", tmp_path, "--report", video)
    assert (code, "the name of a video. Give a different output file" in err) == (1, True), err
    assert video.read_bytes() == before


def test_masks_of_a_still_video_keep_what_was_measured(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    for motion, reasons in (("difference", {"nothing moves"}), ("subject", {"static", "nothing found"})):
        words = ("masks", home / "videos/sub/still.mp4", "--motion", motion, "--npz", tmp_path / "m.npz", "--json")
        _, answer, _ = deltaclip(*words)
        arrays = np.load(tmp_path / "m.npz")
        assert not arrays["motion"].any()
        assert arrays["measured"].max() <= 0.5
        assert (arrays["alpha"] == 1).all(), "what an encoder is fed"
        assert set(answer["fallback"]) == set(arrays["fallback"].tolist()) <= reasons


def test_masks_of_a_folder_become_one_page_with_warnings_and_failures(
    home: Path, tmp_path: Path, deltaclip: Any
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "still.mp4").write_bytes((home / "videos/sub/still.mp4").read_bytes())
    (folder / "bad.mp4").write_text("no video")
    words = ("masks", folder, "--motion", "difference", "--report", tmp_path / "out.html", "--json")
    code, answer, _ = deltaclip(*words)
    page = (tmp_path / "out.html").read_text()
    assert code == 1
    assert [Path(row["path"]).name for row in answer["videos"]] == ["bad.mp4", "still.mp4"]
    assert "too dark" in answer["videos"][1]["warning"]
    assert answer["videos"][1]["fallback"] == {"nothing moves": 12}
    assert "too dark" in page
    assert "bad.mp4" in page
    assert "<svg" in page


def test_odd_files_in_a_folder_take_no_other_along(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    """A strip wider than a JPEG can be ended the page in an AttributeError after all the work."""
    folder = tmp_path / os.fsdecode(b"odd \xff <b>")
    folder.mkdir()
    for name in ("a.mp4", "z \n<i>.mp4"):
        (folder / name).write_bytes((home / "videos" / "moving.mp4").read_bytes())
    write_wide(folder / "wide.mp4")
    (folder / "bad ❤.mp4").write_text("no video")
    os.mkfifo(folder / "pipe.mp4")
    page = tmp_path / "page.html"
    words = ("masks", folder, "--motion", "difference", "--num-frames", 4, "--report", page)
    code, answer, err = deltaclip(*words, "--json")
    assert code == 1
    assert [row["error"] is None for row in answer["videos"]] == [True, False, True, True]
    assert "bad ❤.mp4  not a video that FFmpeg can open" in err
    text = page.read_text(encoding="utf-8")
    assert text.count("<img src='data:image/jpeg;base64,") == 3
    assert "<i>" not in text
    assert "<b>" not in text
    assert deltaclip("masks", folder / "wide.mp4", "--num-frames", 2, "--png", tmp_path / "wide.png")[0] == 0


def test_a_page_that_cannot_be_written_is_told_before_the_work(home: Path, deltaclip: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("deltaclip.evaluation.mask_report.summarise_masks", lambda *_: pytest.fail("work was done"))
    code, _, err = deltaclip("masks", home / "videos", "--report", "/proc/nowhere/m.html")
    assert (code, "/proc/nowhere/m.html" in err) == (1, True)


def test_an_output_that_cannot_be_written_is_named(home: Path, deltaclip: Any) -> None:
    code, _, err = deltaclip("masks", home / "videos/moving.mp4", "--png", "/proc/nowhere/m.png")
    assert code == 1
    assert "/proc/nowhere/m.png" in err


def test_evaluate_of_a_matrix(tmp_path: Path, deltaclip: Any) -> None:
    np.save(tmp_path / "s.npy", np.array([[0.9, 0.1], [0.8, 0.2]], np.float32))
    code, result, _ = deltaclip("evaluate", "--similarity", tmp_path / "s.npy", "--json")
    assert code == 0
    figures = {name: result["t2v"][name] for name in ("R1", "R5", "R10", "R50", "MdR", "MnR", "queries")}
    assert figures == {"R1": 50.0, "R5": 100.0, "R10": 100.0, "R50": 100.0, "MdR": 1.5, "MnR": 1.5, "queries": 2}
    assert result["sum_of_recalls"] == 50 + 100 + 100 + 300  # both videos find their text


def test_evaluate_shapes_tells_its_protocol(home: Path, deltaclip: Any) -> None:
    words = ("evaluate", "shapes", "--encoder", home / "encoder", "--clips", 6, "--seed", 4, "--json")
    _, result, _ = deltaclip(*words)
    assert result["t2v"]["queries"] == result["v2t"]["queries"] == 6
    assert result["protocol"]["seed"] == 4
    assert result["protocol"]["motion"] == "difference"


def test_convert_then_info_of_what_came_out(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    code, report, _ = deltaclip("convert", "--clip", home / "encoder", "--out", tmp_path / "copy", "--json")
    assert (code, report["out"]) == (0, str(tmp_path / "copy"))
    _, facts, _ = deltaclip("info", "--encoder", tmp_path / "copy", "--json")
    assert facts["masks_matter"] is True
    assert facts["fingerprint"]


def test_info_says_when_masks_cannot_matter(tmp_path: Path, deltaclip: Any) -> None:
    code, _, err = deltaclip("info", "--encoder", small_checkpoint(tmp_path / "zero", alpha="zero"))
    assert code == 0
    assert "no mask can change a vector" in err


def test_tokenize_gives_ids_without_begin_and_end(home: Path, deltaclip: Any) -> None:
    tokenizer = home / "encoder" / "tokenizer.json"
    _, answer, _ = deltaclip("tokenize", "the red square", "a", "--tokenizer", tokenizer, "--json")
    assert [len(row) for row in answer["ids"]] == [3, 1]


def test_tokenize_knows_the_bundled_encoder_by_name(deltaclip: Any) -> None:
    code, answer, _ = deltaclip("tokenize", "the red circle", "--tokenizer", "shapes", "--json")
    assert (code, [len(row) for row in answer["ids"]]) == (0, [3])


def test_an_error_shows_no_traceback_unless_asked(tmp_path: Path, deltaclip: Any) -> None:
    _, _, err = deltaclip("masks", tmp_path / "none.mp4")
    assert "Traceback" not in err
    assert "none.mp4" in err
    with pytest.raises(Exception, match=r"none\.mp4"):
        deltaclip("masks", tmp_path / "none.mp4", "--debug")


@pytest.mark.parametrize(("command", "continues"), [("index", True), ("status", False)])
def test_ctrl_c_says_how_to_continue_if_the_command_can(
    tmp_path: Path, deltaclip: Any, monkeypatch: pytest.MonkeyPatch, command: str, continues: bool
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("deltaclip.library.Library.open", interrupted)
    (tmp_path / "a.mp4").touch()
    folder = [tmp_path] if command == "index" else []
    code, out, err = deltaclip(command, *folder, "--library", tmp_path, *(["--encoder", "shapes"] if folder else []))
    assert (code, out) == (130, "")
    assert ("run the same command again to continue" in err) == continues
    assert "stopped" in err


def test_help_imports_neither_torch_nor_opencv() -> None:
    code = """
import sys
from deltaclip.cli import main
sys.argv = ["deltaclip", "--help"]
try:
    main()
except SystemExit:
    print([name for name in ("torch", "transformers", "cv2", "av", "sqlite3", "numpy") if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_names_that_are_no_utf8_come_through_json(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9 \n.mp4")
    try:
        odd.write_bytes((home / "videos" / "moving.mp4").read_bytes())
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    words = ("--library", tmp_path / "lib", "--json")
    deltaclip("index", odd, "--encoder", home / "encoder", *words)
    _, found, _ = deltaclip("search", "red", *words)
    assert found["hits"][0]["path"] == str(odd)
    assert shown(odd).endswith("caf\\xe9 \\n.mp4")  # as $'...' of a shell takes it


def test_names_that_are_no_utf8_are_shown_by_every_command(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    odd, broken = (tmp_path / os.fsdecode(name) for name in (b"caf\xe9 \n.mp4", b"br\xfck\n.mp4"))
    try:
        odd.write_bytes((home / "videos" / "moving.mp4").read_bytes())
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    broken.write_bytes(b"no film")
    library, good, bad = ("--library", tmp_path / "lib"), "caf\\xe9 \\n.mp4", "br\\xfck\\n.mp4"
    for words, told in [
        (("index", odd, broken, "--encoder", home / "encoder"), bad),
        (("search", "red"), good),
        (("search", "red", "--folder", odd), good),
        (("search", "--video", broken), bad),
        (("search", "--like-motion-of", broken), bad),
        (("failures",), bad),
        (("remove", tmp_path / os.fsdecode(b"no\xff\n.mp4")), "no\\xff\\n.mp4"),
    ]:
        _, out, err = deltaclip(*words, *library)
        assert told in out + err
        assert "\udce9" not in out + err
    assert bad in deltaclip("masks", broken)[2]
    assert deltaclip("masks", odd)[0] == 0
    odd.unlink()
    assert good in deltaclip("verify", *library)[1]


def test_an_index_that_finds_nothing_to_read_leaves_no_library(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    (tmp_path / "empty").mkdir()
    words = ("--library", tmp_path / "lib", "--encoder", home / "encoder")
    code, out, err = deltaclip("index", tmp_path / "none", *words)
    assert (code, out) == (1, "0 indexed, 0 unchanged, 1 failed, 0 new moments in 0:00.0\n")
    assert "none  does not exist. Check the name." in err
    code, report, err = deltaclip("index", tmp_path / "empty", *words, "--exclude", "*.gif", "--json")
    assert (code, report["seen"], report["unused_exclude"]) == (0, 0, ["*.gif"])
    assert "no video files found" in err
    assert deltaclip("index", home / "videos", *words, "--watch", "--workers", "none")[0] == 2
    assert deltaclip("demo", "--videos", tmp_path / "empty", "--out", tmp_path / "out", *words[2:])[0] == 1
    assert not [*tmp_path.rglob("library.sqlite")]


def test_only_what_was_encoded_is_called_new(home: Path, tmp_path: Path, deltaclip: Any) -> None:
    (tmp_path / "videos").mkdir()
    shutil.copy(home / "videos" / "moving.mp4", tmp_path / "videos" / "a.mp4")
    words = ("index", tmp_path / "videos", "--library", tmp_path / "lib", "--encoder", home / "encoder")
    assert "1 indexed, 0 unchanged, 0 failed, 1 new moment in" in deltaclip(*words)[1]
    (tmp_path / "videos" / "a.mp4").rename(tmp_path / "videos" / "moved.mp4")
    shutil.copy(tmp_path / "videos" / "moved.mp4", tmp_path / "videos" / "copy.mp4")
    out = deltaclip(*words)[1]
    assert "2 indexed, 0 unchanged, 0 failed, 0 new moments in" in out
    assert "2 videos of these recognised by their bytes and not read again" in out


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00.0"), (75.04, "1:15.0"), (59.96, "1:00.0"), (3675, "1:01:15.0")]
)
def test_a_place_in_a_video_is_written_as_players_do(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_the_page_of_commands_is_up_to_date() -> None:
    from deltaclip.cli.reference import reference

    page = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
    assert page.read_text(encoding="utf-8") == reference(), "run `make docs`"
