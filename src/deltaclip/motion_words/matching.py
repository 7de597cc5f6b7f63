"""Which words of a sentence are on motion together: those that make up a phrase of phrases.toml.

"About" is a word on motion in "moves about" and none in "talks about"; "up" is one in "goes up" and none in "cooks up".
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from deltaclip.motion_words.phrases import phrases
from deltaclip.motion_words.reading import read_template
from deltaclip.motion_words.words import OTHER, is_function, is_optional, leads, speaks, word_id

__all__ = ["modifiers_in", "phrases_in"]

GAP = 3
"""Words that may stand between two of a phrase: "goes right up the hill" goes up."""
_PART = re.compile(r"\{[A-Z]+\}|\*|[^ *{}]+")

Places = tuple[int, ...]


@dataclass(slots=True, eq=False)
class _Node:
    """What may come next in a phrase: a word by its id or a class by its name, each with how many others may come
    before it. ends: whether the phrase may end here. open: also if something belongs to its last word.
    """

    words: dict[int, dict[int, "_Node"]] = field(default_factory=dict)
    classes: dict[str, dict[int, "_Node"]] = field(default_factory=dict)
    ends: bool = False
    open: bool = False

    def add(self, template: str) -> None:
        node = self
        for step, others in _steps(template):
            following = node.classes.setdefault(step, {}) if isinstance(step, str) else node.words.setdefault(step, {})
            node = following.setdefault(others, _Node())
        node.ends = True
        node.open |= template.endswith("*")


def phrases_in(ids: Sequence[int]) -> tuple[Places, ...]:
    """The places of the words of each phrase on motion that a sentence has, by the ids of its words.

    The words of a phrase come in its order, a few others between them. Of what joins others, such as "to", some may be
    missing. Each has a word that speaks of motion.
    """
    return _found(_said(), ids)


def modifiers_in(ids: Sequence[int]) -> tuple[Places, ...]:
    """The same of what may follow a phrase, such as "slowly", which says nothing without one."""
    return _found(_modifiers(), ids)


def _found(root: _Node, ids: Sequence[int]) -> tuple[Places, ...]:
    ways = (way for start in range(len(ids)) for way in _ways(root, ids, start, ()))
    return tuple(dict.fromkeys(way for way in ways if _tells(ids, way)))


def _tells(ids: Sequence[int], way: Places) -> bool:
    """Whether that has a word on motion, and not only one, such as "start", that leads to something that is none."""
    if len(way) == 1 and leads(ids[way[0]]):
        return _has_nothing(ids, way[0]) and word_id("to") not in ids[way[0] + 1 : way[0] + 2]
    return any(speaks(ids[place]) for place in way)


def _ways(node: _Node, ids: Sequence[int], place: int, way: Places) -> Iterator[Places]:
    """All ways to the end of a phrase from here. place: of the first word that may be its next; exactly that if it is
    the first of the phrase.
    """
    if node.ends and way and (node.open or _may_end(ids, way[-1])):
        yield way
    others = 0
    for at in range(place, len(ids)):
        for most, following in node.words.get(ids[at], {}).items():
            if others <= most:
                yield from _ways(following, ids, at + 1, (*way, at))
        for name, by_most in node.classes.items():
            for member in _members(_classes()[name], ids, at, ()):
                for most, following in by_most.items():
                    if others <= most:
                        yield from _ways(following, ids, member[-1] + 1, way + member)
        others += not is_optional(ids[at])
        if others > GAP or not way:
            return


def _members(node: _Node, ids: Sequence[int], place: int, way: Places) -> Iterator[Places]:
    """All words of a class that begin at that place; only optional words come between those of one."""
    if node.ends:
        yield way
    for at in range(place, len(ids)):
        for following in node.words.get(ids[at], {}).values():
            yield from _members(following, ids, at + 1, (*way, at))
        if not way or not is_optional(ids[at]):
            return


def _may_end(ids: Sequence[int], place: int) -> bool:
    """A word such as "in" ends a phrase only if nothing belongs to it: not in "swims in a pool". Others always may."""
    return not is_function(ids[place]) or _has_nothing(ids, place)


def _has_nothing(ids: Sequence[int], place: int) -> bool:
    """Whether no word follows that belongs to the one there."""
    return place + 1 == len(ids) or is_function(ids[place + 1])


@cache
def _said() -> _Node:
    return _tree((template for templates in phrases().said.values() for template in templates), phrases().enough)


@cache
def _modifiers() -> _Node:
    return _tree(template for templates in phrases().modifiers.values() for template in templates)


@cache
def _classes() -> dict[str, _Node]:
    return {name: _tree(words) for name, words in phrases().classes.items()}


def _tree(*of: Iterable[str]) -> _Node:
    root = _Node()
    for templates in of:
        for template in templates:
            root.add(template)
    return root


def _steps(template: str) -> Iterator[tuple[int | str, int]]:
    """The words and classes that a sentence must have to say it, each with how many others may come before it.

    What only joins others, such as "over", comes at once, or behind a *.
    """
    others = 0
    for part in _PART.findall(template):
        if part.startswith("{"):
            yield part[1:-1], GAP
            others = 0
            continue
        for number in read_template(part).ids:
            if number == OTHER:
                others = GAP
            elif not is_optional(number):
                yield number, others if is_function(number) else GAP
                others = 0
