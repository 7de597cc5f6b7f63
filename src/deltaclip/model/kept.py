"""What was computed of a checkpoint's files, kept so that loading need not read all of its weights to hash them.

It is in a small JSON file in the checkpoint's folder, or in the user's cache folder if that folder belongs to another
program (the hub's cache, an installed package) or cannot be written. It counts as long as the files have the sizes and
times that they had. A file that was changed and given its old size and time is found by `deltaclip verify`.

With a bundled checkpoint come the facts of its files as they are in the package, by the hash of each, since an
installation gives them any time (`python -m deltaclip.model.shipped` writes them).
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from deltaclip.durable import write_bytes_whole
from deltaclip.folders import default_cache_path

__all__ = ["DIGEST", "KEPT_FILE", "SHIPPED_FILE", "VERSION", "KeptFacts", "hashes_of"]

KEPT_FILE = ".deltaclip-digest.json"
DIGEST = "model_digest"
"""Name of the kept fact that is the digest of a model."""
SHIPPED_FILE = "known.json"
"""The same beside a bundled checkpoint."""
VERSION = 1
"""Of how the facts are computed, and of what is done to weights while they are loaded."""
PACKAGE = Path(__file__).parents[1]
SETTLED_NS = 2 * 10**9
"""A file changed again within this time may keep its time stamp: some file systems count in steps of two seconds."""


class KeptFacts:
    """Facts about the files that a checkpoint is made of.

    files: name -> size in bytes and time of the last change in nanoseconds, as found when this object was made, which
    has to be before they are read. places: the files that may hold the facts, the preferred one first.
    """

    def __init__(self, folder: Path, names: tuple[str, ...], *, is_ours: bool) -> None:
        """names: the files that count, if they exist. is_ours: whether files may be added to the folder."""
        self._folder, self._names = folder, names
        self.own_folder: Path | None = None
        """The checkpoint's folder if it is a place for further files of ours."""
        self.files = self._stamps()
        elsewhere = default_cache_path() / "checkpoints" / f"{_name_of(folder)}.json"
        self._is_bundled = folder.resolve().is_relative_to(PACKAGE)
        beside = is_ours and not self._is_bundled
        if beside:
            self.own_folder = folder
        self.places = (folder / KEPT_FILE, elsewhere) if beside else (elsewhere,)

    def value(self, name: str, compute: Callable[[], str]) -> str:
        """The fact of that name, computed and kept if it is not known."""
        known = self.read().get(name)
        return self._keep(name, compute()) if known is None else known

    def put(self, name: str, value: str) -> None:
        """Keeps a fact that is known now, unless it is kept already; one that is different was damaged, or of a
        different program.
        """
        if self.read().get(name) != value:
            self._keep(name, value)

    def read(self) -> Mapping[str, str]:
        """The facts that were kept of files of these sizes and times; empty if none were."""
        for place in self.places:
            try:
                document = json.loads(place.read_text(encoding="utf-8"))
                if (document["version"], document["files"]) == (VERSION, self.files):
                    return {name: str(value) for name, value in document["facts"].items()}
            except (OSError, ValueError, TypeError, KeyError, AttributeError):  # not there, or damaged
                continue
        return self._shipped()

    def _shipped(self) -> Mapping[str, str]:
        """The facts that came with a bundled checkpoint, if its files are the very ones."""
        if not self._is_bundled:
            return {}
        try:
            document = json.loads((self._folder / SHIPPED_FILE).read_text(encoding="utf-8"))
            if (document["version"], document["files"]) == (VERSION, hashes_of(self._folder, self.files)):
                return dict(document["facts"])
        except (OSError, ValueError, TypeError, KeyError):
            pass
        return {}

    def _keep(self, name: str, value: str) -> str:
        newest = max((time_ns for _, time_ns in self.files.values()), default=0)
        if self._stamps() != self.files or time.time_ns() - newest < SETTLED_NS:
            return value  # a later change might leave the same stamp
        document = {"version": VERSION, "files": self.files, "facts": {**self.read(), name: value}}
        for place in self.places:
            try:
                write_bytes_whole(place, (json.dumps(document, indent=2) + "\n").encode())
                break
            except OSError:  # it cannot be written: then the fact is computed again next time
                continue
        return value

    def _stamps(self) -> dict[str, list[int]]:
        found = {}
        for name in self._names:
            with contextlib.suppress(OSError):
                status = (self._folder / name).stat()  # of the target if the hub's cache has a link
                found[name] = [status.st_size, status.st_mtime_ns]
        return found


def hashes_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The sha256 of each of these files, in hex. Raises OSError."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def _name_of(folder: Path) -> str:
    return hashlib.blake2b(os.fsencode(folder.resolve()), digest_size=16).hexdigest()
