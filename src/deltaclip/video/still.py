"""Still pictures that FFmpeg reads in part only, without a word: HEIC and AVIF in tiles, JPEG in TIFF; and EXIF."""

import struct
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pi_heif
from av.video.frame import VideoFrame
from PIL import Image, ImageOps, UnidentifiedImageError

from deltaclip.errors import VideoError
from deltaclip.video.container import check_pixels
from deltaclip.video.timeline import NOMINAL_RATE, Timeline

__all__ = [
    "StillDecoder",
    "check_whole",
    "exif_orientation",
    "is_heif_picture",
    "is_jpeg_in_tiff",
    "read_heif",
    "read_tiff",
]

ORIENTATION_TAG = 0x0112
KNOWN_BOXES = frozenset(b"ftyp meta mdat moov moof mfra sidx styp free skip wide uuid idat pdin mpvd".split())
"""What may be at the top of a picture or film (ISO/IEC 14496-12), and the films in Google's and Samsung's photos."""
MOST_BOXES = 64
"""Boxes looked at before a file is taken for a film: a picture has three or four at its top."""


_DAMAGE = (
    OSError,
    ValueError,
    RuntimeError,
    EOFError,
    LookupError,
    SyntaxError,
    TypeError,
    ArithmeticError,
    struct.error,
    Image.DecompressionBombError,
)
"""What Pillow and libheif raise of damaged pictures, by what the damage hits."""


def is_heif_picture(path: Path) -> bool:
    """Whether a file is a HEIC or AVIF picture: its boxes (ISO/IEC 14496-12) hold items and no film.

    FFmpeg gives each tile of such a picture as a stream of its own, and PyAV does not say how they fit together.
    """
    try:
        kinds = {kind for kind, _ in _picture_boxes(path)}
    except OSError:
        return False  # whoever opens the file says why
    return b"meta" in kinds and not {b"moov", b"moof"} & kinds


def check_whole(path: Path, kind: str) -> None:
    """VideoError if a JPEG or GIF breaks off: FFmpeg shows a part and fills in the rest, without a word.

    kind: JPEG or GIF, of which the first picture is looked at.
    """
    try:
        with _quiet_about_size(), Image.open(path, formats=[kind]) as picture:
            picture.load()
    except _DAMAGE as err:
        # Else FFmpeg may read what Pillow does not.
        if isinstance(err, OSError | EOFError) and "truncated" in str(err):
            raise VideoError(str(path), f"a {kind} that was cut off", "Fetch it again.") from err


def is_jpeg_in_tiff(path: Path) -> bool:
    """Whether a TIFF holds its pixels as JPEG, as scanners write it: FFmpeg shows it black, without an error."""
    try:
        with _quiet_about_size(), Image.open(path, formats=["TIFF"]) as picture:
            return picture.info.get("compression") in ("jpeg", "tiff_jpeg")
    except _DAMAGE:
        return False


def exif_orientation(path: Path) -> int:
    """The orientation that a still picture's EXIF names, 1 to 8; 0 if it has none or is no still picture."""
    try:
        with _quiet_about_size(), Image.open(path) as picture:
            return int(picture.getexif().get(ORIENTATION_TAG, 0))
    except _DAMAGE:
        return 0


class StillDecoder:
    """The one frame of a picture that FFmpeg does not read, upright and unmirrored."""

    packets_failed = 0
    stream_index = None

    def __init__(self, path: Path, picture: Image.Image) -> None:
        """picture: RGB, as `read_heif` and `read_tiff` give it."""
        self._frame: VideoFrame | None = VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
        self._path = path
        one = np.zeros(1, np.int64)
        self.timeline = Timeline(one, 1, 1 / Fraction(NOMINAL_RATE), one[:0], counted=True, jumps=False, origin_tick=0)

    def first(self) -> tuple[int, VideoFrame]:
        """(tick, picture), as `Decoder.first`."""
        return 0, self.show(0)

    def want(self, ticks: Iterable[int]) -> None:
        """Nothing to skip: there is one picture."""

    def show(self, tick: int) -> VideoFrame:
        """The picture, whatever `tick` is."""
        if self._frame is None:
            raise ValueError(f"{self._path} is closed")
        return self._frame

    def close(self) -> None:
        """Gives the memory back. May be called again."""
        self._frame = None


def read_tiff(path: Path) -> Image.Image:
    """The first picture of a TIFF as RGB, upright. VideoError if it is damaged or too large."""
    try:
        with _quiet_about_size(), Image.open(path, formats=["TIFF"]) as picture:
            check_pixels(path, *picture.size)
            return ImageOps.exif_transpose(picture).convert("RGB")
    except _DAMAGE as err:
        raise VideoError(str(path), f"a damaged TIFF ({err})", "Fetch or export it again.") from err


def read_heif(path: Path) -> tuple[Image.Image, str]:
    """The primary picture of a HEIC or AVIF file as RGB, all tiles together, upright; and the name of its codec.

    VideoError if it is damaged or too large.
    """
    remedy = "Export it again, for example as JPEG."
    size_bytes, promised = path.stat().st_size, max(end for _, end in _picture_boxes(path))
    if promised > size_bytes:
        # libheif shows what there is and leaves the rest black, without a word.
        found = f"a HEIF picture that was cut off: {size_bytes:,} of {promised:,} bytes are there"
        raise VideoError(str(path), found, "Fetch it again.")
    try:
        return _as_avif(path), "av1"
    except UnidentifiedImageError:
        pass  # Pillow knows AVIF alone
    except _DAMAGE as err:
        raise VideoError(str(path), f"a damaged AVIF picture ({err})", remedy) from err
    try:
        heif = pi_heif.open_heif(path)
        check_pixels(path, *heif.size)
        return heif.to_pillow().convert("RGB"), "hevc"
    except _DAMAGE as err:
        found = f"a HEIF picture that is damaged or of a kind that is not read here ({err})"
        raise VideoError(str(path), found, remedy) from err


def _as_avif(path: Path) -> Image.Image:
    """An AVIF picture as RGB; UnidentifiedImageError if it is none."""
    with _quiet_about_size(), Image.open(path, formats=["AVIF"]) as picture:
        check_pixels(path, *picture.size)
        # Pillow tells the file's own turn and mirror as EXIF and leaves the pixels; libheif applies them.
        return ImageOps.exif_transpose(picture).convert("RGB")


@contextmanager
def _quiet_about_size() -> Iterator[None]:
    """Without Pillow's warning on the terminal that a phone's 100 million pixels are many."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def _picture_boxes(path: Path) -> list[tuple[bytes, int]]:
    """Kind and end, in bytes from the start, of the boxes at the top of an ISO base media file; none of other files.

    Up to what somebody put behind the file: phones add a film, which begins with an `ftyp` of its own, or a few words.
    """
    boxes: list[tuple[bytes, int]] = []
    with path.open("rb") as file:
        place = 0
        while len(header := file.read(8)) == 8 and len(boxes) < MOST_BOXES:
            size, kind = int.from_bytes(header[:4], "big"), header[4:]
            if (kind == b"ftyp") == bool(boxes) or kind not in KNOWN_BOXES:
                break
            if size == 1:
                size = int.from_bytes(file.read(8), "big")
            if size < 8:  # 0: up to the end of the file
                return [*boxes, (kind, place)]
            place += size
            boxes.append((kind, place))
            file.seek(place)
    return boxes
