"""Relevance: a hit is compared with what background sentences score, on its moment and in its library."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.library.folding import groups_of_hits
from deltaclip.library.relevance import (
    BANDS,
    Scale,
    bands,
    check_relevance,
    joined_shares,
    reaches,
    shares_of_motion,
)
from deltaclip.library.results import Hit, Relevance
from deltaclip.library.store import Sides
from tests.library.fakes import FakeEncoder, Shelf

DIMENSION = 64


def rows(seed: int, count: int, dimension: int = DIMENSION) -> NDArray[np.float32]:
    made = np.random.default_rng(seed).normal(size=(count, dimension))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


MOMENTS, BACKGROUND = rows(0, 400), rows(1, 200)


def relevance(scale: Scale, moments: NDArray[np.float32], query: NDArray[np.float32]) -> list[Relevance]:
    return bands(scale.shares(moments, np.asarray(moments @ query, np.float32)))


def test_a_moment_that_was_asked_for_is_high_and_others_are_none() -> None:
    scale = Scale.of(MOMENTS, BACKGROUND)
    query = unit(MOMENTS[3] + 0.5 * rows(2, 1)[0])
    assert relevance(scale, MOMENTS[[3, 5, 6]], query) == ["high", "none", "none"]


def test_unrelated_questions_fall_into_bands_as_often_as_background_sentences_do() -> None:
    scale = Scale.of(MOMENTS, BACKGROUND)
    best = [(int((MOMENTS @ query).argmax()), query) for query in rows(3, 1000)]
    found = [relevance(scale, MOMENTS[[number]], query)[0] for number, query in best]
    shares = {band: found.count(band) / len(found) for band in BANDS}
    assert shares["high"] == pytest.approx(0.05, abs=0.04)
    assert shares["high"] + shares["medium"] + shares["low"] == pytest.approx(0.3, abs=0.1)


def test_a_moment_that_scores_high_with_any_sentence_gets_no_credit_for_it() -> None:
    common = rows(4, 1)[0]  # what all sentences share
    likes_all = unit(MOMENTS[3] + 3 * common)
    scale = Scale.of(np.concatenate([MOMENTS, [likes_all]]), np.stack([unit(row + common) for row in BACKGROUND]))
    query = unit(rows(5, 1)[0] + common)
    assert likes_all @ query > (MOMENTS @ query).max()
    assert relevance(scale, likes_all[None], query) == ["none"]


def test_by_motion_a_text_is_compared_with_sentences_on_the_same_moment() -> None:
    moves, known = rows(5, 3, 16), rows(6, 50, 16)
    moves[1] = np.nan
    query = unit(moves[0] + 0.2 * rows(8, 1, 16)[0])
    scores = np.asarray(moves @ query, np.float32)
    shares = shares_of_motion(moves, scores, known)
    as_good = int((known @ moves[2] >= scores[2]).sum())
    assert shares.tolist() == pytest.approx([1 / 51, 1.0, (as_good + 1) / 51])
    assert bands(shares)[:2] == ["high", "none"]


def test_by_both_motion_counts_as_it_does_in_the_score() -> None:
    looks, moves = np.array([0.01, 0.01, 0.5]), np.array([0.01, 1.0, 0.01])
    assert joined_shares(looks, moves, 0.0).tolist() == pytest.approx(looks.tolist())
    assert bands(joined_shares(looks, moves, 1.0)) == ["high", "medium", "medium"]
    assert joined_shares(looks, moves, 0.25)[1] < joined_shares(looks, moves, 1.0)[1]


def test_bands_are_compared_best_first_and_unknown_ones_refused() -> None:
    assert [reaches(band, "medium") for band in BANDS] == [True, True, False, False]
    assert reaches(None, "high")
    check_relevance(None)
    check_relevance("low")
    with pytest.raises(ValueError, match="min_relevance is 'best': choose one of high, medium, low, none"):
        check_relevance("best")


def hit(path: str, start: float, end: float) -> Hit:
    return Hit(Path(path), start, end, 0.5, None, f"{path}{start}", path)


def test_copies_and_neighbours_that_look_the_same_are_one() -> None:
    one, other, mean = rows(9, 3)
    hits = [hit("a", 0, 15), hit("b", 0.2, 15.1), hit("a", 30, 45), hit("a", 15, 30), hit("c", 0, 15), hit("b", 40, 55)]
    vectors = np.stack([one, one, one, one, other, one])
    assert groups_of_hits(hits, Sides(vectors), mean) == [[0, 1, 2, 3], [4], [5]]  # 15-30 joins the two beside it


def test_what_looks_the_same_and_moves_otherwise_is_not_folded() -> None:
    one, mean = rows(9, 2)
    left, right = np.array([1, 0], np.float32), np.array([-1, 0], np.float32)
    hits = [hit("left", 0, 2), hit("right", 0, 2), hit("left again", 0, 2), hit("nobody knows", 0, 2)]
    sides = Sides(np.stack([one] * 4), np.stack([left, right, left, np.array([np.nan, np.nan], np.float32)]))
    assert groups_of_hits(hits[:3], Sides(sides.looks, sides.moves), mean) == [[0, 2], [1]]
    assert groups_of_hits(hits, Sides(sides.looks), mean) == [[0, 1, 2, 3]]


def test_what_looks_different_is_never_folded() -> None:
    hits = [hit("a", 0, 15), hit("a", 15, 30), hit("b", 0, 15)]
    assert groups_of_hits(hits, Sides(rows(9, 3)), np.zeros(DIMENSION, np.float32)) == [[0], [1], [2]]
    common = 30 * rows(10, 1)[0]  # what all moments of a library share does not make two of them alike
    vectors = np.stack([unit(row + common) for row in rows(9, 3)])
    assert (vectors @ vectors.T).min() > 0.99
    assert groups_of_hits(hits, Sides(vectors), unit(common)) == [[0], [1], [2]]
    assert groups_of_hits([], Sides(np.empty((0, 4), np.float32)), np.zeros(4, np.float32)) == []


def test_a_search_tells_relevance_leaves_out_what_is_less_and_folds_copies(shelf: Shelf) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        shelf.write(name, f"{name[0]} 20")
    shelf.write("copy of a.mp4", "a 20 ")  # other bytes, the same clips
    library = shelf.library
    library.index([shelf.videos])
    hits = library.search("a 3", limit=4)
    assert [(hit.path.name, hit.relevance) for hit in hits[:2]] == [("a.mp4", "high"), ("copy of a.mp4", "high")]
    assert {hit.relevance for hit in hits[2:]} <= {"low", "none"}
    assert library.search("a 3", limit=4, min_relevance="medium") == hits[:2]
    assert library.search("unknown 7", limit=4, min_relevance="high") == []
    [first, second] = library.search("a 3", limit=2, fold=True)
    assert (first, first.folded, first.relevance) == (hits[0], (hits[1],), "high")
    assert (second.start, second.path.name) != (45.0, "copy of a.mp4")
    assert library.search_each(["a 3"], 4)[0][0].relevance is None


def test_by_motion_and_after_a_commit_relevance_is_measured_anew(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 20")
    shelf.library.index([shelf.videos])
    [hit] = shelf.library.search("a 3 moving a 3", limit=1, by="motion")
    assert hit.relevance == "high"
    [hit] = shelf.library.search("a 3 moving a 3 1.0", limit=1)
    assert hit.relevance == "high"
    assert shelf.library.search("z 3", limit=1)[0].relevance in ("low", "medium", "none")
    shelf.write("z.mp4", "z 4")
    shelf.library.index([shelf.videos])
    assert shelf.library.search("z 3", limit=1)[0].relevance == "high"


def test_an_encoder_without_background_sentences_gives_hits_without_relevance(shelf: Shelf) -> None:
    class Bare(FakeEncoder):
        background_vectors = None  # type: ignore[assignment]

    shelf.write("a.mp4", "a 20")
    with shelf.open(Bare()) as library:
        library.index([shelf.videos])
        [hit] = library.search("a 3", limit=1, min_relevance="high")
    assert hit.relevance is None
