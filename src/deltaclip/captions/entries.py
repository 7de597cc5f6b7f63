"""What every loader checks and does alike: ids, texts, lists of ids, and putting a data set together."""

import re
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any

from deltaclip.captions.files import AnnotationFolder, base_name, read_bytes, read_json, read_lines, read_table, refused
from deltaclip.captions.types import Caption, CaptionSet, Split
from deltaclip.errors import CaptionError
from deltaclip.names import matched

__all__ = [
    "SPLITS",
    "assembled",
    "bad_text",
    "captions_of",
    "column_of",
    "groups_of",
    "is_text",
    "known_ids",
    "list_of",
    "listed_split",
    "object_of",
    "read_ids",
]

SPLITS = ("train", "val", "test")

MEND = "Fix the file or download it again."


def is_text(value: object) -> bool:
    """Whether this is a text that says something and that can be written as UTF-8."""
    return isinstance(value, str) and _shows(value) and _is_whole(value)


def bad_text(path: Path, place: str, value: object, line: int | None = None) -> CaptionError:
    """The error about what `is_text` refuses; place: the name of the column or the key, and which of them."""
    if not isinstance(value, str):
        kind = "missing" if value is None else f"a {type(value).__name__}, not a text"
        return refused(path, f"{place} is {kind}", MEND, line)
    if _is_whole(value):
        return refused(path, f"{place} is empty", "Fill it in, or remove the entry.", line)
    return refused(path, f"{place} holds half a character ({value!a})", MEND, line)


def _shows(text: str) -> bool:
    """Whether there is anything to see: blanks, and letters without width, are nothing."""
    return any(letter.isprintable() and not letter.isspace() for letter in text)


