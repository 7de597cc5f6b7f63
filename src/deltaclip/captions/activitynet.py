"""ActivityNet Captions for paragraph retrieval: one text a video, its sentences one after the other.

`train.json` and `val_1.json` (id -> duration, timestamps, sentences); `train_list.txt` and `val_1_list.txt`
(albanie/collaborative-experts) if they are there. The captions of the test videos were never given out: what
papers report is measured on val_1, here the split `val`. `{train,val,test}_ids.json` name more videos than have
captions, so they are read only if there are no captions.
"""

from dataclasses import dataclass
from pathlib import Path

from deltaclip.captions.entries import (
    assembled,
    bad_text,
    is_text,
    list_of,
    listed_split,
    object_of,
    read_ids,
)
from deltaclip.captions.files import AnnotationFolder, base_name, read_json
from deltaclip.captions.types import CaptionSet, Split

__all__ = ["load_activitynet"]


@dataclass(frozen=True, slots=True)
class _Names:
    """The files of one split: captions by preference (PDVC's train_modified.json is train.json), list, and ids."""

    captions: tuple[str, ...]
    ids: str


NAMES = {
    "train": _Names(("train.json", "train_modified.json"), "train_ids.json"),
    "val": _Names(("val_1.json", "val_2.json"), "val_ids.json"),
    "test": _Names((), "test_ids.json"),
}
# val_2 has a different list from val_1, and its name says so
LISTS = {
    "train.json": "train_list.txt",
    "train_modified.json": "train_list.txt",
    "val_1.json": "val_1_list.txt",
    "val_2.json": "val_2_list.txt",
}


def load_activitynet(annotations: Path) -> CaptionSet:
    """10,009 / 4,917 videos with a paragraph each, and 5,044 without."""
    folder = AnnotationFolder(annotations)
    notes: list[str] = []
    splits: dict[str, Split] = {}
    for name, names in NAMES.items():
        split = _load_split(folder, name, names, notes)
        if split is not None:
            splits[name] = split
    if not splits:
        raise folder.nothing("activitynet", ["train.json", "val_1.json"])
    if "val" in splits:
        notes.append("Published figures are of val_1, the split val: captions of the test split were never given out.")
    return assembled("activitynet", splits, notes)


def _load_split(folder: AnnotationFolder, split: str, names: _Names, notes: list[str]) -> Split | None:
    source = folder.find(*names.captions)
    if source is None:
        listed = folder.find(*dict.fromkeys(LISTS[name] for name in names.captions), names.ids)
        if listed is None:
            notes.append(f"{split} is absent: {' and '.join((*names.captions, names.ids))} are not there.")
            return None
        ids = read_ids(listed)
        notes.append(f"{split}: {len(ids):,} videos from {folder.shown(listed)}, without captions.")
        return Split(tuple(ids), None)
    paragraphs = _read_paragraphs(source)
    notes.append(f"{split}: paragraphs joined from the sentences of {folder.shown(source)}.")
    second = folder.find("val_2.json") if split == "val" else None
    if second is not None and second != source:
        notes.append(f"val: {folder.shown(second)}, other captions of almost the same videos, is not used.")
    return listed_split(folder, split, paragraphs, source, folder.find(LISTS[base_name(source)]), notes)


def _read_paragraphs(path: Path) -> dict[str, str]:
    """Video -> its sentences, joined by a blank, in file order.

    The timestamps are not read: a paragraph is about the whole video, and some are outside of it or end before they
    start.
    """
    paragraphs: dict[str, str] = {}
    for video, value in object_of(path, read_json(path), "the document").items():
        sentences = list_of(path, object_of(path, value, video).get("sentences"), f"sentences of {video}")
        for number, sentence in enumerate(sentences):
            if not is_text(sentence):
                raise bad_text(path, f"sentence {number} of {video}", sentence)
        paragraph = " ".join(sentences)
        if not is_text(paragraph):
            raise bad_text(path, f"sentences of {video}", paragraph)
        paragraphs[video] = paragraph
    return paragraphs
