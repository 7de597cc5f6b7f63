"""Clips of labelled actions: captions.csv and classes.json beside the clips.

captions.csv    columns path (below the folder), label, group, split, and fold if clips are to be held out in turn
classes.json    label -> its wordings, the first one is its caption

A group (a scene, a person, a take) is in one fold, and not in both train and test: what is tested was not trained on,
nor its scene.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deltaclip.captions.entries import SPLITS, bad_text, column_of, is_text, list_of, object_of
from deltaclip.captions.files import read_json, read_table, refused
from deltaclip.names import matched, on_disk

__all__ = ["ActionClip", "ActionSet", "find_action_sets", "load_actions"]

CAPTIONS, CLASSES = "captions.csv", "classes.json"
MOST_DIGITS = 9
"""Of the number of a fold."""


@dataclass(frozen=True, slots=True)
class ActionClip:
    """One clip. path: below the folder of the set. label: a key of `ActionSet.wordings`. group: a scene or a person.

    split: train, val or test. fold: from 0, or None in a set without folds.
    """

    path: str
    label: str
    group: str
    split: str
    fold: int | None


@dataclass(frozen=True, slots=True)
class ActionSet:
    """A set of labelled clips. wordings: label -> texts, in the order of classes.json."""

    name: str
    folder: Path
    clips: tuple[ActionClip, ...]
    wordings: Mapping[str, tuple[str, ...]]

    @property
    def folds(self) -> tuple[int, ...]:
        """Ascending; none in a set that only knows splits."""
        return tuple(sorted({clip.fold for clip in self.clips if clip.fold is not None}))


def find_action_sets(folder: Path) -> dict[str, Path]:
    """Folders of sets by name: the folder itself if it holds captions.csv, else those directly in it, sorted."""
    folder = on_disk(folder)
    if not os.path.isdir(folder):  # unlike Path.is_dir, it answers for a name that is too long, too
        raise refused(folder, "not a folder", "Give the folder of a set, or of several sets.")
    if (folder / CAPTIONS).is_file():
        return {folder.resolve().name: folder}
    found = sorted(path.parent for path in folder.glob(f"*/{CAPTIONS}"))
    if not found:
        raise refused(folder, f"no {CAPTIONS} here or one level below", "Give the folder of a set, or of several sets.")
    return {path.name: path for path in found}


def load_actions(folder: Path) -> ActionSet:
    """The set in a folder. Raises CaptionError for what is missing, unknown or shared between training and test."""
    wordings = _wordings(folder / CLASSES)
    path = folder / CAPTIONS
    rows = list(read_table(path))
    labels = matched((row.get("label", "") for _, row in rows), wordings)
    clips = []
    for line, row in rows:
        label = column_of(path, row, ("label",), line)
        clip = ActionClip(
            path=_path_on_disk(folder, column_of(path, row, ("path",), line)),
            label=labels.get(label, label),
            group=column_of(path, row, ("group",), line),
            split=column_of(path, row, ("split",), line),
            fold=_fold(path, row, line),
        )
        if clip.label not in wordings:
            found = f"the label {clip.label!r}, which {CLASSES} does not know"
            raise refused(path, found, f"Write one of {', '.join(wordings)}, or add its wordings.", line)
        if clip.split not in SPLITS:
            raise refused(path, f"split is {clip.split!r}", f"Write one of {', '.join(SPLITS)}.", line)
        if not os.path.isfile(folder / clip.path):
            raise refused(path, f"{clip.path} is not there", "Restore the clip, or remove its row.", line)
        clips.append(clip)
    if not clips:
        raise refused(path, "contains no clip", "Give a row for each clip.")
    _keep_apart(path, clips)
    return ActionSet(folder.resolve().name, folder, tuple(clips), wordings)


def _path_on_disk(folder: Path, written: str) -> str:
    """The path below the folder as the disk spells it, whichever way its letters are composed in the table."""
    file = on_disk(folder / written)
    return written if file == folder / written else Path(os.path.relpath(file, folder)).as_posix()


def _wordings(path: Path) -> dict[str, tuple[str, ...]]:
    made: dict[str, tuple[str, ...]] = {}
    for label, texts in object_of(path, read_json(path), "the document").items():
        if not is_text(label):
            raise bad_text(path, "a label", label)
        for text in (words := list_of(path, texts, label)):
            if not is_text(text):
                raise bad_text(path, f"a wording of {label}", text)
        if not words:
            raise refused(path, f"{label} has no wording", "Write at least one sentence for each label.")
        made[label] = tuple(words)
    if not made:
        remedy = 'Write each label with its wordings, such as {"wave": ["a hand waves"]}.'
        raise refused(path, "names no label", remedy)
    return made


def _fold(path: Path, row: Mapping[str, str], line: int) -> int | None:
    """The fold of a row, None in a table without that column."""
    if "fold" not in row:
        return None
    if not row["fold"].strip().isdecimal() or len(row["fold"]) > MOST_DIGITS:
        raise refused(path, f"fold is {row['fold']!r}", "Write a whole number from 0, or leave out the column.", line)
    return int(row["fold"])


def _keep_apart(path: Path, clips: list[ActionClip]) -> None:
    """CaptionError for a file that is listed twice, and for a group in two folds or in both train and test."""
    folds: dict[str, int | None] = {}
    splits: dict[str, set[str]] = {}
    seen = set()
    for clip in clips:
        if clip.path in seen:
            raise refused(path, f"{clip.path} is listed twice", "A clip has one row.")
        seen.add(clip.path)
        splits.setdefault(clip.group, set()).add(clip.split)
        apart = folds.setdefault(clip.group, clip.fold) == clip.fold and not {"train", "test"} <= splits[clip.group]
        if not apart:
            found = f"the group {clip.group!r} is in two folds, or in both train and test"
            raise refused(path, found, "Keep the clips of a scene, person or take together.")
