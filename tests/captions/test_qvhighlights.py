"""QVHighlights: queries about moments."""

import json
from pathlib import Path
from typing import Any

import pytest

from deltaclip.captions import load_captions
from tests.captions.drawn import refusal, write

QUERY = {
    "qid": 1,
    "query": "a dog runs",
    "duration": 150,
    "vid": "Rori_60.0_210.0",
    "relevant_windows": [[0, 28], [40, 42.5]],
}


def jsonl(*rows: dict[str, Any]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def test_each_query_names_its_video_and_keeps_its_windows(tmp_path: Path) -> None:
    write(tmp_path, highlight_val_release__jsonl=jsonl(QUERY, QUERY | {"qid": 2, "query": "it sits"}))
    split = load_captions("qvhighlights", tmp_path).splits["val"]
    assert split.videos == ("Rori_60.0_210.0",)
    assert split.captions is not None
    assert [(caption.text, caption.windows) for caption in split.captions] == [
        ("a dog runs", ((0.0, 28.0), (40.0, 42.5))),
        ("it sits", ((0.0, 28.0), (40.0, 42.5))),
    ]


def test_videos_of_one_film_are_a_group(tmp_path: Path) -> None:
    names = ("_6hnl_BrFvs_360.0_510.0", "wFVkOVSNrEU_60.0_210.0", "_6hnl_BrFvs_60.0_210.0")
    rows = [QUERY | {"qid": number, "vid": name} for number, name in enumerate(names)]
    write(tmp_path, highlight_val_release__jsonl=jsonl(*rows))
    assert load_captions("qvhighlights", tmp_path).splits["val"].groups == ("_6hnl_BrFvs", "wFVkOVSNrEU", "_6hnl_BrFvs")


def test_the_test_file_has_no_windows(tmp_path: Path) -> None:
    row = {key: value for key, value in QUERY.items() if key != "relevant_windows"}
    write(tmp_path, highlight_test_release__jsonl=jsonl(row) + "\n\n")
    found = load_captions("qvhighlights", tmp_path)
    assert found.splits["test"].captions is not None
    assert found.splits["test"].captions[0].windows == ()
    assert "test: 1 queries with no moments from highlight_test_release.jsonl." in found.notes


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"qid": 1}, "qid 1 is listed twice, first in line 1"),
        ({"qid": None}, "qid is missing or not a number"),
        ({"query": " "}, "query is empty"),
        ({"vid": None}, "vid is missing"),
        ({"relevant_windows": [[3, 2]]}, "3 to 2 is not a span of time"),
        ({"relevant_windows": [[0, "end"]]}, "0 to 'end' is not a span of time"),
        ({"relevant_windows": [3]}, "relevant_windows is not a list of pairs"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path: Path, change: dict[str, Any], found: str) -> None:
    write(tmp_path, highlight_val_release__jsonl=jsonl(QUERY, QUERY | {"qid": 2} | change))
    error = refusal("qvhighlights", tmp_path)
    assert (error.what, error.found) == (f"{tmp_path / 'highlight_val_release.jsonl'}, line 2", found)
