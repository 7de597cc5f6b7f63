"""What Lance's errors mean: it raises OSError and ValueError, and only their words tell them apart."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from deltaclip.errors import LibraryError

__all__ = ["in_words", "is_conflict", "is_lost", "is_missing"]

_MOST_WORDS = 300
"""Of Lance's own that are shown: some of its errors quote what a server answered."""
_SOURCE = re.compile(r"(: <\?xml.*|, /\S+\.rs:\d+:\d+)+")
_SIGNS = ("LanceError", "Dataset at path", "Invalid user input")
"""Of a ValueError that is Lance's."""
_KNOWN = (
    (
        ("failed to get aws credentials",),
        "there are no credentials for it",
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role.",
    ),
    (
        ("accessdenied", "invalidaccesskeyid", "signaturedoesnotmatch", "403 forbidden"),
        "access is denied ({words})",
        "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the rights of their owner.",
    ),
    (("nosuchbucket",), "its bucket does not exist", "Check the address, or make the bucket again."),
    (("did not match any known pattern",), "no address of a bucket", "Give s3://BUCKET/FOLDER."),
    (
        ("error sending request",),
        "its server does not answer ({words})",
        "Check AWS_ENDPOINT_URL and the network, then run the same command again.",
    ),
    (("no space left",), "the disk is full", "Free some space, then run the same command again."),
    (("permission denied",), "cannot be read or written ({words})", "Check the permissions of its files."),
    (
        ("not found", "no such file"),
        "a file of it is gone ({words})",
        "Run `deltaclip verify`, which names what is lost, or put back a copy of the library.",
    ),
)
"""Words of Lance, what is found, what to do; the first that fits."""


@contextmanager
def in_words(address: str) -> Iterator[None]:
    """Turns what Lance raises into LibraryError."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, ValueError) and not any(sign in str(error) for sign in _SIGNS):
            raise  # of this package
        raise LibraryError(address, *_found(error)) from error


def is_missing(error: ValueError) -> bool:
    """Whether Lance found no table."""
    return str(error).startswith("Dataset at path") and "was not found" in str(error)


def is_lost(error: Exception) -> bool:
    """Whether a file of a table is gone."""
    words = str(error).lower()
    return "not found" in words or "no such file" in words


def is_conflict(error: BaseException | None) -> bool:
    """Whether somebody else has committed meanwhile."""
    words = str(error).lower()
    return "concurrent writers" in words or "commit conflict" in words


def _found(error: Exception) -> tuple[str, str]:
    words, low = _first_line(error), str(error).lower()
    for signs, found, remedy in _KNOWN:
        if any(sign in low for sign in signs):
            return found.format(words=words), remedy
    return f"cannot be read or written ({words})", "Run `deltaclip verify`, which names what is damaged."


def _first_line(error: Exception) -> str:
    """Without the address and line of the source that Lance ends with."""
    line = str(error).strip().split("\n")[0].removeprefix("External error: ")
    return _SOURCE.sub("", line.removeprefix("LanceError(IO): ")).removesuffix(":").rstrip(". ")[:_MOST_WORDS]
