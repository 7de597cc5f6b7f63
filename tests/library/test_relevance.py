"""Relevance: a hit is compared with what background sentences score, on its moment and in its library."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.library.folding import groups_of_hits
from deltaclip.library.relevance import BANDS, Asked, Scale, Sides, check_relevance, reaches
from deltaclip.library.results import Hit

DIMENSION = 64


def rows(seed: int, count: int, dimension: int = DIMENSION) -> NDArray[np.float32]:
    made = np.random.default_rng(seed).normal(size=(count, dimension))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


MOMENTS, BACKGROUND = rows(0, 400), rows(1, 200)


def asked_for(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> Asked:
    return Asked(np.asarray(vectors @ query, np.float32))


def test_a_moment_that_was_asked_for_is_high_and_others_are_none() -> None:
    scale = Scale.of(Sides(MOMENTS), Sides(BACKGROUND))
    query = unit(MOMENTS[3] + 0.5 * rows(2, 1)[0])
    some = MOMENTS[[3, 5, 6]]
    assert scale.relevance(Sides(some), asked_for(some, query)) == ["high", "none", "none"]


def test_unrelated_questions_fall_into_bands_as_often_as_background_sentences_do() -> None:
    scale = Scale.of(Sides(MOMENTS), Sides(BACKGROUND))
    found = []
    for query in rows(3, 1000):
        best = int((MOMENTS @ query).argmax())
        [band] = scale.relevance(Sides(MOMENTS[[best]]), asked_for(MOMENTS[[best]], query))
        found.append(band)
    shares = {band: found.count(band) / len(found) for band in BANDS}
    assert shares["high"] == pytest.approx(0.05, abs=0.04)
    assert shares["high"] + shares["medium"] + shares["low"] == pytest.approx(0.3, abs=0.1)


def test_a_moment_that_scores_high_with_any_sentence_gets_no_credit_for_it() -> None:
    likes_all = unit(MOMENTS[3] + 3 * BACKGROUND.mean(axis=0) / np.linalg.norm(BACKGROUND.mean(axis=0)))
    moments = np.concatenate([MOMENTS, [likes_all]])
    scale = Scale.of(Sides(moments), Sides(BACKGROUND))
    some = moments[[400]]
    assert scale.relevance(Sides(some), asked_for(some, unit(BACKGROUND.mean(axis=0) + rows(4, 1)[0]))) == ["none"]


def test_by_both_a_moment_must_look_or_move_alike_and_one_without_motion_is_judged_by_its_looks() -> None:
    moves, known = rows(5, 400, 16), rows(6, 50, 16)
    moves[7] = np.nan
    scale = Scale.of(Sides(MOMENTS, moves), Sides(BACKGROUND, known), weight=1.0)
    looks, motion = unit(MOMENTS[3] + 0.2 * rows(2, 1)[0]), unit(moves[3] + 0.2 * rows(8, 1, 16)[0])
    numbers = [3, 4, 7]
    asked = Asked(MOMENTS[numbers] @ looks, moves[numbers] @ motion, 1.0)
    assert scale.relevance(Sides(MOMENTS[numbers], moves[numbers]), asked)[0] == "high"
    looks = unit(MOMENTS[7] + 0.1 * rows(2, 1)[0])
    asked = Asked(MOMENTS[numbers] @ looks, moves[numbers] @ motion, 1.0)
    bands = scale.relevance(Sides(MOMENTS[numbers], moves[numbers]), asked)
    assert bands[1] == "none"
    assert bands[2] == "high"


def test_by_motion_alone_a_moment_without_a_motion_vector_fits_nothing() -> None:
    moves, known = rows(5, 40, 16), rows(6, 50, 16)
    moves[7] = np.nan
    scale = Scale.of(Sides(None, moves), Sides(None, known))
    some = moves[[3, 7]]
    assert scale.relevance(Sides(None, some), Asked(None, some @ moves[3])) == ["high", "none"]


def test_bands_are_compared_best_first_and_unknown_ones_refused() -> None:
    assert [reaches(band, "medium") for band in BANDS] == [True, True, False, False]
    assert reaches(None, "high")
    check_relevance(None)
    check_relevance("low")
    with pytest.raises(ValueError, match="min_relevance is 'best': choose one of high, medium, low, none"):
        check_relevance("best")


def hit(path: str, start: float, end: float) -> Hit:
    return Hit(Path(path), start, end, 0.5, None, f"{path}{start}")


def test_copies_and_neighbours_that_look_the_same_are_one() -> None:
    one, other = rows(9, 2)
    hits = [hit("a", 0, 15), hit("b", 0.2, 15.1), hit("a", 30, 45), hit("a", 15, 30), hit("c", 0, 15), hit("b", 40, 55)]
    vectors = np.stack([one, one, one, one, other, one])
    assert groups_of_hits(hits, vectors) == [[0, 1, 2, 3], [4], [5]]  # 15-30 joins the two beside it


def test_what_looks_different_is_never_folded() -> None:
    hits = [hit("a", 0, 15), hit("a", 15, 30), hit("b", 0, 15)]
    assert groups_of_hits(hits, rows(9, 3)) == [[0], [1], [2]]
    assert groups_of_hits([], np.empty((0, 4), np.float32)) == []
