"""Ranks on disk come back as they were, whatever the names hold, and damage is named by its line."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaclip.errors import CaptionError
from deltaclip.evaluation.runs import (
    SavedRanks,
    _fields,
    align_ranks,
    named_candidates,
    read_ranks,
    write_qrels,
    write_ranks,
    write_trec,
)
from deltaclip.ranking import top_candidates

NAMES = ("-a b.mp4", 'quote"s,\n', "näm%e\u00a0x", "\udcff.mp4")
SAVED = SavedRanks(
    "t2v",
    queries=NAMES,
    videos=("v1", "v1", "-v 2", "v3"),
    ranks=np.array([1, 7, 2, 1000]),
    texts=("a man runs", "", "two\nlines", "ünïcode"),
    candidates=((("v1", 0.5), ("-v 2", -0.25)), (("v3", 0.125),), (), (("v1", float(np.float32(0.1))),)),
    protocol={"post": "none", "frames": 12},
    groups=("g 1", "g 1", "", "ü"),
)


def same(first: SavedRanks, second: SavedRanks) -> bool:
    fields = ("direction", "queries", "videos", "texts", "candidates", "protocol", "groups")
    return all(getattr(first, name) == getattr(second, name) for name in fields) and bool(
        (first.ranks == second.ranks).all()
    )


@pytest.mark.parametrize(
    "saved", [SAVED, replace(SAVED, texts=None, candidates=None, protocol={}, direction="v2t", groups=None)]
)
def test_saved_ranks_come_back(tmp_path: Path, saved: SavedRanks) -> None:
    write_ranks(tmp_path / "r.jsonl", saved)
    assert same(read_ranks(tmp_path / "r.jsonl"), saved)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    write_ranks(tmp_path / "r.jsonl", SAVED)
    text = (tmp_path / "r.jsonl").read_text()
    (tmp_path / "w.jsonl").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert same(read_ranks(tmp_path / "w.jsonl"), SAVED)


HEAD = {"format": "deltaclip ranks 1", "direction": "t2v", "queries": 2}
LINE = {"query": "q", "video": "v", "rank": 1}
BROKEN = [
    ([], "line 1: not json"),
    ([{"format": "other"}], "line 1: not the head"),
    ([HEAD | {"direction": "up"}], "line 1: not the head"),
    ([[1]], "line 1: not a json object"),
    ([HEAD | {"protocol": 3}], "line 1: its protocol is not a json object"),
    ([HEAD | {"protocol": {"a": float("inf")}}], "line 1: its protocol has a number"),
    ([HEAD, LINE], "1 queries, but its header says 2"),
    ([HEAD, LINE, LINE], "line 3: query 'q' again"),
    ([HEAD, LINE, LINE | {"rank": 0}], "line 3: lacks a query, a video or a rank"),
    ([HEAD, LINE | {"rank": True}], "line 2: lacks a query, a video or a rank"),
    ([HEAD, LINE | {"rank": 1.5}], "line 2: lacks a query, a video or a rank"),
    ([HEAD, {"query": "q", "rank": 1}], "line 2: lacks a query, a video or a rank"),
    ([HEAD, LINE | {"text": 3}], "line 2: its text"),
    ([HEAD, LINE | {"group": 3}], "line 2: its group"),
    ([HEAD, LINE | {"candidates": [["v"]]}], "line 2: its candidates"),
]


@pytest.mark.parametrize(("lines", "found"), BROKEN)
def test_damage_is_named_by_its_line(tmp_path: Path, lines: list[object], found: str) -> None:
    (tmp_path / "r.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    with pytest.raises(CaptionError, match=rf"r\.jsonl.*{found}"):
        read_ranks(tmp_path / "r.jsonl")


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_bytes(b"\xff\xfe\x00")
    for name in ("r.jsonl", "none.jsonl"):
        with pytest.raises(CaptionError, match="cannot be read as text"):
            read_ranks(tmp_path / name)


def test_two_files_are_brought_to_one_order_of_queries() -> None:
    order = [2, 0, 3, 1]
    queries, videos = (tuple(part[i] for i in order) for part in (NAMES, SAVED.videos))
    other = SavedRanks("t2v", queries, videos, np.array([5, 6, 7, 8]))
    first, second, groups = align_ranks(SAVED, other)
    assert (first.tolist(), second.tolist()) == ([1, 7, 2, 1000], [6, 8, 5, 7])
    assert groups[0] == groups[1]
    assert len(set(groups.tolist())) == 3


def test_files_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(CaptionError, match="one file is of t2v, the other of v2t"):
        align_ranks(SAVED, replace(SAVED, direction="v2t"))
    with pytest.raises(CaptionError, match="2 queries are in only one"):
        align_ranks(SAVED, replace(SAVED, queries=(*NAMES[:3], "new")))
    with pytest.raises(CaptionError, match="belongs to 'v1' in one file and to 'v9'"):
        align_ranks(SAVED, replace(SAVED, videos=("v9", *SAVED.videos[1:])))


def test_columns_of_other_lengths_and_names_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="3 videos for 4 queries"):
        replace(SAVED, videos=("a", "b", "c"))
    with pytest.raises(ValueError, match="one name"):
        replace(SAVED, queries=("a", "a", "b", "c"))


def test_candidates_are_named_in_the_order_of_the_queries() -> None:
    blocks = [(np.array([1]), np.array([[0.0, 1.0, 0.5]])), (np.array([0]), np.array([[3.0, 1.0, 2.0]]))]
    named = named_candidates(top_candidates(blocks, 2), ("a", "b", "c"), 2)
    assert named == ((("a", 3.0), ("c", 2.0)), (("b", 1.0), ("c", 0.5)))


def test_a_trec_run_and_its_truth(tmp_path: Path) -> None:
    block = np.arange(2), np.array([[0.1, 0.9, 0.3], [0.2, 0.1, 0.0]], np.float32)
    run, qrels = tmp_path / "run", tmp_path / "qrels"
    write_trec(run, top_candidates([block], 2), ("q 1", "-q2"), ("50%.mp4", "-v", "c d\u2003e"), tag="my run")
    write_qrels(qrels, [("q 1", "-v"), ("-q2", "50%.mp4")])
    assert run.read_text(encoding="utf-8").splitlines() == [
        "q%201 Q0 -v 1 0.899999976 my%20run",
        "q%201 Q0 c%20d%E2%80%83e 2 0.300000012 my%20run",
        "-q2 Q0 50%25.mp4 1 0.200000003 my%20run",
        "-q2 Q0 -v 2 0.100000001 my%20run",
    ]
    assert qrels.read_text() == "q%201 0 -v 1\n-q2 0 50%25.mp4 1\n"


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=4, unique=True))
def test_a_field_holds_no_white_space_and_no_two_names_become_one(names: list[str]) -> None:
    fields = _fields(names)
    assert all(field.split() == [field] for field in fields)
    assert len(set(fields)) == len(names)


def test_a_candidate_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptionError, match="without a name"):
        write_qrels(tmp_path / "q", [("q", "")])
