"""Anybody's similarity matrix, an array or a file, ranked: alone, or as scores of the split of a data set."""

import hashlib
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import deltaclip
from deltaclip.captions import Split
from deltaclip.errors import CaptionError
from deltaclip.evaluation.bootstrap import RetrievalIntervals, retrieval_intervals
from deltaclip.evaluation.postprocess import DualSoftmax, processed_matrix
from deltaclip.evaluation.recorded import in_words
from deltaclip.evaluation.result import BothWays, RetrievalResult, recalls_in_words, result_of
from deltaclip.evaluation.score_files import NameRow, ScoreFile, checked_scores, read_scores
from deltaclip.evaluation.scored import NamedPairs, Scored, query_names
from deltaclip.ranking import Ranking, rank_matrix
from deltaclip.wording import listed

__all__ = ["ScoresEvaluation", "ScoresProtocol", "SplitToRank", "evaluate_matrix", "evaluate_similarity"]


@dataclass(frozen=True, slots=True)
class SplitToRank:
    """The split of a data set that scores belong to. allow_missing: whether they may be of a part of its videos."""

    dataset: str
    name: str
    split: Split
    allow_missing: bool = False


@dataclass(frozen=True, slots=True)
class ScoresProtocol:
    """How a result from a file of scores was made, as far as that is known.

    dataset, split: None for a file by itself that does not say. encoder: the name of the file without its suffix.
    fingerprint: 16 hexadecimal digits of the file's SHA-256. made: the protocol that is in the file, None if none is.
    The others as in `Protocol`.
    """

    dataset: str | None
    split: str | None
    videos: int
    captions: int
    missing: int
    missing_captions: int
    post: Mapping[str, Any] | None  # Any: json
    encoder: str
    fingerprint: str
    file: str
    version: str
    seed: int | None = None
    made: Mapping[str, Any] | None = None  # Any: json

    @property
    def motion(self) -> str | None:
        """The mask, if the file says it."""
        motion = None if self.made is None else self.made.get("motion")
        return motion if isinstance(motion, str) else None

    @property
    def marks(self) -> tuple[str, ...]:
        """As `Protocol.marks`, those of the file among them."""
        made = self.made or {}
        marks = [str(mark) for mark in made.get("marks", ()) if not str(mark).startswith("post-processing")]
        if self.post is not None:
            marks.append(f"post-processing {in_words(self.post)}")
        if self.missing:
            whole, captions = self.videos + self.missing, self.captions + self.missing_captions
            marks.append(
                f"{self.missing:,} of {whole:,} videos missing, with {self.missing_captions:,} of {captions:,} captions"
            )
        return tuple(marks)

    def to_json(self) -> dict[str, Any]:  # Any: json
        """The fields by name, and "marks". "post" is an object or "none"."""
        post = "none" if self.post is None else dict(self.post)
        made = None if self.made is None else dict(self.made)
        return {**asdict(self), "post": post, "made": made, "marks": list(self.marks)}

    def lines(self) -> tuple[str, ...]:
        """For people, to be printed under a table."""
        what = "scores" if self.dataset is None else f"{self.dataset}, split {self.split}"
        post = "none" if self.post is None else in_words(self.post)
        lines = (
            f"{what}: {self.videos:,} videos ({self.missing:,} missing), {self.captions:,} captions",
            f"scores of {self.file}, fingerprint {self.fingerprint}, post-processing {post}; deltaclip {self.version}",
            *(f"note: {mark}" for mark in self.marks),
        )
        return tuple(line.replace("\n", " ") for line in lines)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ScoresEvaluation(BothWays):
    """The figures of a file of scores, as `Evaluation` has those of an encoder.

    scored: what was ranked. missing: videos of the split that the file has no scores of.
    """

    retrieval: RetrievalResult
    intervals: RetrievalIntervals
    protocol: ScoresProtocol
    ranking: Ranking = field(repr=False)
    scored: Scored = field(repr=False)
    missing: NameRow = ()

    def __repr__(self) -> str:
        return f"ScoresEvaluation({self.protocol.file}: {recalls_in_words(self.retrieval)})"

    def to_json(self) -> dict[str, Any]:  # Any: json
        """The figures of `RetrievalResult`, "intervals", "cost": null, since a file does not tell it, "protocol", and
        "missing": names of videos."""
        made = {"intervals": self.intervals.to_json(), "cost": None, "protocol": self.protocol.to_json()}
        return {**self.retrieval.to_json(), **made, "missing": list(self.missing)}


