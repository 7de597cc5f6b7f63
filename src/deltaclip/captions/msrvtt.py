"""MSR-VTT: 10,000 videos of 20 sentences each, in the three divisions that papers use.

Which file says what (CLIP4Clip and X-Pool, data folders): `MSRVTT_train.9k.csv`, `MSRVTT_train.7k.csv` and
`MSRVTT_JSFUSION_test.csv` with the 1,000 sentences of the test "1k-A"; the division of 2016 in
`MSRVTT_{train,val,test}.full.csv`; all sentences in `MSRVTT_data.json`, or as Microsoft gave them out in
`train_val_videodatainfo.json` and `test_videodatainfo.json`.
"""

from dataclasses import dataclass
from pathlib import Path

from deltaclip.captions.entries import (
    assembled,
    bad_text,
    captions_of,
    column_of,
    is_text,
    known_ids,
    list_of,
    object_of,
    read_ids,
)
from deltaclip.captions.files import AnnotationFolder, read_json, read_table, refused
from deltaclip.captions.types import Caption, CaptionSet, Split

__all__ = ["load_msrvtt", "load_msrvtt_7k", "load_msrvtt_full"]

TEST_1K_A = "MSRVTT_JSFUSION_test.csv"
WHOLE = "MSRVTT_data.json"
TRAIN_VAL, TEST = "train_val_videodatainfo.json", "test_videodatainfo.json"
NO_VALIDATION = (
    "1k-A has no validation split: val_list_jsfusion.txt, and what papers call val, is the test split itself."
)


def load_msrvtt(annotations: Path) -> CaptionSet:
    """9,000 videos to train, 1k-A to test."""
    return _load_1k_a("msrvtt", annotations, ("MSRVTT_train.9k.csv", "train_list_jsfusion.txt"))


def load_msrvtt_7k(annotations: Path) -> CaptionSet:
    """7,010 videos to train, 1k-A to test."""
    return _load_1k_a("msrvtt-7k", annotations, ("MSRVTT_train.7k.csv",))


def load_msrvtt_full(annotations: Path) -> CaptionSet:
    """The division of 2016: 6,513 / 497 / 2,990 videos, 20 sentences each, also in the test."""
    folder = AnnotationFolder(annotations)
    names = {split: (f"MSRVTT_{split}.full.csv", f"{split}_list_full.txt") for split in ("train", "val", "test")}
    lists = {split: folder.find(*files) for split, files in names.items()}
    if not any(lists.values()):
        raise folder.nothing("msrvtt-full", [files[0] for files in names.values()])
    sentences = _read_sentences(folder)
    notes = [sentences.note]
    splits: dict[str, Split] = {}
    for split, path in lists.items():
        if path is None:
            notes.append(f"{split} is absent: {names[split][0]} is not there.")
        else:
            splits[split] = _listed(folder, split, path, sentences, notes)
    return assembled("msrvtt-full", splits, notes)


def _load_1k_a(dataset: str, annotations: Path, train_names: tuple[str, ...]) -> CaptionSet:
    folder = AnnotationFolder(annotations)
    train, test = folder.find(*train_names), folder.find(TEST_1K_A, "val_list_jsfusion.txt")
    if train is None and test is None:
        raise folder.nothing(dataset, [train_names[0], TEST_1K_A])
    notes: list[str] = []
    splits: dict[str, Split] = {}
    if train is None:
        notes.append(f"train is absent: {train_names[0]} is not there.")
    else:
        sentences = _read_sentences(folder)
        notes.append(sentences.note)
        splits["train"] = _listed(folder, "train", train, sentences, notes)
    if test is None:
        notes.append(f"test is absent: {TEST_1K_A} is not there.")
    elif test.name.startswith(TEST_1K_A):
        splits["test"] = _read_1k_a(test)
        notes.append(f"test: 1k-A with its own 1 sentence a video, from {folder.shown(test)}.")
    else:
        # 12 of the 1,000 test sentences are not among the 20 of their video, so these cannot replace them.
        splits["test"] = Split(tuple(read_ids(test)), None)
        notes.append(f"test: the ids of 1k-A from {folder.shown(test)}; its sentences are only in {TEST_1K_A}.")
    return assembled(dataset, splits, [*notes, NO_VALIDATION])


