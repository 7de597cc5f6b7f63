"""What a trained encoder of the study `actions` is shown to find out what it uses: the held-out clips, changed.

Nothing is trained for it. Each change takes one thing away and leaves the rest as it was measured.
"""

import zlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from deltaclip.channels import flow_places, reversed_flow
from deltaclip.motion import MotionSpec
from deltaclip.training.recipe import Recipe

__all__ = ["CONTROLS", "changed", "controls_of"]

ClipBytes = NDArray[np.uint8]
SEED = 20251127
"""First half of the seed of what is random; the other half is the CRC-32 of the clip's path."""


def elsewhere(frames: ClipBytes, generator: np.random.Generator) -> ClipBytes:
    """One clip (T, C, S, S) with its flow moved around the edges by one offset for all frames, never by none.

    Alpha and its weight by time stay: the outline is where it was, and the same movement is told of another place.
    """
    side = frames.shape[-1]
    down, right = (int(offset) for offset in generator.integers(1, side, size=2))
    made = frames.copy()
    places = list(flow_places(frames.shape[1]))
    made[:, places] = np.roll(frames[:, places], (down, right), (-2, -1))
    return made


def shuffled(frames: ClipBytes, generator: np.random.Generator) -> ClipBytes:
    """One clip (T, C, S, S) with its frames in a random order, each with all that was measured of it, time as well."""
    return frames[generator.permutation(len(frames))]


CONTROLS: dict[str, Callable[[ClipBytes, np.random.Generator], ClipBytes]] = {
    "flow elsewhere": elsewhere,
    "flow turned": lambda frames, _: reversed_flow(frames),
    "frames shuffled": shuffled,
}
"""By name, what is done to a clip (T, C, S, S); the first two need flow channels."""


def controls_of(recipe: Recipe) -> tuple[str, ...]:
    """The controls that say something of an encoder of this recipe; none without flow and without a temporal head."""
    if "flow" in MotionSpec.parse(recipe.data.motion).extras:
        return tuple(CONTROLS)
    return ("frames shuffled",) if recipe.model.temporal_layers else ()


def changed(frames: ClipBytes, control: str, paths: Sequence[str]) -> ClipBytes:
    """Clips (B, T, C, S, S) as that control shows them; paths: of the B clips, which seed what is random."""
    generators = (np.random.default_rng([SEED, zlib.crc32(path.encode())]) for path in paths)
    change = CONTROLS[control]
    return np.stack([change(clip, generator) for clip, generator in zip(frames, generators, strict=True)])