def evaluate_matrix(similarity: ArrayLike, owner: ArrayLike | None = None) -> RetrievalResult:
    """Rank a matrix of scores.

    similarity: (Q, V) numbers, higher is better. owner: (Q,) whole numbers, the column of each text's video; None if
    the matrix is square and text i belongs to video i. Raises ValueError for anything else, and if a score is NaN.
    """
    try:
        given, owners = np.asarray(similarity), None if owner is None else np.asarray(owner)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"similarity is not an array ({error}). Give (texts, videos) numbers.") from error
    try:
        file = checked_scores(Path("similarity"), given, owners)
        named = _by_itself(file)
    except CaptionError as error:
        raise ValueError(f"{error.found}. {error.remedy}") from error
    return result_of(rank_matrix(file.similarity, named.owner))


def evaluate_similarity(
    path: Path, split: SplitToRank | None = None, post: DualSoftmax | None = None
) -> ScoresEvaluation:
    """Rank the scores of a file, which `score_files` describes.

    split: what the scores are of: names in the file are then compared with it, and a file without names has the rows
    and columns in the order of its captions and videos. Without it the file itself must say which video each text
    belongs to: by `owner`, by a column `video`, by queries named `VIDEO#n`, or by being square without names.
    Raises CaptionError that names what is missing, unknown, twice or not finite.
    """
    file = read_scores(path)
    missing: NameRow = ()
    if split is None:
        named = _by_itself(file)
    else:
        file, named, missing = _of_split(file, split)
    if post is not None:
        _require_finite(file)
    blocks = processed_matrix(file.similarity, named.owner, post)
    ranking = blocks.rank(named.owner, len(named.videos))
    made = file.protocol or {}
    total = 0 if split is None or split.split.captions is None else len(split.split.captions)
    protocol = ScoresProtocol(
        dataset=_text(made, "dataset") if split is None else split.dataset,
        split=_text(made, "split") if split is None else split.name,
        videos=len(named.videos),
        captions=len(named.queries),
        missing=len(missing),
        missing_captions=total - len(named.queries) if missing else 0,
        post=None if post is None else post.to_json(),
        encoder=path.stem,
        fingerprint=_digest(path),
        file=str(path),
        version=deltaclip.__version__,
        seed=seed if isinstance(seed := made.get("seed"), int) else None,
        made=file.protocol,
    )
    intervals = retrieval_intervals(ranking, named.owner, named.clusters)
    return ScoresEvaluation(result_of(ranking), intervals, protocol, ranking, Scored(named, blocks), missing)


def _by_itself(file: ScoreFile) -> NamedPairs:
    """What the file says of itself."""
    texts, columns = file.similarity.shape
    videos = file.videos or tuple(map(str, range(columns)))
    owner = file.owner
    if owner is None and file.own is not None:
        owner = _places(file, "video", file.own, videos)
    if owner is None and file.queries is not None and file.videos is not None:
        owner = _owner_by_names(file.queries, videos)
    if owner is None:
        if texts != columns or (file.queries is not None and file.videos is not None):
            found = f"{texts} texts, {columns} videos, and nothing says to which video each text belongs"
            remedy = (
                "Give `owner` as well, the column of each text's video (in a table: a column `video`), or the data set."
            )
            raise CaptionError(str(file.path), found, remedy)
        owner = np.arange(texts)
    return NamedPairs(videos, file.queries or query_names(videos, owner), owner, file.texts, file.groups)


def _owner_by_names(queries: NameRow, videos: NameRow) -> NDArray[np.int64] | None:
    """The video of each query from its name: `VIDEO#n`, or the video's own; None if one has no such name."""
    places = {video: place for place, video in enumerate(videos)}
    found = [places.get(query, places.get(query.rpartition("#")[0])) for query in queries]
    return None if None in found else np.array(found, np.int64)


