"""Which mask is meant, and how it is fed to the model, in one word that a checkpoint can remember.

difference                       the paper's mask
difference:threshold=12.5        the same with a different threshold
subject                          the soft mask of the moving subject
subject:binary                   the same, all or nothing
subject:floor=0.2                nothing is hidden altogether: 0.2 + 0.8 alpha
subject:binary,floor=0.2         both
subject+flow                     with channels of how it moves to the right and down beside alpha
subject+flow+time                and one of alpha weighted by time; options follow, as in subject+flow:binary
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deltaclip.channels import EXTRAS
from deltaclip.motion.difference_spec import PAPER
from deltaclip.motion.masks import MOTIONS, Mask
from deltaclip.motion.types import Motion
from deltaclip.wording import did_you_mean

__all__ = ["MotionSpec", "feed", "feed_alpha", "needs_neighbours"]


@dataclass(frozen=True, slots=True)
class MotionSpec:
    """A mask and what is done with it before the model sees it.

    name: a key of MOTIONS. threshold: grey levels, 0..255, of masks made of differences; unused by the others.
    binary: 0 or 1 where the mask has shades. floor: what the model is fed where nothing moves, 0..1; alpha is scaled
    into floor..1, so that a mask which misses something does not hide it. extras: names of `channels.EXTRAS` that are
    fed beside alpha, in their order.
    Raises ValueError for what does not exist and for options that would do nothing.
    """

    name: str
    threshold: int | float = PAPER.threshold
    binary: bool = False
    floor: int | float = 0.0
    extras: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        mask = MOTIONS.get(self.name)
        if mask is None:
            raise ValueError(f"motion {self.name!r}: {did_you_mean(self.name, tuple(MOTIONS))}")
        if not 0 <= self.threshold <= 255:
            raise ValueError(f"motion {self.name}: threshold must be 0..255, not {self.threshold}")
        if self.threshold != PAPER.threshold and not mask.thresholded:
            thresholded = sorted(name for name, each in MOTIONS.items() if each.thresholded)
            raise ValueError(f"motion {self.name}: only {', '.join(thresholded)} have a threshold")
        if self.binary and not mask.soft:
            raise ValueError(f"motion {self.name}: it is already binary")
        if not 0 <= self.floor < 1:
            raise ValueError(f"motion {self.name}: floor must be 0 or more and below 1, not {self.floor}")
        if self.floor and not mask.hides:
            raise ValueError(f"motion {self.name}: a floor changes nothing, since alpha is all ones")
        object.__setattr__(self, "extras", self._ordered_extras(mask))

    def _ordered_extras(self, mask: Mask) -> tuple[str, ...]:
        """The extras in their order. Raises ValueError for ones that do not exist or that the mask does not have."""
        for extra in self.extras:
            if extra not in EXTRAS:
                raise ValueError(f"motion {self.name}+{extra}: {did_you_mean(extra, tuple(EXTRAS))}")
            if extra == "flow" and not mask.flows:
                flowing = sorted(name for name, each in MOTIONS.items() if each.flows)
                raise ValueError(f"motion {self.name}+flow: only {', '.join(flowing)} measures how things move")
            if not mask.hides:
                raise ValueError(f"motion {self.name}+{extra}: alpha is all ones, so there is nothing to add")
        return tuple(extra for extra in EXTRAS if extra in self.extras)

    @classmethod
    def parse(cls, text: str) -> "MotionSpec":
        """From its one word, as above. Raises ValueError that says what does not fit."""
        names, colon, rest = text.partition(":")
        name, *extras = names.split("+")
        options: dict[str, float] = {}
        binary = False
        for part in rest.split(",") if colon else ():
            key, equals, value = part.partition("=")
            if key == "binary" and not equals:
                binary = True
            elif key in ("threshold", "floor") and equals:
                options[key] = _number(text, value)
            else:
                raise ValueError(f"motion {text!r}: {part!r} is not binary, threshold=LEVELS or floor=SHARE")
        return cls(name, binary=binary, extras=tuple(extras), **options)

    @property
    def unfed(self) -> "MotionSpec":
        """The same mask as it is measured, whatever is done with it afterwards."""
        return replace(self, binary=False, floor=0.0, extras=())

    def __str__(self) -> str:
        """The one word, the same for all ways to write the same."""
        options = []
        if self.threshold != PAPER.threshold:
            options.append(f"threshold={self.threshold:g}")
        if self.binary:
            options.append("binary")
        if self.floor:
            options.append(f"floor={self.floor:g}")
        return "+".join((self.name, *self.extras)) + (":" + ",".join(options) if options else "")


def needs_neighbours(motion: MotionSpec | None) -> bool:
    """Whether that mask looks at the native frames beside each sampled one; False for None."""
    return motion is not None and MOTIONS[motion.name].needs_neighbours


def feed(motion: Motion, spec: MotionSpec) -> Motion:
    """The same motion with alpha made binary and lifted to the floor as the spec says; what was measured stays."""
    if not spec.binary and not spec.floor:
        return motion
    return replace(motion, alpha=feed_alpha(motion.alpha, spec))


def feed_alpha(alpha: NDArray[np.float32], spec: MotionSpec) -> NDArray[np.float32]:
    """(T, H, W) in 0..1, all ones if a frame fell back, made binary and lifted to the floor as the spec says."""
    fed = (alpha > 0.5).astype(np.float32) if spec.binary else alpha
    return np.float32(spec.floor) + np.float32(1 - spec.floor) * fed if spec.floor else fed


def _number(text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise ValueError(f"motion {text!r}: {value!r} is not a number") from error
