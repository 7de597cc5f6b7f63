"""Motion vectors of a library: kept by `index`, searched by words and by clips, and measured if they are missing."""

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import CheckpointError, LibraryError
from deltaclip.library import Library
from deltaclip.reader import Clip, ReaderSpec
from tests.library.fakes import FakeEncoder, FakeMotionEncoder, InTurn, Shelf, clip_of, motion_of, vector_of
from tests.library.format_3 import write_format_3


def notes_of(library: Library, text: str, by: str = "both") -> list[str]:
    told: list[str] = []
    library.search(text, by=by, on_note=told.append)  # type: ignore[arg-type]  # a word of three
    return told


# Indexing


def test_each_moment_gets_a_motion_vector_beside_its_vector(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 3")
    shelf.write("cut.mp4", "cut 2 damaged")
    report = shelf.library.index([shelf.videos])
    assert (report.indexed, report.failed, report.measured) == (1, 1, 0)
    read = [(m.path.stem, m.start, m.vector.tobytes(), m.motion) for m in shelf.library.moments()]
    for (name, start, vector, motion), (seed, number) in zip(
        read, [("a", 0), ("a", 1), ("a", 2), ("cut", 0), ("cut", 1)], strict=True
    ):
        assert (name, start, vector) == (seed, 15.0 * number, vector_of(seed, number).tobytes())
        assert motion is not None
        np.testing.assert_allclose(motion, motion_of(seed, number), atol=1e-6)
    status = shelf.library.status()
    assert (status.motion_encoder, status.motion_fingerprint) == ("moves", "fingerprint of moves")
    assert status.without_motion == 0
    assert shelf.library.verify().ok


def test_a_library_made_without_motion_stays_without_until_somebody_chooses_otherwise(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 2")
    shelf.library.index([shelf.videos], motion_words=False)
    shelf.write("b.mp4", "b 1")
    assert shelf.library.index([shelf.videos]).measured == 0
    assert shelf.motion_encoder.batches == []
    assert shelf.library.status().without_motion == 3
    assert notes_of(shelf.library, "a 0 moving b 0") == []
    asks: list[Callable[[], object]] = [
        lambda: shelf.library.search("a 0 moving b 0", by="motion"),
        lambda: shelf.library.like_motion_of(shelf.videos / "a.mp4"),
    ]
    for ask in asks:
        with pytest.raises(LibraryError, match=r"made without motion vectors. Run `deltaclip index --motion-words`"):
            ask()
    report = shelf.library.index([shelf.videos], motion_words=True)
    assert (report.indexed, report.measured, shelf.library.status().without_motion) == (2, 2, 0)
    with pytest.raises(LibraryError, match="which would be lost"):
        shelf.library.index([shelf.videos], motion_words=False)
    assert shelf.library.index([shelf.videos]).unchanged == 2


def test_a_library_of_format_3_gets_motion_vectors_and_keeps_its_vectors(shelf: Shelf) -> None:
    write_format_3(shelf, a=2, b=3, gone=1)
    shelf.library = shelf.open()
    before = [(m.path, m.start, m.vector.tobytes()) for m in shelf.library.moments()]
    report = shelf.library.index([shelf.videos])
    assert (report.indexed, report.unchanged, report.measured, report.segments) == (2, 0, 2, 5)
    assert shelf.encoder.batches == []  # nothing was encoded again
    assert shelf.reader.opened == ["a.mp4", "b.mp4"]
    assert [(m.path, m.start, m.vector.tobytes()) for m in shelf.library.moments()] == before
    assert [row.num_motion for row in shelf.library.videos()] == [2, 3, 0]
    (shelf.videos.parent / "elsewhere.mp4").rename(shelf.videos / "moved.mp4")  # taken over, then measured
    report = shelf.library.index([shelf.videos])
    assert (report.indexed, report.unchanged, report.measured) == (1, 2, 1)
    assert shelf.encoder.batches == []
    assert shelf.library.index([shelf.videos]).unchanged == 3
    assert shelf.library.verify().ok


def test_a_different_motion_encoder_measures_again_and_nothing_else_is_lost(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 2")
    shelf.write("b.mp4", "b 2")
    shelf.library.index([shelf.videos])
    newer = FakeMotionEncoder("newer", 5)
    encoded = len(shelf.encoder.batches)
    with shelf.open(motion_encoder=newer) as library:
        alone = library.search("a 1", by="appearance")
        assert library.search("a 1 moving b 0") == alone
        assert notes_of(library, "a 1 moving b 0")[0].startswith(
            "4 moments have no motion vector of this motion encoder"
        )
        with pytest.raises(LibraryError, match=r"made by the motion encoder moves .*not by moves as it is now"):
            library.search("a 1 moving b 0", by="motion")
        assert library.index([shelf.videos / "a.mp4"]).measured == 1
        assert library.status().without_motion == 2
        assert library.search("a 1", by="appearance") == [
            replace(hit, id=found.id, video_id=found.video_id)
            for hit, found in zip(alone, library.search("a 1"), strict=True)
        ]
        assert library.index([shelf.videos]).measured == 1
        assert library.verify().ok
    assert len(shelf.encoder.batches) == encoded


def test_a_measurement_that_fails_loses_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    write_format_3(shelf, a=3)
    shelf.library = shelf.open()
    nan = np.full((3, 6), np.nan, np.float32)
    with monkeypatch.context() as patch:
        patch.setattr(shelf.motion_encoder, "encode_clips", lambda clips: nan[: len(list(clips))])
        with pytest.raises(CheckpointError, match="moves: produces NaN or infinite vectors"):
            shelf.library.index([shelf.videos])

    def interrupted(path: Path, spec: ReaderSpec) -> Iterator[Clip]:
        yield clip_of(path, "a", 0, track=spec.track)
        raise KeyboardInterrupt

    reader = nullcontext(InTurn(interrupted))
    broken = Library.open(shelf.library_path, shelf.encoder, shelf.motion_encoder, open_reader=lambda _workers: reader)
    with broken, pytest.raises(KeyboardInterrupt):
        broken.index([shelf.videos])
    assert shelf.library.status().segments == 3
    assert shelf.library.status().without_motion == 3
    assert shelf.library.index([shelf.videos]).measured == 1
    assert shelf.library.verify().ok


def test_of_several_copies_one_is_read_again_for_its_motion(shelf: Shelf) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        shelf.write(name, "same 2")
    shelf.library.index([shelf.videos], motion_words=False)
    os.link(shelf.videos / "a.mp4", shelf.videos / "link.mp4")
    shelf.reader.opened.clear()
    report = shelf.library.index([shelf.videos], motion_words=True)
    assert (report.indexed, report.measured, report.failed) == (3, 1, 0)
    assert len(shelf.reader.opened) == 1
    assert {row.path.name: row.num_motion for row in shelf.library.videos()} == {f"{x}.mp4": 2 for x in "abc"}
    assert len(shelf.encoder.batches) == 1
    assert shelf.library.index([shelf.videos]).unchanged == 3
    assert shelf.library.verify().ok


def test_damaged_vectors_are_not_kept_when_motion_is_measured(shelf: Shelf) -> None:
    write_format_3(shelf, a=2)
    [file] = shelf.library_path.glob("vectors-*")
    np.memmap(file, "<f4", "r+")[20] += 0.5
    shelf.library = shelf.open()
    shelf.library.index([shelf.videos])
    assert shelf.library.verify().ok
    assert [m.vector.tobytes() for m in shelf.library.moments()] == [vector_of("a", n).tobytes() for n in range(2)]


# Searching


def test_a_sentence_without_motion_words_is_searched_by_appearance_to_the_bit(shelf: Shelf) -> None:
    for name in "abc":
        shelf.write(f"{name}.mp4", f"{name} 3")
    shelf.library.index([shelf.videos])
    alone = shelf.library.search("b 1", by="appearance")
    assert shelf.library.search("b 1") == shelf.library.search("b 1 moving a 0 0.0") == alone
    assert {(hit.appearance == hit.score, hit.motion) for hit in alone} == {(True, None)}
    assert shelf.library.motion_words("b 1") == ()


def test_motion_words_decide_among_moments_that_look_alike_and_count_by_their_weight(shelf: Shelf) -> None:
    for name in "abc":
        shelf.write(f"{name}.mp4", f"{name} 3")
    shelf.library.index([shelf.videos])
    assert shelf.library.motion_words("b 1 moving c 2") == ("moving c 2",)
    best = [shelf.library.search(f"b 1 moving c 2 {weight}", limit=1)[0] for weight in (0.01, 100)]
    assert [(hit.path.name, hit.start) for hit in best] == [("b.mp4", 15), ("c.mp4", 30)]
    assert best[0].appearance == pytest.approx(1)
    assert best[1].motion == pytest.approx(1)
    assert shelf.library.search_each(["b 1 moving c 2", "a 0"]) == [
        shelf.library.search("b 1 moving c 2"),
        shelf.library.search("a 0"),
    ]


def test_by_motion_alone_appearance_does_not_matter(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 2")
    shelf.write("b.mp4", "b 2")
    shelf.library.index([shelf.videos])
    [hit] = shelf.library.search("nothing 0 moving b 1", limit=1, by="motion")
    assert (hit.path.name, hit.start, hit.appearance, hit.motion) == ("b.mp4", 15, None, hit.score)
    assert hit.score == pytest.approx(1)
    with pytest.raises(ValueError, match=r"no word of 'a 0' is understood as motion. .*: moving a 0; moving b 1"):
        shelf.library.search("a 0", by="motion")


def test_moments_without_motion_are_counted_and_never_taken_for_still_ones(shelf: Shelf) -> None:
    write_format_3(shelf, a=2, b=1)
    shelf.library = shelf.open()
    assert notes_of(shelf.library, "a 0 moving b 0") == [
        "3 moments have no motion vector and are ranked by appearance alone: index the same folders again with "
        "deltaclip index"
    ]
    assert notes_of(shelf.library, "a 0") == []  # asks for no motion
    with pytest.raises(LibraryError, match="its moments have no motion vectors"):
        shelf.library.search("a 0 moving b 0", by="motion")
    shelf.library.index([shelf.videos / "a.mp4"])
    assert notes_of(shelf.library, "a 0 moving b 0")[0].startswith(
        "1 moment has no motion vector and is ranked by appearance alone"
    )
    hits = {(hit.path.name, hit.start): hit for hit in shelf.library.search("a 0 moving b 0")}
    assert hits["b.mp4", 0].motion is None
    assert hits["b.mp4", 0].score == hits["b.mp4", 0].appearance
    found = shelf.library.search("a 0 moving b 0", by="motion")
    assert {hit.path.name for hit in found} == {"a.mp4"}


def test_an_empty_library_finds_nothing_by_motion(shelf: Shelf) -> None:
    shelf.library.index([])
    assert shelf.library.search("a 0 moving b 0", by="motion") == []
    assert shelf.library.like_motion_of(shelf.write("a.mp4", "a 1")) == []


def test_a_clip_finds_what_moves_like_any_of_its_segments(shelf: Shelf) -> None:
    for name in "abc":
        shelf.write(f"{name}.mp4", f"{name} 3")
    shelf.library.index([shelf.videos])
    query = shelf.write("query.mkv", "b 2")
    told: list[str] = []
    hits = shelf.library.like_motion_of(query, limit=2, on_note=told.append)
    assert [(hit.path.name, hit.start, hit.appearance) for hit in hits] == [("b.mp4", 0, None), ("b.mp4", 15, None)]
    assert [hit.motion for hit in hits] == pytest.approx([1, 1])
    assert told == []


def test_a_moment_finds_those_that_move_like_it(shelf: Shelf) -> None:
    for name in ("a.mp4", "b.mp4", "copy of b.mp4"):
        shelf.write(name, f"{name[-5]} 2")
    shelf.library.index([shelf.videos])
    [asked] = shelf.library.search("b 1", limit=1)
    [by_motion] = shelf.library.search_moment(asked, limit=1, by="motion")
    [by_both] = shelf.library.search_moment(asked, limit=1, by="both")
    for hit in (by_motion, by_both):
        assert (hit.path.name, hit.start) == ("copy of b.mp4", 15)
        assert hit.motion == pytest.approx(1)
    assert by_motion.appearance is None
    assert by_both.appearance == pytest.approx(1)


def test_a_moment_without_a_motion_vector_says_so(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 2")
    shelf.library.index([shelf.videos], motion_words=False)
    [asked] = shelf.library.search("a 1", limit=1)
    assert len(shelf.library.search_moment(asked)) == 1
    with pytest.raises(LibraryError, match=r"has no motion vector. Index its file again"):
        shelf.library.search_moment(asked, by="motion")


def test_what_makes_no_sense_is_refused(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="by is 'sound': choose one of appearance, motion, both"):
        shelf.library.search("a 0", by="sound")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="vectors of the encoder ask by appearance"):
        shelf.library.search_each(vector_of("a", 0)[None], by="motion")
    with pytest.raises(TypeError, match="give a loaded motion encoder"):
        Library.open(shelf.library_path, FakeEncoder(), FakeMotionEncoder)  # type: ignore[arg-type]


def test_an_export_has_nan_for_a_moment_without_a_motion_vector(shelf: Shelf, tmp_path: Path) -> None:
    write_format_3(shelf, a=1, b=1)
    shelf.library = shelf.open()
    shelf.library.index([shelf.videos / "a.mp4"])
    shelf.library.export(tmp_path / "vectors.npz")
    with np.load(tmp_path / "vectors.npz") as arrays:
        motion = arrays["motion_vectors"]
        assert (motion.dtype, motion.shape) == (np.float32, (2, 6))
        np.testing.assert_allclose(motion[0], motion_of("a", 0), atol=1e-6)
        assert np.isnan(motion[1]).all()
        assert (str(arrays["motion_encoder"]), str(arrays["motion_fingerprint"])) == ("moves", "fingerprint of moves")


def test_an_export_of_a_library_without_motion_has_no_motion_vectors(shelf: Shelf, tmp_path: Path) -> None:
    shelf.write("a.mp4", "a 2")
    shelf.library.index([shelf.videos], motion_words=False)
    shelf.library.export(tmp_path / "vectors.npz")
    with np.load(tmp_path / "vectors.npz") as arrays:
        assert arrays["motion_vectors"].shape == (2, 0)
        assert str(arrays["motion_encoder"]) == ""


@pytest.mark.parametrize("lose", ["missing", "short", "changed"])
def test_motion_vectors_that_are_lost_or_damaged_are_told_and_appearance_is_searched_on(
    shelf: Shelf, lose: str
) -> None:
    shelf.write("a.mp4", "a 2")
    shelf.write("b.mp4", "b 2")
    shelf.library.index([shelf.videos])
    alone = shelf.library.search("a 0", by="appearance")
    [file] = shelf.library_path.glob("motion-*")
    if lose == "missing":
        file.unlink()
    elif lose == "short":
        with file.open("r+b") as opened:
            opened.truncate(50)
    else:
        np.memmap(file, "<f4", "r+")[13] += 0.1
    assert shelf.library.search("a 0", by="appearance") == alone
    problems = " ".join(shelf.library.verify().problems)
    words = {"missing": "with the vectors is missing", "short": "has 50 bytes, and 96 were written"}
    assert (words.get(lose) or "its motion vectors are damaged") in problems
    if lose != "changed":
        with pytest.raises(LibraryError, match=file.name):
            shelf.library.search("a 0 moving b 0")
    shelf.library.remove([shelf.videos])
    shelf.library.index([shelf.videos])
    assert shelf.library.verify().ok
    assert shelf.library.search("a 0", by="appearance") == [
        replace(hit, id=found.id, video_id=found.video_id)
        for hit, found in zip(alone, shelf.library.search("a 0"), strict=True)
    ]
