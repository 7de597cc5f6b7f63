"""How people say how something moves: the templates of phrases.toml."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["Phrases", "phrases", "said_phrases"]

Templates = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Phrases:
    """classes: words for each {CLASS} of a template. said: claims, joined by +, -> templates that say them.

    modifiers: claim -> what may follow a phrase. movers: claim -> what may be said of who moves. enough: what says
    something of motion without being a phrase. empty: parts of sentences without motion. nouns: names of who moves that
    are words on motion elsewhere. compounds: names of several words in which they are none. tails: ends of sentences.
    function: words that belong to phrases and are not motion by themselves. objects: those that name objects and
    places. light: words that are motion only together with others, such as take in "take a seat". optional: those that
    a sentence may leave out. leading: those that say something of what follows them. things: words on motion that also
    name a thing, such as swing; makers: words behind which they do not. figures: names of figures that may also be who
    moves. pronouns: words that name nothing that could be seen.
    """

    classes: Templates
    said: Templates
    modifiers: Templates
    movers: Templates
    enough: tuple[str, ...]
    empty: tuple[str, ...]
    nouns: tuple[str, ...]
    compounds: tuple[tuple[str, ...], ...]
    tails: tuple[str, ...]
    function: frozenset[str]
    objects: frozenset[str]
    light: frozenset[str]
    optional: frozenset[str]
    leading: frozenset[str]
    things: frozenset[str]
    makers: frozenset[str]
    figures: frozenset[str]
    pronouns: frozenset[str]

    @property
    def silent(self) -> frozenset[str]:
        """Words that say nothing of motion by themselves, wherever they are."""
        return self.function | self.objects | self.light


@cache
def phrases() -> Phrases:
    """Those that come with the package."""
    read = tomllib.loads(files("deltaclip.motion_words").joinpath("phrases.toml").read_text("utf-8"))

    def table(name: str) -> Templates:
        return {key: tuple(texts) for key, texts in read[name].items()}

    return Phrases(
        table("classes"),
        table("phrases"),
        table("modifiers"),
        table("movers"),
        tuple(read["enough"]["parts"]),
        tuple(read["empty"]["parts"]),
        tuple(read["names"]["nouns"]),
        tuple(tuple(name.split()) for name in read["names"]["compounds"]),
        tuple(read["names"]["tails"]),
        frozenset(read["words"]["function"]),
        frozenset(read["words"]["objects"]),
        frozenset(read["words"]["light"]),
        frozenset(read["words"]["optional"]),
        frozenset(read["words"]["leading"]),
        frozenset(read["words"]["things"]),
        frozenset(read["words"]["makers"]),
        frozenset(read["words"]["figures"]),
        frozenset(read["words"]["pronouns"]),
    )


def said_phrases(each: int) -> tuple[str, ...]:
    """Plain words for all claims that phrases make: the first of each, so many, with the first word of every class."""
    known = phrases()
    templates = [template for said in known.said.values() for template in said[:each]]
    filled = (re.sub(r"\{([A-Z]+)\}", lambda found: known.classes[found.group(1)][0], text) for text in templates)
    return tuple(text.replace("*", "something") for text in filled)
