"""Tokens of those who ask from other machines: made once, shown once, kept as digests in a file of the user.

A token is 256 random bits, so its SHA-256 cannot be searched for: a slow hash protects passwords, which people choose,
and would only make every request slow here.
"""

import hashlib
import hmac
import json
import logging
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path

from deltaclip.durable import one_writer, write_bytes_whole
from deltaclip.errors import DeltaclipError

__all__ = ["TOKEN_PATTERN", "Scope", "Token", "TokenError", "Tokens", "default_tokens_path"]

Scope = Literal["read", "index"]
"""What a token allows: to search and watch, or to have folders indexed."""
SCOPES: tuple[Scope, ...] = ("read", "index")
PREFIX = "deltaclip_"
TOKEN_PATTERN = PREFIX + r"[A-Za-z0-9_-]{43}"
"""What a token looks like, so that one that was put in the wrong place can be recognised."""
LONGEST_NAME = 100
FORMAT = 1
_log = logging.getLogger(__name__)


class TokenError(DeltaclipError):
    """Tokens that cannot be read or changed. refused: nothing was done, as a different process changes them."""

    refused = False


class _InUseError(TokenError):
    refused = True


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token. digest: SHA-256 of the token, hexadecimal. created: ISO 8601, UTC."""

    name: str
    scopes: tuple[Scope, ...]
    digest: str
    created: str


def default_tokens_path() -> Path:
    """The file of tokens: DELTACLIP_TOKENS, else one in the user's data folder."""
    chosen = os.environ.get("DELTACLIP_TOKENS")
    return Path(chosen) if chosen else user_data_path("deltaclip") / "tokens.json"


class Tokens:
    """The tokens in a file, which is read again whenever it has changed. Safe in threads."""

    def __init__(self, file: Path | None = None) -> None:
        """file: None for `default_tokens_path()`. It need not exist."""
        self.file = default_tokens_path() if file is None else file
        self._read: tuple[tuple[int, int, int] | None, tuple[Token, ...]] = (None, ())

    def all(self) -> tuple[Token, ...]:
        """By age. Raises TokenError if the file is damaged, or may be written by other users."""
        seen, kept = self._read
        try:
            found = self.file.stat()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise TokenError(str(self.file), f"cannot be read ({error.strerror})", "Check its permissions.") from error
        state = found.st_ino, found.st_size, found.st_mtime_ns
        if state != seen:
            if os.name == "posix" and found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise TokenError(
                    str(self.file), "other users may write to it", f"Run chmod 600 {self.file} and check its tokens."
                )
            kept = self._parsed()
            self._read = state, kept
        return kept

    def matching(self, text: str) -> Token | None:
        """The token of that text; None for a wrong one, and for any if the tokens cannot be read.

        Every entry is compared, each in constant time: how long it takes tells nothing.
        """
        digest, found = _digest(text), None
        try:
            entries = self.all()
        except TokenError as error:
            _log.error("no token is accepted: %s", error)
            return None
        for each in entries:
            if hmac.compare_digest(each.digest, digest):
                found = each
        return found

    def known(self, digest: str) -> Token | None:
        """The token of that digest if it was not removed."""
        try:
            return next((each for each in self.all() if hmac.compare_digest(each.digest, digest)), None)
        except TokenError:
            return None

    def new(self, name: str | None, scopes: Sequence[Scope]) -> tuple[Token, str]:
        """Makes one and returns it with its text, which is kept nowhere. Raises TokenError for a name that is taken.

        name: None for the first of token-1, token-2, ... that is free.
        """
        text = PREFIX + secrets.token_urlsafe(32)
        with self._writing() as entries:
            names = {each.name for each in entries}
            chosen = name or next(
                each for number in range(1, len(names) + 2) if (each := f"token-{number}") not in names
            )
            if chosen in names:
                raise TokenError(
                    chosen, "there is a token of that name", "Choose a different name, or remove it first."
                )
            if len(chosen) > LONGEST_NAME or not chosen.isprintable():
                raise TokenError(
                    repr(chosen), "is no name for a token", f"Use at most {LONGEST_NAME} printable characters."
                )
            created = datetime.now(UTC).isoformat(timespec="seconds")
            made = Token(chosen, tuple(each for each in SCOPES if each in scopes), _digest(text), created)
            self._write([*entries, made])
        return made, text

    def remove(self, name: str) -> Token:
        """Ends a token; a running server no longer accepts it. Raises TokenError if there is none of that name."""
        with self._writing() as entries:
            gone = next((each for each in entries if each.name == name), None)
            if gone is None:
                known = ", ".join(each.name for each in entries) or "none at all"
                raise TokenError(name, "there is no token of that name", f"There is {known}.")
            self._write([each for each in entries if each is not gone])
        return gone

    @contextmanager
    def _writing(self) -> Iterator[tuple[Token, ...]]:
        """Holds the lock of the file, and gives the tokens in it."""
        folder = self.file.parent

        def in_use(process: str) -> TokenError:
            return _InUseError(str(self.file), f"process {process} is changing it", "Try again when it is done.")

        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with one_writer(self.file.with_name(f"{self.file.name}.lock"), in_use):
                yield self.all()
        except OSError as error:
            raise TokenError(
                str(self.file), f"cannot be written ({error.strerror})", "Check the folder's permissions."
            ) from error

    def _write(self, entries: Sequence[Token]) -> None:
        rows = [
            {"name": each.name, "scopes": list(each.scopes), "sha256": each.digest, "created": each.created}
            for each in entries
        ]
        os.close(os.open(self.file, os.O_CREAT | os.O_WRONLY, 0o600))  # the mode that the new file takes over
        self.file.chmod(0o600)
        write_bytes_whole(self.file, json.dumps({"format": FORMAT, "tokens": rows}, indent=1).encode())

    def _parsed(self) -> tuple[Token, ...]:
        content = self.file.read_bytes()
        if not content:  # its first write was interrupted
            return ()
        try:
            told = json.loads(content)
            if told["format"] != FORMAT:
                raise TokenError(str(self.file), f"has format {told['format']!r}", "Update deltaclip.")
            return tuple(_token(row) for row in told["tokens"])
        except (ValueError, KeyError, TypeError) as error:
            remedy = "Move it away, and make new tokens with deltaclip token new."
            raise TokenError(str(self.file), f"is no file of tokens ({error})", remedy) from error


def _token(row: dict[str, Any]) -> Token:
    """Raises ValueError, KeyError, TypeError for what `Tokens` did not write."""
    scopes = tuple(each for each in SCOPES if each in row["scopes"])
    if len(row["sha256"]) != 64 or len(scopes) != len(row["scopes"]):
        raise ValueError(f"the token {row['name']!r} is damaged")
    return Token(str(row["name"]), scopes, str(row["sha256"]), str(row["created"]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
