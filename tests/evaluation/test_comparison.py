"""Two systems on the same queries: hand-made ranks, and the page that shows them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import CaptionError
from deltaclip.evaluation.comparison import compare_saved
from deltaclip.evaluation.comparison_report import comparison_page
from deltaclip.evaluation.runs import SavedRanks
from tests.helpers import write_square, write_wide

TEXTS = ("a man runs", "a kitchen", "<b>hello</b>", "he jumps")


def saved(ranks: list[int], texts: tuple[str, ...] | None = TEXTS, queries: str = "abcd") -> SavedRanks:
    found = tuple(((f"found by {rank}", 0.5),) for rank in ranks)
    videos = ("v1", "v1", "v2", "v3")
    return SavedRanks("t2v", tuple(queries), videos, np.array(ranks), texts, found)


def test_differences_wins_and_losses_by_hand() -> None:
    compared = compare_saved(("A", "B"), saved([1, 2, 10, 1]), saved([10, 2, 1, 2]))
    assert compared.overall.metrics["R1"].difference == 25
    assert compared.overall.metrics["MnR"].difference == -0.25
    assert (compared.overall.wins, compared.overall.losses, compared.overall.ties) == (2, 1, 1)
    assert [(pair.query, pair.first, pair.second) for pair in compared.wins] == [("a", 1, 10), ("d", 1, 2)]
    assert [(pair.query, pair.first_found) for pair in compared.losses] == [("c", "found by 10")]


def test_captions_are_split_by_motion_verbs_and_static_nouns() -> None:
    compared = compare_saved(("A", "B"), saved([1, 2, 10, 1]), saved([10, 2, 1, 2]))
    assert {kind: part.queries for kind, part in compared.by_kind.items()} == {"motion": 2, "static": 1, "neither": 1}
    assert compared.by_kind["motion"].metrics["R1"].difference == 100


def test_the_order_of_the_second_file_does_not_matter() -> None:
    first, second = saved([1, 2, 3, 4]), saved([5, 6, 7, 8])
    turned = SavedRanks("t2v", second.queries[::-1], second.videos[::-1], second.ranks[::-1], None)
    assert compare_saved(("A", "B"), first, turned).to_json() == compare_saved(("A", "B"), first, second).to_json()


def test_without_texts_there_are_no_kinds() -> None:
    compared = compare_saved(("A", "B"), saved([1, 2, 10, 1], None), saved([10, 2, 1, 2], None))
    assert compared.to_json()["by_kind"] == {}


def test_texts_that_only_the_second_knows_are_used() -> None:
    compared = compare_saved(("A", "B"), saved([1, 2, 10, 1], None), saved([10, 2, 1, 2]))
    assert compared.wins[0].text == "a man runs"


def test_other_queries_are_refused_and_one_of_them_is_named() -> None:
    with pytest.raises(CaptionError, match="'d' among them"):
        compare_saved(("A", "B"), saved([1, 2, 3, 4]), saved([1, 2, 3, 4], queries="abcz"))


PLAIN = {"dataset": "msvd", "split": "test", "videos": 3, "missing": 0, "post": None, "marks": [], "motion": "full"}
DSL = "post-processing dsl (temperature 100)"
WITH_DSL = PLAIN | {"post": {"name": "dsl", "temperature": 100.0}, "marks": [DSL], "motion": None}


def test_marks_and_protocols_of_both_sides_stay_with_the_figures() -> None:
    ours = replace(saved([1, 2, 10, 1]), protocol=WITH_DSL)
    theirs = replace(saved([10, 2, 1, 2]), protocol=PLAIN)
    compared = compare_saved(("A", "B"), ours, theirs)
    assert compared.marked == (f"A [{DSL}]", "B")
    assert compared.protocols == (WITH_DSL, PLAIN)
    page = comparison_page([compared], {})
    assert f"A [{DSL}] against B" in page
    assert page.count("dataset msvd, split test, videos 3, missing 0") == 2
    assert "mask full" in page
    assert f"note: {DSL}" in page


@pytest.mark.parametrize(("part", "other"), [("dataset", "msrvtt"), ("split", "val"), ("videos", 4)])
def test_ranks_among_other_videos_are_refused_with_both_names(part: str, other: object) -> None:
    ours = replace(saved([1, 2, 3, 4]), protocol=PLAIN)
    theirs = replace(ours, protocol=PLAIN | {part: other})
    with pytest.raises(CaptionError, match=rf"^A and B: .*{part} {PLAIN[part]} against {other}\."):
        compare_saved(("A", "B"), ours, theirs)


def test_a_part_that_one_file_does_not_say_is_no_difference() -> None:
    ours = replace(saved([1, 2, 3, 4]), protocol={"dataset": "msvd"})
    assert compare_saved(("A", "B"), ours, saved([1, 2, 3, 4])).overall.ties == 4


def test_the_page_shows_figures_queries_and_pictures_in_one_file(tmp_path: Path) -> None:
    compared = compare_saved(("A", "<B>"), saved([1, 2, 10, 1]), saved([10, 2, 1, 2]))
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    files = {"v1": write_square(tmp_path / "v1.mp4"), "v2": write_wide(tmp_path / "v2.mp4"), "v3": broken}
    page = comparison_page([compared], files)
    assert page.count("<img src='data:image/jpeg;base64,") == 2
    assert "no picture: not a video that FFmpeg can open" in page
    assert "&lt;b&gt;hello&lt;/b&gt;" in page
    assert "<b><b>" not in page
    assert "&lt;B&gt;" in page
    assert "+25.00" in page
    assert "http" not in page


def test_twins_are_exchanged_together() -> None:
    # all gains of a group have one sign, so two groups can be exchanged in 4 ways, and 2 of these are as large
    first, second = saved([1, 1, 1, 1]), saved([2, 2, 2, 2])
    twins = replace(first, groups=("one", "one", "one", "two"))
    compared = compare_saved(("A", "B"), twins, second)
    assert compared.drawn == "2 groups of videos"
    assert compared.overall.metrics["R1"].p_value == pytest.approx(0.5, abs=0.02)
    assert compare_saved(("A", "B"), first, second).overall.metrics["R1"].p_value == pytest.approx(0.25, abs=0.02)
    assert compare_saved(("A", "B"), second, twins).overall.clusters == 2


def test_files_that_group_the_videos_differently_are_refused() -> None:
    first = replace(saved([1, 2, 3, 4]), groups=("g", "g", "g", "h"))
    with pytest.raises(CaptionError, match="group the videos differently"):
        compare_saved(("A", "B"), first, replace(first, groups=("g", "g", "h", "h")))
