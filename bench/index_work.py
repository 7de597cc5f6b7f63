"""What `bench/index.py` measures beside whole runs: decoding and its bound, memory, and a run with nothing to do."""

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
from av.video.stream import VideoStream
from index_ways import FRAMES
from numpy.typing import NDArray

from deltaclip.channels import CHANNELS
from deltaclip.library import Library
from deltaclip.motion import MotionSpec
from deltaclip.pipeline import Job, Stages
from deltaclip.reader import Clip, ReaderSpec
from deltaclip.video import Video, uniform_seconds
from deltaclip.video.container import film_candidates, open_container
from deltaclip.video.packets import find_film
from deltaclip.video.picture import Orientation, scaled_size, to_rgb

__all__ = ["cpu_seconds", "decoding_bound", "decoding_ours", "peak_mb", "plans_of", "reindex_seconds"]

SIDE = 224
Key = TypeVar("Key")


@dataclass(frozen=True)
class Plan:
    """What of a file is needed. wanted: time stamps of the frames. groups: numbers of the groups of pictures that hold
    one, None for a file that can only be read from its beginning, whose frames are `numbers`."""

    path: Path
    stream_index: int
    wanted: frozenset[int]
    keys: NDArray[np.int64]
    groups: frozenset[int] | None
    numbers: frozenset[int]
    size: tuple[int, int]


def plans_of(paths: list[Path]) -> list[Plan]:
    """The plans of files, from their tables of packets."""
    return [_plan_of(path) for path in paths]


def _plan_of(path: Path) -> Plan:
    with open_container(path) as container:
        film = find_film(container, film_candidates(container, path))
    with Video.open(path) as video:
        seconds = uniform_seconds(video.whole.start, video.whole.end, FRAMES)
        numbers = np.clip(np.searchsorted(video.frame_seconds, seconds, side="right") - 1, 0, None)
        size = scaled_size(video.info.width, video.info.height, SIDE)
    timeline = film.timeline
    assert timeline is not None
    wanted, keys = timeline.ticks[numbers], timeline.key_ticks
    groups = frozenset(np.searchsorted(keys, wanted, side="right").tolist()) if len(keys) else None
    return Plan(path, film.stream_index, frozenset(wanted.tolist()), keys, groups, frozenset(numbers.tolist()), size)


def decoding_ours(paths: list[Path], *, with_neighbours: bool = False) -> None:
    """The frames of all files as our reader gets them."""
    for path in paths:
        with Video.open(path) as video:
            seconds = uniform_seconds(video.whole.start, video.whole.end, FRAMES)
            video.frames_at(seconds, SIDE, with_neighbours=with_neighbours)


def decoding_bound(plans: list[Plan]) -> int:
    """Demuxes each file once, decodes the groups needed up to the last wanted frame, and converts the wanted frames.

    Returns how many were converted. What is needed is known before, which a reader has to find out.
    """
    return sum(_decode(plan) for plan in plans)


def _decode(plan: Plan) -> int:
    converted = number = 0
    upright = Orientation(False, 0)
    with av.open(str(plan.path), metadata_errors="ignore") as container:
        stream = container.streams[plan.stream_index]
        assert isinstance(stream, VideoStream)
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        is_needed = True
        for packet in container.demux(stream):
            if plan.groups is not None and packet.is_keyframe and packet.pts is not None:
                is_needed = int(np.searchsorted(plan.keys, packet.pts, side="right")) in plan.groups
            if not is_needed or converted == len(plan.numbers):
                continue
            for picture in packet.decode():
                if number in plan.numbers if plan.groups is None else picture.pts in plan.wanted:
                    to_rgb(picture, *plan.size, upright, str(plan.path))
                    converted += 1
                number += 1
    return converted


def cpu_seconds() -> float:
    """CPU time that this process, its children that live and those that have ended have taken so far."""
    spent = os.times()
    total = spent.user + spent.system + spent.children_user + spent.children_system
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(fields[1]) == os.getpid():  # after the name: state, parent, ...
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def peak_mb() -> int | None:
    """The most memory that this process and its children that live have taken, MB; None where /proc does not tell."""
    own = os.getpid()
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            facts = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue  # it has ended
        if "VmHWM" in facts and own in (int(facts["Pid"]), int(facts["PPid"])):
            total += int(facts["VmHWM"].split()[0])
    return total // 1024 or None


class _Blank:
    """Reads nothing: a clip of zeros for each file. Its encoder gives one vector for all."""

    name = fingerprint = "blank"
    dimension, max_words, kept_precision = 16, 77, None
    reader_spec = ReaderSpec(16, 1, MotionSpec("difference"))

    def __init__(self) -> None:
        self.stages = Stages()

    def read(self, jobs: Iterable[Job[Key]]) -> Iterator[tuple[Job[Key], Iterator[Clip]]]:
        frames = np.zeros((1, len(CHANNELS), 16, 16), np.uint8)
        for job in jobs:
            yield job, iter([Clip(frames, np.zeros(1), job.path, 0.0, 1.0, np.zeros(1), (None,))])

    def encode_clips(self, clips: Iterable[Clip]) -> NDArray[np.float32]:
        return np.eye(1, 16, dtype=np.float32).repeat(len(list(clips)), axis=0)

    def encode_texts(self, texts: Any) -> NDArray[np.float32]:
        return np.eye(1, 16, dtype=np.float32).repeat(len(texts), axis=0)


def reindex_seconds(num_files: int) -> float:
    """How long `index` takes over files that have not changed since they were indexed; they are not decoded."""
    blank = _Blank()
    opened: Callable[[int], Any] = lambda _workers: nullcontext(blank)  # noqa: E731
    with tempfile.TemporaryDirectory() as folder:
        videos = Path(folder, "videos")
        videos.mkdir()
        for number in range(num_files):
            (videos / f"{number}.mp4").write_bytes(number.to_bytes(4, "big") * 512)
        for _ in range(2):
            with Library.open(Path(folder, "library"), blank, create=True, open_reader=opened) as library:
                begun = time.perf_counter()
                report = library.index([videos], motion_words=False)
                taken = time.perf_counter() - begun
        assert report.unchanged == num_files
    return round(taken, 2)
