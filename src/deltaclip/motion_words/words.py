"""The words that the motion encoder knows, by their base forms, and what kind of word each is."""

import re
from collections.abc import Container, Iterable
from functools import cache

from deltaclip.motion_words.phrases import phrases

__all__ = [
    "OTHER",
    "PAD",
    "base_form",
    "count_of_looks",
    "id_of",
    "is_function",
    "is_optional",
    "leads",
    "speaks",
    "vocabulary",
    "word_id",
]

PAD, OTHER = 0, 1
"""Ids of nothing, and of everything that is not known."""
SAME_WORD = {
    "is": "be",
    "upward": "up",
    "upwards": "up",
    "downward": "down",
    "downwards": "down",
    "leftward": "left",
    "leftwards": "left",
    "rightward": "right",
    "rightwards": "right",
    "towards": "toward",
    "forwards": "forward",
    "backwards": "backward",
    "inwards": "inward",
    "outwards": "outward",
    "anticlockwise": "counterclockwise",
    "counter-clockwise": "counterclockwise",
    "anti-clockwise": "counterclockwise",
    "circularly": "circular",
    "rotation": "rotate",
    "quickly": "quick",
    "slowly": "slow",
    "rectangular": "rectangle",
    "fives": "five",
    "horizontally": "horizontal",
    "vertically": "vertical",
    "diagonally": "diagonal",
    "further": "farther",
    "someone": "*",
    "somebody": "*",
    "something": "*",
    "can't": "not",
    "doesn't": "not",
    "don't": "not",
    "isn't": "not",
    "hand-held": "handheld",
    "laying": "lying",
    "laid": "*",
    "chopped": "*",
    "saw": "*",
    "seated": "*",
}
"""Other spellings of a word. Somebody and something are nobody in particular; who saw or laid it need not move."""
KEPT = frozenset(("sitting", "standing", "lying", "kneeling", "crouching", "squatting", "as", "its"))
"""Forms that say something different from their base form: who is sitting does not sit down."""
IRREGULAR = {
    "go": "goes went gone going",
    "come": "came",
    "run": "ran running",
    "fall": "fell fallen",
    "fly": "flew flown flies",
    "rise": "rose risen rising",
    "sit": "sat",
    "stand": "stood",
    "spin": "spun spinning",
    "swing": "swung",
    "swim": "swam swum swimming",
    "drive": "drove driven driving",
    "ride": "rode ridden riding",
    "throw": "threw thrown",
    "draw": "drew drawn",
    "lie": "lain",
    "bend": "bent",
    "shake": "shook shaken shaking",
    "grow": "grew grown",
    "shrink": "shrank shrunk",
    "slide": "slid sliding",
    "sink": "sank sunk",
    "leap": "leapt",
    "creep": "crept",
    "kneel": "knelt",
    "sweep": "swept",
    "spread": "spreading",
    "get": "got gotten getting",
    "make": "made making",
    "take": "took taken taking",
    "write": "wrote written writing",
    "blow": "blew blown",
    "shoot": "shot",
    "speed": "sped",
    "wind": "wound",
    "meet": "met",
    "do": "does did done doing",
    "be": "am are was were been being is's",
    "have": "has had having",
    "hand": "hands",
    "foot": "feet",
    "its": "it's",
    "stop": "stopped stopping",
    "begin": "began begun beginning",
    "become": "became becoming",
    "hold": "held",
    "lead": "led",
    "dive": "dove diving",
    "leave": "leaves leaving",
    "keep": "kept",
    "clap": "clapped clapping",
    "zigzag": "zigzags zigzagged zigzagging zig-zag zig-zags",
}
_BASE = {form: base for base, forms in IRREGULAR.items() for form in forms.split()}


@cache
def vocabulary() -> tuple[str, ...]:
    """The words that are known, by id; the first two stand for PAD and OTHER.

    The base forms of all words in phrases. Words that occur only in sentences without motion are not among them.
    """
    known_phrases = phrases()
    written = set(known_phrases.function)
    tables = (known_phrases.classes, known_phrases.said, known_phrases.modifiers, known_phrases.movers)
    for text in (template for table in tables for templates in table.values() for template in templates):
        words = re.findall(r"[a-z'-]+", re.sub(r"\{[A-Z]+\}", " ", text))
        written |= {SAME_WORD.get(word, word) for word in words}
    known = {word for word in written - {"*"} if word in KEPT or _base_among(word, written - {word}) == word}
    return ("", "*", *sorted(known))


@cache
def _ids() -> dict[str, int]:
    return {word: number for number, word in enumerate(vocabulary())}


def speaks(number: int) -> bool:
    """Whether the word of that id can speak of motion at all: those that only join others, and objects, cannot."""
    return number >= 0 and number not in _silent_ids()


def is_function(number: int) -> bool:
    """Whether the word of that id only joins others."""
    return number in _function_ids()


def leads(number: int) -> bool:
    """Whether the word of that id tells something of what follows it: who starts cooking does not start to move."""
    return number in _leading_ids()


def is_optional(number: int) -> bool:
    """Whether a sentence may leave out the word of that id, or put it in, without saying something different."""
    return number in _optional_ids()


def count_of_looks(number: int, words: str) -> int:
    """How many of the words that were read as that id can say what is to be seen."""
    return 0 if is_function(number) else sum(word.casefold() not in phrases().pronouns for word in words.split())


def id_of(word: str) -> int:
    """The id of a word, whatever its form and in small letters; OTHER if it is not known."""
    return _ids().get(base_form(word), OTHER)


def word_id(word: str) -> int:
    """The id of a base form that is known."""
    return _ids()[word]


@cache
def _function_ids() -> frozenset[int]:
    return _known_ids(phrases().function)


@cache
def _leading_ids() -> frozenset[int]:
    return _known_ids(phrases().leading)


@cache
def _optional_ids() -> frozenset[int]:
    return _known_ids(phrases().optional)


@cache
def _silent_ids() -> frozenset[int]:
    return _known_ids(phrases().silent) | {PAD, OTHER}


def _known_ids(words: Iterable[str]) -> frozenset[int]:
    """Of those words that are base forms: "one's" of a list is read as "one"."""
    return frozenset(_ids()[word] for word in words if word in _ids())


@cache
def base_form(word: str) -> str:
    """The base form of a word if that is known, else the word itself."""
    word = SAME_WORD.get(word, word)
    return word if word in _ids() else _base_among(word, _ids())


def _base_among(word: str, known: Container[str]) -> str:
    """The form of a word without its ending that is in `known`, else the word itself."""
    if word in _BASE and word not in KEPT:
        return _BASE[word]
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            stem = word[: -len(ending)]
            doubled = stem[:-1] if len(stem) > 2 and stem[-1] == stem[-2] else stem
            for candidate in (stem + instead,) if instead else (stem, stem + "e", doubled):
                candidate = SAME_WORD.get(candidate, candidate)
                if candidate in known:
                    return candidate
    return word


_ENDINGS = (
    ("ies", "y"),
    ("ied", "y"),
    ("'s", ""),
    ("es", ""),
    ("s", ""),
    ("ing", ""),
    ("ed", ""),
)
