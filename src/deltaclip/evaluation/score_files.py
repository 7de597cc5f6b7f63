"""Similarity matrices on disk with the names of what they rank: .npy, .npz and tables, of this program or any other.

.npy          similarity (Q, V); its rows and columns have no names
.npz          `similarity` (Q, V), and if known `owner` (Q,), the column of each text's video; `videos` (V,) and
              `queries` (Q,), names; `texts` (Q,); `groups` (V,), what videos share so that they are not independent;
              `protocol`, a json object that says how the scores were made
.csv, .tsv    a head with a name for each column, then a row for each query: its scores below the names of the
              videos, and columns named `query`, `video` (the video it belongs to) and `text`; the first column is
              `query` if it has no name
"""

import csv
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from deltaclip.durable import write_whole
from deltaclip.errors import CaptionError
from deltaclip.ranking import Block, first_nan
from deltaclip.wording import listed

__all__ = ["SCORE_SUFFIXES", "NameRow", "ScoreFile", "checked_scores", "read_scores", "write_scores"]

TABLES = {".csv": ",", ".tsv": "\t"}
SCORE_SUFFIXES = (".npz", *TABLES)
"""Of files that are written."""
ROWS_AT_ONCE = 1024
QUERY, VIDEO, TEXT = "query", "video", "text"

NameRow = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ScoreFile:
    """What such a file holds, not yet compared with any data set.

    similarity: (Q, V) floats, never NaN, Q and V at least 1. owner: (Q,) int64, the column of each text's video.
    videos: (V,) and queries: (Q,) names, each once; queries that say one thing twice are texts. own: (Q,) the name of
    each query's video. texts: (Q,). groups: (V,). protocol: how the scores were made. Whatever the file does not say is
    None.
    """

    path: Path
    similarity: NDArray[np.floating[Any]] = field(repr=False)
    owner: NDArray[np.int64] | None = None
    videos: NameRow | None = field(default=None, repr=False)
    queries: NameRow | None = field(default=None, repr=False)
    own: NameRow | None = field(default=None, repr=False)
    texts: NameRow | None = field(default=None, repr=False)
    groups: NameRow | None = field(default=None, repr=False)
    protocol: Mapping[str, Any] | None = None  # Any: json


def read_scores(path: Path) -> ScoreFile:
    """Raises CaptionError, with the place of what is wrong, for a file that is none of these, and if a score is NaN."""
    read = _read_table(path) if path.suffix.lower() in TABLES else _read_arrays(path)
    _check_similarity(path, read.similarity)
    rows, columns = read.similarity.shape
    for name, given, size in (
        ("videos", read.videos, columns),
        ("groups", read.groups, columns),
        ("queries", read.queries, rows),
        ("texts", read.texts, rows),
    ):
        if given is not None and len(given) != size:
            raise CaptionError(
                str(path),
                f"{len(given)} {name} for a matrix of {rows} texts and {columns} videos",
                "Give one for each.",
            )
    if read.videos is not None and len(set(read.videos)) < len(read.videos):
        twice = Counter(read.videos).most_common(1)[0][0]
        remedy = "Give each a name of its own; if it is a caption, save the transpose, a row for each caption."
        raise CaptionError(str(path), f"two videos are named {twice!r}", remedy)
    if read.queries is not None and len(set(read.queries)) < len(read.queries):  # texts: people say one thing twice
        return replace(read, queries=None, texts=read.texts or read.queries)
    return read


def checked_scores(path: Path, similarity: NDArray[Any], owner: NDArray[Any] | None) -> ScoreFile:
    """An array (Q, V) and the column of each text's video, (Q,), as of a file. Raises CaptionError as `read_scores`."""
    scores = _floats(path, similarity)
    _check_similarity(path, scores)
    return ScoreFile(path, scores, None if owner is None else _owner(path, scores.shape, owner))


