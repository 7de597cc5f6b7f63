"""Sentences as the motion encoder reads them: base forms of the words it knows, and one sign for all others.

What it does not know it cannot confuse: names, colours and objects all become the same sign, and several in a row
become one, so that "a car" and "the old red car" are the same to it.
"""

import re
import unicodedata
from collections.abc import Sequence, Set
from dataclasses import dataclass

from deltaclip.motion_words.phrases import phrases
from deltaclip.motion_words.words import OTHER, base_form, id_of, speaks

__all__ = ["MAX_WORDS", "ReadSentence", "read_sentence", "read_template"]

MAX_WORDS = 24
"""Words that are read of a sentence, unknown ones in a row counted as one."""
DROPPED = frozenset(("a", "an", "the", "very", "so", "just", "s"))
DETERMINERS = frozenset(
    ("a", "an", "the", "this", "these", "those", "my", "your", "his", "its", "our", "their", "no", "some", "any")
)
"""Words that a noun follows. Not "that" and "her", behind which there may be a verb."""
PREPOSITIONS = frozenset(("of", "with", "on", "at", "from", "by", "near", "under"))
"""Words that a noun follows, or a verb that ends in -ing."""
AFTER_VERBS = frozenset(("around", "round", "each", "out", "a", "an", "the"))
"""Words behind which a figure is what somebody does, as in "birds circle around the tower"."""
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+")


@dataclass(frozen=True, slots=True)
class ReadSentence:
    """ids: of its words, at most MAX_WORDS. words: of each id what was written; several for OTHER."""

    ids: tuple[int, ...]
    words: tuple[str, ...]


def read_sentence(text: str) -> ReadSentence:
    """The words of a sentence by their base forms. Articles are dropped; case does not matter.

    A figure before the first word on motion is who moves, as in "the red circle moves": it is like any other name. So
    is a word on motion that names a thing, as in "a child on a swing".
    """
    written = _written(text)
    things = {place for place in range(len(written)) if _names_thing(written, place)}
    return _read(written, things | _in_compounds(written))


def read_template(template: str) -> ReadSentence:
    """The same of a template of phrases.toml: its words are meant as it is used, and it has no articles."""
    return _read(_written(template.replace("*", "qzx")), frozenset())


def _written(text: str) -> list[str]:
    """Its words as they are written, articles among them."""
    plain = unicodedata.normalize("NFKC", text).replace("’", "'")
    return [part for match in _WORD.finditer(plain) for part in _split(match.group())]


def _read(written: Sequence[str], things: Set[int]) -> ReadSentence:
    """things: places of words that name things."""
    found = list[tuple[int, str]]()
    after_article = False
    for place, part in enumerate(written):
        word = part.casefold()
        if word in DROPPED:
            after_article = True
            continue
        begins = not (after_article or found)
        following = written[place + 1].casefold() if place + 1 < len(written) else ""
        named = word in phrases().figures and following not in AFTER_VERBS and not begins
        named = named and not any(speaks(number) for number, _ in found)
        number = OTHER if place in things else -1 if named else id_of(word)
        found.append((number, part))
        after_article = False
    ids, words = list[int](), list[str]()
    for place, (known, part) in enumerate(found):
        number = known
        if number < 0:  # a figure that somebody names: it moves, and is not drawn, if a word on motion follows
            moves = any(speaks(later) for later, _ in found[place + 1 :])
            number = OTHER if moves else id_of(part.casefold())
        if number == OTHER and ids and ids[-1] == OTHER:
            words[-1] += " " + part
        else:
            ids.append(number)
            words.append(part)
    return ReadSentence(tuple(ids[:MAX_WORDS]), tuple(words[:MAX_WORDS]))


def _names_thing(written: Sequence[str], place: int) -> bool:
    """Whether a word on motion is the name of a thing there: "a swing", "full of leaves", "rock band", "waves are".

    Who asks for nothing but "a fall" means the motion.
    """
    word = written[place].casefold()
    base = base_form(word)
    if base not in phrases().things or (word != base and not word.endswith("s")):
        return False
    if all(part.casefold() in DETERMINERS for number, part in enumerate(written) if number != place):
        return False
    before = [part.casefold() for part in written[max(place - 3, 0) : place]]
    if before and before[-1] in DETERMINERS:
        return phrases().makers.isdisjoint(map(base_form, before[:-1]))
    if before and before[-1] in PREPOSITIONS:
        return True
    if place + 1 == len(written):
        return False
    after = written[place + 1].casefold()
    return base_form(after) == "be" or (word == base and after not in DROPPED and id_of(after) == OTHER)


def _in_compounds(written: Sequence[str]) -> set[int]:
    """Places of words that are parts of a name of several words, such as "diving board"."""
    words = [part.casefold() for part in written]
    places = set[int]()
    for compound in phrases().compounds:
        for first in range(len(words) - len(compound) + 1):
            here = words[first : first + len(compound)]
            if all(_is_form(word, part) for word, part in zip(here, compound, strict=True)):
                places.update(range(first, first + len(compound)))
    return places


def _is_form(word: str, part: str) -> bool:
    """Whether a word is a form of a part of a compound; one in -ing is only itself."""
    return word in (part, part + "s") or (not part.endswith("ing") and base_form(word) == part)


def _split(word: str) -> list[str]:
    """A hyphenated word that is not known whole, in its parts."""
    if "-" not in word or id_of(word.casefold()) != OTHER:
        return [word]
    return [part for part in word.split("-") if part]
