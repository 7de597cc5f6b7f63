"""How people say how something moves: the templates of phrases.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["FUNCTION_WORDS", "OBJECT_WORDS", "Phrases", "phrases"]

FUNCTION_WORDS = frozenset(
    [
        "to",
        "from",
        "and",
        "then",
        "of",
        "in",
        "into",
        "on",
        "onto",
        "at",
        "by",
        "with",
        "its",
        "it",
        "his",
        "her",
        "their",
        "one's",
        "over",
        "through",
        "for",
        "as",
        "that",
        "which",
        "is",
        "be",
        "while",
        "again",
        "after",
        "before",
        "first",
        "finally",
        "side",
        "shape",
        "line",
        "hand",
        "way",
        "air",
    ]
)
"""Words that belong to phrases and are not motion by themselves."""

OBJECT_WORDS = frozenset(
    "car bike horse dog ball page flag wheel tail hat chair seat bed room road street ground floor arm head leg knee "
    "foot shoe rope handle knob fire corner point edge footage video viewer one two's picture screen frame image view "
    "scene team people box window roof tent mountain hill balance goodbye hello way other everything distance lap "
    "exercise front path pattern movement".split()
)
"""Words of phrases that name objects and places: they matter there, and are not motion by themselves."""
Templates = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Phrases:
    """classes: words for each {CLASS} of a template. said: claims, joined by +, -> templates that say them.

    modifiers: claim -> what may follow a phrase. movers: claim -> what may be said of who moves. empty: parts of
    sentences without motion. nouns: names of who moves that are words on motion elsewhere. tails: ends of sentences.
    """

    classes: Templates
    said: Templates
    modifiers: Templates
    movers: Templates
    empty: tuple[str, ...]
    nouns: tuple[str, ...]
    tails: tuple[str, ...]


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
        tuple(read["empty"]["parts"]),
        tuple(read["names"]["nouns"]),
        tuple(read["names"]["tails"]),
    )
