"""VATEX: videos of about 10 s with ten English sentences each, every sentence a query.

`vatex_training_v1.0.json`, `vatex_validation_v1.0.json` and `vatex_public_test_english_v1.1.json` (eric-xw/VATEX):
lists of {"videoID", "enCap": [...], "chCap": [...]}; the Chinese sentences are not read. The retrieval split that
papers report (HGR, arXiv 2003.00392; cshizhe/hgr_v2t) has 1,500 videos for validation and 1,500 for test, both of the
validation file: it needs `val_list.txt` and `test_list.txt`, an id a line (or .json, a list). `train_list.txt` is used
if it is there. Without any list the files themselves are the splits.

HGR gives its lists as `{trn,val,tst}_names.npy` and its sentences as `ref_captions.json` (video -> sentences): the
lists are read as they are, and the sentences for a split whose own file is not there.

An id is that of a film on YouTube, of 11 characters, and start and end in seconds, of six digits each: videos of one
film are one group.
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
from deltaclip.captions.files import AnnotationFolder, read_json, refused
from deltaclip.captions.types import CaptionSet, Split

__all__ = ["load_vatex"]

FILES = {
    "train": ("vatex_training_v1.0.json",),
    "val": ("vatex_validation_v1.0.json",),
    "test": ("vatex_public_test_english_v1.1.json", "vatex_public_test_english_v1.0.json"),
}
ALL = "ref_captions.json"
"""The sentences of all splits; which videos belong to which, lists say."""
LISTS = {
    "train": ("train_list.txt", "train_list.json", "trn_names.npy"),
    "val": ("val_list.txt", "val_list.json", "val_names.npy"),
    "test": ("test_list.txt", "test_list.json", "tst_names.npy"),
}
_GROUP = re.compile(r"(.{11})_\d{6}_\d{6}")

Pairs = list[tuple[str, str]]
"""Video and sentence."""


def load_vatex(annotations: Path) -> CaptionSet:
    """25,991 videos for training; 1,500 and 1,500 by lists, else 3,000 and 6,000."""
    folder = AnnotationFolder(annotations)
    files = {split: folder.find(*names) for split, names in FILES.items()}
    lists = {split: folder.find(*LISTS[split]) for split in SPLITS}
    whole = folder.find(ALL)
    if not any(files.values()) and (whole is None or not any(lists.values())):
        raise folder.nothing("vatex", [*(names[0] for names in FILES.values()), f"{ALL} with val_names.npy"])
    read = {path: _read(path) for path in files.values() if path is not None}
    if whole is not None:
        read[whole] = _read_by_video(whole)
    is_listed = lists["val"] is not None or lists["test"] is not None
    notes: list[str] = []
    splits: dict[str, Split] = {}
    for split in SPLITS:
        listed = lists[split]
        # the lists of HGR part the validation file in two
        of_file = "val" if is_listed and split != "train" else split
        source = files[of_file] if listed is None else files[of_file] or whole
        if source is None or (is_listed and listed is None and split != "train"):
            what = FILES[of_file][0] if source is None else LISTS[split][0]
            notes.append(f"{split} is absent: {what} is not there.")
            continue
        videos, pairs = read[source]
        if listed is None:
            ids = videos
            notes.append(f"{split}: all {len(ids):,} videos of {folder.shown(source)}.")
        else:
            ids = tuple(known_ids(listed, read_ids(listed), videos, folder.shown(source)))
            said = f", with the sentences of {folder.shown(source)}" if source == whole else ""
            notes.append(f"{split}: {len(ids):,} videos from {folder.shown(listed)}{said}.")
        splits[split] = Split(ids, captions_of(ids, pairs), groups_of(_GROUP, ids))
    if not is_listed:
        notes.append("Papers evaluate on 1,500 videos of the validation file: add val_list.txt and test_list.txt.")
    return assembled("vatex", splits, notes)


def _read_by_video(path: Path) -> tuple[tuple[str, ...], Pairs]:
    """The same of an object video -> sentences."""
    document = object_of(path, read_json(path), "the document")
    for video, said in document.items():
        if not is_text(video):
            raise bad_text(path, "the name of a video", video)
        for place, text in enumerate(list_of(path, said, f"the value of {video}")):
            if not is_text(text):
                raise bad_text(path, f"sentence {place} of {video}", text)
    pairs = [(video, text) for video, said in document.items() for text in said]
    if not pairs:
        raise refused(path, "holds no sentence", "Download it again.")
    return tuple(document), pairs


def _read(path: Path) -> tuple[tuple[str, ...], Pairs]:
    """The videos and their English sentences, in the order of the file."""
    videos: dict[str, None] = {}
    pairs: Pairs = []
    for number, value in enumerate(list_of(path, read_json(path), "the document")):
        entry = object_of(path, value, f"entry {number}")
        video = entry.get("videoID")
        if not isinstance(video, str) or not is_text(video):
            raise bad_text(path, f"videoID of entry {number}", video)
        if video in videos:
            raise refused(path, f"{video} is listed twice", "Remove one of the two.")
        videos[video] = None
        for place, text in enumerate(list_of(path, entry.get("enCap"), f"enCap of {video}")):
            if not is_text(text):
                raise bad_text(path, f"enCap {place} of {video}", text)
            pairs.append((video, text))
    if not pairs:
        raise refused(path, "holds no sentence", "Download it again.")
    return tuple(videos), pairs