def _is_whole(text: str) -> bool:
    """False if it contains half of a pair of surrogates, which json can spell and UTF-8 cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def object_of(path: Path, value: Any, place: str) -> dict[str, Any]:  # Any: json
    """The value, if it is a json object."""
    if not isinstance(value, dict):
        raise refused(path, f"{place} is a {type(value).__name__}, not an object", MEND)
    return value


def list_of(path: Path, value: Any, place: str) -> list[Any]:  # Any: json
    """The value, if it is a json list."""
    if not isinstance(value, list):
        kind = "missing" if value is None else f"a {type(value).__name__}, not a list"
        raise refused(path, f"{place} is {kind}", MEND)
    return value


def column_of(path: Path, row: Mapping[str, str], names: Sequence[str], line: int) -> str:
    """The field of the first of these columns that the table has, checked. Raises CaptionError if it has none."""
    for name in names:
        if name in row:
            if not is_text(row[name]):
                raise bad_text(path, name, row[name], line)
            return row[name]
    wanted = " or ".join(names)
    raise refused(path, f"no column {wanted}, only {', '.join(row)}", f"Name a column {names[0]} in the first line.")


def read_ids(path: Path, column: str = "video_id") -> dict[str, int | None]:
    """The ids of a split file, in its order, each with the number of its line, None in json and npy.

    .csv: one column of a table. .json: a list. .npy: an array of texts. Anything else: one id a line, outer white space
    does not count.
    Raises CaptionError if an id occurs twice or there is none.
    """
    rows: Iterable[tuple[int | None, str]]
    match Path(base_name(path)).suffix.lower():
        case ".csv":
            rows = ((line, column_of(path, row, (column,), line).strip()) for line, row in read_table(path))
        case ".npy":
            rows = ((None, name) for name in _names(path))
        case ".json":
            rows = ((None, name) for name in _texts(path, read_json(path)))
        case _:
            rows = read_lines(path)
    ids: dict[str, int | None] = {}
    for line, name in rows:
        if name in ids:
            before = "" if ids[name] is None else f", first in line {ids[name]}"
            raise refused(path, f"{name} is listed twice{before}", "Remove one of the two.", line)
        ids[name] = line
    if not ids:
        raise refused(path, "names no video", "Download it again.")
    return ids


def known_ids(path: Path, ids: Mapping[str, int | None], known: Iterable[str], source: str) -> dict[str, int | None]:
    """The ids of a split file as the captions, read from `source`, spell them; letters may be composed differently.

    Raises CaptionError at the first id that the captions do not know.
    """
    meant = matched(ids, known)
    unknown = ids.keys() - meant.keys()
    if unknown:
        first = next(name for name in ids if name in unknown)
        more = f", nor for {len(unknown) - 1} others of the list" if len(unknown) > 1 else ""
        found = f"{first} has no caption in {source}{more}"
        raise refused(path, found, "Check the spelling, and that both files are of the same data set.", ids[first])
    return {meant[name]: line for name, line in ids.items()}


def assembled(dataset: str, splits: Mapping[str, Split], notes: Iterable[str]) -> CaptionSet:
    """The data set with its splits in their order, and a note if two of them share videos."""
    told = list(notes)
    for one, other in combinations([name for name in SPLITS if name in splits], 2):
        shared = len(set(splits[one].videos) & set(splits[other].videos))
        if shared:
            told.append(f"In both {one} and {other}: {shared:,} of the videos.")
    return CaptionSet(dataset, {name: splits[name] for name in SPLITS if name in splits}, tuple(told))


def listed_split(
    folder: AnnotationFolder,
    split: str,
    texts: Mapping[str, str],
    source: Path,
    listed: Path | None,
    notes: list[str],
) -> Split:
    """The videos of a list with one text each, or all videos that have a text if there is no list.

    texts: video -> text, in the order of `source`. Adds to `notes` which files were read and what they leave out.
    """
    shown = folder.shown(source)
    if listed is None:
        notes.append(f"{split}: all {len(texts):,} videos of {shown}, because there is no list for it.")
        return Split(tuple(texts), captions_of(texts, texts.items()))
    ids = known_ids(listed, read_ids(listed), texts, shown)
    left = len(texts.keys() - ids.keys())
    more = f"; {left:,} more of {shown} are left out" if left else ""
    notes.append(f"{split}: {len(ids):,} videos from {folder.shown(listed)}{more}.")
    return Split(tuple(ids), captions_of(ids, texts.items()))


def groups_of(pattern: re.Pattern[str], ids: Iterable[str]) -> tuple[str, ...] | None:
    """Of each video the longer one that it was cut from: the first group of a pattern that fits whole ids.

    None if no two are of one, or if an id has another form: then nothing is known.
    """
    found = [pattern.fullmatch(video) for video in ids]
    sources = tuple(each[1] for each in found if each is not None)
    return sources if len(sources) == len(found) and len(set(sources)) < len(sources) else None


def captions_of(videos: Iterable[str], pairs: Iterable[tuple[str, str]]) -> tuple[Caption, ...]:
    """The captions of these videos, in the order of the pairs (video, text)."""
    wanted = set(videos)
    return tuple(Caption(text, video) for video, text in pairs if video in wanted)


def _names(path: Path) -> list[str]:
    """The texts of a .npy, which is never unpickled: a pickle can run code."""
    import numpy as np  # only some lists are arrays, and `deltaclip data --help` need not wait for it

    try:
        array = np.load(BytesIO(read_bytes(path)), allow_pickle=False)
    except (ValueError, EOFError, OSError) as err:
        remedy = "Write its names to a .txt, an id a line, or download it again."
        raise refused(path, f"not an array of texts ({err})".replace("\n", " "), remedy) from err
    if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in "US":
        raise refused(path, "not a list of texts", "Write its names to a .txt, an id a line.")
    try:
        names = [name if isinstance(name, str) else name.decode() for name in array.tolist()]
    except UnicodeDecodeError as err:
        raise refused(path, f"a name that is not UTF-8 ({err.object!r})", "Write the names to a .txt.") from err
    for number, name in enumerate(names):
        if not is_text(name):
            raise bad_text(path, f"entry {number}", name)
    return names


def _texts(path: Path, document: Any) -> list[str]:  # Any: json
    """The document, if it is a list of texts."""
    for number, value in enumerate(list_of(path, document, "the document")):
        if not is_text(value):
            raise bad_text(path, f"entry {number}", value)
    return [str(value) for value in document]
