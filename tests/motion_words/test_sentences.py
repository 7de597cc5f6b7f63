"""Sentences as they are read, and as they are made."""

import re
from itertools import product

import numpy as np
import pytest

from deltaclip.motion_words import (
    CONCEPTS,
    MAX_WORDS,
    OTHER,
    all_claims,
    empty_sentence,
    modifiers_in,
    new_scene,
    phrases_in,
    read_sentence,
    sentence_about,
    stacked,
    truths,
    vocabulary,
)
from deltaclip.motion_words.phrases import phrases

RATES = np.full(len(CONCEPTS), 0.05, np.float32)


def bases(text: str) -> list[str]:
    return [vocabulary()[number] for number in read_sentence(text).ids]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("A car drives off to the LEFT.", ["car", "drive", "off", "to", "left"]),
        ("the old red lorry was driving leftwards", ["*", "be", "drive", "left"]),
        ("two girls ran", ["two", "*", "run"]),
        ("Zooming in on the house", ["zoom", "in", "on", "*"]),
        ("it turns anti-clockwise", ["it", "turn", "counterclockwise"]),
        ("left-to-right", ["left", "to", "right"]),
        ("ein Hund läuft", ["*"]),
        ("the red circle moves to the left", ["*", "move", "to", "left"]),
        ("the circle is red", ["circle", "be", "*"]),
        ("a finger draws a red circle", ["*", "draw", "*", "circle"]),
        ("a dog runs in a circle", ["dog", "run", "in", "circle"]),
        ("it is moving", ["it", "be", "move"]),
        ("a boy's hat", ["*", "hat"]),
        ("", []),
    ],
)
def test_words_are_read_by_their_base_forms_and_unknown_ones_are_alike(text: str, read: list[str]) -> None:
    known = set(vocabulary())
    assert bases(text) == [word if word in known else "*" for word in read]


def test_a_different_noun_makes_the_same_sentence() -> None:
    assert read_sentence("a lorry drives off").ids == read_sentence("the very old grey elephant drives off").ids


def test_words_are_kept_as_they_were_typed() -> None:
    assert read_sentence("Somebody Jumped up").words == ("Somebody", "Jumped", "up")


def test_who_is_sitting_does_not_sit_down() -> None:
    assert bases("a man is sitting") != bases("a man is sat")
    assert bases("a man sits") == bases("a man sat")


def test_a_long_sentence_is_cut() -> None:
    assert len(read_sentence("left right " * 40).ids) == MAX_WORDS


def test_a_made_sentence_claims_only_what_is_true_of_its_scene() -> None:
    random = np.random.default_rng(0)
    for _ in range(300):
        truth = truths(new_scene(random))
        made = sentence_about(truth, RATES, random)
        assert made.claims
        assert all(truth[claim] == 1 for claim in made.claims)
        assert any(made.spoken)
        assert not any(spoken for number, spoken in zip(made.ids, made.spoken, strict=True) if number == OTHER)


def test_an_empty_sentence_claims_nothing_and_speaks_of_nothing() -> None:
    random = np.random.default_rng(0)
    for _ in range(100):
        made = empty_sentence(random)
        assert not made.claims
        assert not any(made.spoken)
        assert made.ids


def test_every_phrase_claims_concepts_that_exist_and_every_concept_has_a_phrase() -> None:
    claimed = all_claims()
    assert claimed.any(1).all()
    unsaid = {CONCEPTS[number] for number in np.flatnonzero(~claimed.any(0))}
    told_of_movers = {*phrases().movers, *phrases().modifiers}
    diagonal = {
        f"{order}_{way}" for order in ("first", "then") for way in ("up_left", "up_right", "down_left", "down_right")
    }
    assert unsaid <= told_of_movers | diagonal


def test_every_phrase_is_found_in_a_sentence_whatever_word_stands_for_its_classes() -> None:
    unfound = {
        text
        for templates in phrases().said.values()
        for template in templates
        for words in product(*(phrases().classes[name] for name in re.findall(r"\{([A-Z]+)\}", template)))
        if not phrases_in(read_sentence(f"somebody {(text := filled(template, words))}").ids)
    }
    # In these a figure comes before a word on motion, and is who moves.
    assert unfound == {"cross shot", "cross in opposite direction"}


def told_in(text: str) -> set[str]:
    """The words of all phrases that a sentence has, whatever a network thinks of them."""
    read = read_sentence(text)
    return {read.words[place] for phrase in phrases_in(read.ids) for place in phrase}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a car goes right up the hill", {"goes", "right", "up"}),
        ("he moves to the left and then back to the right", {"moves", "to", "left", "then", "back", "right"}),
        ("she sits down", {"sits", "down"}),
        ("the man takes a seat", {"takes", "seat"}),
        ("the camera turns around", {"camera", "turns", "around"}),
        ("two cars cross each other", {"cross", "each", "other"}),
        ("birds circle around the tower", {"circle", "around"}),
        ("a crowd swims in a pool", {"swims"}),
        ("somebody swims in", {"swims", "in"}),
        ("it is lifted", {"is", "lifted"}),
        ("clockwise", {"clockwise"}),
        ("a man talks about his new car", set()),
        ("people talk to each other", set()),
        ("a woman cooks up some food", set()),
        ("there is somebody in a white top", set()),
        ("he describes three different numbers", set()),
    ],
)
def test_words_are_on_motion_where_they_make_up_a_phrase(text: str, told: set[str]) -> None:
    assert told_in(text) == told


def test_a_modifier_is_one_of_several_words() -> None:
    assert modifiers_in(read_sentence("it walks in slow motion").ids)
    assert not modifiers_in(read_sentence("it walks").ids)


@pytest.mark.parametrize(
    ("text", "motion"),
    [
        ("a child on a swing", []),
        ("a child swings", ["swing"]),
        ("the leaves fall", ["fall"]),
        ("she leaves", ["leave"]),
        ("full of leaves", []),
        ("a rock band", []),
        ("the boat rocks", ["rock"]),
        ("a large blue wave is seen", []),
        ("a man waves", ["wave"]),
        ("he takes a step", ["step"]),
        ("a finger draws a tick", ["tick"]),
        ("on a step", []),
        ("children slide on the ice", ["slide"]),
        ("a plastic slide is there", []),
        ("a fall", ["fall"]),
        ("the fall of a leaf", []),
        ("she goes over the waves in the water", []),
        ("he goes for a drive", ["drive"]),
    ],
)
def test_a_word_on_motion_may_name_a_thing(text: str, motion: list[str]) -> None:
    assert [word for word in bases(text) if word in phrases().things] == motion


@pytest.mark.parametrize("word", ["movies", "partly", "closely", "openly"])
def test_a_word_that_only_looks_like_a_form_of_another_is_unknown(word: str) -> None:
    assert read_sentence(word).ids == (OTHER,)


def filled(template: str, words: tuple[str, ...]) -> str:
    """A template with these words in place of its classes, and a thing that is not known in place of *."""
    for word in words:
        template = re.sub(r"\{[A-Z]+\}", word, template, count=1)
    return template.replace("*", "the qzx")


def test_sentences_are_padded_to_one_length() -> None:
    random = np.random.default_rng(0)
    made = [sentence_about(truths(new_scene(random)), RATES, random) for _ in range(5)]
    ids, spoken, claims = stacked(made)
    assert ids.shape == spoken.shape == (5, MAX_WORDS)
    assert [int((row > 0).sum()) for row in ids] == [len(one.ids) for one in made]
    assert [set(np.flatnonzero(row).tolist()) for row in claims] == [set(one.claims) for one in made]
