"""Ranking moments, and asking with videos and pictures."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import LibraryError, VideoError
from deltaclip.library import Library, NoLibraryError, RememberedEncoder
from tests.library.fakes import FakeEncoder, FakeMotionEncoder, Shelf, vector_of


def test_ties_are_ordered_by_path_then_start(shelf: Shelf) -> None:
    for name in ("b.mp4", "a.mp4", "c.mp4"):
        shelf.write(name, "same 2")
    shelf.library.index([shelf.videos])
    hits = shelf.library.search("same 0", limit=9)
    assert [(hit.path.name, hit.start) for hit in hits[:3]] == [("a.mp4", 0), ("b.mp4", 0), ("c.mp4", 0)]
    assert [hit.path.name for hit in hits[3:]] == ["a.mp4", "b.mp4", "c.mp4"]


def test_a_video_finds_itself_first_and_each_moment_by_its_best_segment(shelf: Shelf) -> None:
    query = shelf.write("b.mp4", "b 3")
    shelf.write("a.mp4", "a 12")
    shelf.library.index([shelf.videos])
    hits = shelf.library.search_video(query, limit=3)
    assert [(hit.path.name, hit.start) for hit in hits] == [("b.mp4", 0), ("b.mp4", 15), ("b.mp4", 30)]
    assert [hit.score for hit in hits] == pytest.approx([1, 1, 1])
    assert shelf.library.search_image(query, limit=3) == hits


def test_a_query_that_cannot_be_read_is_a_video_error(shelf: Shelf) -> None:
    for text in ("rubbish", "a 2 damaged"):
        with pytest.raises(VideoError):
            shelf.library.search_video(shelf.write("query.mp4", text))


def test_an_empty_library_finds_nothing(shelf: Shelf) -> None:
    assert shelf.library.search("a 0") == []
    assert shelf.library.search_video(shelf.write("a.mp4", "a 1")) == []


def test_a_search_sees_what_another_process_added_and_removed(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 1")
    assert shelf.library.search("a 0") == []
    with shelf.open() as other:
        other.index([path])
        assert len(shelf.library.search("a 0")) == 1
        other.remove([path])
        assert shelf.library.search("a 0") == []


def test_vectors_of_two_encoders_are_never_mixed(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 1")
    with shelf.open(FakeEncoder("other")) as other:
        shelf.library.index([path])
        for attempt in (lambda: other.search("a 0"), lambda: other.index([path])):
            with pytest.raises(LibraryError, match=r"made by the encoder fake .*not by the encoder other"):
                attempt()
    with pytest.raises(LibraryError, match=r"fingerprint of fake.*fingerprint of other"):
        shelf.open(FakeEncoder("other"))
    assert shelf.library.verify().ok


def test_an_encoder_whose_folder_holds_other_weights_now_is_told_apart_from_a_different_one(shelf: Shelf) -> None:
    # it said "made by the encoder fake, not by fake", with a remedy that did the same again
    shelf.library.index([shelf.write("a.mp4", "a 1")])
    retrained = FakeEncoder()
    retrained.fingerprint = "new fingerprint"
    with pytest.raises(LibraryError) as told:
        shelf.open(retrained)
    assert "fake has different weights or settings now (fingerprint new fingerprint)" in told.value.found
    assert told.value.remedy.startswith("Bring back what it was then, or index into a new folder")


def test_a_library_without_moments_takes_another_encoder(shelf: Shelf) -> None:
    shelf.library.index([shelf.write("a.mp4", "rubbish")])
    with shelf.open(FakeEncoder("other")) as other:
        other.index([shelf.write("a.mp4", "a 1")])
        assert other.status().encoder == "other"


def test_a_library_of_which_nothing_is_known_says_how_to_give_an_encoder(shelf: Shelf) -> None:
    with Library.open(shelf.library_path) as library, pytest.raises(LibraryError, match="opened without an encoder"):
        library.search("a 0")


def test_a_library_remembers_how_to_load_its_encoder(shelf: Shelf) -> None:
    assert shelf.library.remembered_encoder() is None
    shelf.library.index([])
    with Library.open(shelf.library_path) as library:
        remembered = library.remembered_encoder()
    assert remembered == RememberedEncoder.of(shelf.encoder)
    assert remembered.options == {"motion": "difference", "num_frames": 1, "sampling": "uniform", "max_words": 77}


def test_a_library_is_searched_with_its_own_encoder_which_is_loaded_once(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shelf.write("a.mp4", "a 1")
    shelf.library.index([path])
    loaded: list[RememberedEncoder] = []

    def load(remembered: RememberedEncoder) -> FakeEncoder:
        loaded.append(remembered)
        return shelf.encoder

    monkeypatch.setattr(RememberedEncoder, "load", load)
    with Library.open(shelf.library_path, motion_encoder=shelf.motion_encoder) as library:
        assert library.status().videos == 1
        assert loaded == []
        assert [hit.path for hit in library.search("a 0") + library.search("a 0")] == [path, path]
    assert loaded == [RememberedEncoder.of(shelf.encoder)]


def test_a_library_that_is_not_there_is_an_error_and_no_empty_answer(tmp_path: Path) -> None:
    with pytest.raises(NoLibraryError, match=r"typo: no library there. Make one with .*create=True"):
        Library.open(tmp_path / "typo", FakeEncoder(), FakeMotionEncoder())
    assert list(tmp_path.iterdir()) == []


def test_a_library_shows_its_address(shelf: Shelf) -> None:
    assert repr(shelf.library) == f"Library({shelf.library.address!r})"


def test_a_moment_finds_those_like_it_and_not_itself(shelf: Shelf) -> None:
    for name in ("a.mp4", "b.mp4", "copy of b.mp4"):
        shelf.write(name, f"{name[-5]} 2")
    shelf.library.index([shelf.videos])
    [asked] = shelf.library.search("b 1", limit=1)
    alike = shelf.library.search_moment(asked, limit=1)
    assert [(hit.path.name, hit.start) for hit in alike] == [("copy of b.mp4", 15)]
    assert len(shelf.library.search_moment(asked.id, limit=99)) == 5
    moment = shelf.library.moment(asked.id)
    assert moment is not None
    assert shelf.library.search_moment(moment, limit=1) == alike
    shelf.library.remove([shelf.videos])
    with pytest.raises(LibraryError, match=r"no moment .*Search again"):
        shelf.library.search_moment(asked)


def test_a_vector_finds_its_moment_and_several_find_the_best_of_each(shelf: Shelf) -> None:
    for name in ("a.mp4", "b.mp4"):
        shelf.write(name, f"{name[0]} 2")
    shelf.library.index([shelf.videos])
    wanted = np.stack([vector_of("b", 1), vector_of("a", 0)])
    assert shelf.library.search_vectors(wanted[0], limit=1) == shelf.library.search("b 1", limit=1)
    any_of_them = shelf.library.search_vectors(wanted.astype(np.float64), limit=2)
    assert sorted((hit.path.name, hit.start) for hit in any_of_them) == [("a.mp4", 0), ("b.mp4", 15)]
    assert [hit.score for hit in any_of_them] == pytest.approx([1, 1])


def test_several_queries_give_one_list_of_hits_each(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 3")
    shelf.library.index([shelf.videos])
    texts = ["a 2", "a 0"]
    expected = [shelf.library.search(text, limit=2) for text in texts]
    assert shelf.library.search_each(iter(texts), limit=2) == expected
    assert shelf.library.search_each(np.stack([vector_of("a", 2), vector_of("a", 0)]), limit=2) == expected
    assert shelf.library.search_each([]) == []


def test_videos_and_their_moments_can_be_listed(shelf: Shelf) -> None:
    for name, text in (("b.mp4", "b 2"), ("a.mp4", "a 1"), ("c.mp4", "rubbish")):
        shelf.write(name, text)
    shelf.library.index([shelf.videos])
    videos = shelf.library.videos()
    assert [(row.path.name, row.status) for row in videos] == [
        ("a.mp4", "indexed"),
        ("b.mp4", "indexed"),
        ("c.mp4", "failed"),
    ]
    found = [(moment.path.name, moment.start, moment.vector.tobytes()) for moment in shelf.library.moments()]
    assert found == [(f"{x}.mp4", 15.0 * n, vector_of(x, n).tobytes()) for x, n in (("a", 0), ("b", 0), ("b", 1))]
    assert [moment.path.name for moment in shelf.library.moments(videos[1:])] == ["b.mp4", "b.mp4"]
