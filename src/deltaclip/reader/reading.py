"""From files to clips: whole videos and their moments, and what moves in them; safely, if files are not trusted."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, TypeVarTuple, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import VideoError
from deltaclip.motion import Motion, MotionSpec, needs_neighbours, see
from deltaclip.motion import track as motion_track
from deltaclip.processes import Guard, once, own_work
from deltaclip.reader.fitting import extras_of_motion, fit_extras, fit_variants, join_channels, measure
from deltaclip.reader.geometry import to_short_side, to_size_of
from deltaclip.reader.types import MOTION_SIDE, SUBJECT, Clip, ReaderSpec
from deltaclip.video import KEYFRAMES, SEGMENT_SECONDS, Frames, Segment, Video, sample_seconds, uniform_seconds

__all__ = [
    "Call",
    "guarded_calls",
    "read_both_ways",
    "read_moment_motion",
    "read_moment_pictures",
    "read_moments",
    "read_motion",
    "read_variants",
    "read_video",
    "read_whole",
]

Item = TypeVar("Item")
Others = TypeVarTuple("Others")


def read_moments(path: Path, spec: ReaderSpec, segment_seconds: float = SEGMENT_SECONDS) -> Iterator[Clip]:
    """One clip for every segment of a video, in order of time.

    A file that cannot be decoded to its end gives the clips up to the damage, the last one cut short there, and
    then raises the VideoError that says where. Raises VideoError at once if nothing can be decoded.
    """
    with Video.open(path) as video:
        for segment in video.segments(segment_seconds):
            try:
                clip = _read_clip(video, segment, spec)
            except VideoError as error:
                damaged_after = error.decoded_seconds
                if damaged_after is not None and damaged_after > segment.start:
                    yield _read_clip(video, replace(segment, end=damaged_after), spec)
                raise
            yield clip


def read_video(path: Path, spec: ReaderSpec) -> Clip:
    """One clip sampled over the whole of a video, as retrieval benchmarks do. Raises VideoError, also for damage."""
    with Video.open(path) as video:
        return _read_clip(video, video.whole, spec)


def read_both_ways(path: Path, spec: ReaderSpec) -> Iterator[Clip]:
    """`read_video`, and the same frames shown from the end: what moves is measured anew in both. Raises VideoError."""
    with Video.open(path) as video:
        frames = _frames(video, video.whole, spec)
        for shown in (frames, frames.backwards()):
            [clip] = _fitted(video, video.whole, shown, [spec])
            yield clip


def read_variants(path: Path, specs: Sequence[ReaderSpec]) -> tuple[Clip, ...]:
    """`read_video` for several specs that differ in their mask alone: decoded once. Raises VideoError.

    Masks that differ only in how they are fed to the model are measured once.
    specs: at least one; ValueError if more than `motion` differs.
    """
    first = specs[0]
    if any(replace(spec, motion=first.motion) != first for spec in specs):
        raise ValueError("variants may differ in their mask only")
    with Video.open(path) as video:
        segment = video.whole
        wanted = [spec for spec in specs if spec.needs_neighbours]
        frames = _frames(video, segment, wanted[0] if wanted else first)
        return _fitted(video, segment, frames, specs)


def read_motion(
    path: Path, motion: MotionSpec, num_frames: int, short_side: int = MOTION_SIDE
) -> tuple[Frames, Motion]:
    """Sampled frames of a whole video and what moves in them, uncropped, both at `short_side`. Raises VideoError."""
    with Video.open(path) as video:
        return _seen(video, video.whole, motion, num_frames, short_side)


def read_moment_motion(
    path: Path, start: float, end: float, motion: MotionSpec, num_frames: int
) -> tuple[Frames, Motion]:
    """The same for one moment, start <= second < end, at MOTION_SIDE: to show a person why it was found."""
    with Video.open(path) as video:
        return _seen(video, Segment(start, end), motion, num_frames, MOTION_SIDE)


def read_moment_pictures(
    path: Path, start: float, end: float, motion: MotionSpec | None, num_frames: int, box: tuple[int, int]
) -> tuple[Frames, Motion | None]:
    """Frames of one moment, uncropped and large enough to fill `box` (width, height), and what moves in them.

    Motion is measured at MOTION_SIDE and scaled to the frames; None measures nothing. Raises VideoError.
    """
    with Video.open(path) as video:
        width, height = video.info.width, video.info.height
        short_side = math.ceil(min(width, height) * min(box[0] / width, box[1] / height))
        least = 1 if motion is None else MOTION_SIDE
        seconds = uniform_seconds(start, end, num_frames)
        frames = video.frames_at(seconds, max(short_side, least), with_neighbours=needs_neighbours(motion))
    return frames, None if motion is None else _measured_for(frames.rgb, frames, motion)


def read_whole(
    path: Path, motion: MotionSpec | None, num_frames: int, short_side: int
) -> tuple[Frames, Motion | None, Segment]:
    """Frames of a whole video and what moves in them, uncropped, both at `short_side`, and from when to when it lasts.

    Motion is measured at MOTION_SIDE. Decoded at the side at which `read_video` decodes for an encoder of that size, so
    that both see one picture.
    motion: None measures nothing. Raises VideoError, also for damage.
    """
    with Video.open(path) as video:
        whole = video.whole
        seconds = uniform_seconds(whole.start, whole.end, num_frames)
        frames = video.frames_at(seconds, max(short_side, MOTION_SIDE), with_neighbours=needs_neighbours(motion))
    rgb = to_short_side(frames.rgb, short_side)
    measured = None if motion is None else _measured_for(rgb, frames, motion)
    return Frames(rgb, frames.seconds, notes=frames.notes), measured, whole


@runtime_checkable
class Call(Protocol):
    """A function and its arguments, the path of its file first, to its result. Raises VideoError."""

    def __call__(self, function: Callable[[Path, *Others], Item], path: Path, *args: *Others) -> Item: ...


@contextmanager
def guarded_calls() -> Iterator[Call]:
    """Functions of a module's top level, run in one child process which may crash or hang without taking us along.

    Each is called with the path of its file first, by which errors name the work. See `processes.Guard`; for many files
    read ahead, see `pipeline`.
    """
    guard: Guard[Any]  # whatever the functions give
    with Guard(once) as guard:

        def call(function: Callable[[Path, *Others], Item], path: Path, *args: *Others) -> Item:
            [result] = guard.stream(str(path), function, path, *args)
            return cast("Item", result)

        yield call


def _measured_for(rgb: NDArray[np.uint8], frames: Frames, motion: MotionSpec) -> Motion:
    """What moves in the frames, measured at MOTION_SIDE and scaled to their pictures `rgb`, which may be smaller."""
    with own_work():
        [measured] = measure(frames.rgb, [motion], frames.before, frames.after, frames.step_seconds)
    return replace(
        measured,
        alpha=to_size_of(rgb, measured.alpha),
        measured=to_size_of(rgb, measured.measured),
        mask=to_size_of(rgb, measured.mask.astype(np.float32)) > 0.5,
    )


def _seen(
    video: Video, segment: Segment, motion: MotionSpec, num_frames: int, short_side: int
) -> tuple[Frames, Motion]:
    seconds = uniform_seconds(segment.start, segment.end, num_frames)
    frames = video.frames_at(seconds, short_side, with_neighbours=needs_neighbours(motion))
    with own_work():
        return frames, see(motion, frames.rgb, frames.before, frames.after, frames.step_seconds)


def _read_clip(video: Video, segment: Segment, spec: ReaderSpec) -> Clip:
    [clip] = _fitted(video, segment, _frames(video, segment, spec), [spec])
    return clip


def _frames(video: Video, segment: Segment, spec: ReaderSpec) -> Frames:
    seconds = sample_seconds(segment, spec.num_frames, spec.sampling, video.frame_seconds, video.key_seconds)
    neighbours: bool | Literal["after"] = spec.needs_neighbours
    if neighbours and spec.sampling == KEYFRAMES:
        neighbours = "after"
    return video.frames_at(seconds, spec.decode_side, with_neighbours=neighbours)


def _fitted(video: Video, segment: Segment, frames: Frames, specs: Sequence[ReaderSpec]) -> tuple[Clip, ...]:
    """A clip for each spec; they differ in their mask alone."""
    masks = [spec.motion for spec in specs]
    if specs[0].track:
        masks.append(SUBJECT)
    with own_work():
        pixels, variants = fit_variants(frames.rgb, specs[0], masks, frames.before, frames.after, frames.step_seconds)
        moved = variants.pop()[1] if specs[0].track else None
        track = None if moved is None else motion_track(moved, frames.seconds)
    num_frames = len(frames.seconds)
    return tuple(
        Clip(
            frames=join_channels(pixels, alpha, _fitted_extras(motion, spec)),
            seconds=frames.seconds,
            path=Path(video.info.path),
            start=segment.start,
            end=segment.end,
            coverage=np.ones(num_frames) if motion is None else motion.coverage,
            fallback=(None,) * num_frames if motion is None else motion.fallback,
            notes=frames.notes,
            track=track,
        )
        for spec, (alpha, motion) in zip(specs, variants, strict=True)
    )


def _fitted_extras(motion: Motion | None, spec: ReaderSpec) -> NDArray[np.float32] | None:
    planes = extras_of_motion(motion, spec.motion)
    return None if planes is None else fit_extras(planes, spec.image_size, spec.fit)
