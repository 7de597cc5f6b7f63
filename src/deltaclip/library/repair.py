"""Finding the videos whose moments are damaged, and dropping these moments so that `index` makes them again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from deltaclip.library.disk import is_gone
from deltaclip.library.moments import are_whole, damage_of
from deltaclip.library.results import DamagedVideo, Failure
from deltaclip.library.store import NewVideo, Store, VideoRow
from deltaclip.object_paths import is_elsewhere

__all__ = ["damaged_videos", "drop_damaged", "not_repaired"]


def damaged_videos(store: Store) -> Iterator[DamagedVideo]:
    """The videos whose vectors fail their checksum, are lost or not of unit length, or whose moments do not fit."""
    try:
        rows = store.videos()
    except (ValueError, TypeError):
        return  # a damaged page may put anything into a column: no video can be named
    for row in rows:
        if (problem := damage_of(store, row)) is not None:
            yield DamagedVideo(row.path, problem, is_gone(row.path))


def drop_damaged(store: Store, damaged: Sequence[DamagedVideo]) -> None:
    """Drops what is damaged of these videos, and nothing else: motion vectors alone, or all moments.

    The videos stay in the library, as failed ones that the next `index` reads again, so that an interrupted repair
    loses none of them. What the vectors of the others need to be whole again is done too.
    Raises as `Store.writing`.
    """
    with store.writing() as writer:
        rows = _rows(store, damaged)
        # First, since the other vectors cannot be read while motion vectors are lost.
        writer.forget_motion([row for row in rows if row.num_motion and not are_whole(store, row)])
        broken = [row for row in _rows(store, damaged) if not are_whole(store, row)]
        writer.put([NewVideo(row.path, None, "failed", _reason(row.path), []) for row in broken])


def not_repaired(store: Store, damaged: Sequence[DamagedVideo]) -> Iterator[Failure]:
    """Those of the videos that were damaged and do not have all their moments again, and why."""
    needs_motion = not store.declines_motion()
    for row in _rows(store, damaged):
        if row.status == "failed":
            yield Failure(row.path, row.reason or "")
        elif (problem := damage_of(store, row)) is not None:
            yield Failure(
                row.path,
                f"{problem} again after its file was read. Check the weights of the encoder with `deltaclip verify`.",
            )
        elif needs_motion and row.num_motion < row.num_segments and is_gone(row.path):
            reason = "its motion vectors were damaged and dropped, and its file is gone"
            yield Failure(row.path, f"{reason}. Bring it back and index it again.")


def _rows(store: Store, damaged: Sequence[DamagedVideo]) -> list[VideoRow]:
    """As they are now."""
    return [row for video in damaged if (row := store.video(video.path)) is not None]


def _reason(path: Path) -> str:
    if is_elsewhere(path):
        return "its moments were damaged and dropped. Index it again with `deltaclip cluster index`."
    if is_gone(path):
        return "its moments were damaged and dropped, and its file is gone. Bring it back and index it again."
    return "its moments were damaged and dropped. Index it again."
