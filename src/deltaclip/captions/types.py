"""What a data set of captions is, whatever files it was read from."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Caption", "CaptionSet", "Split"]


@dataclass(frozen=True, slots=True)
class Caption:
    """One sentence or paragraph, and the video it describes.

    text: exactly as in the file, including white space: outer spaces, double spaces and line feeds are kept, because
    the tokenizer takes them out for itself. The parts of a paragraph are joined by one blank. Never only white space.
    video: the id of its video.
    windows: start and end in seconds, start < end, of the moments described; only data sets with moments have any.
    opposite: what is said of the same video played backwards; None unless the data set has it.
    """

    text: str
    video: str
    windows: tuple[tuple[float, float], ...] = ()
    opposite: str | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """The videos and the queries of one part of a data set.

    videos: ids in the order of the split file, each once. All of them are candidates, also without a caption.
    captions: the queries, in the order of the caption file; None if the caption file is absent.
    groups: of each video, the longer video that it was cut from: clips of one are not independent. None if each video
    is its own.
    """

    videos: tuple[str, ...]
    captions: tuple[Caption, ...] | None
    groups: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class CaptionSet:
    """A data set as it was found in a folder.

    dataset: its name in DATASETS.
    splits: those that were found, of `train`, `val` and `test`, in this order.
    notes: sentences that say which files were read, what was chosen among several, and what is absent.
    source: the one table that all was read from, for errors; "" for a data set of several files.
    """

    dataset: str
    splits: Mapping[str, Split]
    notes: tuple[str, ...]
    source: str = ""
