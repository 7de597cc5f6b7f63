"""What a cache has lost: shards that are gone or cut off, an index that is cut off. Found before anybody needs them."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from deltaclip.errors import CacheError
from deltaclip.training.cache.index import INDEX_NAME, CacheIndex
from deltaclip.training.cache.read import GIVE_VIDEOS, DamagedIndexError, read_index
from deltaclip.training.cache.write import only_writer, write_index

__all__ = ["refuse_lost", "repair_cache"]


SET_ASIDE = f"{INDEX_NAME}.damaged"


def repair_cache(folder: Path) -> tuple[str, ...]:
    """Takes what is lost out of the index, so that `write_cache` decodes it again. Says what, a sentence each.

    Of an index that was cut off the readable lines are kept; one without any is set aside as cache.json.damaged, and
    the cache begins anew. Nothing is done where no cache lies. Raises CacheError where another process writes to it, it
    cannot be written, or it was made by another version.
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
                return (f"{folder / INDEX_NAME} was damaged and is {SET_ASIDE} now: all videos are decoded again.",)
            index = salvaged
            told = [f"{folder / INDEX_NAME} was cut off: {len(index.videos)} videos stay, others are decoded again."]
        lost = _lost(folder, index)
        told += [
            f"{folder / shard} is gone or cut off: its videos ({len(videos)}) are decoded again where they are needed."
            for shard, videos in lost.items()
        ]
        if told:
            gone = {video for videos in lost.values() for video in videos}
            kept = {video: entry for video, entry in index.videos.items() if video not in gone}
            write_index(folder, replace(index, videos=kept))
    return tuple(told)


def refuse_lost(folder: Path, videos: Iterable[str]) -> None:
    """Raises CacheError where a shard that holds one of these videos is gone or cut off, and names all such shards."""
    wanted = set(videos)
    lost = [shard for shard, held in _lost(folder, read_index(folder)).items() if wanted.intersection(held)]
    if lost:
        raise CacheError(str(folder), f"gone or cut off: {', '.join(lost)}", GIVE_VIDEOS)


def _lost(folder: Path, index: CacheIndex) -> dict[str, list[str]]:
    """Shards that do not reach as far as the index says, by name, with their videos."""
    held: dict[str, list[str]] = {}
    ends: dict[str, int] = {}
    for video, entry in index.videos.items():
        held.setdefault(entry.shard, []).append(video)
        ends[entry.shard] = max(ends.get(entry.shard, 0), entry.offset + entry.size_bytes)
    return {shard: held[shard] for shard in sorted(held) if _size_bytes(folder / shard) < ends[shard]}


def _size_bytes(path: Path) -> int:
    """Of a file; -1 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
