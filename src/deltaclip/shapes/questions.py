"""Questions about a gallery of clips with a mover and clips in which nothing moves, and what each is true of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deltaclip.shapes.spec import Thing
from deltaclip.shapes.world import ShapesClip

__all__ = ["Questions", "ask"]

Holds = Callable[[ShapesClip, ShapesClip], bool]
"""Whether the sentence made of the first clip is true of the second."""


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """Sentences of one kind.

    texts: Q sentences. groups: (Q,) int64, the group of the clip that each was made of. true: (Q, V), the clips of the
    gallery of which it is true. same_things: (Q, V), the clips of its own group: they hold the same objects.
    """

    texts: tuple[str, ...]
    groups: NDArray[np.int64] = field(repr=False)
    true: NDArray[np.bool_] = field(repr=False)
    same_things: NDArray[np.bool_] = field(repr=False)


def ask(moving: Sequence[ShapesClip], still: Sequence[ShapesClip]) -> dict[str, Questions]:
    """By kind, for the gallery of the moving clips and then the still ones, all of one scene and without directions.

    `mover and stayers`, `mover only` and `stayers only` are made of the moving clips, `nothing moves` of the still.
    """
    gallery = [*moving, *still]

    def made(asked: Sequence[ShapesClip], say: Callable[[ShapesClip], str], holds: Holds) -> Questions:
        groups = np.array([clip.group for clip in asked], np.int64)
        true = np.array([[holds(query, clip) for clip in gallery] for query in asked], np.bool_)
        same = groups[:, None] == np.array([clip.group for clip in gallery], np.int64)
        return Questions(tuple(map(say, asked)), groups, true, same)

    return {
        "mover and stayers": made(moving, lambda clip: clip.caption, _same_caption),
        "mover only": made(moving, lambda clip: f"the {_mover(clip)} moves", _same_mover),
        "stayers only": made(moving, _stay, lambda asked, clip: _stayers(asked) <= _stayers(clip)),
        "nothing moves": made(still, lambda clip: clip.caption, _same_caption),
    }


def _same_caption(asked: ShapesClip, clip: ShapesClip) -> bool:
    return clip.caption == asked.caption


def _same_mover(asked: ShapesClip, clip: ShapesClip) -> bool:
    return _mover(clip) == _mover(asked)


def _mover(clip: ShapesClip) -> Thing | None:
    [shot] = clip.shots
    return None if shot.mover is None else shot.things[shot.mover]


def _stayers(clip: ShapesClip) -> frozenset[Thing]:
    [shot] = clip.shots
    return frozenset(thing for number, thing in enumerate(shot.things) if number != shot.mover)


def _stay(clip: ShapesClip) -> str:
    """The second half of the full caption: "the blue square and the green ring stay"."""
    return clip.caption.partition(" while ")[2]