def write_scores(
    path: Path,
    blocks: Iterator[Block],
    owner: NDArray[np.int64],
    videos: NameRow,
    queries: NameRow,
    *,
    texts: NameRow | None,
    groups: NameRow | None,
    protocol: Mapping[str, Any],  # Any: json
) -> None:
    """Writes what `read_scores` reads, as the suffix says; tables have no groups and no protocol.

    blocks: of texts (Q) by videos (V), all of which are held in memory. Raises ValueError for another suffix.
    """
    if path.suffix.lower() not in SCORE_SUFFIXES:
        raise ValueError(f"{path.suffix} is not one of {', '.join(SCORE_SUFFIXES)}")
    similarity: NDArray[np.floating[Any]] | None = None
    for rows, scores in blocks:
        if similarity is None:
            similarity = np.empty((len(owner), len(videos)), scores.dtype)
        similarity[rows] = scores
    assert similarity is not None, "nothing is ranked without a text"
    if (delimiter := TABLES.get(path.suffix.lower())) is not None:
        lines = _table_lines(similarity, owner, videos, queries, texts, delimiter)
        write_whole(path, lambda stream: stream.writelines(lines))
        return
    arrays: dict[str, NDArray[Any]] = {"similarity": similarity, "owner": owner}
    told = {"videos": videos, "queries": queries, "texts": texts, "groups": groups}
    arrays |= {name: np.array(values) for name, values in told.items() if values is not None}
    arrays["protocol"] = np.array(json.dumps(dict(protocol)))

    def write(stream: IO[bytes]) -> None:
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # numpy's stubs take its keywords for allow_pickle

    write_whole(path, write)


def _check_similarity(path: Path, similarity: NDArray[Any]) -> None:
    if similarity.ndim != 2 or similarity.size == 0:
        found = f"similarity has the shape {similarity.shape}"
        raise CaptionError(str(path), found, "Give it the shape (texts, videos), with at least one of each.")
    for start in range(0, len(similarity), ROWS_AT_ONCE):
        if (place := first_nan(similarity[start : start + ROWS_AT_ONCE])) is not None:
            raise CaptionError(
                str(path),
                f"similarity is NaN in row {start + place[0]}, column {place[1]} (counted from 0)",
                "Find the text or video whose vector is NaN and encode it again: NaN has no rank.",
            )


def _read_arrays(path: Path) -> ScoreFile:
    """An .npy, mapped from the file, or an .npz, whatever the suffix. Pickles are not read, since they can run code."""
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                return ScoreFile(path, _floats(path, np.lib.format.open_memmap(path, mode="r")))
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return _of_arrays(path, {name: arrays[name] for name in arrays.files})
    except FileNotFoundError as error:
        raise CaptionError(str(path), "no such file", "Give a .npy, .npz, .csv or .tsv file that exists.") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise CaptionError(
            str(path),
            f"not a numpy file of plain numbers ({error})",
            "Save the matrix with numpy.save, or with numpy.savez as `similarity` and `owner`.",
        ) from error


def _of_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> ScoreFile:
    if "similarity" not in arrays:
        raise CaptionError(
            str(path),
            f"no array 'similarity' in it (found {', '.join(arrays) or 'nothing'})",
            "Save it with numpy.savez(path, similarity=..., owner=...).",
        )
    similarity = _floats(path, arrays["similarity"])
    shape = similarity.shape
    owner = _owner(path, shape, arrays["owner"]) if "owner" in arrays and len(shape) == 2 else None
    names = {
        name: _names(path, name, arrays[name]) for name in ("videos", "queries", "texts", "groups") if name in arrays
    }
    protocol = _protocol(path, arrays["protocol"]) if "protocol" in arrays else None
    return ScoreFile(path, similarity, owner, protocol=protocol, **names)


def _floats(path: Path, similarity: NDArray[Any]) -> NDArray[np.floating[Any]]:
    if similarity.dtype.kind not in "iuf":
        raise CaptionError(str(path), f"similarity is {similarity.dtype}, not numbers", "Use float32.")
    return similarity if similarity.dtype.kind == "f" else similarity.astype(np.float64)


def _owner(path: Path, shape: tuple[int, ...], owner: NDArray[Any]) -> NDArray[np.int64]:
    texts, videos = shape
    if owner.dtype.kind == "f" and np.array_equal(owner, np.floor(owner)):
        owner = owner.astype(np.int64)  # whole numbers that some program saved as floats
    if owner.shape != (texts,) or owner.dtype.kind not in "iu":
        remedy = f"Give one integer for each of the {texts} texts: the column of its video."
        raise CaptionError(str(path), f"owner is {owner.shape} {owner.dtype}", remedy)
    outside = np.flatnonzero((owner < 0) | (owner >= videos))
    if len(outside):
        found = f"owner[{outside[0]}] is {owner[outside[0]]}, but the columns are 0..{videos - 1}"
        raise CaptionError(str(path), found, "Count the columns from 0.")
    return owner.astype(np.int64)


