"""RTime: videos whose actions have a direction, with a sentence of each and one of the same video played backwards.

`test.json`, `valid.json` (qyr0403/Reversed-in-Time) and `train.json` in their form: video -> `reverse` (people judged
that it can be played backwards), `forward_captions` and `reverse_captions` (one each, by people), `forward_rewrites`
and `reverse_rewrites` (nine each, by GPT-4). As in the paper (arXiv 2412.19178), queries of val and test are what
people wrote, and training has the rewrites as well. What is said of a video played backwards is kept as the opposite.
"""

from pathlib import Path
from typing import Any

from deltaclip.captions.entries import SPLITS, assembled, bad_text, is_text, list_of, object_of
from deltaclip.captions.files import AnnotationFolder, read_json, refused
from deltaclip.captions.types import Caption, CaptionSet, Split

__all__ = ["load_rtime"]

FILES = {"train": "train.json", "val": "valid.json", "test": "test.json"}


def load_rtime(annotations: Path) -> CaptionSet:
    """The splits whose files are there; the test has about 1,000 videos with a sentence each."""
    folder = AnnotationFolder(annotations)
    notes: list[str] = []
    splits: dict[str, Split] = {}
    for split in SPLITS:
        path = folder.find(FILES[split])
        if path is None:
            notes.append(f"{split} is absent: {FILES[split]} is not there.")
            continue
        videos, captions = _read(path, with_rewrites=split == "train")
        splits[split] = Split(videos, captions)
        paired = sum(caption.opposite is not None for caption in captions)
        notes.append(
            f"{split}: {len(captions):,} sentences from {folder.shown(path)}, {paired:,} of them with one of the video "
            "played backwards."
        )
    if not splits:
        raise folder.nothing("rtime", list(FILES.values()))
    return assembled("rtime", splits, notes)


def _read(path: Path, *, with_rewrites: bool) -> tuple[tuple[str, ...], tuple[Caption, ...]]:
    """The videos and their sentences in the order of the file."""
    videos: list[str] = []
    captions: list[Caption] = []
    for video, value in object_of(path, read_json(path), "the document").items():
        if not is_text(video):
            raise bad_text(path, "the name of a video", video)
        entry = object_of(path, value, video)
        if not isinstance(entry.get("reverse"), bool):
            found = f"reverse of {video} is {entry.get('reverse')!r}, not true or false"
            raise refused(path, found, "Give a file of RTime as it is published.")
        videos.append(video)
        for kind in ("captions", "rewrites")[: 1 + with_rewrites]:
            said = _texts(path, entry, video, f"forward_{kind}")
            back = _texts(path, entry, video, f"reverse_{kind}") if entry["reverse"] else []
            opposites = [*back, *[None] * len(said)]
            captions += [Caption(text, video, opposite=other) for text, other in zip(said, opposites, strict=False)]
    if not captions:
        raise refused(path, "holds no sentence", "Download it again.")
    return tuple(videos), tuple(captions)


def _texts(path: Path, entry: dict[str, Any], video: str, key: str) -> list[str]:  # Any: json
    found = list_of(path, entry.get(key), f"{key} of {video}")
    for number, text in enumerate(found):
        if not is_text(text):
            raise bad_text(path, f"{key} {number} of {video}", text)
    return found
