"""One shard: a tar file that is written under a different name and appears complete or not at all.

Frames are JPEG or raw pixels, alpha is a grey PNG of 8 bits or 1 bit, and beside raw pixels, which lose nothing, soft
alpha loses nothing either (a compressed .npz, float32). On 9 real clips at 224 pixels, JPEG of quality 90
took 23 kB per frame (95: 32 kB) with a mean error of 1.9 grey levels; the paper's masks of such frames overlap those of
the decoded frames by 0.94 (95: 0.96). Soft alpha took 13 kB in 8 bits and 1.2 kB in 1 bit, with a mean error of 0.027:
since the model is fed soft alpha, 8 bits are kept.
"""

import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deltaclip.channels import velocity_bytes, velocity_of_bytes
from deltaclip.durable import replace_durably
from deltaclip.frame_cache.index import Entry, Source, StoredFrame, VideoRecord
from deltaclip.frame_cache.settings import CacheSettings
from deltaclip.motion import Motion, MotionSpec, encode_jpeg, encode_pixels, masked_velocity

__all__ = [
    "PART_SUFFIX",
    "EncodedVideo",
    "ShardWriter",
    "decode_alpha",
    "decode_picture",
    "encode_alpha",
    "encode_exactly",
    "encode_picture",
    "encode_video",
]


ZIP = b"PK"
"""How a .npz begins."""
FASTEST_PNG = 1
"""From 0 to 9. Level 6 saves an eighth of the bytes of alpha, but writing takes three times as long and reading half as
long again."""


def encode_picture(rgb: NDArray[np.uint8], quality: int | None) -> bytes:
    """(H, W, 3) uint8 as JPEG of that quality, colours at half the resolution; None: as a raw .npy.

    Raises PictureError if it is too large for a JPEG.
    """
    if quality is None:
        buffer = BytesIO()
        np.save(buffer, np.ascontiguousarray(rgb), allow_pickle=False)
        return buffer.getvalue()
    return encode_jpeg(rgb, quality)


def decode_picture(picture: bytes, quality: int | None) -> NDArray[np.uint8]:
    """The reverse: (H, W, 3) uint8."""
    if quality is None:
        return np.asarray(np.load(BytesIO(picture), allow_pickle=False), np.uint8)
    return np.asarray(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)


def encode_exactly(alpha: NDArray[np.float32], velocity: NDArray[np.float32] | None = None) -> bytes:
    """What `encode_alpha` takes, as a compressed .npz for `decode_alpha`: the same numbers come back."""
    buffer = BytesIO()
    if velocity is None:
        np.savez_compressed(buffer, alpha=alpha)
    else:
        np.savez_compressed(buffer, alpha=alpha, velocity=velocity)
    return buffer.getvalue()


def encode_alpha(alpha: NDArray[np.float32], binary: bool, velocity: NDArray[np.float32] | None = None) -> bytes:
    """(H, W) float32 in 0..1 as a grey PNG: 1 bit per pixel if the mask is binary, else 8.

    velocity: (H, W, 2), picture heights a second; with it the PNG has three channels, as `channels.velocity_bytes`.
    """
    # Halves are rounded down, so that alpha > 0.5 means the same before and after.
    levels = np.ceil(alpha * 255 - 0.5).astype(np.uint8)
    if velocity is not None:
        levels = np.concatenate([levels[..., None], velocity_bytes(velocity)], axis=-1)
    flat = binary and velocity is None
    options = [cv2.IMWRITE_PNG_COMPRESSION, FASTEST_PNG, *([cv2.IMWRITE_PNG_BILEVEL, 1] if flat else [])]
    return encode_pixels(".png", levels, options)


