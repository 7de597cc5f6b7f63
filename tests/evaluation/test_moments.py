"""Finding the moment of a sentence in its video: overlaps by hand, and squares that go left and then right."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltaclip.captions import Caption, Split, find_videos, load_moments, moments_of_split
from deltaclip.encoder import Encoder
from deltaclip.errors import CaptionError, VideoError
from deltaclip.evaluation import MomentEncoders, evaluate_moments
from deltaclip.evaluation.moments import overlap
from deltaclip.video import write_mp4
from tests.evaluation.toy_motion import ToyMotion
from tests.helpers import moving_square

BY_MOTION = MomentEncoders(appearance=None, motion=ToyMotion())


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In `turns.mp4` a square goes right for 2 s and then left for 2 s; in `back.mp4` the other way round."""
    folder = tmp_path_factory.mktemp("videos")
    ahead = moving_square(24)
    write_mp4(folder / "turns.mp4", np.concatenate([ahead, ahead[::-1]]), 12)
    write_mp4(folder / "back.mp4", np.concatenate([ahead[::-1], ahead]), 12)
    return folder


def write(videos: Path, *rows: str) -> Path:
    (videos / "moments.csv").write_text("path,sentence,start,end\n" + "\n".join(rows) + "\n")
    return videos


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ((0.0, 2.0), (0.0, 2.0), 1.0),
        ((0.0, 2.0), (1.0, 3.0), 1 / 3),
        ((0.0, 4.0), (1.0, 2.0), 0.25),
        ((0.0, 1.0), (1.0, 2.0), 0.0),
        ((0.0, 1.0), (3.0, 4.0), 0.0),
    ],
)
def test_overlap_is_shared_time_over_all_time(
    one: tuple[float, float], other: tuple[float, float], shared: float
) -> None:
    assert overlap(one, other) == overlap(other, one) == pytest.approx(shared)


def test_each_sentence_looks_in_its_own_video_only(videos: Path) -> None:
    rows = ["turns.mp4,it goes left,2,4", "turns.mp4,it goes right,0,2", "back.mp4,it goes left,0,2"]
    found = evaluate_moments(BY_MOTION, load_moments(write(videos, *rows)), 2.0).to_json()
    assert found["R1"] == {"IoU0.3": 100.0, "IoU0.5": 100.0, "IoU0.7": 100.0}
    assert [row["found"] for row in found["rows"]] == [[2.0, 4.0], [0.0, 2.0], [0.0, 2.0]]
    assert (found["moments"], found["videos"], found["queries"], found["by"]) == (4, 2, 3, "motion")
    assert found["motion"] == {"encoder": "toy", "fingerprint": "0123456789abcdef"}
    assert found["rows"][0]["words"] == ["left"]


def test_overlap_and_distance_are_those_of_what_was_found(videos: Path) -> None:
    found = evaluate_moments(BY_MOTION, load_moments(write(videos, "turns.mp4,it goes left,1,3")), 2.0)
    [row] = found.to_json()["rows"]
    assert (row["iou"], row["distance_seconds"]) == (pytest.approx(1 / 3), 1.0)
    assert found.to_json()["R1"] == {"IoU0.3": 100.0, "IoU0.5": 0.0, "IoU0.7": 0.0}
    assert found.to_json()["distance_seconds"] == {"mean": 1.0, "median": 1.0, "queries": 1}


def of_data_set(videos: Path, dataset: str, *windows: tuple[float, float]) -> dict[str, Any]:
    """What is found for a sentence with these windows about a square that goes left from 2 to 4 s."""
    split = Split(("turns",), (Caption("it goes left", "turns", windows),))
    files = find_videos(videos, ["turns"])
    moments = moments_of_split(dataset, "val", split, files, allow_missing=False)
    return dict(evaluate_moments(BY_MOTION, moments, 2.0).to_json()["rows"][0])


def test_of_several_moments_the_one_that_fits_best_counts(videos: Path) -> None:
    row = of_data_set(videos, "qvhighlights", (0.0, 1.0), (2.0, 3.0))
    assert (row["iou"], row["distance_seconds"]) == (0.5, 0.5)
    assert row["truths"] == [[0.0, 1.0], [2.0, 3.0]]


