"""Chance applied to a clip: frame and mask through one geometry, whole masks dropped, words dropped."""

import numpy as np
from numpy.typing import NDArray

from deltaclip.reader import centre_crop, join_channels, to_short_side
from deltaclip.training.recipe import DataRecipe
from deltaclip.training.source import Pictures

__all__ = ["drop_words", "model_frames"]

UNKNOWN = "unheard"
"""A word that no caption holds, for vocabularies of whole words."""


def model_frames(
    pictures: Pictures, side: int, recipe: DataRecipe, rng: np.random.Generator | None
) -> NDArray[np.uint8]:
    """Frames and masks as the model takes them: uint8 (T, C, side, side), channels as in a `reader.Clip`.

    With a generator: a random crop, turn, mirror image and alpha dropout of the whole clip, as the recipe says; no turn
    and no mirror image of directed pictures. Without one: the short side scaled, and the centre.
    """
    rgb, alpha = pictures.rgb, pictures.alpha
    if rng is not None and recipe.crop < 1:
        rows, columns = _crop(rgb.shape[1], rgb.shape[2], recipe.crop, rng)
        rgb, alpha = rgb[:, rows, columns], alpha[:, rows, columns]
    rgb, alpha = centre_crop(to_short_side(rgb, side), side), centre_crop(to_short_side(alpha, side), side)
    if rng is not None and rng.random() < recipe.alpha_dropout:
        alpha = np.ones_like(alpha)
    frames = join_channels(rgb, alpha)
    if rng is not None and not pictures.directed:
        frames = np.rot90(frames, int(rng.integers(4)) if recipe.turn else 0, axes=(-2, -1))
        frames = frames[..., ::-1] if rng.random() < recipe.flip else frames
    return np.ascontiguousarray(frames)


def drop_words(caption: str, share: float, rng: np.random.Generator) -> str:
    """Some words become one that the tokenizer does not know, so that unknown words are borne later."""
    words = caption.split()
    dropped = rng.random(len(words)) < share
    return " ".join(UNKNOWN if drop else word for word, drop in zip(words, dropped, strict=True))


def _crop(height: int, width: int, least: float, rng: np.random.Generator) -> tuple[slice, slice]:
    """A square of `least` to all of the largest square's area, anywhere in the picture."""
    side = max(round(min(height, width) * float(np.sqrt(rng.uniform(least, 1)))), 1)
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    return slice(top, top + side), slice(left, left + side)
