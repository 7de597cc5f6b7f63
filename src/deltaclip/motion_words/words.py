"""Sentences as the motion encoder reads them: base forms of the words it knows, and one sign for all others.

What it does not know it cannot confuse: names, colours and objects all become the same sign, and several in a row
become one, so that "a car" and "the old red car" are the same to it.
"""

import re
import unicodedata
from collections.abc import Container, Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cache

from deltaclip.motion_words.phrases import phrases

__all__ = [
    "MAX_WORDS",
    "OTHER",
    "PAD",
    "ReadSentence",
    "count_of_looks",
    "is_function",
    "is_optional",
    "leads",
    "read_sentence",
    "read_template",
    "speaks",
    "vocabulary",
    "word_id",
]

PAD, OTHER = 0, 1
"""Ids of nothing, and of everything that is not known."""
MAX_WORDS = 24
"""Words that are read of a sentence, unknown ones in a row counted as one."""
DROPPED = frozenset(("a", "an", "the", "very", "so", "just", "s"))
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
DETERMINERS = frozenset(
    ("a", "an", "the", "this", "these", "those", "my", "your", "his", "its", "our", "their", "no", "some", "any")
)
"""Words that a noun follows. Not "that" and "her", behind which there may be a verb."""
PREPOSITIONS = frozenset(("of", "with", "on", "at", "from", "by", "near", "under"))
"""Words that a noun follows, or a verb that ends in -ing."""
AFTER_VERBS = frozenset(("around", "round", "each", "out", "a", "an", "the"))
"""Words behind which a figure is what somebody does, as in "birds circle around the tower"."""
_BASE = {form: base for base, forms in IRREGULAR.items() for form in forms.split()}
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+")


@dataclass(frozen=True, slots=True)
class ReadSentence:
    """ids: of its words, at most MAX_WORDS. words: of each id what was written; several for OTHER."""

    ids: tuple[int, ...]
    words: tuple[str, ...]


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
        number = OTHER if place in things else -1 if named else _ids().get(base_form(word), OTHER)
        found.append((number, part))
        after_article = False
    ids, words = list[int](), list[str]()
    for place, (known, part) in enumerate(found):
        number = known
        if number < 0:  # a figure that somebody names: it moves, and is not drawn, if a word on motion follows
            moves = any(speaks(later) for later, _ in found[place + 1 :])
            number = OTHER if moves else _ids()[base_form(part.casefold())]
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
    follows = base_form(after)
    return follows == "be" or (word == base and after not in DROPPED and follows not in _ids())


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


def _split(word: str) -> list[str]:
    """A hyphenated word that is not known whole, in its parts."""
    if "-" not in word or base_form(word.casefold()) in _ids():
        return [word]
    return [part for part in word.split("-") if part]


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
