"""Clips of labelled actions in memory: decoded once with every mask, and shared by all runs of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.captions import ActionSet
from deltaclip.channels import velocity_bytes, velocity_of_bytes
from deltaclip.errors import VideoError
from deltaclip.frame_cache import random_places, uniform_places
from deltaclip.library import content_of
from deltaclip.motion import MotionSpec, masked_velocity, needs_neighbours
from deltaclip.reader import Call, guarded_calls, measure_alpha, read_whole
from deltaclip.training.captions_data import UnusableVideosError
from deltaclip.training.run_folder import save_whole
from deltaclip.training.source import Pictures
from deltaclip.wording import count, listed

__all__ = ["ActionClips", "SeenActions", "SeenClip", "clip_digests", "see_actions"]


RGB = "rgb"
VELOCITY = "velocity"


@dataclass(frozen=True, slots=True, eq=False)
class SeenClip:
    """K frames of a clip, at the middles of equal spans, uncropped. rgb: uint8 (K, H, W, 3).

    alpha: mask -> uint8 (K, H, W), 255 is one. All K frames are measured together, so that masks have the same time
    gaps however few frames a step takes. velocity: uint8 (K, H, W, 2) of `channels.velocity_bytes`, what moves by
    `subject`; None if no mask asks for flow.
    """

    rgb: NDArray[np.uint8] = field(repr=False)
    alpha: Mapping[str, NDArray[np.uint8]] = field(repr=False)
    velocity: NDArray[np.uint8] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class SeenActions:
    """A set with its decoded clips, in the same order."""

    actions: ActionSet
    clips: tuple[SeenClip, ...]

    def without_mask(self, mask: str) -> float:
        """Share of the frames whose alpha is all ones: `full`, and every mask that fell back."""
        whole = [(clip.alpha[mask] == 255).all(axis=(1, 2)) for clip in self.clips]
        return float(np.concatenate(whole).mean())

    def write(self, path: Path) -> None:
        """Writes frames and masks to one file of arrays, whole or not at all."""
        arrays = {f"{number}.{RGB}": clip.rgb for number, clip in enumerate(self.clips)}
        for number, clip in enumerate(self.clips):
            arrays |= {f"{number}.{mask}": alpha for mask, alpha in clip.alpha.items()}
            if clip.velocity is not None:
                arrays[f"{number}.{VELOCITY}"] = clip.velocity
        save_whole(path, lambda stream: np.savez(stream, **arrays))  # type: ignore[arg-type]  # any names are allowed

    @classmethod
    def read(cls, path: Path, actions: ActionSet, masks: Sequence[str]) -> "SeenActions":
        """Reads what `write` wrote for that set."""
        with np.load(path) as arrays:
            clips = tuple(
                SeenClip(
                    arrays[f"{number}.{RGB}"],
                    {mask: arrays[f"{number}.{mask}"] for mask in masks},
                    arrays.get(f"{number}.{VELOCITY}"),
                )
                for number in range(len(actions.clips))
            )
        return cls(actions, clips)


def see_actions(actions: ActionSet, masks: Sequence[str], num_frames: int, short_side: int) -> SeenActions:
    """Decodes every clip and measures every mask on it. Raises UnusableVideosError naming all broken
    clips."""
    clips, broken = [], {}
    with guarded_calls() as call:
        for clip in actions.clips:
            try:
                clips.append(_see(call, actions.folder / clip.path, masks, num_frames, short_side))
            except VideoError as error:
                broken[clip.path] = error.reason
    if broken:
        words = listed([f"{path}: {reason.rstrip('.')}" for path, reason in broken.items()], "; ")
        remedy = "Fix them, or give a copy of the set whose captions.csv leaves them out."
        raise UnusableVideosError(
            str(actions.folder), f"{count(len(broken), 'clip')} cannot be read: {words}", remedy, broken
        )
    return SeenActions(actions, tuple(clips))


def clip_digests(actions: ActionSet) -> tuple[str, ...]:
    """Digest of each clip's file in hex, in the order of the set, or that the file cannot be read."""
    return tuple(_digest(actions.folder / clip.path) for clip in actions.clips)


def _digest(path: Path) -> str:
    try:
        digest = content_of(path).digest
    except VideoError:
        return "cannot be read"  # `see_actions` names all of them
    assert digest is not None
    return digest.hex()


def _see(call: Call, path: Path, masks: Sequence[str], num_frames: int, short_side: int) -> SeenClip:
    """Masks that need neighbours are measured while decoding, once for each; all others on the decoded frames."""
    specs = {mask: MotionSpec.parse(mask) for mask in masks}
    # Channels beside alpha are of the same measurement: `subject` and `subject+flow` are one.
    alone = {mask: replace(spec, extras=()) for mask, spec in specs.items()}
    followed = list(dict.fromkeys(spec for spec in alone.values() if needs_neighbours(spec)))
    frames, first, _ = call(read_whole, path, followed[0] if followed else None, num_frames, short_side)
    found = {} if first is None else {followed[0]: first}
    for spec in followed[1:]:
        _, motion, _ = call(read_whole, path, spec, num_frames, short_side)
        assert motion is not None  # a mask was asked for
        found[spec] = motion
    alpha, velocity = {}, None
    for mask, spec in alone.items():
        made = found[spec].alpha if spec in found else measure_alpha(frames.rgb, spec)
        alpha[mask] = np.round(made * 255).astype(np.uint8)
        if "flow" in specs[mask].extras:
            velocity = velocity_bytes(masked_velocity(found[spec]))
    return SeenClip(frames.rgb, alpha, velocity)


class ActionClips:
    """Some clips of a set with one mask, as a `training.ClipSource`."""

    in_memory = True
    unit = 1

    def __init__(self, seen: SeenActions, numbers: Sequence[int], mask: str) -> None:
        self._seen, self._numbers, self._mask = seen, list(numbers), mask
        clips = [seen.actions.clips[number] for number in self._numbers]
        labels = list(seen.actions.wordings)
        self.labels = np.array([labels.index(clip.label) for clip in clips], np.int64)
        self.owner = np.arange(len(clips))
        self.video_ids = [clip.path for clip in clips]
        self._wordings = [seen.actions.wordings[clip.label] for clip in clips]

    @property
    def alike(self) -> NDArray[np.int64]:
        """The class: every wording of a class fits all its clips."""
        return self.labels

    def caption(self, number: int, rng: np.random.Generator | None, epoch: int = 0) -> str:
        """A random wording of the clip's class; without a generator, the first one."""
        wordings = self._wordings[number]
        return wordings[0] if rng is None else wordings[int(rng.integers(len(wordings)))]

    def pictures(self, video: int, num_frames: int, rng: np.random.Generator | None) -> Pictures:
        """Frames at random positions in equal spans, or at their middles."""
        clip = self._seen.clips[self._numbers[video]]
        kept = len(clip.rgb)
        places = uniform_places(kept, num_frames) if rng is None else random_places(kept, num_frames, rng)
        alpha = clip.alpha[self._mask][places].astype(np.float32) / np.float32(255)
        velocity = None
        if "flow" in MotionSpec.parse(self._mask).extras:
            assert clip.velocity is not None  # seen with this mask
            velocity = velocity_of_bytes(clip.velocity[places])
        return Pictures(clip.rgb[places], alpha, velocity=velocity)
