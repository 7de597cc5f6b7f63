"""What a cache keeps of each video: settings that all its readers and later writers share."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from deltaclip.motion import MotionSpec, needs_neighbours

__all__ = ["FORMAT", "READABLE", "CacheSettings", "stored_mask"]

FORMAT = 2
"""Increased whenever the content of a shard, or how it is measured, changes. 1 had soft alpha of 8 bits beside raw
pixels, and did not say which version decoded a video."""
READABLE = (1, FORMAT)


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """What is kept of each video.

    num_frames: frames of a video, at the middles of equal spans; more than a step uses, so that random frames vary.
    size: short side of the pictures in pixels; they are not cropped.
    motion: "subject" or "subject:binary", measured once and stored as 8-bit or 1-bit alpha, "subject+flow", stored with
    the velocity of what moves in pictures of three channels, or None. Masks that are computed from the drawn frames
    alone (difference, random, inverted) or from nothing (full, centre) are never stored: see `CachedFrames.see`.
    quality: of JPEG, 1 to 100, or None for raw pixels.
    """

    num_frames: int = 32
    size: int = 224
    motion: str | None = "subject"
    quality: int | None = 90

    def __post_init__(self) -> None:
        if self.num_frames < 1 or self.size < 1:
            raise ValueError("num_frames and size must be 1 or more")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise ValueError(f"the quality of JPEG must be from 1 to 100, not {self.quality}")
        if self.motion is None:
            return
        spec = MotionSpec.parse(self.motion)
        if not needs_neighbours(spec):
            raise ValueError(
                f"motion {self.motion}: this mask depends on which frames are drawn and is computed when reading; "
                "a cache keeps subject, subject:binary or none"
            )
        if spec.floor:
            raise ValueError(
                f"motion {self.motion}: a floor is applied when reading; cache it as {replace(spec, floor=0.0)}"
            )
        if "time" in spec.extras:
            raise ValueError(
                f"motion {self.motion}: time depends on which frames are drawn; cache it as {stored_mask(spec)}"
            )
        object.__setattr__(self, "motion", str(spec))

    @property
    def motion_spec(self) -> MotionSpec | None:
        """The stored mask, parsed; `motion` is its word in cache.json."""
        return None if self.motion is None else MotionSpec.parse(self.motion)

    @property
    def suffix(self) -> str:
        """File name suffix of the members that contain pictures."""
        return "npy" if self.quality is None else "jpg"

    def serves(self, motion: str | None) -> bool:
        """Whether frames cached with these settings have or can get that mask, written as in `MotionSpec`.

        A stored mask serves itself, its binary form and any floor, but a binary one cannot serve the soft one. Masks
        that are computed from the drawn frames need nothing stored.
        """
        wanted, kept = None if motion is None else MotionSpec.parse(motion), self.motion_spec
        if wanted is None or not needs_neighbours(wanted):
            return True
        if kept is None:
            return False
        flows = "flow" not in wanted.extras or "flow" in kept.extras
        return kept.name == wanted.name and (wanted.binary or not kept.binary) and flows

    def lacks(self, num_frames: int, motion: str | None, image_size: int = 1) -> tuple[str, ...]:
        """What training with that many frames, that mask and image size lacks here, in words; empty if nothing."""
        found = []
        if self.size < image_size:
            found.append(f"the short side of its pictures is {self.size} pixels, and {image_size} are needed")
        if self.num_frames < num_frames:
            found.append(f"it has {self.num_frames} frames per video, and {num_frames} are needed")
        if not self.serves(motion):
            found.append(f"it has {self.masks}, and {motion} is needed")
        return tuple(found)

    @property
    def masks(self) -> str:
        """The stored masks, for an error."""
        return "no masks" if self.motion is None else f"masks {self.motion}"

    def differences(self, other: "CacheSettings") -> tuple[str, ...]:
        """What differs, in words for an error: "size 224, not 256", self first."""
        mine, theirs = asdict(self), asdict(other)
        return tuple(
            f"{_name(key)} {_said(mine[key])}, not {_said(theirs[key])}" for key in mine if mine[key] != theirs[key]
        )

    def to_json(self) -> dict[str, Any]:
        """As in cache.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "CacheSettings":
        """The reverse. Raises TypeError or ValueError for anything else."""
        return cls(**document)


def stored_mask(spec: MotionSpec) -> MotionSpec:
    """What a cache has to store so that it serves that mask in every form."""
    return MotionSpec(spec.name, extras=tuple(extra for extra in spec.extras if extra == "flow"))


def _name(key: str) -> str:
    return {"num_frames": "frames"}.get(key, key)


def _said(value: object) -> str:
    return "none" if value is None else str(value)
