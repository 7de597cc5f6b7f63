"""Which files a run looks at: those in folders of this machine, and objects on a storage by the same rules."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deltaclip.errors import DeltaclipError, VideoError
from deltaclip.library import EXCLUDED, Exclusion, Failure, Stamp, find_candidates, holds_anything
from deltaclip.object_paths import ObjectPath, object_path
from deltaclip.video import AMBIGUOUS_SUFFIXES, VIDEO_SUFFIXES, looks_like_video

__all__ = ["FileSeen", "Listing", "StorageError", "list_files", "open_storage", "stamp_of_object", "storage_words"]

SNIFFED_BYTES = 64 * 1024
_PLAIN_SUFFIX = re.compile(r"\.\w{1,8}")


@dataclass(frozen=True, slots=True)
class FileSeen:
    """A file as it was when it was listed."""

    path: Path
    stamp: Stamp


@dataclass(slots=True)
class Listing:
    """files: each once, by path. roots: the paths given that could be listed. empty: those of them that hold nothing.
    failures: those that could not, and files that cannot be looked at. passed_over: how many files were skipped, by
    kind. unused_exclude: patterns that matched nothing."""

    files: list[FileSeen] = field(default_factory=list)
    roots: list[Path] = field(default_factory=list)
    empty: list[Path] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    unused_exclude: tuple[str, ...] = ()


def list_files(uris: Iterable[str], library_folder: Path | None, exclude: Sequence[str] = ()) -> Listing:
    """What there is to index. uris: paths, file:// or s3://, of files and folders. library_folder: never looked into.
    exclude: see `library.Exclusion`.

    Raises DeltaclipError for an address of a kind that is not known, and for a storage that cannot be reached.
    """
    listing, local, exclusion = Listing(), list[str](), Exclusion(exclude)
    unused = set(exclude)
    for uri in uris:
        if (address := object_path(uri)) is not None:
            _list_objects(address, listing, exclusion)
        elif uri.startswith("file://"):
            local.append(uri.removeprefix("file://"))
        elif (scheme := re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", uri)) is not None:
            words = f"files at {scheme[0]} cannot be listed"
            raise DeltaclipError(uri, words, "Give a folder, file://, or s3://BUCKET/FOLDER.")
        else:
            local.append(uri)
    if local:
        found = find_candidates(local, library_folder, exclude)
        unused &= {*found.unused_exclude}
        listing.failures += found.failures
        listing.passed_over.update(found.passed_over)
        refused = {failure.path for failure in found.failures}
        listing.roots += [root for root in found.roots if root not in refused]
        listing.empty += [root for root in found.roots if not holds_anything(root)]
        for path in found.files:
            try:
                listing.files.append(FileSeen(path, Stamp.of(path)))
            except VideoError as error:
                listing.failures.append(Failure(path, error.reason))
    each = {file.path: file for file in listing.files}
    listing.files = [each[path] for path in sorted(each, key=str)]
    unused &= {*exclusion.unused}
    listing.unused_exclude = tuple(pattern for pattern in dict.fromkeys(exclude) if pattern in unused)
    return listing


def open_storage() -> Any:  # Any: s3fs ships no types
    """The object storage that the environment names (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL and the like)."""
    try:
        import s3fs
    except ModuleNotFoundError as error:
        found = "not installed, and files on S3 are read with it"
        remedy = "Install it with: pip install 'deltaclip[cluster]'"
        raise DeltaclipError(f"the package {error.name}", found, remedy) from error
    return s3fs.S3FileSystem(use_listings_cache=False)


class StorageError(DeltaclipError):
    """A storage that does not answer, now."""


@contextmanager
def storage_words(address: str) -> Iterator[None]:
    """Turns what the storage raises into DeltaclipError, StorageError if it does not answer.

    FileNotFoundError passes.
    """
    from botocore.exceptions import BotoCoreError, NoCredentialsError

    try:
        yield
    except FileNotFoundError:
        raise
    except NoCredentialsError as error:
        remedy = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY on every node, or give the machines a role."
        raise DeltaclipError(address, "there are no credentials for it", remedy) from error
    except PermissionError as error:
        remedy = "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the rights of their owner."
        raise DeltaclipError(address, f"access is denied ({error})", remedy) from error
    except (BotoCoreError, OSError) as error:
        remedy = "Check the address, AWS_ENDPOINT_URL and the network, then run the same command again."
        raise StorageError(address, f"its storage does not answer ({error})".rstrip("."), remedy) from error


def stamp_of_object(info: dict[str, Any]) -> Stamp:
    """What a storage says of an object.

    In place of ctime stands a number made of its ETag, which changes with its bytes as ctime does.
    """
    tag = hashlib.blake2b(str(info["ETag"]).encode(), digest_size=8).digest()
    changed = int(info["LastModified"].timestamp()) * 1_000_000_000
    return Stamp(info["size"], changed, int.from_bytes(tag, "big") >> 1)


def _list_objects(root: ObjectPath, listing: Listing, exclusion: Exclusion) -> None:
    storage = open_storage()
    with storage_words(str(root)):
        try:
            top = storage.info(str(root))
            infos = [top] if top["type"] == "file" else storage.find(str(root), detail=True).values()
        except FileNotFoundError:
            listing.failures.append(Failure(root, "does not exist. Check the name."))
            return
        listing.roots.append(root)
        if not infos:
            listing.empty.append(root)
        rules = _ObjectRules(root, exclusion)
        for info in infos:
            path = ObjectPath(f"s3://{info['name']}")
            if str(path) != f"s3://{info['name']}":
                if info["size"]:
                    reason = f"its name has an empty part or a dot ({info['name']}). Rename it."
                    listing.failures.append(Failure(path, reason))
            elif rules.exclude(path):
                listing.passed_over[EXCLUDED] += 1
            elif path == root or (kind := _skipped(storage, info, path.relative_to(root).parts)) is None:
                listing.files.append(FileSeen(path, stamp_of_object(info)))
            else:
                listing.passed_over[kind] += 1


class _ObjectRules:
    """Which objects below an address are excluded, by the names of all folders in which they would lie as files."""

    def __init__(self, root: ObjectPath, exclusion: Exclusion) -> None:
        self._root, self._exclusion = root, exclusion
        self._folders = dict[tuple[str, ...], bool]()

    def exclude(self, path: ObjectPath) -> bool:
        """Whether an object, or a folder of it, is excluded."""
        if path == self._root:
            return self._folder(()) or self._exclusion.matches([path.name], str(path), is_folder=False)
        parts = path.relative_to(self._root).parts
        below = "/".join(parts)
        return self._folder(parts[:-1]) or self._exclusion.matches([below], str(path), is_folder=False)

    def _folder(self, parts: tuple[str, ...]) -> bool:
        if parts not in self._folders:
            place = "/".join([str(self._root), *parts])
            below = "/".join(parts) if parts else self._root.name
            own = self._exclusion.matches([below], place, is_folder=True)
            self._folders[parts] = own or (bool(parts) and self._folder(parts[:-1]))
        return self._folders[parts]


def _skipped(storage: Any, info: dict[str, Any], parts: tuple[str, ...]) -> str | None:
    """Why an object is skipped; None for a video. As `library.find_candidates` does with files."""
    if any(part.startswith(".") for part in parts):
        return "hidden files and folders"
    suffix = Path(parts[-1]).suffix.lower()
    if suffix not in VIDEO_SUFFIXES:
        return suffix if _PLAIN_SUFFIX.fullmatch(suffix) else "files without a suffix"
    if suffix in AMBIGUOUS_SUFFIXES and not looks_like_video(storage.cat_file(info["name"], 0, SNIFFED_BYTES)):
        return f"{suffix} files that are not videos"
    return None
