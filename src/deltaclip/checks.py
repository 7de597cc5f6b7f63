"""Checks of arguments where people call us: a wrong type is a TypeError that says what to give instead."""

import errno
import os
from collections.abc import Collection, Iterable
from typing import Any

from deltaclip.errors import PathError
from deltaclip.wording import did_you_mean

__all__ = ["AnyPath", "check_choice", "check_path", "check_paths", "check_share", "check_text", "check_texts"]
__all__ += ["check_whole", "path_problem"]

AnyPath = str | os.PathLike[str]

SHOWN = 60
"""Characters of a path that are shown if it is too long for any file."""


def check_path(path: Any, function: str, remedy: str = "") -> AnyPath:  # Any: whatever somebody passed
    """The path itself. Raises TypeError unless it is one path, PathError, a ValueError, if no file can have it.

    remedy: what to do instead, a clause after the colon.
    """
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
        raise TypeError(f"{function} takes one path, not {_kind(path)}{remedy and f': {remedy}'}")
    if (problem := path_problem(os.fspath(path))) is not None:
        raise PathError(f"{function}: {_shortened(os.fspath(path))}", problem, "Give the path of a file or folder.")
    return path


def path_problem(path: str) -> str | None:
    """Why no file can have this path, in a clause; None if one can, whether there is one or not.

    Bytes that are not UTF-8, which Python shows as lone surrogates from U+DC80 to U+DCFF, are no problem.
    """
    if not path:
        return "an empty path"
    try:
        os.lstat(os.path.expanduser(path))
    except UnicodeEncodeError:
        return "a path with half a character (a lone surrogate), which no file name can hold"
    except ValueError:
        return "a path with a NUL character, which no file name can hold"
    except OSError as error:  # what lstat cannot find may well be written, or found by whoever looks for it
        if error.errno == errno.ENAMETOOLONG:
            return f"a path that is too long for this disk ({len(path):,} characters)"
    return None


def _shortened(path: str) -> str:
    return ascii(path if len(path) <= SHOWN else f"{path[:SHOWN]}...")


def check_paths(paths: Any, function: str) -> list[AnyPath]:
    """The paths as a list. Raises TypeError unless they are an iterable of paths."""
    if isinstance(paths, str | os.PathLike):
        raise TypeError(f"{function} takes a list of paths, not one path: write [{os.fspath(paths)!r}]")
    listed = list(_items(paths, function, "paths"))
    for number, path in enumerate(listed):
        check_path(path, f"{function} (in place {number} of the list)")
    return listed


def check_text(text: Any, function: str, remedy: str = "") -> str:
    """The text itself. Raises TypeError unless it is a str, ValueError if there is nothing in it but white space."""
    if not isinstance(text, str):
        hint = "write str(path) if its name is the text" if isinstance(text, os.PathLike) else remedy
        raise TypeError(f"{function} takes one text, not {_kind(text)}{hint and f': {hint}'}")
    if not text.strip():
        raise ValueError(f"{function}: the text is empty")
    return text


def check_texts(texts: Any, function: str) -> list[str]:
    """The texts as a list. Raises TypeError unless they are an iterable of str; empty ones pass."""
    if isinstance(texts, str):
        raise TypeError(f"{function} takes a list of texts, not one string: write [{texts!r}]")
    listed = list(_items(texts, function, "texts"))
    for number, text in enumerate(listed):
        if not isinstance(text, str):
            raise TypeError(f"{function} takes a list of texts; in place {number} is {_kind(text)}")
    return listed


def check_whole(number: Any, name: str, least: int = 1) -> int:
    """The number itself. Raises TypeError unless it is a whole number, ValueError if it is below `least`."""
    if isinstance(number, bool) or not hasattr(number, "__index__"):
        raise TypeError(f"{name} is {number!r}: give a whole number of at least {least}")
    if (whole := int(number)) < least:
        raise ValueError(f"{name} starts at {least}, not {whole}")
    return whole


def check_share(share: Any, name: str) -> float:
    """The share as a float. Raises TypeError unless it is a number, ValueError unless it is above 0 and at most 1."""
    if isinstance(share, bool) or not isinstance(share, int | float):
        raise TypeError(f"{name} is {share!r}: give a number above 0 and at most 1")
    if not 0 < share <= 1:
        raise ValueError(f"{name} is {share!r}: a share above 0 and at most 1")
    return float(share)


def check_choice(word: Any, name: str, choices: Collection[str]) -> str:
    """The word itself. Raises TypeError unless it is a str, ValueError unless it is one of the choices."""
    if not isinstance(word, str):
        raise TypeError(f"{name} is {word!r}: give one of {', '.join(choices)}")
    if word not in choices:
        raise ValueError(f"{name} is {word!r}: {did_you_mean(word, choices)}")
    return word


def _items(values: Any, function: str, what: str) -> Iterable[Any]:
    if isinstance(values, bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{function} takes a list of {what}, not {_kind(values)}")
    return values


def _kind(value: Any) -> str:
    """The type of a value, in words that fit behind "not"."""
    return "None" if value is None else type(value).__name__
