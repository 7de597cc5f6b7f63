"""What a cache has lost (missing or truncated shards, a truncated index), found before anybody needs it."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from deltaclip.errors import CacheError
from deltaclip.frame_cache.index import INDEX_NAME, CacheIndex
from deltaclip.frame_cache.read import GIVE_VIDEOS, DamagedIndexError, read_index
from deltaclip.frame_cache.write import only_writer, write_index

__all__ = ["refuse_lost", "repair_cache"]


SET_ASIDE = f"{INDEX_NAME}.damaged"


def repair_cache(folder: Path) -> tuple[str, ...]:
    """Removes what is lost from the index, so that `write_cache` decodes it again. Returns a message for each loss.

    The readable lines of a truncated index are kept; an unreadable index is renamed to cache.json.damaged, and the
    cache starts anew. Does nothing if there is no cache. Raises CacheError if a different process is writing to it, it
    cannot be written, or it was made by a different version.
    """
    if not (folder / INDEX_NAME).is_file():
        return ()
    with only_writer(folder):
        try:
            index, told = read_index(folder), []
        except DamagedIndexError:
            salvaged = CacheIndex.salvaged((folder / INDEX_NAME).read_bytes())
            if salvaged is None:
                (folder / INDEX_NAME).replace(folder / SET_ASIDE)
                return (f"{folder / INDEX_NAME} was damaged and is now {SET_ASIDE}: all videos are decoded again.",)
            index = salvaged
            told = [
                f"{folder / INDEX_NAME} was truncated: {len(index.videos)} videos are kept, others are decoded again."
            ]
        lost = _lost(folder, index)
        told += [
            f"{folder / shard} is missing or truncated: its videos ({len(videos)}) are decoded again if needed."
            for shard, videos in lost.items()
        ]
        if told:
            gone = {video for videos in lost.values() for video in videos}
            kept = {video: entry for video, entry in index.videos.items() if video not in gone}
            write_index(folder, replace(index, videos=kept))
    return tuple(told)


def refuse_lost(folder: Path, videos: Iterable[str]) -> None:
    """Raises CacheError if a shard with one of these videos is missing or truncated, naming all such shards."""
    wanted = set(videos)
    lost = [shard for shard, held in _lost(folder, read_index(folder)).items() if wanted.intersection(held)]
    if lost:
        raise CacheError(str(folder), f"missing or truncated: {', '.join(lost)}", GIVE_VIDEOS)


def _lost(folder: Path, index: CacheIndex) -> dict[str, list[str]]:
    """Shards that are shorter than the index says, by name, with their videos."""
    held: dict[str, list[str]] = {}
    ends: dict[str, int] = {}
    for video, entry in index.videos.items():
        held.setdefault(entry.shard, []).append(video)
        ends[entry.shard] = max(ends.get(entry.shard, 0), entry.offset + entry.size_bytes)
    return {shard: held[shard] for shard in sorted(held) if _size_bytes(folder / shard) < ends[shard]}


def _size_bytes(path: Path) -> int:
    """Size of a file; -1 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
