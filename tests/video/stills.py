"""A photo stored as phones store it: tiles that only the file's table puts together."""

import io
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def write_tiled_avif(path: Path, rgb: NDArray[np.uint8], rows: int, columns: int) -> Path:
    """A picture (H, W, 3) as an AVIF of rows x columns tiles; its sides must be multiples of them, tiles >= 64 px.

    The boxes are those of ISO/IEC 23008-12 (HEIF), 6.6.2.3: a `grid` item that refers to one item a tile.
    """
    height, width = rgb.shape[0] // rows, rgb.shape[1] // columns
    tiles = [
        _one_picture(rgb[row * height : (row + 1) * height, column * width : (column + 1) * width])
        for row in range(rows)
        for column in range(columns)
    ]
    # Twice: the table of places is as long whatever the places are.
    before = _before_data(rgb.shape[:2], (rows, columns), tiles, 0)
    before = _before_data(rgb.shape[:2], (rows, columns), tiles, len(before) + 8)
    path.write_bytes(before + _box(b"mdat", b"".join(data for _, data in tiles)))
    return path


def _before_data(
    size: tuple[int, ...], shape: tuple[int, int], tiles: list[tuple[bytes, bytes]], data_at: int
) -> bytes:
    """All boxes before the coded bytes, which begin at `data_at` in the file. size: height and width of the whole."""
    (height, width), (rows, columns) = size, shape
    numbers = range(2, len(tiles) + 2)
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    items = [_full(b"infe", 2, struct.pack(">HH4s", number, 0, b"av01") + b"\0") for number in numbers]
    items.insert(0, _full(b"infe", 2, struct.pack(">HH4s", 1, 0, b"grid") + b"\0"))
    places = struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(grid))
    for number, (_, data) in zip(numbers, tiles, strict=True):
        places += struct.pack(">HHHHII", number, 0, 0, 1, data_at, len(data))
        data_at += len(data)
    properties = [
        _full(b"ispe", 0, struct.pack(">II", width, height)),
        _full(b"ispe", 0, struct.pack(">II", width // columns, height // rows)),
        tiles[0][0],
        _full(b"pixi", 0, bytes([3, 8, 8, 8])),
    ]
    uses = struct.pack(">IHBBB", len(tiles) + 1, 1, 2, 1, 4)
    uses += b"".join(struct.pack(">HBBBB", number, 3, 2, 0x80 | 3, 4) for number in numbers)
    meta = [
        _full(b"hdlr", 0, bytes(4) + b"pict" + bytes(13)),
        _full(b"pitm", 0, struct.pack(">H", 1)),
        _full(b"iloc", 1, struct.pack(">BBH", 0x44, 0, len(tiles) + 1) + places),
        _full(b"iinf", 0, struct.pack(">H", len(items)) + b"".join(items)),
        _full(b"iref", 0, _box(b"dimg", struct.pack(f">HH{len(tiles)}H", 1, len(tiles), *numbers))),
        _box(b"iprp", _box(b"ipco", b"".join(properties)) + _full(b"ipma", 0, uses)),
        _box(b"idat", grid),
    ]
    return _box(b"ftyp", b"avif" + bytes(4) + b"avifmif1miaf") + _full(b"meta", 0, b"".join(meta))


def _one_picture(rgb: NDArray[np.uint8]) -> tuple[bytes, bytes]:
    """The codec configuration box and the coded bytes of one AVIF picture, as Pillow makes it."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "AVIF", quality=90, subsampling="4:4:4")
    whole = file.getvalue()
    config = whole.index(b"av1C") - 4
    coded = whole.index(b"mdat") + 4
    return whole[config : config + int.from_bytes(whole[config : config + 4], "big")], whole[coded:]


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _full(kind: bytes, version: int, content: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24) + content)
