"""The one place where video and motion meet: from a file to the arrays that an image encoder takes.

Frame and mask pass through one geometry: decoded and differenced uncropped, then scaled and cropped alike
(Alpha-CLIP's own example crops the picture but squashes the mask; theirs do not match on pictures that are not square).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import VideoError
from deltaclip.motion import Motion, MotionSpec, Neighbours, needs_neighbours, see
from deltaclip.video import SAMPLINGS, SEGMENT_SECONDS, Frames, Guard, Segment, Video, sample_seconds, uniform_seconds

__all__ = [
    "MOTION_SIDE",
    "Clip",
    "ReaderSpec",
    "centre_crop",
    "fit_to_model",
    "guarded",
    "measure_alpha",
    "normalise_alpha",
    "normalise_pixels",
    "read_moment_motion",
    "read_moments",
    "read_motion",
    "read_variants",
    "read_video",
    "read_whole",
    "stream_video",
    "to_short_side",
]

MOTION_SIDE = 224
"""Short side, in pixels, at which motion is measured for every model, so that thresholds and areas mean the same."""

Number = TypeVar("Number", bound=np.generic)
Item = TypeVar("Item")

# openai/CLIP clip/clip.py, `_transform`.
CLIP_MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
CLIP_STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
# SunzeY/AlphaCLIP README: mask_transform Normalize(0.5, 0.26). A full mask is 1.923, an empty one -1.923.
ALPHA_MEAN, ALPHA_STD = 0.5, 0.26


@dataclass(frozen=True, slots=True)
class ReaderSpec:
    """How a video becomes clips.

    image_size: side S of the square that the image encoder takes, in pixels.
    num_frames: T, frames of a clip, at the middles of T equal spans (12 in the paper's tests, 6 in its training).
    motion: a mask in the word of `motion.MotionSpec`, or None where the alpha weights are zero and no mask can matter.
    sampling: a name in `video.SAMPLINGS`; by CLIP4Clip's rules a short clip has fewer frames than num_frames.
    """

    image_size: int
    num_frames: int = 12
    motion: str | None = "subject"
    sampling: str = "uniform"

    def __post_init__(self) -> None:
        if self.image_size < 1 or self.num_frames < 1:
            raise ValueError("image_size and num_frames start at 1")
        if self.sampling not in SAMPLINGS:
            raise ValueError(f"sampling {self.sampling!r}: choose one of {', '.join(SAMPLINGS)}")
        if self.motion is not None:
            # One word for one mask: the fingerprint of vectors is made of it.
            object.__setattr__(self, "motion", str(MotionSpec.parse(self.motion)))

    @property
    def decode_side(self) -> int:
        """Short side to decode at: what the encoder needs and what motion needs, the larger of both."""
        return max(self.image_size, MOTION_SIDE)


@dataclass(frozen=True, slots=True)
class Clip:
    """What an image encoder sees of one moment.

    pixels: (T, 3, S, S) float32, normalised as CLIP does. alpha: (T, 1, S, S) float32, normalised as Alpha-CLIP does.
    seconds: (T,) float64, from the file's first frame. path: the file. start, end: the moment, start <= second < end.
    coverage: (T,) float64, share of each frame that the mask holds. fallback: why a frame's alpha is all ones, or None.
    """

    pixels: NDArray[np.float32] = field(repr=False)
    alpha: NDArray[np.float32] = field(repr=False)
    seconds: NDArray[np.float64] = field(repr=False)
    path: Path
    start: float
    end: float
    coverage: NDArray[np.float64] = field(repr=False)
    fallback: tuple[str | None, ...] = field(repr=False)


def read_moments(path: Path, spec: ReaderSpec, segment_seconds: float = SEGMENT_SECONDS) -> Iterator[Clip]:
    """One clip for every segment of a video, in order of time.

    A file that cannot be decoded to its end gives the clips up to the damage, the last one cut short there, and
    then raises the VideoError that tells where. Raises VideoError at once where nothing can be decoded.
    """
    with Video.open(path) as video:
        for segment in video.segments(segment_seconds):
            try:
                clip = _read_clip(video, segment, spec)
            except VideoError as error:
                damaged_after = error.decoded_seconds
                if damaged_after is not None and damaged_after > segment.start:
                    yield _read_clip(video, Segment(segment.start, damaged_after), spec)
                raise
            yield clip


def read_video(path: Path, spec: ReaderSpec) -> Clip:
    """One clip sampled over the whole of a video, as retrieval benchmarks do. Raises VideoError, also for damage."""
    with Video.open(path) as video:
        return _read_clip(video, Segment(0.0, video.info.duration_seconds), spec)


def read_variants(path: Path, specs: Sequence[ReaderSpec]) -> tuple[Clip, ...]:
    """`read_video` for several specs that differ in their mask alone: decoded once. Raises VideoError.

    specs: at least one, ValueError where more than `motion` differs.
    """
    first = specs[0]
    if any(replace(spec, motion=first.motion) != first for spec in specs):
        raise ValueError("variants may differ in their mask only")
    with Video.open(path) as video:
        segment = Segment(0.0, video.info.duration_seconds)
        wanted = [spec for spec in specs if spec.motion is not None and needs_neighbours(spec.motion)]
        frames = _frames(video, segment, wanted[0] if wanted else first)
        return tuple(_fitted(video, segment, frames, spec) for spec in specs)


def stream_video(path: Path, spec: ReaderSpec) -> Iterator[Clip]:
    """`read_video` as `guarded` takes it: one clip. Raises VideoError."""
    yield read_video(path, spec)


def read_motion(path: Path, motion: str, num_frames: int, short_side: int = MOTION_SIDE) -> tuple[Frames, Motion]:
    """Sampled frames of a whole video and what moves in them, uncropped, both at `short_side`. Raises VideoError."""
    with Video.open(path) as video:
        return _seen(video, Segment(0.0, video.info.duration_seconds), motion, num_frames, short_side)


def read_moment_motion(path: Path, start: float, end: float, motion: str, num_frames: int) -> tuple[Frames, Motion]:
    """The same for one moment, start <= second < end, at MOTION_SIDE: to show a person why it was found."""
    with Video.open(path) as video:
        return _seen(video, Segment(start, end), motion, num_frames, MOTION_SIDE)


def read_whole(
    path: Path, motion: str | None, num_frames: int, short_side: int
) -> Iterator[tuple[Frames, Motion | None]]:
    """One pair: frames of a whole video and what moves in them, uncropped, both at `short_side`.

    Motion is measured at MOTION_SIDE. Decoded at the side at which `read_video` decodes for an encoder of that size, so
    that both see one picture.
    motion: None measures nothing. A generator, as `guarded` takes it. Raises VideoError, also for damage.
    """
    with Video.open(path) as video:
        seconds = uniform_seconds(0.0, video.info.duration_seconds, num_frames)
        with_neighbours = motion is not None and needs_neighbours(motion)
        frames = video.frames_at(seconds, max(short_side, MOTION_SIDE), with_neighbours=with_neighbours)
    measured = None if motion is None else _measured(frames.rgb, motion, frames.before, frames.after)
    rgb = to_short_side(frames.rgb, short_side)
    if measured is not None:
        measured = Motion(
            alpha=_to_size(measured.alpha, rgb),
            measured=_to_size(measured.measured, rgb),
            mask=_to_size(measured.mask.astype(np.float32), rgb) > 0.5,
            coverage=measured.coverage,
            confidence=measured.confidence,
            fallback=measured.fallback,
        )
    yield Frames(rgb, frames.seconds), measured


def measure_alpha(rgb: NDArray[np.uint8], motion: str) -> NDArray[np.float32]:
    """Alpha of sampled frames by a rule that needs no neighbours: (T, H, W, 3) uint8, uncropped -> (T, H, W) float32.

    Measured at MOTION_SIDE as `fit_to_model` does, and scaled back to the frames' own size.
    """
    return _to_size(_measured(rgb, motion).alpha, rgb)


@contextmanager
def guarded(
    function: Callable[..., Iterator[Item]], time_limit_seconds: float
) -> Iterator[Callable[..., Iterator[Item]]]:
    """That function of this module, run in a child process which may crash or hang without taking us along.

    Gives (name, *args) -> items; `name` is what errors call the work, a path for example. See `video.Guard`.
    """
    with Guard(function, time_limit_seconds) as guard:
        yield guard.stream


def fit_to_model(
    rgb: NDArray[np.uint8],
    spec: ReaderSpec,
    before: Neighbours | None = None,
    after: Neighbours | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.float32], Motion | None]:
    """Frames decoded at `spec.decode_side` to pixels (T, S, S, 3) uint8, alpha (T, S, S) in 0..1, and their motion.

    rgb: uint8 (T, H, W, 3), uncropped. Motion is measured at MOTION_SIDE, uncropped; then both are scaled to the
    encoder's short side and centre-cropped alike. before, after: native neighbours of the frames, of their size.
    """
    motion = None
    if spec.motion is not None:
        motion = _measured(rgb, spec.motion, before, after)
    pixels = centre_crop(to_short_side(rgb, spec.image_size), spec.image_size)
    if motion is None:
        return pixels, np.ones(pixels.shape[:3], np.float32), None
    return pixels, centre_crop(to_short_side(motion.alpha, spec.image_size), spec.image_size), motion


def normalise_pixels(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(T, S, S, 3) uint8 to (T, 3, S, S) float32: divided by 255, less CLIP's mean, over its deviation."""
    # (T, S, S, 3) -> (T, 3, S, S)
    planes = np.moveaxis(rgb, -1, 1).astype(np.float32) / np.float32(255)
    planes -= CLIP_MEAN[:, None, None]
    planes /= CLIP_STD[:, None, None]
    return planes


def normalise_alpha(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T, S, S) float32 in 0..1 to (T, 1, S, S): (alpha - 0.5) / 0.26, once and only once."""
    # (T, S, S) -> (T, 1, S, S)
    return (alpha[:, None] - np.float32(ALPHA_MEAN)) / np.float32(ALPHA_STD)


def _seen(video: Video, segment: Segment, motion: str, num_frames: int, short_side: int) -> tuple[Frames, Motion]:
    seconds = uniform_seconds(segment.start, segment.end, num_frames)
    frames = video.frames_at(seconds, short_side, with_neighbours=needs_neighbours(motion))
    return frames, see(motion, frames.rgb, frames.before, frames.after)


def _read_clip(video: Video, segment: Segment, spec: ReaderSpec) -> Clip:
    return _fitted(video, segment, _frames(video, segment, spec), spec)


def _frames(video: Video, segment: Segment, spec: ReaderSpec) -> Frames:
    seconds = sample_seconds(segment.start, segment.end, spec.num_frames, spec.sampling, video.frame_seconds)
    with_neighbours = spec.motion is not None and needs_neighbours(spec.motion)
    return video.frames_at(seconds, spec.decode_side, with_neighbours=with_neighbours)


def _fitted(video: Video, segment: Segment, frames: Frames, spec: ReaderSpec) -> Clip:
    pixels, alpha, motion = fit_to_model(frames.rgb, spec, frames.before, frames.after)
    return Clip(
        pixels=normalise_pixels(pixels),
        alpha=normalise_alpha(alpha),
        seconds=frames.seconds,
        path=Path(video.info.path),
        start=segment.start,
        end=segment.end,
        coverage=np.ones(len(frames.seconds)) if motion is None else motion.coverage,
        fallback=(None,) * len(frames.seconds) if motion is None else motion.fallback,
    )


def _measured(
    rgb: NDArray[np.uint8], motion: str, before: Neighbours | None = None, after: Neighbours | None = None
) -> Motion:
    """What moves in frames of any size, measured at MOTION_SIDE and left there."""
    at_motion_side = (_each_to_short_side(pictures, MOTION_SIDE) for pictures in (before, after))
    return see(motion, to_short_side(rgb, MOTION_SIDE), *at_motion_side)


def _to_size(planes: NDArray[np.float32], rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(T, h, w) at the height and width of the pictures (T, H, W, 3)."""
    height, width = rgb.shape[1:3]
    if planes.shape[1:] == (height, width):
        return planes
    interpolation = cv2.INTER_AREA if planes.shape[1] > height else cv2.INTER_LINEAR
    scaled = np.stack([cv2.resize(plane, (width, height), interpolation=interpolation) for plane in planes])
    # Area averaging in float32 may leave 0..1 by a rounding.
    return np.asarray(np.clip(scaled, 0, 1), np.float32)


def to_short_side(pictures: NDArray[Number], side: int) -> NDArray[Number]:
    """(T, H, W) or (T, H, W, 3) scaled so that the short side is `side`; the long side is floored as in CLIP."""
    height, width = pictures.shape[1:3]
    short = min(height, width)
    if short == side:
        return pictures
    size = (max(width * side // short, 1), max(height * side // short, 1))
    # Area averaging is the filter without aliasing going down; going up only alpha, which is no picture.
    interpolation = cv2.INTER_AREA if short > side else cv2.INTER_LINEAR
    return np.stack([cv2.resize(picture, size, interpolation=interpolation) for picture in pictures])


def _each_to_short_side(pictures: Neighbours | None, side: int) -> Neighbours | None:
    """`to_short_side` of each picture (H, W, 3) that there is."""
    if pictures is None:
        return None
    return tuple(None if picture is None else to_short_side(picture[None], side)[0] for picture in pictures)


def centre_crop(pictures: NDArray[Number], side: int) -> NDArray[Number]:
    """The middle (side, side) of (T, H, W, ...), rounded as torchvision's CenterCrop does in CLIP's preprocess."""
    height, width = pictures.shape[1:3]
    top, left = round((height - side) / 2), round((width - side) / 2)
    return pictures[:, top : top + side, left : left + side]