def decode_alpha(alpha: bytes) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """The reverse of both: (H, W) float32 in 0..1, and the velocity (H, W, 2) if there is one."""
    if alpha.startswith(ZIP):
        with np.load(BytesIO(alpha), allow_pickle=False) as stored:
            moved = np.asarray(stored["velocity"], np.float32) if "velocity" in stored else None
            return np.asarray(stored["alpha"], np.float32), moved
    levels = np.asarray(cv2.imdecode(np.frombuffer(alpha, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)
    planes, velocity = (levels, None) if levels.ndim == 2 else (levels[..., 0], velocity_of_bytes(levels[..., 1:]))
    return planes.astype(np.float32) / np.float32(255), velocity


PART_SUFFIX = ".part"
"""Suffix of files that are being written. The next writer removes them: their writer has died."""


@dataclass(frozen=True, slots=True)
class EncodedVideo:
    """A video as it is written to a shard. N frames.

    pictures, alphas: N each, encoded; an alpha is empty if it is all ones or no mask is stored. The rest is as in
    VideoRecord.
    """

    pictures: tuple[bytes, ...] = field(repr=False)
    alphas: tuple[bytes, ...] = field(repr=False)
    height: int
    width: int
    seconds: tuple[float, ...]
    coverage: tuple[float, ...] | None
    fallback: tuple[str | None, ...] | None
    span: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


def encode_video(
    rgb: NDArray[np.uint8], seconds: NDArray[np.float64], motion: Motion | None, settings: CacheSettings
) -> EncodedVideo:
    """rgb: (N, H, W, 3) uint8. seconds: (N,). motion: of the same frames, None exactly if the settings have no mask."""
    alphas: Sequence[bytes] = (b"",) * len(rgb)
    if motion is not None and settings.motion is not None:
        spec = MotionSpec.parse(settings.motion)
        moved = masked_velocity(motion) if "flow" in spec.extras else [None] * len(rgb)
        alphas = [
            b"" if reason is not None else _encoded(alpha, velocity, spec, settings)
            for alpha, velocity, reason in zip(motion.alpha, moved, motion.fallback, strict=True)
        ]
    return EncodedVideo(
        pictures=tuple(encode_picture(picture, settings.quality) for picture in rgb),
        alphas=tuple(alphas),
        height=rgb.shape[1],
        width=rgb.shape[2],
        seconds=tuple(seconds.tolist()),
        coverage=None if motion is None else tuple(motion.coverage.tolist()),
        fallback=None if motion is None else motion.fallback,
    )


def _encoded(
    alpha: NDArray[np.float32], velocity: NDArray[np.float32] | None, spec: MotionSpec, settings: CacheSettings
) -> bytes:
    if settings.quality is None and (not spec.binary or velocity is not None):
        return encode_exactly(alpha, velocity)
    return encode_alpha(alpha, spec.binary, velocity)


class ShardWriter:
    """Fills one shard. The same videos give the same bytes. Raises OSError if they cannot be written."""

    def __init__(self, folder: Path, number: int, suffix: str) -> None:
        """suffix: of the members that contain pictures, jpg or npy."""
        self.name = f"shard-{number:05d}.tar"
        self._path = folder / self.name
        self._part = folder / f".{self.name}{PART_SUFFIX}"
        self._number, self._suffix = number, suffix
        self._file = self._part.open("wb")
        # ustar: a header of one block for each member, whose names here are short.
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        self.entries: dict[str, Entry] = {}
        """Where the records of the videos are that were added so far."""

    def add(self, video: str, encoded: EncodedVideo, source: Source) -> None:
        """Appends a video: its frames, each followed by its alpha, and finally its record."""
        key = f"{self._number:05d}_{len(self.entries):04d}"
        frames = []
        for place, (picture, alpha) in enumerate(zip(encoded.pictures, encoded.alphas, strict=True)):
            offset = self._member(f"{key}.{place:02d}.{self._suffix}", picture)
            end = offset + len(picture)
            if alpha:
                kind = "npz" if alpha.startswith(ZIP) else "png"
                end = self._member(f"{key}.{place:02d}.{kind}", alpha) + len(alpha)
            check = zlib.crc32(alpha, zlib.crc32(picture))
            frames.append(StoredFrame(offset, end - offset, len(picture), len(alpha), check))
        record = VideoRecord(
            video=video,
            height=encoded.height,
            width=encoded.width,
            seconds=encoded.seconds,
            coverage=encoded.coverage,
            fallback=encoded.fallback,
            frames=tuple(frames),
            source=source,
            span=encoded.span,
            notes=encoded.notes,
        ).to_bytes()
        self.entries[video] = Entry(self.name, self._member(f"{key}.json", record), len(record), source)

    def finish(self) -> int:
        """Gives the complete shard its name. Returns its size in bytes."""
        self._tar.close()
        size_bytes = self._file.tell()
        replace_durably(self._file, self._part, self._path)
        return size_bytes

    def discard(self) -> None:
        """Discards what was written so far and frees its disk space. May be called after a failed `finish`."""
        self._file.close()
        self._part.unlink(missing_ok=True)

    def _member(self, name: str, content: bytes) -> int:
        """Appends a member; returns the offset of its content."""
        info = tarfile.TarInfo(name)
        info.size = len(content)
        offset = self._tar.offset + tarfile.BLOCKSIZE
        self._tar.addfile(info, BytesIO(content))
        return offset
