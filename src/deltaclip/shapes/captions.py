"""What is said of a clip: one fixed full sentence for evaluation, many wordings for training.

Training sentences vary in words and completeness, because a person types "red circle moving" and not our sentence.
"""

import numpy as np

from deltaclip.shapes.paths import ShapePath
from deltaclip.shapes.spec import SHAPE_COLOURS, SHAPE_KINDS, Colour, Kind, Thing, Twins

__all__ = [
    "OPPOSITE",
    "VOCABULARY",
    "direction_of",
    "full_caption",
    "full_order_caption",
    "mover_caption",
    "varied_caption",
    "varied_order_caption",
    "vocabulary",
]

COLOUR_WORDS: dict[Colour, tuple[str, ...]] = {colour: (colour,) for colour in SHAPE_COLOURS}
COLOUR_WORDS["purple"] = ("purple", "purple", "violet")
COLOUR_WORDS["cyan"] = ("cyan", "cyan", "turquoise")
KIND_WORDS: dict[Kind, tuple[str, ...]] = {
    "circle": ("circle", "circle", "circle", "disc", "ball", "dot"),
    "square": ("square", "square", "square", "box"),
    "triangle": ("triangle",),
    "ring": ("ring", "ring", "ring", "hoop", "donut"),
    "star": ("star",),
}
MOVES = ("moves", "moves", "moves", "is moving", "is in motion", "slides", "goes", "travels", "wanders", "glides")
STAY = (
    "stay",
    "stay",
    "stay still",
    "stand still",
    "do not move",
    "rest",
    "remain",
    "are still",
    "stay where they are",
)
STAYS = ("stays", "stays", "stays still", "stands still", "does not move", "rests", "remains", "is still")
DIRECTION_WORDS = {
    "left": ("left", "to the left", "leftwards"),
    "right": ("right", "to the right", "rightwards"),
    "up": ("up", "upwards"),
    "down": ("down", "downwards"),
}
OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}
ORDERS = (
    "first {one} {goes}, then {other}",
    "first {one} {goes}, then {other}",
    "first {one} {goes}, then {other} {goes_too}",
    "{one} {goes}, then {other}",
    "{one} {goes} and then {other} {goes_too}",
    "{one} {goes} before {other}",
    "{other} {goes} after {one}",
)
"""What is said of two objects that move one after the other."""
ORDER_WORDS = ("first", "then", "before", "after")
EXTRA = (
    "a the one thing shape object something moving while and as but picture in with where nothing all everything only"
)


def _words() -> tuple[str, ...]:
    phrases = [EXTRA, *MOVES, *STAY, *STAYS]
    for words in (*COLOUR_WORDS.values(), *KIND_WORDS.values(), *DIRECTION_WORDS.values()):
        phrases.extend(words)
    return tuple(sorted({word for phrase in phrases for word in phrase.split()}))


VOCABULARY: tuple[str, ...] = _words()
"""Every word that a caption without an order can hold, lower case, sorted: what the small tokenizer must know."""


def vocabulary(twins: Twins) -> tuple[str, ...]:
    """Every word that a caption of these twins can hold. VOCABULARY stays as it is: fresh weights depend on it."""
    return tuple(sorted({*VOCABULARY, *ORDER_WORDS})) if twins == "order" else VOCABULARY


def direction_of(path: ShapePath) -> str:
    """left, right, up or down: where a one-way path leads (y grows downwards)."""
    x, y = path.end - path.start
    if abs(x) >= abs(y):
        return "right" if x > 0 else "left"
    return "down" if y > 0 else "up"


