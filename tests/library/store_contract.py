"""What every store of a library has to do: a class of tests, of which each store's own tests are a subclass."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.errors import LibraryError
from deltaclip.library import (
    Failure,
    Filter,
    LockedError,
    NoLibraryError,
    Note,
    RememberedEncoder,
    RememberedMotionEncoder,
)
from deltaclip.library.content import Content, Stamp
from deltaclip.library.store import MotionQuery, NewMoment, NewVideo, Store, StoreClass, VideoRow, VideoStatus
from deltaclip.provenance import VECTOR_VERSION

DIMENSION = 8
ENCODER = RememberedEncoder(
    name="fake",
    fingerprint="fingerprint of fake",
    dimension=DIMENSION,
    motion="subject:floor=0.2",
    num_frames=7,
    sampling="uniform",
    max_words=32,
    vector_version=VECTOR_VERSION,
)
OTHER = replace(ENCODER, name="other", fingerprint="fingerprint of other")
MOTION_DIMENSION = 5
MOTION = RememberedMotionEncoder("moves", "fingerprint of moves", MOTION_DIMENSION)
OTHER_MOTION = replace(MOTION, fingerprint="fingerprint of other moves")


def unit_rows(seed: int, count: int, dimension: int = DIMENSION) -> NDArray[np.float32]:
    """(count, dimension) float32, unit length."""
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def content_of(words: str) -> Content:
    """What is known of a file with these words in it."""
    return Content(Stamp(len(words), 1, 2), os.fsencode(f"sample of {words}"), os.fsencode(f"digest of {words}"))


def new_video(name: str | Path, seed: int = 0, count: int = 2, words: str | None = None) -> NewVideo:
    """A video of moments of 15 s."""
    moments = [NewMoment(15.0 * n, 15.0 * n + 15, 0.25, vector) for n, vector in enumerate(unit_rows(seed, count))]
    return NewVideo(Path("/videos") / name, content_of(words or str(name)), "indexed", None, moments)


def moving_video(name: str | Path, seed: int = 0, count: int = 2, still: Sequence[int] = ()) -> NewVideo:
    """The same with motion vectors, but for the moments `still`."""
    video = new_video(name, seed, count)
    moves = unit_rows(seed + 1000, count, MOTION_DIMENSION)
    moments = [replace(m, motion=None if n in still else moves[n]) for n, m in enumerate(video.moments)]
    return replace(video, moments=moments)


def failed_video(name: str) -> NewVideo:
    return NewVideo(Path("/videos") / name, None, "failed", "no video. Leave it out.", [])


def names(rows: Sequence[VideoRow]) -> list[str]:
    return [row.path.name for row in rows]


class StoreContract:
    """Subclasses say which store, at which address, and how its bytes are damaged."""

    store_class: StoreClass

    @pytest.fixture
    def address(self, tmp_path: Path) -> str:
        return str(tmp_path / "library")

    def damage(self, address: str, row: VideoRow, *, motion: bool = False) -> None:
        """Changes a stored vector, or motion vector, of a video behind the back of the store."""
        raise NotImplementedError

    @pytest.fixture
    def open_store(self, address: str) -> Iterator[Callable[[], Store]]:
        """Opens one more handle on the same library."""
        opened: list[Store] = []

        def open_one() -> Store:
            opened.append(self.store_class.open(address, create=True))
            return opened[-1]

        yield open_one
        for store in opened:
            store.close()

    @pytest.fixture
    def store(self, open_store: Callable[[], Store]) -> Store:
        store = open_store()
        with store.writing() as writer:
            writer.remember(ENCODER)
        return store

    # Opening

    def test_a_store_that_is_not_there_is_not_made_by_looking_for_it(self, address: str) -> None:
        with pytest.raises(NoLibraryError):
            self.store_class.open(address, create=False)
        assert not self.store_class.exists(address)

    def test_a_new_store_is_empty_and_there(self, address: str, open_store: Callable[[], Store]) -> None:
        store = open_store()
        assert isinstance(store, Store)
        assert store.address == address
        assert self.store_class.exists(address)
        assert (store.encoder(), store.has_moments(), store.videos()) == (None, False, [])
        assert store.find(unit_rows(0, 1), 5) == []
        assert list(store.problems()) == []

    def test_everything_is_there_again_after_closing(self, store: Store, open_store: Callable[[], Store]) -> None:
        with store.writing() as writer:
            writer.put([new_video("a.mp4"), failed_video("b.mp4")])
        before = store.videos(), store.find(unit_rows(0, 1), 9), store.encoder(), store.version()
        store.close()
        again = open_store()
        assert (again.videos(), again.find(unit_rows(0, 1), 9), again.encoder(), again.version()) == before

    def test_a_closed_store_says_so(self, store: Store) -> None:
        store.close()
        store.close()
        for use in (store.videos, store.version, lambda: store.find(unit_rows(0, 1), 1), store.writing().__enter__):
            with pytest.raises(LibraryError, match="closed"):
                use()

    # Videos

    def test_a_video_is_read_as_it_was_written(self, store: Store) -> None:
        with store.writing() as writer:
            writer.put([new_video("a.mp4", count=3), failed_video("b.mp4")])
        video, failed = store.videos()
        content = content_of("a.mp4")
        assert store.video(Path("/videos/a.mp4")) == video
        assert video == VideoRow(
            id=video.id,
            path=Path("/videos/a.mp4"),
            size_bytes=5,
            sample=content.sample,
            stamp=content.stamp,
            digest=content.digest,
            status="indexed",
            reason=None,
            missing=False,
            num_segments=3,
            duration_seconds=45.0,
        )
        nothing = dict.fromkeys(("size_bytes", "sample", "stamp", "digest", "duration_seconds"))
        assert failed == VideoRow(
            id=failed.id,
            path=Path("/videos/b.mp4"),
            status="failed",
            reason="no video. Leave it out.",
            missing=False,
            num_segments=0,
            num_motion=0,
            **nothing,
        )
        assert store.video(Path("/videos/c.mp4")) is None

    def test_vectors_and_times_are_equal_to_the_bit(self, store: Store) -> None:
        values = np.array([[1, -0.0, 1e-42, -1e-7, 0, 0, 0, 0], unit_rows(1, 1)[0]], np.float32)
        moments = [NewMoment(0.1, 1 / 3, None, values[0]), NewMoment(1 / 3, 1e6 / 7, 0.1 + 0.2, values[1])]
        with store.writing() as writer:
            writer.put([NewVideo(Path("/a.mp4"), None, "damaged", "cut off", moments)])
        read = list(store.moments(store.videos()))
        assert [(m.path, m.start, m.end, m.coverage) for m in read] == [
            (Path("/a.mp4"), 0.1, 1 / 3, None),
            (Path("/a.mp4"), 1 / 3, 1e6 / 7, 0.1 + 0.2),
        ]
        assert [m.vector.tobytes() for m in read] == [row.tobytes() for row in values]
        assert [store.moment(m.id) is not None for m in read] == [True, True]

    def test_videos_are_in_the_order_of_their_paths_whatever_these_are(self, store: Store) -> None:
        paths = [os.fsdecode(b"/v/" + name) for name in (b"b\xff.mp4", b"a\nb", "ä.mp4".encode(), b"B", b"a b")]
        with store.writing() as writer:
            writer.put([new_video(path) for path in paths])
        assert [row.path for row in store.videos()] == sorted(map(Path, paths), key=os.fsencode)
        assert all(store.video(Path(path)) is not None for path in paths)

    def test_below_a_folder_is_the_folder_itself_and_what_is_in_it(self, store: Store) -> None:
        with store.writing() as writer:
            writer.put([new_video(name) for name in ("x/a", "x/y/b", "x", "x.mp4", "xx/c", "w/x/d")])
        assert [str(row.path) for row in store.below(Path("/videos/x"))] == [
            "/videos/x",
            "/videos/x/a",
            "/videos/x/y/b",
        ]
        assert store.below(Path("/")) == store.videos()
        assert store.below(Path("/nothing")) == []

    def test_a_video_takes_the_place_of_what_was_known_under_its_path(self, store: Store) -> None:
        with store.writing() as writer:
            writer.put([new_video("a.mp4", seed=1, count=3)])
            [before], old = store.videos(), list(store.moments(store.videos()))
            writer.put([new_video("a.mp4", seed=2, count=1)])
        [after] = store.videos()
        assert (after.num_segments, after.id != before.id) == (1, True)
        assert [store.moment(moment.id) for moment in old] == [None] * 3
        assert list(store.moments([before])) == []
        assert len(store.find(unit_rows(0, 1), 9)) == 1

    def test_a_batch_that_cannot_be_written_leaves_nothing(self, store: Store) -> None:
        wrong = NewVideo(Path("/b.mp4"), None, "damaged", "cut", [NewMoment(0, 1, None, np.ones(3, np.float32))])
        with store.writing() as writer:
            with pytest.raises(ValueError, match=str(DIMENSION)):
                writer.put([new_video("a.mp4"), wrong])
            assert store.videos() == []
            writer.put([new_video("c.mp4")])
        assert [hit.path.name for hit in store.find(unit_rows(0, 1), 9)] == ["c.mp4", "c.mp4"]

    def test_a_video_that_moves_keeps_its_id_and_its_moments(self, store: Store) -> None:
        with store.writing() as writer:
            writer.put([new_video("a.mp4", seed=1), new_video("b.mp4", seed=2, count=5)])
            a, b = store.videos()
            writer.set_missing([a], True)
            old = list(store.moments([a]))
            assert writer.move(a, b.path, Stamp(5, 8, 9))
        [moved] = store.videos()
        assert moved == replace(a, path=b.path, stamp=Stamp(5, 8, 9), missing=False)
        read = list(store.moments([moved]))
        assert [(m.id, m.path, m.vector.tobytes()) for m in read] == [(m.id, b.path, m.vector.tobytes()) for m in old]

    def test_a_video_that_is_gone_does_not_move(self, store: Store) -> None:
        with store.writing() as writer:
            writer.put([new_video("a.mp4"), new_video("b.mp4")])
            a, b = store.videos()
            writer.delete([a])
            assert not writer.move(a, b.path, Stamp(5, 8, 9))
        assert store.videos() == [b]

    def test_a_copy_has_the_same_moments_and_an_id_of_its_own(self, store: Store) -> None:
        with store.writing() as writer:
            writer.put([replace(new_video("b.mp4"), notes=["dark", "short"]), new_video("a.mp4", count=4)])
            a, b = store.videos()
            number = writer.copy(b, a.path, Stamp(5, 8, 9))
        copy, kept = store.videos()
        assert kept == b
        assert copy == replace(b, id=number, path=a.path, stamp=Stamp(5, 8, 9))
        assert number not in (a.id, b.id)
        first, second = ([m.vector.tobytes() for m in store.moments([row])] for row in (copy, kept))
        assert first == second
        assert [note.text for note in store.notes()] == ["dark", "short"] * 2

    def test_a_deleted_video_leaves_nothing_and_its_id_is_not_used_again(self, store: Store) -> None:
        with store.writing() as writer:
            writer.put([new_video("a.mp4"), new_video("b.mp4")])
            gone = store.videos()
            moments = list(store.moments(gone))
            writer.delete(gone)
            assert (store.videos(), store.has_moments(), list(store.moments(gone))) == ([], False, [])
            writer.put([new_video("c.mp4")])
        assert {row.id for row in store.videos()} & {row.id for row in gone} == set()
        assert [store.moment(moment.id) for moment in moments] == [None] * 4
        assert store.moment("nonsense") is None

    def test_a_missing_video_is_kept_and_not_found_until_it_is_back(self, store: Store) -> None:
        with store.writing() as writer:
            writer.put([new_video("a.mp4", seed=1), new_video("b.mp4", seed=2)])
            a, _ = store.videos()
            writer.set_missing([a], True)
            assert [hit.path.name for hit in store.find(unit_rows(1, 1), 9)] == ["b.mp4"] * 2
            assert [row.missing for row in store.videos()] == [True, False]
            assert len(list(store.moments([a]))) == 2
            writer.seen_again(a, Stamp(5, 8, 9))
            assert store.video(a.path) == replace(a, stamp=Stamp(5, 8, 9))
            writer.set_missing([a], True)
            writer.set_missing([a], False)
        assert store.find(unit_rows(1, 1), 1)[0].path == a.path

    def test_videos_of_the_same_bytes_are_known_by_them(self, store: Store) -> None:
        damaged = replace(new_video("d.mp4", words="a"), status="damaged", reason="cut off")
        with store.writing() as writer:
            writer.put([new_video("b.mp4", words="a"), new_video("a.mp4", words="a"), damaged, new_video("c.mp4")])
        content = content_of("a")
        assert content.digest is not None
        twins = store.twins(content.digest)
        assert names(twins) == ["a.mp4", "b.mp4"]
        assert store.a_twin(content.digest) in twins
        assert store.a_twin(content.digest, [twins[0].id]) == twins[1]
        assert store.a_twin(content.digest, [row.id for row in twins]) is None
        assert (store.knows_sample(content.sample), store.knows_sample(b"other")) == (True, False)

    @pytest.mark.parametrize("status", ["damaged", "failed"])
    def test_a_video_that_was_not_read_to_its_end_is_nobodys_twin(self, store: Store, status: VideoStatus) -> None:
        video = new_video("a.mp4", words="a", count=0 if status == "failed" else 1)
        with store.writing() as writer:
            writer.put([replace(video, status=status, reason="cut off")])
        assert store.twins(b"digest of a") == []
        assert not store.knows_sample(b"sample of a")

    def test_counts_failures_and_notes_are_of_videos_that_are_there(self, store: Store) -> None:
        damaged = replace(new_video("c.mp4", count=1), status="damaged", reason="cut off", notes=["two", "lines"])
        with store.writing() as writer:
            writer.put([new_video("a.mp4"), failed_video("b.mp4"), damaged, new_video("d.mp4"), failed_video("e.mp4")])
            writer.set_missing(store.videos()[3:], True)
        status = store.status()
        assert (status.videos, status.segments, status.failed, status.missing) == (2, 3, 2, 2)
        assert (status.encoder, status.fingerprint) == (ENCODER.name, ENCODER.fingerprint)
        reasons = {"b.mp4": "no video. Leave it out.", "c.mp4": "cut off"}
        assert store.failures() == tuple(Failure(Path("/videos") / name, reason) for name, reason in reasons.items())
        assert store.notes() == tuple(Note(Path("/videos/c.mp4"), text) for text in ("two", "lines"))

    # Finding

    @pytest.mark.parametrize("limit", [1, 7, 100])
    @pytest.mark.parametrize("queries", [1, 3])
    def test_the_best_moments_are_those_of_brute_force(self, store: Store, limit: int, queries: int) -> None:
        with store.writing() as writer:
            writer.put([new_video(f"{number}.mp4", seed=number, count=number % 5) for number in range(20)])
            writer.delete(store.videos()[3:6])
            writer.set_missing(store.videos()[8:10], True)
        asked = unit_rows(99, queries)
        hits = store.find(asked, limit)
        there = [moment for moment in store.moments(row for row in store.videos() if not row.missing)]
        scores = {m.id: float((m.vector.astype(float) @ asked.astype(float).T).max()) for m in there}
        best = sorted(there, key=lambda moment: -scores[moment.id])[:limit]
        assert [hit.id for hit in hits] == [moment.id for moment in best]
        np.testing.assert_allclose([hit.score for hit in hits], [scores[moment.id] for moment in best], atol=1e-9)
        for hit, moment in zip(hits, best, strict=True):
            fields = ("path", "start", "end", "coverage")
            assert [getattr(hit, name) for name in fields] == [getattr(moment, name) for name in fields]

    @pytest.mark.parametrize("limit", [1, 3, 4, 6])
    def test_ties_are_ordered_by_path_then_start(self, store: Store, limit: int) -> None:
        same = [NewMoment(t, t + 1, None, unit_rows(0, 1)[0]) for t in (0.0, 9.0, 10.0)]
        with store.writing() as writer:
            writer.put([NewVideo(Path(path), None, "damaged", "cut", same) for path in ("/b", "/a")])
        hits = store.find(unit_rows(0, 1), limit)
        expected = [(path, start) for path in ("/a", "/b") for start in (0.0, 9.0, 10.0)]
        assert [(str(hit.path), hit.start) for hit in hits] == expected[:limit]
        assert all(hit.score == pytest.approx(1) and hit.score <= 1 for hit in hits)

    def test_a_question_that_cannot_be_asked_is_refused(self, store: Store) -> None:
        with store.writing() as writer:
            writer.put([new_video("a.mp4")])
        with pytest.raises(ValueError, match="limit starts at 1"):
            store.find(unit_rows(0, 1), 0)
        with pytest.raises(ValueError, match=str(DIMENSION)):
            store.find(unit_rows(0, 1, DIMENSION + 1), 1)

    # Filters

    FILTERS = (
        Filter(folder=Path("/videos/x")),
        Filter(folder=Path("/videos/x/3.mp4")),
        Filter(folder=Path("/nowhere")),
        Filter(glob="[1-5].MP4"),
        Filter(glob="/videos/*/?.mp4"),
        Filter(glob="x/1*"),
        Filter(longer_seconds=30),
        Filter(shorter_seconds=30),
        Filter(longer_seconds=15.5, shorter_seconds=45.5),
        Filter(after=datetime.fromtimestamp(9, UTC)),
        Filter(before=datetime.fromtimestamp(9, UTC)),
        Filter(min_coverage=0.5),
        Filter(min_coverage=0),
        Filter(folder=Path("/videos"), glob="*.mp4", longer_seconds=20, before=datetime(2001, 1, 1), min_coverage=0.2),
    )

    @pytest.mark.parametrize("by", ["appearance", "motion", "both"])
    @pytest.mark.parametrize("where", FILTERS, ids=str)
    def test_what_a_filter_lets_through_keeps_its_score_and_its_order(
        self, store: Store, where: Filter, by: str
    ) -> None:
        self.remember_motion(store)
        with store.writing() as writer:
            for n in range(18):
                video = moving_video(f"{'xy'[n % 2]}/{n}.mp4", seed=n, count=n % 5, still=[2])
                moments = [
                    replace(m, coverage=None if n == 7 else (n + i) % 9 / 9) for i, m in enumerate(video.moments)
                ]
                content = None if n == 8 else Content(Stamp(5, n * 10**9, 1), b"sample", b"digest")
                status: tuple[VideoStatus, str | None] = ("indexed", None) if content else ("damaged", "cut off")
                writer.put([NewVideo(video.path, content, *status, moments)])
            writer.delete(store.videos()[3:5])
            writer.set_missing(store.videos()[6:8], True)
        looks = None if by == "motion" else unit_rows(99, 2)
        motion = None if by == "appearance" else MotionQuery(unit_rows(98, 1, MOTION_DIMENSION), 0.7)
        times = {row.path: None if row.stamp is None else row.stamp.mtime_ns for row in store.videos()}
        lasting = {row.path: row.duration_seconds for row in store.videos()}
        everything = store.find(looks, 999, motion=motion)
        fits = [
            hit
            for hit in everything
            if where.fits_video(hit.path, lasting[hit.path], times[hit.path]) and where.fits_moment(hit.coverage)
        ]
        assert len(everything) > 10
        for limit in (1, 4, 999):
            assert store.find(looks, limit, motion=motion, where=where) == fits[:limit]

    # Vectors of some moments

    def test_vectors_of_moments_by_their_ids_and_of_a_sample_of_those_that_can_be_found(self, store: Store) -> None:
        with pytest.raises(ValueError, match="no moment can be found"):
            store.sample(5, moves=True)
        with store.writing() as writer:
            writer.put([new_video("a.mp4", seed=1, count=3)])  # before there was motion
            writer.remember(ENCODER, MOTION)
            writer.put([moving_video(f"{n}.mp4", seed=n, count=3, still=[1]) for n in range(2, 8)])
            writer.delete(store.below(Path("/videos/3.mp4")))
            writer.set_missing(store.below(Path("/videos/4.mp4")), True)
        known = {moment.id: moment for moment in store.moments(store.videos())}
        asked = [*reversed(known), next(iter(known)), "999.0", f"{store.videos()[0].id}.3"]
        found = store.sides_of(asked, moves=True)
        assert found.looks is not None
        assert found.moves is not None
        nothing = np.full(MOTION_DIMENSION, np.nan, np.float32)
        for number, moment_id in enumerate(asked[:-2]):
            moment = known[moment_id]
            assert found.looks[number].tobytes() == moment.vector.tobytes()
            moves = nothing if moment.motion is None else moment.motion
            assert np.array_equal(found.moves[number], moves, equal_nan=True)
        assert np.isnan(found.looks[-2:]).all()
        assert np.isnan(found.moves[-2:]).all()
        assert store.sides_of(asked, moves=False).moves is None
        there = [m for row in store.videos() if not row.missing for m in store.moments([row])]
        whole, some = store.sample(999, moves=True), store.sample(5, moves=False)
        assert whole.looks is not None
        assert whole.moves is not None
        assert some.looks is not None
        assert {row.tobytes() for row in whole.looks} == {m.vector.tobytes() for m in there}
        assert np.isnan(whole.moves).all(axis=1).sum() == sum(m.motion is None for m in there)
        assert (len(whole.looks), len(some.looks), some.moves) == (15, 5, None)
        assert {row.tobytes() for row in some.looks} <= {row.tobytes() for row in whole.looks}

    # Encoders

    def test_the_encoder_is_remembered_whole(self, store: Store, open_store: Callable[[], Store]) -> None:
        assert store.encoder() == open_store().encoder() == ENCODER
        plain = replace(OTHER, motion=None, dimension=3, precision="int8", keep=1 / 3)
        with store.writing() as writer:
            writer.remember(plain)
        assert store.encoder() == plain

    def test_vectors_of_two_encoders_are_never_mixed(self, store: Store) -> None:
        with store.writing() as writer:
            writer.put([new_video("a.mp4")])
            with pytest.raises(LibraryError, match=r"made by the encoder fake .*not by the encoder other"):
                writer.remember(OTHER)
        assert store.encoder() == ENCODER
        with pytest.raises(LibraryError, match=r"made by the encoder fake .*not by the encoder other"):
            store.find(unit_rows(0, 1), 1, OTHER)
        assert len(store.find(unit_rows(0, 1), 1, ENCODER)) == 1

    def test_a_store_without_moments_takes_an_encoder_of_a_different_dimension(self, store: Store) -> None:
        other = replace(OTHER, dimension=3)
        with store.writing() as writer:
            writer.put([new_video("a.mp4"), failed_video("b.mp4")])
            writer.delete(store.videos()[:1])
            writer.remember(other)
            vectors = unit_rows(5, 2, 3)
            moments = [NewMoment(float(n), n + 1.0, None, vector) for n, vector in enumerate(vectors)]
            writer.put([NewVideo(Path("/c.mp4"), content_of("c"), "indexed", None, moments)])
        assert [hit.start for hit in store.find(vectors[1:], 1, other)] == [1.0]

    def test_vectors_of_an_older_version_are_dropped_and_their_videos_wait(
        self, store: Store, open_store: Callable[[], Store]
    ) -> None:
        old = replace(ENCODER, fingerprint="older", vector_version=None)
        with store.writing() as writer:
            writer.remember(old)
            writer.put([new_video("a.mp4"), new_video("b.mp4"), failed_video("c.mp4")])
            writer.set_missing(store.videos()[1:2], True)
            with pytest.raises(LibraryError, match="vectors are of version 2"):
                store.find(unit_rows(0, 1), 1, ENCODER)
            writer.remember(ENCODER)
        assert (store.has_moments(), store.find(unit_rows(0, 1), 1, ENCODER)) == (False, [])
        assert [(row.status, row.missing, row.num_segments, row.duration_seconds) for row in store.videos()] == [
            ("failed", False, 0, None),
            ("failed", True, 0, None),
            ("failed", False, 0, None),
        ]
        reasons = [failure.reason for failure in open_store().failures()]
        assert reasons[0].startswith("its vectors are of version 2")
        assert reasons[1] == "no video. Leave it out."
        with store.writing() as writer:
            writer.put([new_video("a.mp4")])
        assert len(store.find(unit_rows(0, 1), 9, ENCODER)) == 2

    # Motion vectors

    def remember_motion(self, store: Store, motion: RememberedMotionEncoder | None = MOTION) -> None:
        with store.writing() as writer:
            writer.remember(ENCODER, motion)

    def test_the_motion_encoder_is_remembered_beside_the_encoder(
        self, open_store: Callable[[], Store], address: str
    ) -> None:
        store = open_store()
        assert (store.motion_encoder(), store.declines_motion()) == (None, False)
        for motion in (MOTION, None, OTHER_MOTION):
            self.remember_motion(store, motion)
            assert store.motion_encoder() == open_store().motion_encoder() == motion
            assert store.declines_motion() == (motion is None)
            assert store.encoder() == ENCODER

    def test_motion_vectors_are_equal_to_the_bit_and_none_stays_none(
        self, store: Store, open_store: Callable[[], Store]
    ) -> None:
        self.remember_motion(store)
        video = moving_video("a.mp4", count=3, still=[1])
        with store.writing() as writer:
            writer.put([video, new_video("b.mp4"), failed_video("c.mp4")])
        for each in (store, open_store()):
            read = [m.motion if m.motion is None else m.motion.tobytes() for m in each.moments(each.videos())]
            assert read == [m.motion if m.motion is None else m.motion.tobytes() for m in video.moments] + [None, None]
            assert [row.num_motion for row in each.videos()] == [2, 0, 0]
        status = store.status()
        assert (status.motion_encoder, status.motion_fingerprint) == (MOTION.name, MOTION.fingerprint)
        assert (status.segments, status.without_motion) == (5, 3)

    def test_a_motion_vector_that_does_not_fit_leaves_nothing(self, store: Store) -> None:
        with store.writing() as writer:
            with pytest.raises(ValueError, match="motion vectors"):  # no motion encoder
                writer.put([moving_video("a.mp4")])
            writer.remember(ENCODER, replace(MOTION, dimension=3))
            with pytest.raises(ValueError, match=r"motion vectors .*3"):
                writer.put([new_video("b.mp4"), moving_video("a.mp4")])
        assert store.videos() == []

    @pytest.mark.parametrize("change", ["move", "copy", "missing", "replace"])
    def test_motion_vectors_go_where_their_moments_go(self, store: Store, change: str) -> None:
        self.remember_motion(store)
        with store.writing() as writer:
            writer.put([moving_video("a.mp4", seed=1, still=[0]), new_video("b.mp4"), moving_video("c.mp4", seed=3)])
            a, b, _ = store.videos()
            before = list(store.moments([a]))
            if change == "move":
                writer.move(a, b.path, Stamp(5, 8, 9))
            elif change == "copy":
                writer.copy(a, b.path, Stamp(5, 8, 9))
                writer.copy(a, Path("/videos/d.mp4"), Stamp(5, 8, 9))
            elif change == "missing":
                writer.set_missing([a], True)
            else:
                writer.put([moving_video("b.mp4", seed=1, still=[0])])
        row = store.video(a.path if change == "missing" else b.path)
        assert row is not None
        assert row.num_motion == 1
        after = list(store.moments([row]))
        assert [(m.vector.tobytes(), m.motion is None) for m in after] == [
            (m.vector.tobytes(), m.motion is None) for m in before
        ]
        assert after[1].motion is not None
        assert before[1].motion is not None
        assert after[1].motion.tobytes() == before[1].motion.tobytes()
        asked = MotionQuery(before[1].motion[None])
        alike = {hit.path for hit in store.find(None, 9, motion=asked) if hit.score > 0.9999}
        assert (row.path in alike) == (change != "missing")
        assert [text for row in store.videos() for text in store.problems_of(row)] == []

    @pytest.mark.parametrize("limit", [1, 7, 100])
    @pytest.mark.parametrize("by", ["motion", "both"])
    def test_the_best_moments_by_motion_or_by_both_are_those_of_brute_force(
        self, store: Store, limit: int, by: str
    ) -> None:
        with store.writing() as writer:
            writer.put([new_video(f"{n}.mp4", seed=n, count=n % 4) for n in range(5)])  # before there was motion
            writer.remember(ENCODER, MOTION)
            writer.put([moving_video(f"{n}.mp4", seed=n, count=n % 5, still=[2]) for n in range(5, 25)])
            writer.delete(store.videos()[3:6])
            writer.set_missing(store.videos()[8:10], True)
        looks, moves = unit_rows(99, 2), unit_rows(98, 3, MOTION_DIMENSION)
        there = list(store.moments(row for row in store.videos() if not row.missing))
        a = np.array([(m.vector.astype(float) @ looks.astype(float).T).max() for m in there])
        m = np.array([np.nan if m.motion is None else (m.motion.astype(float) @ moves.T).max() for m in there])
        has = ~np.isnan(m)
        assert 0 < has.sum() < len(there)
        factor = 0.7 * a.std() / m[has].std()
        scores = np.where(has, a + factor * (m - m[has].mean()), a) if by == "both" else m
        order = np.argsort(-np.where(np.isnan(scores), -np.inf, scores), kind="stable")[:limit]
        order = order[~np.isnan(scores[order])]
        hits = store.find(looks if by == "both" else None, limit, motion=MotionQuery(moves, 0.7))
        assert [hit.id for hit in hits] == [there[n].id for n in order]
        np.testing.assert_allclose([hit.score for hit in hits], scores[order], atol=1e-6)
        np.testing.assert_allclose([hit.motion or np.nan for hit in hits], m[order], atol=1e-6)
        if by == "both":
            np.testing.assert_allclose([hit.appearance or np.nan for hit in hits], a[order], atol=1e-6)
            assert {hit.motion is None for hit in store.find(looks, 100, motion=MotionQuery(moves))} == {True, False}
        else:
            assert {hit.appearance for hit in hits} == {None}

    def test_motion_of_no_weight_changes_no_bit(self, store: Store) -> None:
        self.remember_motion(store)
        with store.writing() as writer:
            writer.put([moving_video(f"{n}.mp4", seed=n, still=[n % 3]) for n in range(20)])
        alone = store.find(unit_rows(5, 1), 30)
        moves = unit_rows(6, 1, MOTION_DIMENSION)
        assert store.find(unit_rows(5, 1), 30, motion=MotionQuery(moves, 0.0)) == alone
        assert store.find(unit_rows(5, 1), 30, motion=MotionQuery(moves, 0.5)) != alone
        assert {(hit.appearance == hit.score, hit.motion) for hit in alone} == {(True, None)}

    @pytest.mark.parametrize("by", ["motion", "both"])
    @pytest.mark.parametrize("limit", [1, 3, 4, 6])
    def test_ties_by_motion_are_ordered_by_path_then_start(self, store: Store, limit: int, by: str) -> None:
        self.remember_motion(store)
        looks, moves = unit_rows(0, 1), unit_rows(7, 2, MOTION_DIMENSION)
        same = [NewMoment(t, t + 1, None, looks[0], moves[0]) for t in (0.0, 9.0, 10.0)]
        last = [NewMoment(0.0, 1.0, None, looks[0], -moves[0])]
        with store.writing() as writer:
            writer.put([NewVideo(Path(path), None, "damaged", "cut", same) for path in ("/b", "/a")])
            writer.put([NewVideo(Path("/0"), None, "damaged", "cut", last)])
        hits = store.find(looks if by == "both" else None, limit, motion=MotionQuery(moves[:1]))
        expected = [(path, start) for path in ("/a", "/b") for start in (0.0, 9.0, 10.0)]
        assert [(str(hit.path), hit.start) for hit in hits] == expected[:limit]

    def test_without_any_motion_vector_both_is_appearance_and_motion_finds_nothing(self, store: Store) -> None:
        self.remember_motion(store)
        asked = MotionQuery(unit_rows(6, 1, MOTION_DIMENSION))
        assert store.find(unit_rows(5, 1), 9, motion=asked) == []
        with store.writing() as writer:
            writer.put([new_video("a.mp4"), new_video("b.mp4", seed=1)])
        assert store.find(unit_rows(5, 1), 9, motion=asked) == store.find(unit_rows(5, 1), 9)
        assert store.find(None, 9, motion=asked) == []

    def test_a_question_about_motion_that_cannot_be_asked_is_refused(self, store: Store) -> None:
        with store.writing() as writer:
            writer.put([new_video("a.mp4")])
        asked = MotionQuery(unit_rows(6, 1, MOTION_DIMENSION), made_by=MOTION)
        with pytest.raises(LibraryError, match=r"have no motion vectors. Run `deltaclip index` again"):
            store.find(unit_rows(5, 1), 9, motion=asked)
        self.remember_motion(store, OTHER_MOTION)
        with pytest.raises(LibraryError, match=r"made by the motion encoder moves .*other moves.* not by moves as"):
            store.find(None, 9, motion=asked)
        with pytest.raises(ValueError, match=str(MOTION_DIMENSION)):
            store.find(None, 9, motion=MotionQuery(unit_rows(6, 1, 3)))
        with pytest.raises(ValueError, match="nothing is asked"):
            store.find(None, 9)

    @pytest.mark.parametrize("motion", [OTHER_MOTION, replace(OTHER_MOTION, dimension=3), None])
    def test_motion_vectors_of_a_different_encoder_are_dropped_and_nothing_else_is(
        self, store: Store, motion: RememberedMotionEncoder | None
    ) -> None:
        self.remember_motion(store)
        with store.writing() as writer:
            writer.put([moving_video("a.mp4"), moving_video("b.mp4", seed=1)])
            rows, hits = store.videos(), store.find(unit_rows(5, 1), 9, ENCODER)
            writer.remember(ENCODER, motion)
            assert store.videos() == [replace(row, num_motion=0) for row in rows]
            assert store.find(unit_rows(5, 1), 9, ENCODER) == hits
            assert {moment.motion is None for moment in store.moments(rows)} == {True}
            if motion == OTHER_MOTION:
                writer.put([moving_video("b.mp4", seed=2)])
                asked = MotionQuery(unit_rows(1002, 2, MOTION_DIMENSION)[1:], made_by=OTHER_MOTION)
                assert [(hit.path.name, hit.start) for hit in store.find(None, 1, motion=asked)] == [("b.mp4", 15)]
        assert [*store.problems(), *(text for row in store.videos() for text in store.problems_of(row))] == []

    def test_motion_vectors_of_the_same_encoder_stay(self, store: Store) -> None:
        for _ in range(2):
            self.remember_motion(store)
            with store.writing() as writer:
                writer.put([moving_video("a.mp4")] if not store.videos() else [])
        assert [row.num_motion for row in store.videos()] == [2]

    # Writers and readers

    def test_what_one_handle_commits_every_other_sees(self, store: Store, open_store: Callable[[], Store]) -> None:
        reader = open_store()
        assert reader.find(unit_rows(0, 1), 9) == []
        for number in range(3):
            with store.writing() as writer:
                writer.put([new_video(f"{number}.mp4", seed=number)])
                assert len(reader.find(unit_rows(0, 1), 9)) == 2 * (number + 1)  # before the writer ends
        assert reader.videos() == store.videos()
        with store.writing() as writer:
            writer.delete(store.videos()[:2])
        assert {hit.path.name for hit in reader.find(unit_rows(0, 1), 9)} == {"2.mp4"}

    def test_the_version_changes_with_every_commit_and_with_nothing_else(
        self, store: Store, open_store: Callable[[], Store]
    ) -> None:
        reader, seen = open_store(), list[str]()

        def note() -> None:
            reader.find(unit_rows(0, 1), 1)
            assert reader.version() == reader.version() == store.version()
            seen.append(reader.version())

        with store.writing() as writer:
            note()
            writer.put([new_video("a.mp4")])
            note()
            [row] = store.videos()
            for change in (
                lambda: writer.set_missing([row], True),
                lambda: writer.seen_again(row, Stamp(1, 2, 4)),
                lambda: writer.move(row, Path("/b.mp4"), Stamp(1, 2, 4)),
                lambda: writer.copy(row, Path("/c.mp4"), Stamp(1, 2, 4)),
                lambda: writer.delete([row]),
            ):
                change()
                note()
        assert len(set(seen)) == 7

    def test_one_writer_at_a_time(self, store: Store, open_store: Callable[[], Store]) -> None:
        other = open_store()
        with store.writing() as writer:
            for second in (store, other):
                with pytest.raises(LockedError), second.writing():
                    pass
            writer.put([new_video("a.mp4")])
        with other.writing() as writer:
            writer.put([new_video("b.mp4")])
        assert names(store.videos()) == ["a.mp4", "b.mp4"]

    def test_what_a_writer_that_failed_had_committed_stays_and_the_next_may_write(self, store: Store) -> None:
        def write_and_fail() -> None:
            with store.writing() as writer:
                writer.put([new_video("a.mp4")])
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_and_fail()
        with store.writing() as writer:
            writer.put([new_video("b.mp4")])
        assert names(store.videos()) == ["a.mp4", "b.mp4"]

    def test_threads_find_whole_videos_while_one_writes(self, store: Store) -> None:
        done, problems = threading.Event(), list[BaseException]()

        def search() -> None:
            last = 0
            try:
                while not done.is_set():
                    count = len(store.find(unit_rows(0, 1), 999))
                    assert (count % 4, count >= last) == (0, True)
                    last = count
            except BaseException as error:  # noqa: BLE001 - told below
                problems.append(error)

        threads = [threading.Thread(target=search) for _ in range(4)]
        with store.writing() as writer:
            for thread in threads:
                thread.start()
            for number in range(60):
                writer.put([new_video(f"{number}.mp4", seed=number, count=4)])
                if number % 3 == 0:  # as many as before, in different places
                    writer.put([new_video(f"{number}.mp4", seed=number, count=4)])
        done.set()
        for thread in threads:
            thread.join()
        assert problems == []
        assert len(store.find(unit_rows(0, 1), 999)) == 240

    def test_a_library_that_is_replaced_again_and_again_stays_whole(
        self, store: Store, open_store: Callable[[], Store]
    ) -> None:
        reader = open_store()
        for turn in range(6):
            with store.writing() as writer:
                if turn == 2:
                    writer.remember(ENCODER, MOTION)
                new = moving_video if turn > 1 else new_video
                writer.put([new(f"{number}.mp4", seed=10 * turn + number, count=3) for number in range(5)])
                writer.delete(store.videos()[4:])
            for number, row in enumerate(reader.videos()):
                read = list(reader.moments([row]))
                np.testing.assert_array_equal([m.vector for m in read], unit_rows(10 * turn + number, 3))
                moves = unit_rows(1000 + 10 * turn + number, 3, MOTION_DIMENSION)
                for moment, motion in zip(read, moves, strict=True):
                    assert (moment.motion is not None) == (turn > 1)
                    assert moment.motion is None or moment.motion.tobytes() == motion.tobytes()
            [hit] = reader.find(unit_rows(10 * turn + 2, 3)[1:2], 1)
            assert (hit.path.name, hit.start) == ("2.mp4", 15.0)
            assert [*reader.problems(), *(text for row in reader.videos() for text in reader.problems_of(row))] == []

    # Damage

    def test_motion_vectors_that_are_forgotten_are_those_of_the_given_videos(self, store: Store) -> None:
        self.remember_motion(store)
        with store.writing() as writer:
            writer.put([moving_video(f"{name}.mp4", seed=seed) for seed, name in enumerate("abc")])
        a, b, c = store.videos()
        before = {moment.id: moment for moment in store.moments([a, b, c])}
        with store.writing() as writer:
            writer.forget_motion([b])
        assert [row.num_motion for row in store.videos()] == [2, 0, 2]
        for moment in store.moments(store.videos()):
            was = before[moment.id]
            np.testing.assert_array_equal(moment.vector, was.vector)
            assert (moment.motion is None) == (moment.path == b.path)
            assert moment.motion is None or (moment.motion == was.motion).all()
        assert [text for row in store.videos() for text in store.problems_of(row)] == []
        with store.writing() as writer:
            writer.put([moving_video("b.mp4", seed=1), moving_video("d.mp4", seed=3)])
        assert [row.num_motion for row in store.videos()] == [2, 2, 2, 2]

    @pytest.mark.parametrize("motion", [False, True])
    def test_damaged_vectors_are_told_of_their_video_alone(self, store: Store, address: str, motion: bool) -> None:
        self.remember_motion(store)
        with store.writing() as writer:
            writer.put([moving_video("a.mp4", seed=1), moving_video("b.mp4", seed=2), failed_video("c.mp4")])
        a, b, c = store.videos()
        self.damage(address, b, motion=motion)
        assert [bool(list(store.problems_of(row))) for row in (a, b, c)] == [False, True, False]
        with store.writing() as writer:
            writer.delete([b])
            writer.put([moving_video("b.mp4", seed=2)])
        assert [list(store.problems_of(row)) for row in store.videos()] == [[], [], []]