def test_clips_of_one_film_are_one_group_for_intervals(videos: Path) -> None:
    found = []
    for groups in (("film", "film"), None):
        captions = (Caption("it goes left", "turns", ((2.0, 4.0),)), Caption("it goes left", "back", ((2.0, 4.0),)))
        split = Split(("turns", "back"), captions, groups)
        files = find_videos(videos, split.videos)
        moments = moments_of_split("qvhighlights", "val", split, files, allow_missing=False)
        found.append(evaluate_moments(BY_MOTION, moments, 2.0).to_json())
    together, apart = found
    assert together["R1"] == apart["R1"] == {"IoU0.3": 50.0, "IoU0.5": 50.0, "IoU0.7": 50.0}
    assert [each["intervals"]["groups"] for each in found] == [1, 2]
    assert together["intervals"]["IoU0.5"] != apart["intervals"]["IoU0.5"]


def test_of_four_annotators_the_three_that_fit_best_count(videos: Path) -> None:
    row = of_data_set(videos, "didemo-moments", (0.0, 1.0), (2.0, 4.0), (2.0, 4.0), (2.0, 3.0))
    assert row["iou"] == pytest.approx((1 + 1 + 0.5) / 3)


def test_a_window_of_a_data_set_is_cut_at_the_end_of_its_video(videos: Path) -> None:
    row = of_data_set(videos, "charades-sta", (2.0, 9.0))
    assert row["truths"] == [[2.0, pytest.approx(4.0)]]
    assert row["iou"] == pytest.approx(1.0)
    assert of_data_set(videos, "charades-sta", (7.0, 9.0))["iou"] == 0


def test_a_split_without_moments_and_missing_videos_are_refused(videos: Path) -> None:
    with pytest.raises(CaptionError, match="qvhighlights, split val: its captions have no moments"):
        of_data_set(videos, "qvhighlights")
    split = Split(("turns", "gone"), tuple(Caption("left", name, ((0.0, 1.0),)) for name in ("turns", "gone")))
    files = find_videos(videos, split.videos)
    with pytest.raises(CaptionError, match="1 of 2 videos are missing: gone"):
        moments_of_split("charades-sta", "test", split, files, allow_missing=False)
    assert len(moments_of_split("charades-sta", "test", split, files, allow_missing=True).rows) == 1


def test_a_sentence_that_is_not_understood_is_wrong_and_named_by_its_line(videos: Path) -> None:
    rows = ["turns.mp4,it goes left,2,4", "turns.mp4,it is green,2,4"]
    found = evaluate_moments(BY_MOTION, load_moments(write(videos, *rows)), 2.0)
    document = found.to_json()
    assert (document["R1"]["IoU0.5"], document["not_understood"]) == (50.0, [3])
    assert document["distance_seconds"]["queries"] == 1
    assert "not understood (line 3): it is green" in found.lines()


def test_by_both_a_sentence_without_motion_words_is_found_by_appearance(videos: Path) -> None:
    encoder = Encoder.load("shapes", device="cpu", num_frames=2)
    moments = load_moments(write(videos, "turns.mp4,a red square,0,2", "turns.mp4,a red square goes left,2,4"))
    both = evaluate_moments(MomentEncoders(encoder, ToyMotion()), moments, 2.0).to_json()
    alone = evaluate_moments(MomentEncoders(encoder, None), moments, 2.0).to_json()
    assert both["rows"][0]["found"] == alone["rows"][0]["found"]
    assert both["rows"][0]["score"] == alone["rows"][0]["score"]
    assert both["rows"][1]["found"] == [2.0, 4.0]
    assert (both["by"], alone["by"], "motion" in alone) == ("both", "appearance", False)


def test_as_index_does_a_short_video_is_one_moment(videos: Path) -> None:
    found = evaluate_moments(BY_MOTION, load_moments(write(videos, "turns.mp4,it goes left,2,4"))).to_json()
    assert (found["moment_seconds"], found["moments"], found["rows"][0]["found"]) == (15.0, 1, [0.0, 4.0])


@pytest.mark.parametrize("span", ["4,5", "3,6"])
def test_a_truth_outside_of_its_video_is_refused_with_its_line(videos: Path, span: str) -> None:
    moments = load_moments(write(videos, "back.mp4,it goes left,0,2", f"turns.mp4,it goes left,{span}"))
    with pytest.raises(CaptionError, match=r"moments\.csv, line 3: .* is not inside turns\.mp4, which ends at 4\.00 s"):
        evaluate_moments(BY_MOTION, moments)


def test_a_video_that_cannot_be_read_is_an_error_that_names_it(videos: Path) -> None:
    (videos / "broken.mp4").write_text("no video")
    with pytest.raises(VideoError, match=r"broken\.mp4"):
        evaluate_moments(BY_MOTION, load_moments(write(videos, "broken.mp4,it goes left,0,2")))


def test_nothing_to_rank_by_is_refused() -> None:
    with pytest.raises(ValueError, match="an encoder of appearance, a motion encoder, or both"):
        MomentEncoders(None, None)
