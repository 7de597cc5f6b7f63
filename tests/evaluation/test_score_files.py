"""Scores with names: read by themselves or as those of a split, written and read again, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltaclip.captions import Caption, Split
from deltaclip.errors import CaptionError
from deltaclip.evaluation import (
    DualSoftmax,
    ScoresEvaluation,
    SplitToRank,
    compare_saved,
    evaluate_similarity,
    save_ranks,
    save_scores,
    save_trec,
    saved_ranks,
)
from deltaclip.evaluation.runs import read_ranks
from deltaclip.evaluation.score_files import read_scores, write_scores
from deltaclip.ranking import matrix_blocks

IDS = ("a", "b", "c")
SAID = (("a red car", "a"), ("it stops", "b"), ("it stops", "c"), ("a red car", "a"), ("a dog", "c"))
SPLIT = Split(IDS, tuple(Caption(text, video) for text, video in SAID))
OWNER = np.array([0, 1, 2, 0, 2])
SCORES = np.round(np.random.default_rng(3).random((5, 3)), 3)
WANTED = [1 + int((row > row[own]).sum()) for row, own in zip(SCORES, OWNER, strict=True)]


def of_split(*, allow_missing: bool = False, split: Split = SPLIT) -> SplitToRank:
    return SplitToRank("drawn", "test", split, allow_missing)


def table(path: Path, head: str, rows: list[list[str]]) -> Path:
    path.write_text("\n".join([head, *(",".join(row) for row in rows)]) + "\n")
    return path


def ranks_by_query(result: ScoresEvaluation) -> dict[str, int]:
    saved = saved_ranks(result)
    return dict(zip(saved.queries, saved.ranks.tolist(), strict=True))


BY_QUERY = dict(zip(("a#0", "b#0", "c#0", "a#1", "c#1"), WANTED, strict=True))


def test_an_npy_has_the_order_of_the_split(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", SCORES)
    assert ranks_by_query(evaluate_similarity(tmp_path / "s.npy", of_split())) == BY_QUERY


@pytest.mark.parametrize("by", ["names", "texts and videos"])
def test_rows_and_columns_of_a_table_come_in_any_order(tmp_path: Path, by: str) -> None:
    rows, columns = np.random.default_rng(0).permutation(5), [2, 0, 1]
    names = list(BY_QUERY)
    cells = [[f"{SCORES[row, column]}" for column in columns] for row in rows]
    videos = ",".join(IDS[column] for column in columns)
    if by == "names":
        file = table(tmp_path / "s.csv", f"query,{videos}", [[names[row], *cells[n]] for n, row in enumerate(rows)])
    else:
        told = [[*SAID[row][::-1], *cells[n]] for n, row in enumerate(rows)]
        file = table(tmp_path / "s.csv", f"video,text,{videos}", told)
    found = ranks_by_query(evaluate_similarity(file, of_split()))
    if by == "names":
        assert found == BY_QUERY
    else:  # which of two equal captions of one video is which does not matter
        assert sorted(found.values()) == sorted(BY_QUERY.values())
        assert {name: found[name] for name in ("b#0", "c#0", "c#1")} == {
            name: BY_QUERY[name] for name in ("b#0", "c#0", "c#1")
        }


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".tsv"])
def test_what_is_written_is_read_again_with_the_same_ranks(tmp_path: Path, suffix: str) -> None:
    names = ('a,"1"', "b\t2", "c 3")
    split = Split(names, tuple(Caption(text + "\n!", names[own]) for (text, _), own in zip(SAID, OWNER, strict=True)))
    np.save(tmp_path / "s.npy", SCORES.astype(np.float32))
    first = evaluate_similarity(tmp_path / "s.npy", of_split(split=split))
    file = tmp_path / f"again{suffix}"
    save_scores(file, first)
    for second in (evaluate_similarity(file), evaluate_similarity(file, of_split(split=split))):
        one, other = saved_ranks(first), saved_ranks(second)
        assert (one.queries, one.videos, one.texts) == (other.queries, other.videos, other.texts)
        assert one.ranks.tolist() == other.ranks.tolist()
        assert second.retrieval == first.retrieval
    by_itself = evaluate_similarity(file).protocol
    assert by_itself.dataset == ("drawn" if suffix == ".npz" else None)


def test_anybodys_scores_are_compared_and_saved_as_runs(tmp_path: Path) -> None:
    np.save(tmp_path / "ours.npy", SCORES)
    np.save(tmp_path / "theirs.npy", np.eye(3)[OWNER])
    for name in ("ours", "theirs"):
        result = evaluate_similarity(tmp_path / f"{name}.npy", of_split())
        save_ranks(tmp_path / f"{name}.ranks", result)
        assert (save_trec(tmp_path / f"{name}.run", result)).read_text().count("\n") == 5
        assert (tmp_path / f"{name}.run").read_text().count("\n") == 15
    ours, theirs = (read_ranks(tmp_path / f"{name}.ranks") for name in ("ours", "theirs"))
    overall = compare_saved(("ours", "theirs"), ours, theirs).overall
    assert overall.wins == 0
    assert overall.losses == sum(rank > 1 for rank in WANTED)


def test_dual_softmax_is_what_it_is_for_vectors(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", SCORES)
    result = evaluate_similarity(tmp_path / "s.npy", of_split(), DualSoftmax(20.0))
    weighed = SCORES * np.exp(20 * SCORES) / np.exp(20 * SCORES).sum(axis=0)
    wanted = [1 + int((row > row[own]).sum()) for row, own in zip(weighed, OWNER, strict=True)]
    assert list(ranks_by_query(result).values()) == wanted
    assert result.protocol.marks == ("post-processing dsl (temperature 20)",)


def test_clips_of_one_group_are_drawn_together(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", SCORES)
    grouped = evaluate_similarity(tmp_path / "s.npy", of_split(split=Split(IDS, SPLIT.captions, ("x", "x", "y"))))
    assert grouped.intervals.groups == 2
    assert evaluate_similarity(tmp_path / "s.npy", of_split()).intervals.groups is None
    np.savez(tmp_path / "s.npz", similarity=SCORES, owner=OWNER, groups=np.array(["x", "x", "y"]))
    assert evaluate_similarity(tmp_path / "s.npz").intervals.groups == 2


def test_a_part_of_the_videos_is_refused_or_marked(tmp_path: Path) -> None:
    file = table(
        tmp_path / "s.csv", "query,c,a", [[name, *map(str, SCORES[row, [2, 0]])] for row, name in enumerate(BY_QUERY)]
    )
    with pytest.raises(CaptionError, match="1 of 3 videos of drawn, split test have no scores: b"):
        evaluate_similarity(file, of_split())
    result = evaluate_similarity(file, of_split(allow_missing=True))
    assert result.missing == ("b",)
    assert result.protocol.marks == ("1 of 3 videos missing, with 1 of 5 captions",)
    part = SCORES[:, [2, 0]]
    wanted = {
        name: 1 + int((part[row] > part[row, 1 if own == 0 else 0]).sum())
        for row, (name, own) in enumerate(zip(BY_QUERY, OWNER, strict=True))
        if own != 1
    }
    assert ranks_by_query(result) == wanted


ROWS = [[name, "1", "0", "0"] for name in BY_QUERY]
REFUSED: list[tuple[str, list[list[str]], str]] = [
    (
        "query,a,b,d",
        ROWS,
        r"1 of 3 videos are not in drawn, split test: d\. Name them as .*, such as 'a'",
    ),
    ("query,a,b,b", ROWS, "two videos are named 'b'"),
    ("query,a,b,c", ROWS[:3], "2 of 5 queries of drawn, split test have no scores: a#1, c#1"),
    ("query,a,b,c", [*ROWS, ROWS[0]], "row 5 .* is of 'a#0', which drawn, split test does not have"),
    ("query,a,b,c", [*ROWS[:4], ["z#0", "1", "0", "0"]], "1 of 5 queries are not in drawn, split test: z#0"),
    ("query,a,b,c", [*ROWS[:4], ["c#1", "1", "0"]], "line 6: 3 cells, where the first line has 4"),
    ("query,a,b,c", [*ROWS[:4], ["c#1", "1", "zero", "0"]], "line 6: the score of 'b' is 'zero', not a number"),
    ("query,a,b,c", [*ROWS[:4], ["c#1", "1", "nan", "0"]], "NaN in row 4, column 1"),
    ("query,a,b,c", [], "no query below its first line"),
    ("a,b,c", [["1", "0", "0"]], "line 1: its first line does not name a column `query`"),
    (",0.5,0.25,0.5", ROWS, "line 1: its first line holds the scores 0.5, 0.25, 0.5, not names"),
    ("query,a#0,b#0,c#0,a#1,c#1", [[each, "1", "0", "0", "0", "0"] for each in IDS], "its columns are captions"),
    ("query,a,b,c", [[text, "1", "0", "0"] for text, _ in SAID], "'it stops' belongs to several videos of drawn"),
]


@pytest.mark.parametrize(("head", "rows", "found"), REFUSED)
def test_a_table_that_does_not_fit_the_split_is_refused(
    tmp_path: Path, head: str, rows: list[list[str]], found: str
) -> None:
    file = table(tmp_path / "s.csv", head, rows)
    with pytest.raises(CaptionError, match=found):
        evaluate_similarity(file, of_split())


def test_the_column_of_videos_must_say_what_the_split_says(tmp_path: Path) -> None:
    rows = [[name, "b", "1", "0", "0"] for name in BY_QUERY]
    with pytest.raises(CaptionError, match=r"query 0 .* belongs to 'a', but its column `video` says 'b'"):
        evaluate_similarity(table(tmp_path / "s.csv", "query,video,a,b,c", rows), of_split())
    np.savez(tmp_path / "s.npz", similarity=SCORES, owner=OWNER[::-1], queries=list(BY_QUERY), videos=IDS)
    with pytest.raises(CaptionError, match=r"owner\[0\] is 2, but that caption of drawn, .* belongs to column 0"):
        evaluate_similarity(tmp_path / "s.npz", of_split())


def test_a_transposed_matrix_is_told(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", SCORES.T)
    with pytest.raises(CaptionError, match="It is transposed"):
        evaluate_similarity(tmp_path / "s.npy", of_split())


def test_infinite_scores_have_a_rank_but_no_softmax(tmp_path: Path) -> None:
    low = np.where(SCORES < 0.2, -np.inf, SCORES)
    np.save(tmp_path / "s.npy", low)
    assert evaluate_similarity(tmp_path / "s.npy", of_split()).t2v.queries == 5
    with pytest.raises(CaptionError, match="infinite in row"):
        evaluate_similarity(tmp_path / "s.npy", of_split(), DualSoftmax())


def test_a_table_by_itself_says_whose_each_query_is(tmp_path: Path) -> None:
    named = table(tmp_path / "named.csv", "query,a,b,c", ROWS)
    assert evaluate_similarity(named).scored.named.owner.tolist() == OWNER.tolist()
    untold = table(tmp_path / "untold.csv", "query,a,b,c", [["x", "1", "0", "0"], ["y", "1", "0", "0"]])
    with pytest.raises(CaptionError, match="nothing says to which video each text belongs"):
        evaluate_similarity(untold)
    wrong = table(tmp_path / "wrong.csv", "query,video,a,b,c", [["x", "z", "1", "0", "0"]])
    with pytest.raises(CaptionError, match="1 cells of its column `video` name no column of scores: z"):
        evaluate_similarity(wrong)


def test_another_suffix_is_not_written(tmp_path: Path) -> None:
    told: Any = {"texts": None, "groups": None, "protocol": {}}
    with pytest.raises(ValueError, match=r"\.txt is not one of"):
        write_scores(tmp_path / "s.txt", matrix_blocks(SCORES, OWNER)(), OWNER, IDS, tuple(BY_QUERY), **told)


def test_a_transposed_file_whose_captions_repeat_is_told(tmp_path: Path) -> None:
    captions, videos = np.array(["a dog", "a dog"]), np.array(["a", "b"])
    np.savez(tmp_path / "s.npz", similarity=np.eye(2), videos=captions, queries=videos)
    with pytest.raises(CaptionError, match=r"'a dog'.*save the transpose"):
        read_scores(tmp_path / "s.npz")
