"""Whether a library is whole: its store, the moments and vectors of every video, and the video files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from deltaclip.errors import LibraryError, VideoError
from deltaclip.library.content import digested, sample_of
from deltaclip.library.disk import is_gone
from deltaclip.library.moments import MOST_NAMED, moment_problems, named
from deltaclip.library.results import VerifyReport
from deltaclip.library.store import Store, VideoRow
from deltaclip.object_paths import is_elsewhere
from deltaclip.wording import count

__all__ = ["MOST_NAMED", "verify_library"]


def verify_library(store: Store, *, every_byte: bool) -> VerifyReport:
    """Looks at everything and changes nothing. A store that cannot be read is a problem, not an exception.

    every_byte: reads every file in full, also those whose times say that they were not written to.
    """
    problems: list[str] = []
    elsewhere = 0
    unsure: tuple[Path, ...] = ()
    try:
        problems += store.problems()
        rows = store.videos()
        for row in rows:
            problems += [f"{row.path}: {problem}" for problem in _video_problems(store, row, every_byte)]
        elsewhere = sum(row.num_segments > 0 and is_elsewhere(row.path) for row in rows)
        unsure = tuple(row.path for row in rows if row.num_segments > 0 and row.digest is None and not row.missing)
        if unsure:
            problems.append(_unsure_words(unsure))
    except (LibraryError, ValueError, TypeError) as error:
        # ValueError and TypeError: a damaged page may put anything into a column.
        problems.append(str(error))
    return VerifyReport(ok=not problems, problems=tuple(problems), unsure=unsure, elsewhere=elsewhere)


def _unsure_words(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - MOST_NAMED} more" if len(paths) > MOST_NAMED else ""
    return (
        f"{count(len(paths), 'video')} ({', '.join(map(str, paths[:MOST_NAMED]))}{more}): indexed by an earlier "
        "deltaclip, which did not read every byte, so it cannot be told whether they are still the same. Index their "
        "folders again; files that are skipped there are read if they are given to index by name."
    )


def _video_problems(store: Store, row: VideoRow, every_byte: bool) -> Iterator[str]:
    """What is wrong with one video: its moments, and whether its file has changed."""
    if moments := moment_problems(store, row):
        # Moments can only be had again from the file.
        if is_elsewhere(row.path):
            remedy = "Run `deltaclip repair`, which drops them, then `deltaclip cluster index` on its file."
        else:
            first = "Bring its file back, then run" if is_gone(row.path) else "Run"
            remedy = f"{first} `deltaclip repair`, which reads it again."
        yield f"{named(moments)}. {remedy}"
    if is_elsewhere(row.path) or row.missing or row.sample is None:
        return  # known to be gone, or never read
    try:
        if _is_changed(row, every_byte):
            yield "changed since it was indexed. Index it again."
    except VideoError as error:
        if is_gone(row.path):
            remedy = "Index its folder again: it is then no longer found, and its moments are kept until it is back."
        else:  # for example no permission
            remedy = f"{error.remedy} Its moments are still found."
        yield f"{error.found}. {remedy}"


def _is_changed(row: VideoRow, every_byte: bool) -> bool:
    """Whether the file of a video has different bytes now. If its times differ too, the sample is not enough."""
    content = sample_of(row.path)
    if not row.may_be(content):
        return True
    if row.digest is None or (row.stamp == content.stamp and not every_byte):
        return False
    return digested(row.path, content).digest != row.digest