def _read_1k_a(path: Path) -> Split:
    """The test csv: a sentence and its video in each row."""
    captions: dict[str, Caption] = {}
    for line, row in read_table(path):
        video = column_of(path, row, ("video_id",), line).strip()
        if video in captions:
            raise refused(path, f"{video} is listed twice", "Remove one of the two rows.", line)
        captions[video] = Caption(column_of(path, row, ("sentence",), line), video)
    if not captions:
        raise refused(path, "names no video", "Download it again.")
    return Split(tuple(captions), tuple(captions.values()))


@dataclass(frozen=True, slots=True)
class _Sentences:
    """All sentences in the folder.

    pairs: video and sentence, in file order, which is not grouped by video; None if there is no caption file.
    source: the names of the files. partial: Microsoft's file of train and validate is there without that of test.
    """

    pairs: list[tuple[str, str]] | None
    source: str = ""
    partial: bool = False

    @property
    def note(self) -> str:
        if self.pairs is None:
            return f"captions are absent: neither {WHOLE} nor {TRAIN_VAL} is there."
        return f"captions: {len(self.pairs):,} sentences from {self.source}."


def _read_sentences(folder: AnnotationFolder) -> _Sentences:
    whole = folder.find(WHOLE)
    paths = [whole] if whole else [path for name in (TRAIN_VAL, TEST) if (path := folder.find(name))]
    if not paths:
        return _Sentences(None)
    pairs = [pair for path in paths for pair in _read_document(path)]
    return _Sentences(pairs, " and ".join(map(folder.shown, paths)), whole is None and len(paths) < 2)


def _read_document(path: Path) -> list[tuple[str, str]]:
    """Video and sentence of each entry of `sentences`. Of a video only the id is needed, not its "start time"."""
    document = object_of(path, read_json(path), "the document")
    videos: set[str] = set()
    for number, entry in enumerate(list_of(path, document.get("videos"), "videos")):
        video = object_of(path, entry, f"videos[{number}]").get("video_id")
        if not isinstance(video, str) or not is_text(video):
            raise bad_text(path, f"videos[{number}].video_id", video)
        if video in videos:
            raise refused(path, f"{video} is listed twice among the videos", "Fix the file or download it again.")
        videos.add(video)
    pairs: list[tuple[str, str]] = []
    for number, entry in enumerate(list_of(path, document.get("sentences"), "sentences")):
        sentence = entry if isinstance(entry, dict) else object_of(path, entry, f"sentences[{number}]")
        video, text = sentence.get("video_id"), sentence.get("caption")
        if not isinstance(video, str) or video not in videos:
            found = f"sentences[{number}] is about {video!r}, which is not among the videos"
            raise refused(path, found, "Fix the file or download it again.")
        if not isinstance(text, str) or not is_text(text):
            raise bad_text(path, f"sentences[{number}].caption", text)
        pairs.append((video, text))
    return pairs


def _listed(folder: AnnotationFolder, split: str, path: Path, sentences: _Sentences, notes: list[str]) -> Split:
    """The videos of a list, with all their sentences."""
    ids = read_ids(path)
    place = f"{split}: {len(ids):,} videos from {folder.shown(path)}"
    if sentences.pairs is None:
        notes.append(f"{place}, without captions.")
        return Split(tuple(ids), None)
    known = {video for video, _ in sentences.pairs}
    if sentences.partial and not ids.keys() <= known:
        lacking = f"{sentences.source} lacks {len(ids.keys() - known):,} of them, which are in the other of"
        notes.append(f"{place}; captions are absent: {lacking} {TRAIN_VAL} and {TEST}.")
        return Split(tuple(ids), None)
    ids = known_ids(path, ids, known, sentences.source)
    notes.append(f"{place}.")
    return Split(tuple(ids), captions_of(ids, sentences.pairs))
