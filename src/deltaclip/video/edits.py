"""The edit lists of an mp4 that was just written: where its tracks end for a player (ISO/IEC 14496-12, 8.6.6)."""

import struct
from collections.abc import Iterator
from pathlib import Path

__all__ = ["end_tracks"]

HEADER_BYTES = 8
PARENTS = (b"moov", b"trak", b"edts")


def end_tracks(path: Path, seconds: float) -> None:
    """Hides what the tracks of an mp4 hold behind `seconds`: frames that are only there because others refer to them.

    FFmpeg writes where a track begins into its edit list, and that it ends with its last frame. A file without edit
    lists stays as it is.
    """
    with path.open("r+b") as file:
        for place, size, kind in _boxes_of_file(path):
            if kind != b"moov":
                continue
            file.seek(place)
            movie = bytearray(file.read(size))
            _end_in(movie, seconds)
            file.seek(place)
            file.write(movie)
            return


def _end_in(movie: bytearray, seconds: float) -> None:
    """Changes the box `moov` in place."""
    boxes = list(_boxes(movie, 0, len(movie)))
    timescale, most = 0, 0
    for place, _, kind in boxes:
        if kind == b"mvhd":
            timescale = struct.unpack_from(">I", movie, place + (28 if movie[place + 8] else 20))[0]
            most = round(seconds * timescale)
            _lower(movie, place + (32 if movie[place + 8] else 24), most, wide=bool(movie[place + 8]))
        elif kind == b"tkhd":
            _lower(movie, place + (36 if movie[place + 8] else 28), most, wide=bool(movie[place + 8]))
        elif kind == b"elst":
            wide, left = bool(movie[place + 8]), most
            for number in range(struct.unpack_from(">I", movie, place + 12)[0]):
                entry = place + 16 + number * (20 if wide else 12)
                left -= _lower(movie, entry, left, wide=wide)


def _lower(movie: bytearray, place: int, most: int, *, wide: bool) -> int:
    """Lowers a number of 4 or 8 bytes to at most `most`, and returns it."""
    form = ">Q" if wide else ">I"
    value = min(struct.unpack_from(form, movie, place)[0], most)
    struct.pack_into(form, movie, place, value)
    return int(value)


def _boxes(movie: bytearray, begin: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    """(place, size, kind) of the boxes between, those inside of PARENTS too, in order."""
    while begin + HEADER_BYTES <= end:
        size, kind = struct.unpack_from(">I4s", movie, begin)
        if size < HEADER_BYTES:
            return
        yield begin, size, kind
        if kind in PARENTS:
            yield from _boxes(movie, begin + HEADER_BYTES, begin + size)
        begin += size


def _boxes_of_file(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """(place, size, kind) of the boxes at the top of a file."""
    with path.open("rb") as file:
        place = 0
        while len(header := file.read(HEADER_BYTES)) == HEADER_BYTES:
            size, kind = struct.unpack(">I4s", header)
            if size == 1:
                size = struct.unpack(">Q", file.read(8))[0]
            if size < HEADER_BYTES:
                return
            yield place, size, kind
            place += size
            file.seek(place)