def _names(path: Path, name: str, values: NDArray[Any]) -> NameRow:
    """NameRow as texts; whole numbers are taken for names too, as of videos that are numbered."""
    if values.ndim != 1 or values.dtype.kind not in "USiu":
        raise CaptionError(str(path), f"{name} is {values.shape} {values.dtype}", "Give a row of texts.")
    if values.dtype.kind == "S":
        try:
            return tuple(each.decode() for each in values.tolist())
        except UnicodeDecodeError as error:
            raise CaptionError(str(path), f"{name} holds bytes that are not UTF-8", "Save texts.") from error
    return tuple(map(str, values.tolist()))


def _protocol(path: Path, value: NDArray[Any]) -> dict[str, Any]:  # Any: json
    try:
        document = json.loads(str(value))
    except ValueError as error:
        raise CaptionError(str(path), f"its protocol is not json ({error})", "Leave it out.") from error
    if not isinstance(document, dict):
        raise CaptionError(str(path), "its protocol is not a json object", "Leave it out, or name its parts.")
    return document


def _read_table(path: Path) -> ScoreFile:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, delimiter=TABLES[path.suffix.lower()])
            head = next(rows, [])
            return _of_table(path, [cell.strip() for cell in head], enumerate(rows, 2))
    except FileNotFoundError as error:
        raise CaptionError(str(path), "no such file", "Give a .npy, .npz, .csv or .tsv file that exists.") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CaptionError(str(path), f"cannot be read as a table ({error})", "Save it as UTF-8 text.") from error


def _of_table(path: Path, head: list[str], rows: Iterator[tuple[int, list[str]]]) -> ScoreFile:
    if head and not head[0]:
        head[0] = QUERY
    told = {name: head.index(name) for name in (QUERY, VIDEO, TEXT) if name in head}
    scored = [place for place, name in enumerate(head) if place not in told.values()]
    if not scored or not told:
        found = "its first line does not name a column `query` and then the videos"
        raise CaptionError(f"{path}, line 1", found, "Begin with a line such as: query,video7010,video7011")
    if all(_is_number(head[place]) and "." in head[place] for place in scored):
        found = f"its first line holds the scores {listed([head[place] for place in scored])}, not names"
        raise CaptionError(f"{path}, line 1", found, "Begin with a line of names: query, then the videos.")
    cells: dict[str, list[str]] = {name: [] for name in told}
    scores = []
    for number, row in rows:
        if not row:
            continue
        if len(row) != len(head):
            found = f"{len(row)} cells, where the first line has {len(head)}"
            raise CaptionError(f"{path}, line {number}", found, "Give each query a score for each video.")
        for name, place in told.items():
            cells[name].append(row[place])
        try:
            scores.append(np.array([row[place] for place in scored], np.float64))
        except ValueError:
            wrong = next(head[place] for place in scored if not _is_number(row[place]))
            found = f"the score of {wrong!r} is {row[head.index(wrong)]!r}, not a number"
            raise CaptionError(f"{path}, line {number}", found, "Write numbers with a point, such as 0.25.") from None
    if not scores:
        raise CaptionError(str(path), "no query below its first line", "Give a line for each query.")
    columns = {name: tuple(values) for name, values in cells.items()}
    videos = tuple(head[place] for place in scored)
    return ScoreFile(
        path,
        np.stack(scores),
        videos=videos,
        queries=columns.get(QUERY),
        own=columns.get(VIDEO),
        texts=columns.get(TEXT),
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _table_lines(
    similarity: NDArray[np.floating[Any]],
    owner: NDArray[np.int64],
    videos: NameRow,
    queries: NameRow,
    texts: NameRow | None,
    delimiter: str,
) -> Iterator[bytes]:
    """Scores with as many digits as bring them back to the bit."""
    yield _line([QUERY, VIDEO, *([] if texts is None else [TEXT]), *videos], delimiter)
    for row, scores in enumerate(similarity):
        named = [queries[row], videos[owner[row]], *([] if texts is None else [texts[row]])]
        yield _line([*named, *map(str, scores)], delimiter)


def _line(cells: Sequence[str], delimiter: str) -> bytes:
    quoted = ('"' + cell.replace('"', '""') + '"' if _needs_quotes(cell, delimiter) else cell for cell in cells)
    return (delimiter.join(quoted) + "\n").encode()


def _needs_quotes(cell: str, delimiter: str) -> bool:
    return any(letter in cell for letter in (delimiter, '"', "\n", "\r"))
