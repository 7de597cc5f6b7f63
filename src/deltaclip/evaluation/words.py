"""Which captions are about motion: a short list of verbs and of nouns, so that figures can be split by it.

A caption is "motion" if it holds a verb of MOTION_VERBS in any of its forms that is not denied just before
("nothing moves", "does not run"). Otherwise it is "static" if it holds a noun of STATIC_NOUNS: places, scenery, words
on a screen, objects that do not move by themselves. All others are "neither". The lists were written by hand, are in
English, know no context ("a running shoe" counts as motion), and are short on purpose: anyone who doubts a figure can
read them.
"""

import re
from collections.abc import Sequence
from typing import Literal, get_args

__all__ = ["CAPTION_KINDS", "MOTION_VERBS", "STATIC_NOUNS", "CaptionKind", "caption_kind", "kinds_of"]

CaptionKind = Literal["motion", "static", "neither"]
CAPTION_KINDS: tuple[CaptionKind, ...] = get_args(CaptionKind)

_VERBS = """
move go come walk run jump hop skip dance ride drive fly swim dive surf sail row skate ski climb crawl roll slide
glide wander travel turn spin rotate swing shake wave bounce throw catch kick hit punch push pull lift drop fall
rise chase follow race gallop march step stroll jog sprint leap flip tumble rush flow pour stir chop cut slice mix
peel fold bend stretch wrestle fight shoot toss pass dribble paddle pedal cycle hammer dig sweep wipe scrub wash
play clap nod crash explode
"""
MOTION_VERBS = frozenset(_VERBS.split())
"""Base forms of verbs that say that something changes its place or shape in the picture."""

IRREGULAR = {
    "go": "goes went gone",
    "come": "came",
    "run": "ran",
    "ride": "rode ridden",
    "drive": "drove driven",
    "fly": "flies flew flown",
    "swim": "swam swum",
    "dive": "dove",
    "slide": "slid",
    "spin": "spun",
    "swing": "swung",
    "shake": "shook shaken",
    "throw": "threw thrown",
    "catch": "caught",
    "fall": "fell fallen",
    "rise": "rose risen",
    "leap": "leapt",
    "bend": "bent",
    "fight": "fought",
    "shoot": "shot",
    "dig": "dug",
    "sweep": "swept",
    "travel": "travelling travelled",
    "pedal": "pedalling pedalled",
}

_NOUNS = """
room kitchen house home building wall floor ceiling door window table desk chair couch bed shelf street road city
town village landscape mountain hill field garden park forest beach sky tree flower grass background scene picture
photo photograph image painting drawing map logo title text word caption screen page book sign poster diagram
chart statue bridge tower church stage studio office store shop restaurant plate bowl box bottle phone computer
"""
STATIC_NOUNS = frozenset(_NOUNS.split())
"""Singular nouns of objects that stay where they are."""

DENIALS = frozenset(["nothing", "not", "no", "never", "nobody", "without", "none"])
DENIED_WITHIN = 2
"""How many words before a verb a denial reaches: "does not really move", "nothing moves"."""


def _forms(verb: str) -> set[str]:
    """A verb's written forms: walk, walks, walked, walking; run, runs, running; slice, sliced, slicing; fly, flies."""
    stems = {verb}
    if verb.endswith("e"):
        stems = {verb, verb[:-1]}
    elif re.search(r"[^aeiou][aeiou][bdgmnpt]$", verb):
        stems = {verb, verb + verb[-1]}
    forms = {verb, verb + "s", *(stem + ending for stem in stems for ending in ("ing", "ed"))}
    if verb.endswith(("ch", "sh", "ss", "x", "o")):
        forms.add(verb + "es")
    if re.search(r"[^aeiou]y$", verb):
        forms |= {verb[:-1] + "ies", verb[:-1] + "ied"}
    return forms | set(IRREGULAR.get(verb, "").split())


def _plurals(noun: str) -> set[str]:
    if re.search(r"[^aeiou]y$", noun):
        return {noun, noun[:-1] + "ies"}
    if noun == "shelf":
        return {noun, "shelves"}
    return {noun, noun + ("es" if noun.endswith(("ch", "sh", "ss", "x")) else "s")}


_MOTION = frozenset(form for verb in MOTION_VERBS for form in _forms(verb))
_STATIC = frozenset(form for noun in STATIC_NOUNS for form in _plurals(noun))


def caption_kind(caption: str) -> CaptionKind:
    """motion, static or neither, by the rule above."""
    words = re.findall(r"[a-z]+(?:'[a-z]+)?", caption.lower())
    for place, word in enumerate(words):
        before = words[max(place - DENIED_WITHIN, 0) : place]
        if word in _MOTION and not any(near in DENIALS or near.endswith("n't") for near in before):
            return "motion"
    return "static" if any(word in _STATIC for word in words) else "neither"


def kinds_of(captions: Sequence[str]) -> tuple[CaptionKind, ...]:
    """`caption_kind` of each."""
    return tuple(caption_kind(caption) for caption in captions)
