"""The searches of a library: by a text, vectors, a moment, a video, a picture, or how a video moves."""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from numpy.typing import NDArray

from deltaclip.checks import AnyPath, check_path, check_text, check_texts, check_whole
from deltaclip.errors import LibraryError
from deltaclip.library.encoders import bundled_motion_encoder
from deltaclip.library.filters import Filter, check_filter
from deltaclip.library.judging import Judge
from deltaclip.library.moments import are_unit
from deltaclip.library.paths import absolute_paths
from deltaclip.library.protocols import HasNotes, MomentReader, MotionVectorEncoder, VectorEncoder
from deltaclip.library.queries import check_queries, check_vectors, moment_id_of
from deltaclip.library.relevance import check_relevance, reaches
from deltaclip.library.results import Hit, Relevance, RememberedEncoder, RememberedMotionEncoder
from deltaclip.library.search import (
    By,
    Find,
    KeptTexts,
    check_by,
    encode_query_file,
    motion_asked,
    motion_of_clip,
    require_motion,
    tell_lacking,
)
from deltaclip.library.store import Moment, MotionQuery, Store

__all__ = ["OpenReader", "Searches"]

OpenReader = Callable[[int], AbstractContextManager[MomentReader]]
"""With a number of workers: how files are read."""


class Searches:
    """What a library that is open can be asked, and the encoders that its questions need; `Library` adds the rest."""

    def __init__(
        self,
        store: Store,
        encoder: VectorEncoder | None,
        motion_encoder: MotionVectorEncoder | None,
        open_reader: OpenReader,
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._motion_encoder = motion_encoder
        self._open_reader = open_reader
        self._loading = threading.Lock()
        self._judge = Judge(store, lambda: self.encoder, lambda: self.motion_encoder)
        self._texts = KeptTexts()

    @property
    def address(self) -> str:
        """What opens it again: the folder, absolute."""
        return self._store.address

    @property
    def encoder(self) -> VectorEncoder:
        """The encoder given to `open`, else the one that made the vectors, which is loaded now if it was not before.

        Raises LibraryError if nothing was indexed yet, CheckpointError if the encoder cannot be loaded.
        """
        with self._loading:
            if self._encoder is None:
                if (remembered := self._store.encoder()) is None:
                    remedy = "Give one: Library.open(folder, Encoder.load(name))."
                    raise LibraryError(self.address, "opened without an encoder, and nothing was indexed yet", remedy)
                self._encoder = remembered.load()
            return self._encoder

    @property
    def motion_encoder(self) -> MotionVectorEncoder:
        """The motion encoder given to `open`, else the one that made the motion vectors, else the bundled one.

        It is loaded now if it was not before. Raises CheckpointError if it cannot be.
        """
        with self._loading:
            if self._motion_encoder is None:
                remembered = self._store.motion_encoder()
                self._motion_encoder = bundled_motion_encoder() if remembered is None else remembered.load()
            return self._motion_encoder

    def search(
        self,
        text: str,
        limit: int = 10,
        by: By = "both",
        on_note: Callable[[str], None] | None = None,
        *,
        where: Filter | None = None,
        min_relevance: Relevance | None = None,
        fold: bool = False,
    ) -> list[Hit]:
        """The moments that fit a text best, best first; ties by path, then start.

        by: "appearance", "motion", or "both", in which how much motion counts is learnt from the text; without motion
        words it does not count at all, and the hits are those of "appearance". `both.nearest_by_both` has the rule.
        on_note: called with how many moments have no motion vector, if the text asks for motion: those are ranked by
        appearance alone, and not found by "motion". where: which moments may be found, here and in every search.
        on_note is also called with how many moments have damaged vectors, which are not found until they are repaired.
        min_relevance: leaves out hits that are less relevant; each hit says how relevant it is. fold: hits that show
        the same moment, such as copies of a film and neighbours of one scene, become one, with the others in `folded`.
        Raises TypeError for anything but one text, ValueError for an empty text or a limit below 1; by "motion"
        NoMotionWordsError, a ValueError, for a text without motion words, and LibraryError without motion vectors.
        """
        check_text(text, "search", "search_each takes several")
        check_whole(limit, "limit")
        check_by(by)
        check_relevance(min_relevance)
        [find] = self._asked_texts([text], by, on_note, check_filter(where))
        hits = self._judge.rated(text, self._judge.folded(limit, find) if fold else find(limit), find.weight)
        return [hit for hit in hits if min_relevance is None or reaches(hit.relevance, min_relevance)]

    def prepare(self, texts: Iterable[str]) -> None:
        """Encodes texts together, which is faster than one by one; searches with them soon after need not encode them.

        For programs that answer many questions at once. Raises CheckpointError if the encoder cannot be loaded.
        """
        self._texts.vectors(self.encoder, check_texts(texts, "prepare"))

    def notes_on(self, text: str) -> list[str]:
        """What somebody who asks a text should know, a sentence each: words that the encoder does not know, or a part
        that is too long for it."""
        encoder = self.encoder
        return encoder.notes_on(check_text(text, "notes_on")) if isinstance(encoder, HasNotes) else []

    def motion_words(self, text: str) -> tuple[str, ...]:
        """The words of a text that are understood as motion, as typed, in order."""
        check_text(text, "motion_words", "give one after the other")
        return self.motion_encoder.question(text).words

    def search_each(
        self,
        queries: Iterable[str] | NDArray[Any],
        limit: int = 10,
        by: By = "both",
        *,
        where: Filter | None = None,
    ) -> list[list[Hit]]:
        """One list of hits for each of several queries, in their order.

        queries: texts, or vectors (Q, D) of this library's encoder, unit rows, which ask by appearance. by: for texts,
        as in `search`. Raises as `search` and `search_vectors`.
        """
        check_whole(limit, "limit")
        check_by(by)
        where = check_filter(where)
        given = check_queries(queries, "search_each")
        if not len(given):
            return []
        if isinstance(given, list):
            return [find(limit) for find in self._asked_texts(given, by, None, where)]
        if by == "motion":
            raise ValueError("search_each: vectors of the encoder ask by appearance, not by motion")
        vectors = check_vectors(given, self._store.encoder())
        return [Find(self._store, row[None], None, None, where)(limit) for row in vectors]

    def search_vectors(self, vectors: NDArray[Any], limit: int = 10, *, where: Filter | None = None) -> list[Hit]:
        """The moments most like a vector of this library's encoder, or like any of several.

        vectors: (D,) or (Q, D) floats, unit length; a moment's score is its best, as for the segments of a query video.
        Raises TypeError for anything but floats, ValueError for a different shape, dimension or length, and for NaN.
        """
        check_whole(limit, "limit")
        where = check_filter(where)
        return Find(self._store, check_vectors(vectors, self._store.encoder()), None, None, where)(limit)

    def search_moment(
        self,
        moment: Hit | Moment | str,
        limit: int = 10,
        by: By = "appearance",
        *,
        where: Filter | None = None,
        fold: bool = False,
    ) -> list[Hit]:
        """The other moments most like a moment of this library: "more like this".

        moment: a hit, a moment, or its id. by: what is to be alike; by "both", appearance and motion count the same.
        fold: as in `search`.
        Raises LibraryError if the library does not have it any more, or if it has no motion vector and `by` is not
        "appearance".
        """
        check_whole(limit, "limit")
        check_by(by)
        where, wanted = check_filter(where), moment_id_of(moment)
        if (known := self.moment(wanted)) is None:
            remedy = "Search again: its video was indexed again or removed since."
            raise LibraryError(self.address, f"no moment {wanted!r}", remedy)
        motion = None
        if by != "appearance":
            if known.motion is None:
                remedy = "Index its file again with deltaclip index, or search by appearance."
                raise LibraryError(self.address, f"the moment {wanted!r} has no motion vector", remedy)
            motion = MotionQuery(known.motion[None])
        looks = None if by == "motion" else known.vector[None]
        for asked in (looks, None if motion is None else motion.vectors):
            if asked is not None and not are_unit(asked).all():
                remedy = "Run `deltaclip repair`, which reads its video again."
                raise LibraryError(self.address, f"the vector of the moment {wanted!r} is damaged", remedy)
        find = Find(self._store, looks, None, motion, where)

        def find_others(limit: int) -> list[Hit]:
            return [hit for hit in find(limit + 1) if hit.id != wanted][:limit]

        return self._judge.folded(limit, find_others) if fold else find_others(limit)

    def search_video(
        self,
        path: AnyPath,
        limit: int = 10,
        on_note: Callable[[str], None] | None = None,
        *,
        where: Filter | None = None,
        fold: bool = False,
    ) -> list[Hit]:
        """The moments most like any segment of a video file, which is cut as `index` cuts. Raises VideoError.

        on_note: called with what is worth knowing about the file, for example that its time stamps are broken.
        fold: as in `search`.
        """
        return self._search_file("search_video", path, limit, on_note, where, fold)

    def search_image(
        self,
        path: AnyPath,
        limit: int = 10,
        on_note: Callable[[str], None] | None = None,
        *,
        where: Filter | None = None,
        fold: bool = False,
    ) -> list[Hit]:
        """The moments most like a still picture: a video of one frame to the reader. As `search_video`."""
        return self._search_file("search_image", path, limit, on_note, where, fold)

    def like_motion_of(
        self,
        path: AnyPath,
        limit: int = 10,
        on_note: Callable[[str], None] | None = None,
        *,
        where: Filter | None = None,
        fold: bool = False,
    ) -> list[Hit]:
        """The moments that move most like any segment of a video file, whatever they show; it is cut as `index` cuts.

        on_note: as in `search_video`, and called with how many moments have no motion vector, which are not found.
        fold: as in `search`. Raises VideoError, LibraryError if there are no motion vectors.
        """
        [file] = absolute_paths([check_path(path, "like_motion_of")])
        check_whole(limit, "limit")
        where = check_filter(where)
        tell, encoder = on_note or _ignore, self.motion_encoder
        require_motion(self._store, encoder)  # before the file is read
        spec = self.encoder.reader_spec
        with self._open_reader(1) as reader:
            vectors = motion_of_clip(file, spec, encoder, reader, tell)
        tell_lacking(self._store, "motion", tell)
        asked = MotionQuery(vectors, made_by=RememberedMotionEncoder.of(encoder))
        find = Find(self._store, None, None, asked, where, on_note)
        return self._judge.folded(limit, find) if fold else find(limit)

    def moment(self, moment_id: str) -> Moment | None:
        """The moment of that id, as hits name it; None if its video was indexed again or removed since."""
        return self._store.moment(moment_id_of(moment_id))

    def _search_file(
        self,
        name: str,
        path: AnyPath,
        limit: int,
        on_note: Callable[[str], None] | None,
        where: Filter | None,
        fold: bool,
    ) -> list[Hit]:
        [file] = absolute_paths([check_path(path, name)])
        check_whole(limit, "limit")
        where = check_filter(where)
        with self._open_reader(1) as reader:
            vectors = encode_query_file(file, self.encoder, reader, on_note or _ignore)
        find = Find(self._store, vectors, RememberedEncoder.of(self.encoder), None, where, on_note)
        return self._judge.folded(limit, find) if fold else find(limit)

    def _asked_texts(
        self, texts: Sequence[str], by: By, on_note: Callable[[str], None] | None, where: Filter | None
    ) -> list[Find]:
        asked = [motion_asked(self._store, lambda: self.motion_encoder, text, by, on_note) for text in texts]
        if by == "motion":
            return [Find(self._store, None, None, motion, where, on_note) for motion in asked]
        made_by, vectors = RememberedEncoder.of(self.encoder), self._texts.vectors(self.encoder, texts)
        rows = zip(vectors, asked, strict=True)
        return [Find(self._store, row[None], made_by, motion, where, on_note) for row, motion in rows]


def _ignore(note: str) -> None:
    """What is done with notes that nobody wants."""
