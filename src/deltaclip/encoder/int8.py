"""Calibrations: an image encoder in int8, made on frames of a user's own videos and checked on others of them.

int8 products need the range of every activation, which only frames like those to come can tell. Half of the frames give
ranges; the other half, which they have not seen, tells how near int8 vectors are to float32 ones. Both halves' result
is one file beside the checkpoint, or in the user's cache folder if the checkpoint's belongs to another program.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.durable import write_whole
from deltaclip.errors import EngineError
from deltaclip.folders import default_cache_path

__all__ = ["LEAST_COSINE", "LEAST_FRAMES", "MOST_FRAMES", "Calibration", "calibration_places", "centred_cosines"]
__all__ += ["checked", "keep", "kept_calibration", "split_frames"]

LEAST_COSINE = 0.98
"""Mean centred cosine of int8 and float32 vectors of frames, below which int8 is refused."""
LEAST_FRAMES, MOST_FRAMES = 16, 256
"""Frames that a calibration takes, both halves together."""
FILE = "openvino-int8.zip"
FORMAT = 2
AGAIN = "Run `deltaclip calibrate VIDEOS` for this encoder again."


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """An image encoder in int8 and how near it is to float32.

    model_digest: of the weights it was made from. num_frames: both halves. num_videos: that they are from.
    cosine, lowest: mean and least centred cosine of the frames that were not calibrated on, when it was made.
    versions: of the programs that made it. graph: description and weights for OpenVINO.
    frames: (K, C, S, S) uint8, the checked ones. features: (K, D) float32, what float32 makes of them.
    """

    model_digest: str
    num_frames: int
    num_videos: int
    cosine: float
    lowest: float
    versions: Mapping[str, str]
    graph: tuple[bytes, bytes] = field(repr=False)
    frames: NDArray[np.uint8] = field(repr=False)
    features: NDArray[np.float32] = field(repr=False)

    @property
    def mark(self) -> str:
        """8 hexadecimal digits that tell calibrations of one model apart."""
        return hashlib.blake2b(self.graph[1], digest_size=4).hexdigest()

    @property
    def facts(self) -> dict[str, Any]:
        """What `deltaclip info` tells of it."""
        arrays = ("graph", "frames", "features")
        return {name: getattr(self, name) for name in self.__slots__ if name not in arrays}


def split_frames(clips: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Frames to calibrate on and frames to check with, by turns, from all clips alike: (N, C, S, S) and (K, C, S, S).

    clips: (T, C, S, S) each. Raises EngineError for less than LEAST_FRAMES frames.
    """
    frames = np.concatenate([*clips]) if clips else np.empty((0, 0, 0, 0), np.uint8)
    if len(frames) < LEAST_FRAMES:
        found = f"{len(frames)} frames to calibrate on, of at least {LEAST_FRAMES}"
        raise EngineError("int8", found, "Give more videos, such as those that are to be indexed.")
    if len(frames) > MOST_FRAMES:
        frames = frames[np.linspace(0, len(frames) - 1, MOST_FRAMES).round().astype(int)]
    return frames[::2], frames[1::2]


def centred_cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine of each row of one, both (N, D), with that of the other, each without the mean over its rows: (N,).

    Vectors of one encoder are alike as a whole, so that even wrong ones have a plain cosine near 1. Raises EngineError
    if all rows of the second are the same, for nothing can be told then.
    """
    rows = [each.astype(np.float64) for each in (one, other)]
    rows = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in rows]
    rows = [each - each.mean(axis=0) for each in rows]
    sizes = [np.linalg.norm(each, axis=1) for each in rows]
    if not sizes[1].max() > 1e-5:
        raise EngineError("int8", "all frames to check with look the same", "Give videos that differ.")
    return np.asarray((rows[0] * rows[1]).sum(axis=1) / np.maximum(sizes[0] * sizes[1], 1e-12))


def checked(found: NDArray[np.float32], exact: NDArray[np.float32], where: str) -> tuple[float, float]:
    """Mean and least centred cosine of int8 features and float32 ones. Raises EngineError if the mean is too low."""
    cosines = centred_cosines(found, exact)
    mean, lowest = float(cosines.mean()), float(cosines.min())
    if not mean >= LEAST_COSINE:
        raise EngineError(
            "int8",
            f"the centred cosine of its vectors to float32 is {mean:.4f} {where}, below {LEAST_COSINE}",
            "Choose the precision bf16 or fp32, or calibrate on more videos, like those that are to be encoded.",
        )
    return mean, lowest


def calibration_places(own_folder: Path | None, model_digest: str) -> tuple[Path, ...]:
    """The files that may hold the calibration of a model, the preferred one first.

    own_folder: of the checkpoint, None if it belongs to another program.
    """
    elsewhere = default_cache_path() / "int8" / f"{model_digest}.zip"
    return (elsewhere,) if own_folder is None else (own_folder / FILE, elsewhere)


def keep(made: Calibration, places: Iterable[Path]) -> Path:
    """Writes a calibration to the first place that can be written, and returns that. Raises EngineError for none."""
    reasons = []
    for place in places:
        try:
            write_whole(place, lambda stream: stream.write(_content(made)))
        except OSError as error:
            reasons.append(f"{place}: {error.strerror or error}")
        else:
            return place
    found = f"its calibration cannot be written ({'; '.join(reasons)})"
    raise EngineError("int8", found, "Make room or give the rights to write there, or set DELTACLIP_CACHE to a folder.")


def kept_calibration(places: Sequence[Path], model_digest: str) -> Calibration:
    """The calibration that was kept for these weights. Raises EngineError if there is none, or it is damaged."""
    of_others = None
    for place in places:
        if not place.exists():
            continue
        found = _read(place)
        if found.model_digest == model_digest:
            return found
        of_others = place
    if of_others is not None:
        raise EngineError("int8", f"{of_others} was calibrated for other weights", AGAIN)
    remedy = "Run `deltaclip calibrate VIDEOS` for this encoder first, with videos like those that are to be encoded."
    raise EngineError("int8", f"this encoder is not calibrated (no {places[0]})", remedy)


def _content(made: Calibration) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        facts = {"format": FORMAT, **made.facts, "versions": dict(made.versions)}
        archive.writestr("calibration.json", json.dumps(facts, indent=2) + "\n")
        archive.writestr("graph.xml", made.graph[0])
        archive.writestr("graph.bin", made.graph[1])
        for name in ("frames", "features"):
            array = io.BytesIO()
            np.save(array, getattr(made, name), allow_pickle=False)
            archive.writestr(f"{name}.npy", array.getvalue())
    return stream.getvalue()


def _read(place: Path) -> Calibration:
    """Raises EngineError if it is damaged; the checksums of the archive tell."""
    try:
        with zipfile.ZipFile(place) as archive:
            facts = json.loads(archive.read("calibration.json"))
            if facts.pop("format") != FORMAT:
                raise ValueError("it is of a different format")
            arrays = {
                name: np.load(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
                for name in ("frames", "features")
            }
            graph = (archive.read("graph.xml"), archive.read("graph.bin"))
        return Calibration(**facts, graph=graph, **arrays)
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, EOFError) as error:
        raise EngineError(str(place), f"no calibration that can be read ({error})", AGAIN) from error
