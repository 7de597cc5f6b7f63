"""`deltaclip evaluate` on a folder of videos with captions: its contract, exit codes and refusals."""

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from deltaclip.cli.options import Sampling
from deltaclip.evaluation import protocol_lines
from deltaclip.evaluation.runs import read_ranks
from deltaclip.model import TokenWeights, load_checkpoint, save_checkpoint
from deltaclip.video import SAMPLINGS
from tests.cli.calls import Answer, Call
from tests.helpers import small_checkpoint, write_square


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two encoders; captions of three videos and a split train; the videos, of which one is broken and one missing."""
    folder = tmp_path_factory.mktemp("home")
    small_checkpoint(folder / "encoder", motion="difference")
    small_checkpoint(folder / "second", motion="difference", seed=1)
    (folder / "videos").mkdir()
    (folder / "whole").mkdir()
    for step, name in enumerate(("a", "b", "c")):
        write_square(folder / "whole" / f"{name}.mp4", step=step)
    for name in ("a", "b"):
        (folder / "videos" / f"{name}.mp4").write_bytes((folder / "whole" / f"{name}.mp4").read_bytes())
    (folder / "videos" / "d.mp4").write_text("no video")
    rows = ["a,the red square moves", "a,a square", "b,a square moves right", "c,red"]
    (folder / "captions.csv").write_text("path,caption\n" + "\n".join(rows) + "\n")
    (folder / "more.csv").write_text("path,caption\n" + "\n".join([*rows, "d,blue"]) + "\n")
    (folder / "splits.csv").write_text(
        "path,caption,split\n" + "\n".join(f"{row},val" for row in rows[:3]) + "\nc,red,train\n"
    )
    return folder


@pytest.fixture
def evaluate(home: Path, monkeypatch: pytest.MonkeyPatch, deltaclip: Call, tmp_path: Path) -> Call:
    """Calls the command in this process on the data set of `home`: evaluate("--json") -> exit code, stdout, stderr."""
    monkeypatch.setenv("DELTACLIP_CACHE", str(tmp_path / "cache"))

    def call(*words: object, captions: str = "captions.csv", videos: str = "whole", encoder: str = "encoder") -> Answer:
        where = ("--annotations", home / captions, "--videos", home / videos, "--encoder", home / encoder)
        return deltaclip("evaluate", "folder", *where, *words)

    return call


def test_json_has_both_directions_protocol_and_intervals(home: Path, evaluate: Any) -> None:
    code, result, _ = evaluate("--json")
    assert code == 0
    assert {"t2v", "v2t", "v2t_plain", "protocol", "intervals", "fallback", "coverage"} <= set(result)
    assert (result["t2v"]["queries"], result["v2t"]["queries"]) == (4, 3)
    assert set(result["intervals"]["v2t"]) == {"R1", "R5", "R10", "R50", "nDCG10", "MdR", "MnR"}
    protocol = result["protocol"]
    assert (protocol["dataset"], protocol["split"], protocol["videos"], protocol["captions"]) == (
        "folder",
        "test",
        3,
        4,
    )
    assert (protocol["missing"], protocol["encoder"], protocol["marks"]) == (0, str(home / "encoder"), [])


def test_missing_videos_are_refused_and_when_allowed_counted_in_every_form(evaluate: Any) -> None:
    code, refusal, err = evaluate("--json", videos="videos")
    assert code == 1
    assert "1 of 3 videos are missing: c" in refusal["error"]["found"]
    assert "--allow-missing" in err
    code, result, _ = evaluate("--allow-missing", "--json", videos="videos")
    assert (code, result["protocol"]["missing"], result["protocol"]["missing_captions"]) == (0, 1, 1)
    for form in ("table", "markdown", "latex"):
        code, text, _ = evaluate("--allow-missing", "--format", form, videos="videos")
        assert code == 0
        assert "1 of 3 videos missing, with 1 of 4 captions" in text


def test_a_broken_video_is_named_and_counts_as_missing(evaluate: Any) -> None:
    code, refusal, _ = evaluate("--json", captions="more.csv", videos="videos")
    assert code == 1
    assert "missing: c" in refusal["error"]["found"]
    code, result, err = evaluate("--allow-missing", "--json", captions="more.csv", videos="videos")
    assert (code, result["protocol"]["missing"], result["protocol"]["broken"]) == (0, 2, 1)
    assert result["protocol"]["marks"] == ["2 of 4 videos left out (1 missing, 1 broken), with 2 of 5 captions"]
    assert "missing: c\n" in err
    assert [one["video"] for one in result["missing"]] == ["c", "d"]
    assert "d: " in err


def test_a_frame_cache_gives_the_same_result_and_what_it_lacks_is_decoded(
    home: Path, evaluate: Any, deltaclip: Call, tmp_path: Path
) -> None:
    (tmp_path / "two.csv").write_text("path,caption\na,red\nb,red\n")
    where = ("--captions", tmp_path / "two.csv", "--videos", home / "whole", "--out", tmp_path / "frames")
    code, *_ = deltaclip("cache", *where, "--frames", 4, "--motion", "none", "--raw")
    assert code == 0
    _, decoded, _ = evaluate("--no-cache", "--json")
    code, cached, told = evaluate("--no-cache", "--json", "--frame-cache", tmp_path / "frames")
    assert cached.pop("cost").keys() == decoded.pop("cost").keys()  # times differ
    assert (code, cached) == (0, decoded)
    assert "frames: frames of 2 videos read; 1 video decoded (not in it, or cached from a different file" in told


def test_a_frame_cache_that_would_change_vectors_is_refused(
    home: Path, evaluate: Any, deltaclip: Call, tmp_path: Path
) -> None:
    where = ("--captions", home / "captions.csv", "--videos", home / "whole", "--out", tmp_path / "frames")
    deltaclip("cache", *where, "--motion", "none")
    code, _, told = evaluate("--frame-cache", tmp_path / "frames")
    assert code == 1
    assert "it has 32 frames per video, and the encoder takes 4; its pictures are JPEG" in told
    assert "--frames 4 --size 224 --motion none --raw" in told
    code, _, told = evaluate("--frame-cache", tmp_path / "nothing")
    assert code == 1
    assert "no frame cache here" in told


def test_a_second_run_needs_no_video_to_be_read(evaluate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, first, _ = evaluate("--json")
    monkeypatch.setattr("deltaclip.evaluation.encoding.read_video_or_cache", divmod)  # fails when it is called
    code, second, _ = evaluate("--json")
    times = first.pop("cost"), second.pop("cost")  # measured anew: queries are timed in every run
    assert (code, second) == (0, first)
    assert times[0]["gflops_a_video"] == times[1]["gflops_a_video"]
    code, _, _ = evaluate("--json", "--no-cache")
    assert code == 1


def test_options_reach_the_protocol(evaluate: Any) -> None:
    words = ("--motion", "full", "--num-frames", 3, "--sampling", "clip4clip-uniform", "--max-words", 4)
    code, result, _ = evaluate(*words, "--precision", "float32", "--post", "dsl", "--json")
    assert code == 0
    protocol = result["protocol"]
    assert (protocol["motion"], protocol["num_frames"], protocol["sampling"]) == ("full", 3, "clip4clip-uniform")
    assert (protocol["max_words"], protocol["cut_captions"], protocol["precision"]) == (4, 2, "float32")
    assert protocol["post"] == {"name": "dsl", "temperature": 100.0}
    assert protocol["marks"] == ["post-processing dsl (temperature 100)"]


def test_a_share_of_the_patches_is_told_with_the_figures(evaluate: Any, tmp_path: Path) -> None:
    words = ("--keep", 0.5, "--no-cache")
    assert "mask difference, 50% of the patches, pooling mean" in evaluate(*words, "--ranks", tmp_path / "r.ranks")[1]
    assert any("share of patches 0.5" in line for line in protocol_lines(read_ranks(tmp_path / "r.ranks").protocol))
    assert "of the patches" not in evaluate("--no-cache")[1]


def test_segments_are_compared_with_one_mean(evaluate: Any, tmp_path: Path) -> None:
    ranks = tmp_path / "best.ranks"
    code, result, _ = evaluate("--segments", 0.5, "--ranks", ranks, "--json")
    assert (code, result["segments"], result["whole"]["protocol"]["pooling"]) == (0, 12, "mean")
    assert "pooling best segment of 0.5 s" in " ".join(protocol_lines(read_ranks(ranks).protocol))
    code, _, err = evaluate("--segments", 0.5, "--post", "qbnorm")
    assert (code, "no qbnorm" in err) == (2, True)


def test_tokens_and_frames_are_compared_with_one_mean_and_marked(evaluate: Any, tmp_path: Path) -> None:
    ranks = tmp_path / "tokens.ranks"
    code, result, _ = evaluate("--interaction", "token", "--ranks", ranks, "--json")
    assert (code, result["whole"]["protocol"]["pooling"], result["cost"]["indexable"]) == (0, "mean", False)
    assert result["protocol"]["interaction"] == {"name": "token-wise", "vectors_a_video": 4.0}
    mark = "token-wise interaction, not indexable: 4 vectors a video"
    assert f"note: {mark}" in protocol_lines(read_ranks(ranks).protocol)
    for form in ("table", "markdown", "latex"):
        assert mark in evaluate("--interaction", "token", "--format", form)[1]


def test_the_weights_of_a_checkpoint_weigh_tokens_and_are_named_by_their_digest(home: Path, evaluate: Any) -> None:
    loaded, rng = load_checkpoint(home / "encoder"), np.random.default_rng(0)
    shapes = {"0.weight": (1, 16), "0.bias": (1,)}
    arrays = {f"{side}.{name}": rng.normal(size=shape) for side in ("text", "video") for name, shape in shapes.items()}
    weights = TokenWeights({name: 20 * array.astype(np.float32) for name, array in arrays.items()})
    save_checkpoint(home / "weighted", loaded.model, loaded.tokenizer, loaded.record, weights)
    code, result, _ = evaluate("--interaction", "weighted-token", "--json", encoder="weighted")
    assert code == 0
    told = {"name": "weighted token-wise", "vectors_a_video": 4.0, "weights": weights.digest}
    assert result["protocol"]["interaction"] == told
    assert result["protocol"]["marks"] == ["weighted token-wise interaction, not indexable: 4 vectors a video"]
    assert result["protocol"]["fingerprint"] == evaluate("--json")[1]["protocol"]["fingerprint"]


def test_token_weights_that_are_not_there_are_refused_before_any_work(home: Path, evaluate: Any) -> None:
    code, _, err = evaluate("--interaction", "weighted-token")
    assert code == 1
    assert "this checkpoint has no weights of token-wise interaction" in err
    assert "--interaction token" in err
    assert "videos" not in err
    code, _, err = evaluate("--interaction", "token", "--segments", 0.5)
    assert (code, "mutually exclusive" in err) == (2, True)
    code, _, err = evaluate("--interaction", "token", "--post", "qbnorm")
    assert (code, "no qbnorm" in err) == (2, True)
    code, _, err = evaluate("--interaction", "token", "--encoder", home / "second", "--select-on-test")
    assert (code, "one encoder at a time" in err) == (2, True)


def test_choosing_on_the_test_split_is_never_silent(home: Path, evaluate: Any) -> None:
    several = ("--encoder", home / "second")
    code, _, err = evaluate(*several)
    assert code == 2
    assert "--select-on-test" in err
    code, result, _ = evaluate(*several, "--select-on-test", "--json")
    assert code == 0
    assert (result["protocol"]["chosen_on"], result["protocol"]["chosen_among"]) == ("test", 2)
    assert [one["encoder"] for one in result["candidates"]] == [str(home / "encoder"), str(home / "second")]
    assert result["t2v"]["R1"] == max(one["R1"] for one in result["candidates"])
    for form in ("table", "markdown", "latex"):
        _, text, _ = evaluate(*several, "--select-on-test", "--format", form)
        assert "best of 2 encoders on test" in text


def test_choosing_on_val_is_allowed_and_marked(home: Path, evaluate: Any) -> None:
    code, text, _ = evaluate("--encoder", home / "second", "--split", "val", captions="splits.csv")
    assert code == 0
    assert "best of 2 encoders on val" in text


def test_qbnorm_takes_the_training_captions(evaluate: Any) -> None:
    code, result, _ = evaluate("--split", "val", "--post", "qbnorm", "--json", captions="splits.csv")
    assert code == 0
    assert result["protocol"]["post"]["bank_texts"] == 1
    code, _, err = evaluate("--post", "qbnorm")
    assert code == 1
    assert "captions of the split train" in err


def test_ranks_and_runs_are_written_on_request(evaluate: Any, tmp_path: Path) -> None:
    code, _, err = evaluate("--ranks", tmp_path / "ranks.jsonl", "--trec", tmp_path / "run.txt")
    assert code == 0
    assert read_ranks(tmp_path / "ranks.jsonl").queries == ("a#0", "a#1", "b#0", "c#0")
    assert (tmp_path / "run.txt.qrels").read_text() == "a#0 0 a 1\na#1 0 a 1\nb#0 0 b 1\nc#0 0 c 1\n"
    assert "run.txt.qrels" in err


@pytest.mark.parametrize("option", ["--ranks", "--trec"])
def test_a_file_that_cannot_be_written_is_told_before_the_work(
    evaluate: Any, tmp_path: Path, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deltaclip.cli.evaluate_dataset.load_with", divmod)  # fails when it is called
    code, _, err = evaluate(option, tmp_path)
    assert code == 2
    assert "is a folder" in " ".join(err.replace("│", " ").split())
    (tmp_path / "file").write_text("")
    code, _, err = evaluate(option, tmp_path / "file" / "x")
    assert code == 1
    assert "cannot be written" in err


def test_judgements_never_meet_a_folder(evaluate: Any, tmp_path: Path) -> None:
    (tmp_path / "run.qrels").mkdir()
    code, _, _ = evaluate("--trec", tmp_path / "run")
    assert code == 2


def test_folders_of_files_to_be_written_are_made(evaluate: Any, tmp_path: Path) -> None:
    code, text, _ = evaluate("--ranks", tmp_path / "new" / "x.ranks", "--trec", tmp_path / "other" / "run")
    assert code == 0
    assert "R@1" in text
    assert read_ranks(tmp_path / "new" / "x.ranks").ranks.shape == (4,)
    assert (tmp_path / "other" / "run.qrels").is_file()


def test_drawn_clips_are_a_result_as_any_other(home: Path, deltaclip: Call, tmp_path: Path) -> None:
    shapes = ("evaluate", "shapes", "--encoder", home / "encoder", "--clips", 6)
    code, result, _ = deltaclip(*shapes, "--ranks", tmp_path / "r.ranks", "--trec", tmp_path / "run", "--json")
    assert code == 0
    assert {"intervals", "coverage", "fallback", "right_group", "protocol"} <= set(result)
    assert {"clips", "world", "version", "commit", "precision", "pooling"} <= set(result["protocol"])
    assert read_ranks(tmp_path / "r.ranks").protocol == result["protocol"]
    for form, said in (
        ("table", "95% over groups of videos, t2v"),
        ("markdown", "| --- |"),
        ("latex", "% encoder & mask"),
    ):
        code, text, _ = deltaclip(*shapes, "--format", form)
        assert code == 0
        assert said in text
        assert "fingerprint" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--cache", "c", "--no-cache"), "mutually exclusive"),
        (("--split", "val"), "has no split 'val'; it has test"),
        (("--select-on-test",), "several encoders"),
        (("--noise", "3"), "--noise cannot be used with folder"),
        (("--motion", "nonsense"), "nonsense"),
        (("--max-words", "99"), "max_words is 99"),
    ],
)
def test_wrong_usage_is_told(evaluate: Any, words: tuple[str, ...], said: str) -> None:
    code, _, err = evaluate(*words)
    assert code == 2
    assert said in " ".join(err.replace("│", " ").split())


def test_options_of_a_data_set_are_refused_elsewhere(deltaclip: Call) -> None:
    for words in (
        ("shapes", "--encoder", "shapes", "--split", "val"),
        ("--similarity", "x.npy", "--encoder", "shapes"),
    ):
        code, _, err = deltaclip("evaluate", *words)
        assert code == 2
        assert "cannot be used with" in err


def test_the_ways_to_sample_that_help_names_are_those_that_there_are() -> None:
    assert get_args(Sampling) == SAMPLINGS


def test_scores_of_any_program_are_evaluated_and_compared_as_the_how_to_says(tmp_path: Path, deltaclip: Call) -> None:
    ids, videos = [f"video{number}" for number in range(7020, 7040)], tmp_path / "msrvtt"
    videos.mkdir()
    sentences = [{"video_id": video, "sentence": f"thing {number} falls"} for number, video in enumerate(ids)]
    (videos / "MSRVTT_data.json").write_text(json.dumps({"videos": [], "sentences": sentences}))
    rows = [f"ret{number},msr{number},{video},thing {number} falls" for number, video in enumerate(ids)]
    (videos / "MSRVTT_JSFUSION_test.csv").write_text("\n".join(["key,vid_key,video_id,sentence", *rows]) + "\n")
    scores = np.random.default_rng(0).random((20, 20))
    np.save(tmp_path / "ours.npy", scores)
    lines = [",".join([f"thing {row} falls", *map(str, np.eye(20)[row])]) for row in range(20)]
    (tmp_path / "theirs.csv").write_text("\n".join([",".join(["query", *ids]), *lines]))
    of_set = ("evaluate", "msrvtt", "--annotations", videos)
    for name in ("ours.npy", "theirs.csv"):
        ranks = tmp_path / f"{name}.ranks"
        code, result, _ = deltaclip(*of_set, "--similarity", tmp_path / name, "--ranks", ranks, "--json")
        assert code == 0
        assert result["protocol"]["dataset"] == "msrvtt"
    assert result["t2v"]["R1"] == 100
    code, result, _ = deltaclip("compare", tmp_path / "ours.npy.ranks", tmp_path / "theirs.csv.ranks", "--json")
    assert (code, result["comparisons"][0]["wins"]) == (0, 0)
    written = tmp_path / "out.csv"
    assert deltaclip(*of_set, "--similarity", tmp_path / "ours.npy", "--save-similarity", written)[0] == 0
    again = deltaclip("evaluate", "--similarity", written, "--json")[1]
    first = deltaclip(*of_set, "--similarity", tmp_path / "ours.npy", "--json")[1]
    assert again["t2v"] == first["t2v"]
    for words, said in (
        (("--post", "qbnorm"), "qbnorm needs vectors"),
        (("--videos", videos), "--videos cannot be used with --similarity"),
        (("--save-similarity", tmp_path / "x.txt"), "must end in .npz, .csv, .tsv"),
    ):
        code, _, err = deltaclip(*of_set, "--similarity", tmp_path / "ours.npy", *words)
        assert code == 2
        assert said in " ".join(err.replace("│", " ").split())
    code, _, err = deltaclip("evaluate", "--similarity", tmp_path / "ours.npy", "--split", "val")
    assert (code, "--similarity without a data set" in " ".join(err.replace("│", " ").split())) == (2, True)