def _of_split(file: ScoreFile, wanted: SplitToRank) -> tuple[ScoreFile, NamedPairs, NameRow]:
    """The file without rows of captions whose videos it lacks, its rows and columns by name, and these videos."""
    captions, ids = wanted.split.captions, wanted.split.videos
    what = f"{wanted.dataset}, split {wanted.name}"
    if captions is None:
        raise CaptionError(what, "its captions are missing", "See `deltaclip data` for the files that it looks for.")
    place = {video: number for number, video in enumerate(ids)}
    owners = np.array([place[caption.video] for caption in captions], np.int64)
    shape = (len(captions), len(ids))
    if file.videos is None and file.similarity.shape != shape:
        sizes = f"{shape[0]:,} captions and {shape[1]:,} videos"
        found = f"scores of the shape {file.similarity.shape} without names for the {sizes} of {what}"
        turned = file.similarity.shape == shape[::-1]
        remedy = "It is transposed: save its transpose, a row for each caption." if turned else "Save it with names."
        raise CaptionError(str(file.path), found, remedy)
    names = query_names(ids, owners)
    texts = tuple(caption.text for caption in captions)
    videos, missing = ids, tuple[str, ...]()
    if file.videos is not None:
        videos = file.videos
        known = {*names, *texts}
        if not set(videos) & set(ids) and set(videos) & known:
            raise CaptionError(
                str(file.path), f"its columns are captions of {what}", "Save the transpose, a row for each caption."
            )
        _refuse_others(file, "videos", videos, ids, what)
        missing = tuple(video for video in ids if video not in set(videos))
        if missing and not wanted.allow_missing:
            found = f"{len(missing):,} of {len(ids):,} videos of {what} have no scores: {listed(missing)}"
            remedy = "Add them, or allow_missing (--allow-missing) leaves them out; every table then says how many."
            raise CaptionError(str(file.path), found, remedy)
    own = [ids[owner] for owner in owners]
    rows = _rows(file, names, texts, set(videos), own, what)
    column = {video: number for number, video in enumerate(videos)}
    if missing:
        stay = [number for number, row in enumerate(rows) if own[row] in column]
        rows, file = [rows[number] for number in stay], _with_rows(file, stay)
    owner = np.array([column[ids[owners[row]]] for row in rows], np.int64)
    if file.own is not None:
        _refuse_other_owners(file, [videos[each] for each in owner])
    elif file.owner is not None and not np.array_equal(file.owner, owner):
        row = int(np.flatnonzero(file.owner != owner)[0])
        found = f"owner[{row}] is {file.owner[row]}, but that caption of {what} belongs to column {owner[row]}"
        raise CaptionError(str(file.path), found, "Give the scores of this split, or leave out the data set.")
    groups = wanted.split.groups
    of_video = None if groups is None else dict(zip(ids, groups, strict=True))
    named = NamedPairs(
        videos,
        tuple(names[row] for row in rows),
        owner,
        tuple(texts[row] for row in rows),
        file.groups if of_video is None else tuple(of_video[video] for video in videos),
    )
    return file, named, missing


def _with_rows(file: ScoreFile, rows: list[int]) -> ScoreFile:
    """The same with these rows alone, whose own videos have been compared already where they are not kept."""
    return replace(
        file,
        similarity=file.similarity[rows],
        owner=None if file.owner is None else file.owner[rows],
        own=None if file.own is None else tuple(file.own[row] for row in rows),
        queries=None,
        texts=None,
    )


