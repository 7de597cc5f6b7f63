"""Sentences about a scene, put together from phrases as people might: what the text side learns from."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from deltaclip.motion_words.concepts import CONCEPTS, INDEX
from deltaclip.motion_words.paths import Random
from deltaclip.motion_words.phrases import phrases
from deltaclip.motion_words.reading import MAX_WORDS, read_template
from deltaclip.motion_words.words import OTHER, PAD, is_function, speaks, word_id

__all__ = ["MadeSentence", "all_claims", "claims_about", "empty_sentence", "sentence_about", "stacked"]

NAMED = 0.25
"""Chance that who moves has a name that is a word on motion elsewhere: a star that falls draws no star."""
Word = tuple[int, bool]
"""An id, and whether the word speaks of motion."""
UNKNOWN: Word = (OTHER, False)


@dataclass(frozen=True, slots=True)
class MadeSentence:
    """ids: (L,) of its words. spoken: (L,) whether each says something of motion. claims: numbers of CONCEPTS."""

    ids: tuple[int, ...]
    spoken: tuple[bool, ...]
    claims: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Phrase:
    claims: tuple[int, ...]
    templates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Told:
    """What a sentence is to say. mover, modifier: names of concepts, None if nothing is said of them."""

    phrase: _Phrase
    mover: str | None
    modifier: str | None

    @property
    def claims(self) -> tuple[int, ...]:
        beside = {INDEX[name] for name in (self.mover, self.modifier) if name is not None}
        return tuple(sorted({*self.phrase.claims, *beside}))


def claims_about(truth: NDArray[np.int8], rates: NDArray[np.float32], random: Random) -> tuple[int, ...]:
    """What a sentence as `sentence_about` makes it would claim of a scene, whatever its words: numbers of CONCEPTS."""
    return _told(truth, rates, random).claims


def sentence_about(truth: NDArray[np.int8], rates: NDArray[np.float32], random: Random) -> MadeSentence:
    """A sentence that is true of a scene. truth: (C,) of `truths`. rates: (C,) how often each concept is true.

    Rare facts are told rather than common ones. There is something to say of every scene, at least of its camera.
    """
    told = _told(truth, rates, random)
    tokens: list[Word] = []
    if told.mover is not None:
        tokens += _tagged(_one_of(phrases().movers[told.mover], random), spoken=True)
    elif random.random() < NAMED:
        tokens += _tagged(_one_of(phrases().nouns, random), spoken=False)
    elif random.random() < 0.9:
        tokens += [UNKNOWN]
    tokens += [(word_id("be"), False)] if random.random() < 0.25 else []
    tokens += _tagged(_filled(_one_of(told.phrase.templates, random), random), spoken=True)
    if told.modifier is not None:
        tokens += _tagged(_one_of(phrases().modifiers[told.modifier], random), spoken=True)
    if random.random() < 0.4:
        tokens += _tagged(_one_of(phrases().tails, random), spoken=False)
    return _made(tokens, told.claims, random)


def _told(truth: NDArray[np.int8], rates: NDArray[np.float32], random: Random) -> _Told:
    known, claimed = _phrases()
    able = np.flatnonzero(~(claimed & (truth != 1)).any(1))
    surprise = np.array([_surprise(known[number].claims, rates) for number in able])
    weight = np.cumsum(np.maximum(surprise, 0.05) ** 1.5)
    phrase = known[able[np.searchsorted(weight, random.random() * weight[-1], "right")]]
    return _Told(phrase, _mover_told(truth, random), _modifier_told(truth, phrase, random))


def all_claims() -> NDArray[np.bool_]:
    """What each of all phrases claims: (P, C)."""
    return _phrases()[1]


def empty_sentence(random: Random) -> MadeSentence:
    """A sentence without a word on motion, in which words on motion may occur in a different sense."""
    tokens = [UNKNOWN] if random.random() < 0.5 else _tagged(_one_of(phrases().nouns, random), spoken=False)
    if random.random() < 0.3:
        tokens = []
    for _ in range(int(random.integers(1, 4))):
        tokens += _tagged(_one_of(phrases().empty, random), spoken=False)
    return _made(tokens, (), random)


def _one_of(options: Sequence[str], random: Random) -> str:
    """One of several words; `Generator.choice` would make an array of them first."""
    return options[int(random.random() * len(options))]


def stacked(sentences: Sequence[MadeSentence]) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """ids (Q, MAX_WORDS), spoken (Q, MAX_WORDS), claims (Q, C) of several sentences."""
    ids = np.full((len(sentences), MAX_WORDS), PAD, np.int64)
    spoken = np.zeros(ids.shape, np.bool_)
    claims = np.zeros((len(sentences), len(CONCEPTS)), np.bool_)
    for row, sentence in enumerate(sentences):
        ids[row, : len(sentence.ids)] = sentence.ids
        spoken[row, : len(sentence.ids)] = sentence.spoken
        claims[row, list(sentence.claims)] = True
    return ids, spoken, claims


def _surprise(claims: tuple[int, ...], rates: NDArray[np.float32]) -> float:
    """Bits that claims tell, as if they were independent."""
    return max(-math.log2(max(float(rates[claim]), 1e-4)) for claim in claims)


def _mover_told(truth: NDArray[np.int8], random: Random) -> str | None:
    """Something of who moves, such as how many."""
    able = [name for name in phrases().movers if truth[INDEX[name]] == 1]
    if "two" in able or "many" in able:
        able = [name for name in able if name in ("two", "many")]
    elif random.random() < 0.8:
        return None
    return _one_of(able, random) if able and random.random() >= 0.25 else None


def _modifier_told(truth: NDArray[np.int8], phrase: _Phrase, random: Random) -> str | None:
    able = [name for name in phrases().modifiers if truth[INDEX[name]] == 1 and INDEX[name] not in phrase.claims]
    return _one_of(able, random) if able and random.random() >= 0.65 else None


@cache
def _phrases() -> tuple[tuple[_Phrase, ...], NDArray[np.bool_]]:
    """All phrases, and which of CONCEPTS each claims: (P, C)."""
    said = phrases().said
    known = tuple(_Phrase(tuple(INDEX[name] for name in key.split("+")), texts) for key, texts in said.items())
    claimed = np.zeros((len(known), len(CONCEPTS)), np.bool_)
    for row, phrase in enumerate(known):
        claimed[row, list(phrase.claims)] = True
    return known, claimed


def _filled(template: str, random: Random) -> str:
    """A template with a word of its class in place of each {CLASS}; "move" more often than all others."""

    def choose(match: re.Match[str]) -> str:
        words = phrases().classes[match.group(1)]
        return words[0] if random.random() < 0.25 else _one_of(words, random)

    return re.sub(r"\{([A-Z]+)\}", choose, template)


@cache
def _read(text: str) -> tuple[int, ...]:
    """Ids of the words of a template, * in it being a name that is not known."""
    return read_template(text).ids


def _tagged(text: str, spoken: bool) -> list[Word]:
    """Words by id, each with whether it speaks of motion: those that only join others do not."""
    return [(number, spoken and speaks(number)) for number in _read(text)]


def _made(words: list[Word], claims: tuple[int, ...], random: Random) -> MadeSentence:
    """Small words get lost, unknown ones get in between; what is unknown in a row is one."""
    kept: list[Word] = []
    for word in words:
        if is_function(word[0]) and random.random() < 0.08:
            continue
        for number, spoken in (word, *((UNKNOWN,) if random.random() < 0.06 else ())):
            if not (number == OTHER and kept and kept[-1][0] == OTHER):
                kept.append((number, spoken))
    kept = kept[:MAX_WORDS] or [UNKNOWN]
    return MadeSentence(tuple(number for number, _ in kept), tuple(spoken for _, spoken in kept), claims)
