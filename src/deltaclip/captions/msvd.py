"""MSVD: 1,970 videos of about 40 sentences each, every sentence a query (CLIP4Clip, dataloader of MSVD).

`raw-captions.pkl` (id -> list of captions, each a list of words) or `captions_msvd.json` (id -> list of str), and
`{train,val,test}_list.txt`. The pickle is read if both are there: it is the published file.
"""

import re
from pathlib import Path

from deltaclip.captions.entries import (
    SPLITS,
    assembled,
    bad_text,
    captions_of,
    groups_of,
    is_text,
    known_ids,
    list_of,
    object_of,
    read_ids,
)
from deltaclip.captions.files import AnnotationFolder, base_name, read_json
from deltaclip.captions.pickled import read_pickle
from deltaclip.captions.types import CaptionSet, Split

__all__ = ["load_msvd"]

_GROUP = re.compile(r"(.{11})_\d+_\d+")
CAPTION_FILES = ("raw-captions.pkl", "captions_msvd.json", "raw-captions.json")


def load_msvd(annotations: Path) -> CaptionSet:
    """1,200 / 100 / 670 videos."""
    folder = AnnotationFolder(annotations)
    lists = {split: folder.find(f"{split}_list.txt") for split in SPLITS}
    if not any(lists.values()):
        raise folder.nothing("msvd", [f"{split}_list.txt" for split in SPLITS])
    source = folder.find(*CAPTION_FILES)
    pairs = None if source is None else _read_captions(source)
    if source is None or pairs is None:
        notes = [f"captions are absent: neither {CAPTION_FILES[0]} nor {CAPTION_FILES[1]} is there."]
    else:
        notes = [f"captions: {len(pairs):,} sentences from {folder.shown(source)}."]
    splits: dict[str, Split] = {}
    for split, path in lists.items():
        if path is None:
            notes.append(f"{split} is absent: {split}_list.txt is not there.")
            continue
        ids = read_ids(path)
        notes.append(f"{split}: {len(ids):,} videos from {folder.shown(path)}.")
        if source is None or pairs is None:
            splits[split] = Split(tuple(ids), None, groups_of(_GROUP, ids))
        else:
            ids = known_ids(path, ids, {video for video, _ in pairs}, folder.shown(source))
            splits[split] = Split(tuple(ids), captions_of(ids, pairs), groups_of(_GROUP, ids))
    return assembled("msvd", splits, notes)


def _read_captions(path: Path) -> list[tuple[str, str]]:
    """Video and sentence, in file order; the words of a list are joined by a blank."""
    pickled = Path(base_name(path)).suffix == ".pkl"
    document = read_pickle(path) if pickled else object_of(path, read_json(path), "the document")
    pairs: list[tuple[str, str]] = []
    for video, captions in document.items():
        for number, caption in enumerate(list_of(path, captions, video)):
            words = isinstance(caption, list) and all(isinstance(word, str) for word in caption)
            text = " ".join(caption) if words else caption
            if not isinstance(text, str) or not is_text(text):
                raise bad_text(path, f"caption {number} of {video}", text)
            pairs.append((video, text))
    return pairs