def _rows(
    file: ScoreFile, names: NameRow, texts: NameRow, there: set[str], own: Sequence[str], what: str
) -> Sequence[int]:
    """The caption of the split that each row of the file is of: by its name, by its text, or without names by order.

    there: videos with scores; captions of others may have a row too. own: (Q,) the video of each caption.
    """
    all_rows = range(len(own))
    wanted = [row for row in all_rows if own[row] in there]
    given = file.queries or file.texts
    if given is None:
        if len(file.similarity) not in (len(own), len(wanted)):
            found = f"{len(file.similarity):,} rows without names for {len(wanted):,} captions of {what}"
            raise CaptionError(str(file.path), found, "Give a row for each caption, in their order, or names.")
        return all_rows if len(file.similarity) == len(own) else wanted
    by_text = not set(given) <= set(names) and not set(given).isdisjoint(texts)
    called = texts if by_text else names
    videos_given = _own_videos(file) if by_text else None
    rows_of: defaultdict[tuple[str, str], deque[int]] = defaultdict(deque)
    for row in all_rows:
        rows_of[called[row], own[row] if videos_given else ""].append(row)
    if by_text and videos_given is None:
        for (text, _), rows in rows_of.items():
            if text in set(given) and len({own[row] for row in rows}) > 1:
                found = f"the caption {text!r} belongs to several videos of {what}"
                remedy = f"Add a column `video`, or name each query by video and number, such as {names[rows[0]]}."
                raise CaptionError(str(file.path), found, remedy)
    _refuse_others(file, "queries", given, called, what)
    found_rows = []
    for row, text in enumerate(given):
        rows = rows_of[text, videos_given[row] if videos_given else ""]
        if not rows:
            of = f" of {videos_given[row]!r}" if videos_given else ""
            found = f"row {row} (counted from 0) is of {text!r}{of}, which {what} does not have (so often)"
            raise CaptionError(str(file.path), found, "Give one row for each caption.")
        found_rows.append(rows.popleft())
    lacking = [called[row] for rows in rows_of.values() for row in rows if own[row] in there]
    if lacking:
        found = f"{len(lacking):,} of {len(wanted):,} queries of {what} have no scores: {listed(lacking)}"
        raise CaptionError(str(file.path), found, "Give a row for each caption of the videos that have scores.")
    return found_rows


def _own_videos(file: ScoreFile) -> NameRow | None:
    """The video of each query, as the file names it; None if it does not say."""
    if file.own is not None or file.owner is None or file.videos is None:
        return file.own
    return tuple(file.videos[place] for place in file.owner.tolist())


def _refuse_others(file: ScoreFile, name: str, given: Sequence[str], known: Any, what: str) -> None:  # Any: names
    """Raises CaptionError for names that the split does not have."""
    all_known = set(known)
    unknown = [each for each in given if each not in all_known]
    if unknown:
        found = f"{len(unknown):,} of {len(given):,} {name} are not in {what}: {listed(unknown)}"
        remedy = (
            f"Name them as the data set does, such as {next(iter(known))!r}, and leave out what is not of this split."
        )
        raise CaptionError(str(file.path), found, remedy)


def _refuse_other_owners(file: ScoreFile, wanted: Sequence[str]) -> None:
    assert file.own is not None
    for row, (given, right) in enumerate(zip(file.own, wanted, strict=True)):
        if given != right:
            found = f"query {row} (counted from 0) belongs to {right!r}, but its column `video` says {given!r}"
            raise CaptionError(str(file.path), found, "Give the scores of this split, or leave out that column.")


def _places(file: ScoreFile, column: str, names: NameRow, videos: NameRow) -> NDArray[np.int64]:
    places = {video: place for place, video in enumerate(videos)}
    unknown = [name for name in names if name not in places]
    if unknown:
        found = f"{len(unknown):,} cells of its column `{column}` name no column of scores: {listed(unknown)}"
        raise CaptionError(str(file.path), found, "Name the videos there as in the first line.")
    return np.array([places[name] for name in names], np.int64)


def _require_finite(file: ScoreFile) -> None:
    """Raises CaptionError with the place of a score that a softmax cannot take."""
    if not np.isfinite(file.similarity.min()) or not np.isfinite(file.similarity.max()):
        row, column = np.argwhere(~np.isfinite(file.similarity))[0].tolist()
        found = f"similarity is infinite in row {row}, column {column} (counted from 0)"
        raise CaptionError(str(file.path), found, "Post-processing needs finite scores: write a very low one instead.")


def _text(made: Mapping[str, Any], name: str) -> str | None:
    value = made.get(name)
    return value if isinstance(value, str) else None


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