def _join(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def full_caption(things: tuple[Thing, ...], mover: int | None, direction: str | None = None) -> str:
    """The fixed sentence: "the red circle moves while the blue square and the green ring stay"."""
    stayers = [f"the {thing}" for number, thing in enumerate(things) if number != mover]
    if mover is None:
        return f"nothing moves while {_join(stayers)} stay"
    return f"the {things[mover]} {_moves(direction)} while {_join(stayers)} {'stay' if len(stayers) > 1 else 'stays'}"


def mover_caption(rng: np.random.Generator, mover: Thing, direction: str | None = None) -> str:
    """One true sentence in random words that tells the mover alone, by colour and shape; four in ten are the plain one.

    For the first steps of training: a model that must find the mover to tell clips apart learns where to look.
    """
    if rng.random() < 0.4:
        return f"the {mover} {_moves(direction)}"
    return f"{_name(rng, mover)} {_goes(rng, direction)}"


def varied_caption(
    rng: np.random.Generator, things: tuple[Thing, ...], mover: int | None, direction: str | None = None
) -> str:
    """One true sentence about a clip in random words: whole or in part, in either order.

    Four in ten are the full fixed sentence, three tell all in other words, three leave something out.
    """
    draw = rng.random()
    if draw < 0.4:
        return full_caption(things, mover, direction)
    stayers = [thing for number, thing in enumerate(things) if number != mover]
    rng.shuffle(stayers)
    if draw > 0.7:
        stayers = stayers[: rng.integers(1 if mover is None else 0, len(stayers))]
    stay = ""
    if stayers:
        verb = rng.choice(STAY if len(stayers) > 1 else STAYS)
        stay = f"{_join([_name(rng, thing) for thing in stayers])} {verb}"
    if mover is None:
        return str(rng.choice([f"nothing moves while {stay}", f"{stay} and nothing moves", stay]))
    if not stay and rng.random() < 0.25:
        return _curt(rng, things[mover], direction)
    goes = _goes(rng, direction)  # drawn before the name: a seed shall go on giving the sentences that it gave
    move = f"{_name(rng, things[mover])} {goes}"
    if not stay:
        return move
    link = rng.choice(["while", "while", "and", "as", "but"])
    return f"{move} {link} {stay}" if rng.random() < 0.6 else f"{stay} {link} {move}"


def full_order_caption(things: tuple[Thing, ...], movers: tuple[int, ...]) -> str:
    """The fixed sentence: "first the red circle moves, then the blue square, while the green ring stays"."""
    one, other = (f"the {things[number]}" for number in movers)
    moves = f"first {one} moves, then {other}"
    stayers = [f"the {thing}" for number, thing in enumerate(things) if number not in movers]
    return f"{moves}, while {_join(stayers)} {'stay' if len(stayers) > 1 else 'stays'}" if stayers else moves


def varied_order_caption(
    rng: np.random.Generator, things: tuple[Thing, ...], movers: tuple[int, ...], *, movers_only: bool = False
) -> str:
    """One true sentence in random words about two objects that move one after the other.

    Four in ten are the full fixed sentence, three tell all in other words, three leave out what stays, as all do with
    `movers_only`.
    """
    draw = 1.0 if movers_only else rng.random()
    if draw < 0.4:
        return full_order_caption(things, movers)
    one, other = (_name(rng, things[number]) for number in movers)
    goes, goes_too = rng.choice(MOVES, 2)
    moves = str(rng.choice(ORDERS)).format(one=one, other=other, goes=goes, goes_too=goes_too)
    stayers = [_name(rng, thing) for number, thing in enumerate(things) if number not in movers]
    if draw > 0.7 or not stayers:
        return moves
    verb = rng.choice(STAY if len(stayers) > 1 else STAYS)
    return f"{moves}, while {_join(stayers)} {verb}"


def _moves(direction: str | None) -> str:
    return f"moves {direction}" if direction else "moves"


def _goes(rng: np.random.Generator, direction: str | None) -> str:
    goes = str(rng.choice(MOVES))
    return f"{goes} {rng.choice(DIRECTION_WORDS[direction])}" if direction else goes


def _name(rng: np.random.Generator, thing: Thing) -> str:
    article = rng.choice(["the", "the", "a", ""])
    return f"{article} {rng.choice(COLOUR_WORDS[thing.colour])} {rng.choice(KIND_WORDS[thing.kind])}".strip()


def _curt(rng: np.random.Generator, thing: Thing, direction: str | None) -> str:
    """A few words as typed into a search box: "red circle moving", "something red moves"."""
    colour, kind = rng.choice(COLOUR_WORDS[thing.colour]), rng.choice(KIND_WORDS[thing.kind])
    way = f" {direction}" if direction else ""
    phrases = [
        f"{colour} {kind} moving{way}",
        f"moving {colour} {kind}" + way,
        f"something {colour} moves{way}",
        f"the {colour} one moves{way}",
        f"a {kind} moves{way}",
    ]
    return str(rng.choice(phrases))


assert set(COLOUR_WORDS) == set(SHAPE_COLOURS), "a colour without a word"
assert set(KIND_WORDS) == set(SHAPE_KINDS), "a shape without a word"
