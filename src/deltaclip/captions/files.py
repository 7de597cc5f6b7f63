"""Finding annotation files under the names people have them by, and reading them with errors that help.

Text is UTF-8, with or without a byte-order mark, or UTF-16 with one, with line ends of any system. A file that ends in
.gz or .xz is unpacked while it is read.
"""

import codecs
import csv
import gzip
import io
import json
import lzma
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deltaclip.errors import CaptionError

__all__ = [
    "AnnotationFolder",
    "base_name",
    "read_bytes",
    "read_json",
    "read_json_lines",
    "read_lines",
    "read_table",
    "refused",
    "unreadable",
]

PACKED = (".gz", ".xz")
AGAIN = "Download it again."


def refused(path: Path, found: str, remedy: str, line: int | None = None) -> CaptionError:
    """The error about a file, to be raised; line: counted from 1, if one is to blame."""
    return CaptionError(str(path) if line is None else f"{path}, line {line}", found, remedy)


def base_name(path: Path) -> str:
    """The name without a last .gz or .xz."""
    return path.stem if path.suffix.lower() in PACKED else path.name


class AnnotationFolder:
    """The files below a folder, by name. Hidden files, and `._*` which macOS leaves beside others, are passed over."""

    def __init__(self, folder: Path) -> None:
        """Raises CaptionError if `folder` is not a folder or cannot be read."""
        self.folder = folder
        if not os.path.isdir(folder):
            raise refused(folder, "not a folder", "Give the folder that holds the annotation files.")
        files: list[Path] = []
        for place, folders, names in os.walk(folder, onerror=unreadable):
            folders[:] = [name for name in folders if not name.startswith(".")]
            files += [Path(place, name) for name in names if not name.startswith(".")]
        # The top level first; at equal depth plain before packed, then by name.
        files.sort(key=lambda path: (len(path.parts), path.suffix.lower() in PACKED, path.parts))
        self.files = tuple(files)

    def find(self, *names: str) -> Path | None:
        """The file of the first of these names that is here, or packed as .gz or .xz; None if none is."""
        for wanted in names:
            for path in self.files:
                if base_name(path) == wanted:
                    return path
        return None

    def shown(self, path: Path) -> str:
        """The path as seen from the folder, for notes."""
        return path.relative_to(self.folder).as_posix()

    def nothing(self, dataset: str, names: Sequence[str]) -> CaptionError:
        """The error where no split was found: which files would make one."""
        remedy = (
            f"Put at least one of these there, or in a folder below (.gz and .xz are read too): {', '.join(names)}."
        )
        return refused(self.folder, f"holds no split of {dataset}", remedy)


def read_bytes(path: Path) -> bytes:
    """The content, unpacked. Raises CaptionError if it cannot be read or is cut off."""
    try:
        match path.suffix.lower():
            case ".gz":
                with gzip.open(path) as file:
                    return file.read()
            case ".xz":
                with lzma.open(path) as file:
                    return file.read()
            case _:
                return path.read_bytes()
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as err:
        raise refused(path, f"damaged or cut off ({err})".rstrip("."), AGAIN) from err
    except OSError as err:
        raise refused(path, f"cannot be read ({err.strerror})", "Check the name and its permissions.") from err
    except ValueError as err:  # a NUL character, or half of one that is not ASCII
        raise refused(path, f"a path that no file can have ({err})", "Check the name.") from err


