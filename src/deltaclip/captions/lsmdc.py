"""LSMDC: clips of movies with a sentence each, as CLIP4Clip evaluates it (dataloaders/dataloader_lsmdc_retrieval.py).

`LSMDC16_annos_training.csv`, `LSMDC16_annos_val.csv` and `LSMDC16_challenge_1000_publictect.csv` (spelt so): a line for
each sentence, without a first line of names, of six fields parted by tabs: clip, start and end as aligned, start and
end as extracted, sentence. A clip may have several sentences in training and validation, and has one in the test file.

Some copies have been through a spreadsheet: a line is in double quotes as a whole, or its clip begins with one that is
never closed (public loaders cut off the first letter of such a clip). Such quotes are taken off.

A clip is named by its movie and its times, 1004_Juno_00.00.32.122-00.00.32.788: clips of one movie are one group.
"""

import re
from pathlib import Path

from deltaclip.captions.entries import SPLITS, assembled, bad_text, groups_of, is_text
from deltaclip.captions.files import AnnotationFolder, read_lines, refused
from deltaclip.captions.types import Caption, CaptionSet, Split
from deltaclip.wording import count

__all__ = ["load_lsmdc"]

FILES = {
    "train": "LSMDC16_annos_training.csv",
    "val": "LSMDC16_annos_val.csv",
    "test": "LSMDC16_challenge_1000_publictect.csv",
}
FIELDS = 6
QUOTE = '"'
LOST = (
    "0017_Pianist_00.23.28.872-00.23.34.843",
    "0017_Pianist_00.30.36.767-00.30.38.009",
    "3064_SPARKLE_2012_01.41.07.000-01.41.11.793",
)
"""Clips that were never released as videos; CLIP4Clip leaves them out by these names."""
_GROUP = re.compile(r"(.+)_\d\d\.\d\d\.\d\d\.\d+-\d\d\.\d\d\.\d\d\.\d+")


def load_lsmdc(annotations: Path) -> CaptionSet:
    """Some 100,000 / 7,400 / 1,000 sentences about movies."""
    folder = AnnotationFolder(annotations)
    notes: list[str] = []
    splits: dict[str, Split] = {}
    for name in SPLITS:
        path = folder.find(FILES[name])
        if path is None:
            notes.append(f"{name} is absent: {FILES[name]} is not there.")
            continue
        captions, lost, unquoted = _read(path)
        videos = tuple(dict.fromkeys(caption.video for caption in captions))
        splits[name] = Split(videos, captions, groups_of(_GROUP, videos))
        left_out = f"; {lost} of clips that were never released are left out" if lost else ""
        quotes = f"; stray quotes are taken off {count(unquoted, 'line')}" if unquoted else ""
        notes.append(f"{name}: {len(captions):,} sentences from {folder.shown(path)}{left_out}{quotes}.")
    if not splits:
        raise folder.nothing("lsmdc", list(FILES.values()))
    return assembled("lsmdc", splits, notes)


def _read(path: Path) -> tuple[tuple[Caption, ...], int, int]:
    """The sentences in the order of the file.

    How many are left out because their clips do not exist, and from how many lines quotes were taken off.
    """
    captions: list[Caption] = []
    lost = unquoted = 0
    for line, text in read_lines(path):
        plain = _without_quotes(text)
        unquoted += plain != text
        fields = plain.split("\t")
        if len(fields) != FIELDS:
            found = f"{len(fields)} fields parted by tabs, not {FIELDS}"
            raise refused(path, found, "Download it again: each line has a clip, four times and a sentence.", line)
        video, sentence = fields[0].strip(), fields[-1].strip()
        for name, value in (("the clip", video), ("the sentence", sentence)):
            if not is_text(value):
                raise bad_text(path, name, value, line)
        if video in LOST:
            lost += 1
        else:
            captions.append(Caption(sentence, video))
    if not captions:
        raise refused(path, "holds no sentence", "Download it again.")
    return tuple(captions), lost, unquoted


def _without_quotes(line: str) -> str:
    """The line, of which the name of no clip begins with a quote."""
    if not line.startswith(QUOTE):
        return line
    inner = line[1:-1].replace(QUOTE * 2, "")
    if line.endswith(QUOTE) and QUOTE not in inner:  # one field: the quotes inside are written twice
        return line[1:-1].replace(QUOTE * 2, QUOTE)
    clip, tab, rest = line[1:].partition("\t")
    return clip.removesuffix(QUOTE) + tab + rest
