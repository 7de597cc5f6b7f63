"""DiDeMo for paragraph retrieval: one text a video, all its descriptions one after the other.

Either a table of paragraphs, or `{train,val,test}_data.json` (LisaAnne/LocalizingMoments), whose descriptions are
joined by a blank in file order. `{train,val,test}_list.txt` (albanie/collaborative-experts) says which videos take
part. The json knows some videos under two names that differ in the suffix alone, each with descriptions of its own;
the list has one of the two, and only the descriptions under that name count, as in CLIP4Clip.

The id of a video is its name with the suffix, as the lists and the json have it.
"""

import re
from pathlib import Path

from deltaclip.captions.entries import (
    SPLITS,
    assembled,
    bad_text,
    column_of,
    is_text,
    list_of,
    listed_split,
    object_of,
    read_ids,
)
from deltaclip.captions.files import AnnotationFolder, base_name, read_json, read_table, refused
from deltaclip.captions.types import Caption, CaptionSet, Split

__all__ = ["load_didemo", "load_didemo_moments"]

PIECE_SECONDS = 5.0
VIDEO_COLUMNS = ("video", "video_id", "path")
TEXT_COLUMNS = ("paragraph", "caption", "description", "sentence")


def load_didemo(annotations: Path) -> CaptionSet:
    """8,392 / 1,065 / 1,004 videos, a paragraph each."""
    folder = AnnotationFolder(annotations)
    notes: list[str] = []
    splits: dict[str, Split] = {}
    for name in SPLITS:
        split = _load_split(folder, name, notes)
        if split is not None:
            splits[name] = split
    if not splits:
        raise folder.nothing("didemo", ["test_data.json", "a table of paragraphs such as didemo_test.csv"])
    return assembled("didemo", splits, notes)


def load_didemo_moments(annotations: Path) -> CaptionSet:
    """Each description of `{train,val,test}_data.json` by itself, with the segments that people chose for it.

    4,180 descriptions for validation and 4,021 for test, with four segments each at least. A segment [a, b] of `times`
    is seconds 5 a to 5 (b + 1): videos were cut into pieces of 5 s, the last of which may be shorter.
    """
    folder = AnnotationFolder(annotations)
    notes: list[str] = []
    splits: dict[str, Split] = {}
    for name in SPLITS:
        path = folder.find(f"{name}_data.json")
        if path is None:
            notes.append(f"{name} is absent: {name}_data.json is not there.")
            continue
        captions = _read_moments(path)
        splits[name] = Split(tuple(dict.fromkeys(caption.video for caption in captions)), captions)
        notes.append(f"{name}: {len(captions):,} descriptions from {folder.shown(path)}.")
    if not splits:
        raise folder.nothing("didemo-moments", ["test_data.json"])
    return assembled("didemo-moments", splits, notes)


def _read_moments(path: Path) -> tuple[Caption, ...]:
    """The descriptions in the order of the file; a video that has two names has the first one."""
    captions: list[Caption] = []
    names: dict[str, str] = {}
    for number, value in enumerate(list_of(path, read_json(path), "the document")):
        entry = object_of(path, value, f"entry {number}")
        for key in ("video", "description"):
            if not is_text(entry.get(key)):
                raise bad_text(path, f"{key} of entry {number}", entry.get(key))
        windows = tuple(
            _seconds(path, pair, number) for pair in list_of(path, entry.get("times"), f"times of entry {number}")
        )
        if not windows:
            raise refused(path, f"times of entry {number} is empty", "Download it again.")
        video = names.setdefault(_stem(entry["video"]), entry["video"])
        captions.append(Caption(entry["description"], video, windows))
    if not captions:
        raise refused(path, "holds no description", "Download it again.")
    return tuple(captions)


def _seconds(path: Path, pair: object, number: int) -> tuple[float, float]:
    """Start and end of a segment [first, last] of pieces of 5 s, counted from 0."""
    match pair:
        case [int(first), int(last)] if 0 <= first <= last:
            return PIECE_SECONDS * first, PIECE_SECONDS * (last + 1)
        case _:
            raise refused(path, f"times of entry {number} holds {pair!r}, not [first, last]", "Download it again.")


def _load_split(folder: AnnotationFolder, split: str, notes: list[str]) -> Split | None:
    listed, described = folder.find(f"{split}_list.txt"), folder.find(f"{split}_data.json")
    table = _table_of(folder, split)
    if table is not None:
        unused = f"; {folder.shown(described)} is not used" if described else ""
        notes.append(f"{split}: paragraphs from {folder.shown(table)}{unused}.")
        names = () if listed is None else tuple(read_ids(listed))
        return listed_split(folder, split, _read_table(table, names), table, listed, notes)
    if described is not None:
        notes.append(f"{split}: paragraphs joined from the descriptions of {folder.shown(described)}.")
        return listed_split(folder, split, _read_descriptions(described), described, listed, notes)
    if listed is not None:
        ids = read_ids(listed)
        absent = f"without captions: {split}_data.json is not there"
        notes.append(f"{split}: {len(ids):,} videos from {folder.shown(listed)}, {absent}.")
        return Split(tuple(ids), None)
    notes.append(f"{split} is absent: neither {split}_data.json, a table nor {split}_list.txt is there.")
    return None


def _table_of(folder: AnnotationFolder, split: str) -> Path | None:
    """The .csv or .tsv that names the split in its own name, as `didemo_test.csv` and `test_paragraphs.tsv` do."""
    for path in folder.files:
        stem, _, suffix = base_name(path).lower().rpartition(".")
        if suffix in {"csv", "tsv"} and split in re.split(r"[^a-z]+", stem):
            return path
    return None


def _read_table(path: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Video -> paragraph, in file order; a video with a different suffix, or none, gets its name in the list."""
    by_stem = {_stem(name): name for name in names}
    known = set(names)
    paragraphs: dict[str, str] = {}
    for line, row in read_table(path):
        written = column_of(path, row, VIDEO_COLUMNS, line).strip()
        video = written if written in known else by_stem.get(_stem(written), written)
        if video in paragraphs:
            raise refused(path, f"{video} is listed twice", "Give each video one row with its paragraph.", line)
        paragraphs[video] = column_of(path, row, TEXT_COLUMNS, line)
    if not paragraphs:
        raise refused(path, "contains no paragraph", "Give each video one row with its paragraph.")
    return paragraphs


def _read_descriptions(path: Path) -> dict[str, str]:
    """Video -> paragraph, in the order in which the videos first appear. `times` is not needed, whatever its length."""
    parts: dict[str, list[str]] = {}
    for number, value in enumerate(list_of(path, read_json(path), "the document")):
        entry = object_of(path, value, f"entry {number}")
        for key in ("video", "description"):
            if not is_text(entry.get(key)):
                raise bad_text(path, f"{key} of entry {number}", entry.get(key))
        parts.setdefault(entry["video"], []).append(entry["description"])
    return {video: " ".join(descriptions) for video, descriptions in parts.items()}


def _stem(name: str) -> str:
    """The name without its suffix, which may be empty. The names from Flickr hold no other dot."""
    return name.partition(".")[0]