def read_json(path: Path) -> Any:  # Any: json
    """The document. Raises CaptionError if it is not json, or if a key occurs twice in one object."""
    try:
        return json.loads(_read_text(path), object_pairs_hook=_once)
    except json.JSONDecodeError as err:
        raise refused(
            path, f"not json ({err.msg}, column {err.colno})", "Fix it or download it again.", err.lineno
        ) from err
    except (ValueError, RecursionError) as err:
        raise refused(path, f"not a usable json document ({err})", "Fix it or download it again.") from err


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:  # Any: json
    """One json object a line, with the number of its line; empty lines do not count."""
    for number, line in read_lines(path):
        try:
            row = json.loads(line, object_pairs_hook=_once)
        except json.JSONDecodeError as err:
            raise refused(
                path, f"not json ({err.msg}, column {err.colno})", "Write one json object a line.", number
            ) from err
        except (ValueError, RecursionError) as err:
            raise refused(path, f"not a usable json object ({err})", "Write one json object a line.", number) from err
        if not isinstance(row, dict):
            raise refused(path, f"a {type(row).__name__}, not an object", "Write one json object a line.", number)
        yield number, row


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not empty, with their numbers, without outer white space."""
    for number, line in enumerate(_read_text(path).split("\n"), 1):
        if line.strip():
            yield number, line.strip()


def read_table(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows below the head line, each with the number of its last line; lines without any content do not count.

    Columns are separated by commas, in a .tsv by tabs; if the header line has none of these, by the tabs or semicolons
    that it has instead (spreadsheets write semicolons in countries with a decimal comma). Fields may be in double
    quotes. Outer spaces of column names do not count. Columns at the end without a name and without content, which
    spreadsheets write, are none. Raises CaptionError if a row has more or fewer fields than the header line.
    """
    text = _read_text(path)
    delimiter, text = _delimiter(path, text)
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # of the module; a caption may be longer than 128 KiB
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] = []
    try:
        for row in reader:
            if not any(field.strip() for field in row):
                continue
            if not columns:
                columns = [name.strip() for name in _without_empty_end(row)]
                if len(set(columns)) < len(columns):
                    raise refused(path, "a column name occurs twice", "Name each column once.", reader.line_num)
                width = len(row)
                continue
            fields = row[: len(columns)]
            unnamed = _without_empty_end(row[len(columns) :])
            if unnamed and len(row) <= width:
                found = f"{unnamed[-1].strip()!r} is in a column without a name"
                remedy = "Name that column in the first line or empty it; quote a field that holds the separator."
                raise refused(path, found, remedy, reader.line_num)
            if unnamed or len(fields) < len(columns):
                found = f"{len(row)} fields under {len(columns)} columns ({', '.join(columns)})"
                remedy = 'Put a field that holds the separator in double quotes, "like, this".'
                if not unnamed:
                    remedy = "Add the fields that are missing, empty ones too, with their separators."
                raise refused(path, found, remedy, reader.line_num)
            yield reader.line_num, dict(zip(columns, fields, strict=True))
    except csv.Error as err:
        # strict: otherwise a quote that is never closed swallows the rest of the file in silence
        remedy = "Check the double quotes: a quote inside a quoted field is written twice."
        raise refused(path, f"not a table ({err})", remedy, reader.line_num) from err


def _delimiter(path: Path, text: str) -> tuple[str, str]:
    """What separates the columns: by the suffix if the head line has it, else what it has instead; and the text.

    Excel may be told in a first line of its own, "sep=;", which becomes an empty one.
    """
    if told := re.match(r"(\s*)sep=([,;\t])[ ]*(?=\n)", text, re.IGNORECASE):
        return told[2], told[1] + text[told.end() :]
    own = "\t" if base_name(path).lower().endswith(".tsv") else ","
    head = re.sub(r'"[^"]*"', "", next((line for line in text.split("\n") if line.strip()), ""))
    return next((each for each in (own, "\t", ";", ",") if each in head), own), text


def _without_empty_end(fields: list[str]) -> list[str]:
    """The fields up to the last one that holds something."""
    filled = [number for number, field in enumerate(fields) if field.strip()]
    return fields[: filled[-1] + 1] if filled else []


def _read_text(path: Path) -> str:
    """The text with line feeds only, without a byte-order mark: UTF-8, or UTF-16 if a mark says so, as Excel writes."""
    raw = read_bytes(path)
    wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = raw.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as err:
        if wide:
            raise refused(path, f"damaged or cut off UTF-16 (at byte {err.start})", "Save it as UTF-8.") from err
        line = raw.count(b"\n", 0, err.start) + 1
        remedy = "Save it as UTF-8."
        raise refused(path, f"not UTF-8 (byte {raw[err.start]:#04x})", remedy, line) from err
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise refused(path, "NUL characters, as in UTF-16 without a byte-order mark", "Save it as UTF-8.", line)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: json
    """The object, unless a key occurs twice: json would silently keep only the last."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in made if names.count(name) > 1)
        raise ValueError(f"the key {twice} occurs twice in one object")
    return made


def unreadable(err: OSError) -> None:
    """What `os.walk` does with a folder that it cannot read: an error instead of passing over it."""
    remedy = "Check its permissions."
    raise CaptionError(str(err.filename), f"a folder that cannot be read ({err.strerror})", remedy) from err
