"""Wrong use of a library is an error that says what to do, before any work."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deltaclip.errors import LibraryError
from deltaclip.library import Library, LockedError, NoLibraryError
from tests.library.fakes import DIMENSION, FakeEncoder, Shelf, vector_of

UNIT = vector_of("a", 0)

QUERIES: list[tuple[Callable[[Library], Any], type[Exception], str]] = [  # Any: what must not come back
    (lambda library: library.search(["a dog"]), TypeError, "search takes one text, not list: search_each takes"),  # type: ignore[arg-type]
    (lambda library: library.search(Path("a dog")), TypeError, "search takes one text, not PosixPath: write str"),  # type: ignore[arg-type]
    (lambda library: library.search(None), TypeError, "search takes one text, not None"),  # type: ignore[arg-type]
    (lambda library: library.search(" "), ValueError, "search: the text is empty"),
    (lambda library: library.search("a 0", limit=0), ValueError, "limit starts at 1, not 0"),
    (lambda library: library.search("a 0", limit=-3), ValueError, "limit starts at 1, not -3"),
    (lambda library: library.search("a 0", limit=2.5), TypeError, "limit is 2.5: give a whole number"),  # type: ignore[arg-type]
    (lambda library: library.search("a 0", limit=True), TypeError, "limit is True: give a whole number"),
    (lambda library: library.search_each("a 0"), TypeError, r"not one string: write \['a 0'\]"),
    (lambda library: library.search_each(["a 0", 3]), TypeError, "in place 1 is int"),  # type: ignore[list-item]
    (lambda library: library.search_each(["a 0", ""]), ValueError, "text 1 is empty"),
    (lambda library: library.search_each(["a 0"], limit=0), ValueError, "limit starts at 1"),
    (lambda library: library.search_each(UNIT), ValueError, r"vectors \(Q, D\), not an array of the shape \(16,\)"),
    (lambda library: library.search_each(5), TypeError, "takes a list of texts, not int"),  # type: ignore[arg-type]
    (lambda library: library.search_vectors(3 * UNIT), ValueError, "vector 0 has the length 3, not 1: divide it by"),
    (lambda library: library.search_vectors(0 * UNIT), ValueError, "vector 0 has the length 0, not 1"),
    (lambda library: library.search_vectors(np.nan * UNIT), ValueError, "vector 0 contains NaN"),
    (lambda library: library.search_vectors(np.ones((1, 2, 16))), ValueError, r"\(Q, D\).*not \(1, 2, 16\)"),
    (lambda library: library.search_vectors(np.ones((0, 16))), ValueError, r"at least one row, not \(0, 16\)"),
    (lambda library: library.search_vectors(np.ones(16, int)), TypeError, "vectors are float32.*not int64"),
    (lambda library: library.search_vectors("a dog"), TypeError, "vectors are float32.*not <U5"),  # type: ignore[arg-type]
    (lambda library: library.search_vectors([[1.0], [0.6, 0.8]]), ValueError, "different lengths"),  # type: ignore[arg-type]
    (
        lambda library: library.search_vectors(np.eye(5)[0]),
        ValueError,
        "have 5 components, and those of this library 16",
    ),
    (lambda library: library.search_each(np.eye(5)), ValueError, "encode the query with the encoder fake"),
    (lambda library: library.search_moment(3), TypeError, "moment is [35]: give a hit"),  # type: ignore[arg-type]
    (lambda library: library.search_moment("nothing"), LibraryError, "no moment 'nothing'. Search again"),
    (lambda library: library.search_moment("1.0", limit=0), ValueError, "limit starts at 1"),
    (lambda library: library.moment(5), TypeError, "moment is [35]: give a hit"),  # type: ignore[arg-type]
    (lambda library: library.search_video(["a.mp4"]), TypeError, "search_video takes one path, not list"),  # type: ignore[arg-type]
    (lambda library: library.search_image(["a.png"]), TypeError, "search_image takes one path, not list"),  # type: ignore[arg-type]
    (lambda library: library.search_video("a.mp4", limit=0), ValueError, "limit starts at 1"),
    (lambda library: library.picture([]), TypeError, "picture takes one hit, not list"),  # type: ignore[arg-type]
    (
        lambda library: library.index("videos"),
        TypeError,
        r"index takes a list of paths, not one path: write \['videos'\]",
    ),
    (lambda library: library.index(Path("videos")), TypeError, r"write \['videos'\]"),  # type: ignore[arg-type]
    (lambda library: library.index([3]), TypeError, r"in place 0 of the list\) takes one path, not int"),  # type: ignore[list-item]
    (lambda library: library.index(["videos"], exclude="*.tmp"), TypeError, r"exclude is a list.*write \['\*.tmp'\]"),
    (lambda library: library.remove("videos"), TypeError, "remove takes a list of paths"),
    (lambda library: library.moments(library.videos()[0]), TypeError, r"write \[video\]"),  # type: ignore[arg-type]
    (lambda library: library.moments(["a.mp4"]), TypeError, r"moments takes videos as `videos\(\)` lists them"),  # type: ignore[list-item]
    (lambda library: library.index(["videos"], exclude=[5]), TypeError, "the pattern 5 is not a text"),  # type: ignore[list-item]
    (lambda library: library.export("film.mp4"), ValueError, r"export writes an \.npz file, not 'film\.mp4'"),
    (lambda library: library.export(["x.npz"]), TypeError, "export takes one path, not list"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("use", "error", "words"), QUERIES, ids=[words[:30] for _, _, words in QUERIES])
def test_wrong_use_is_an_error_that_says_what_to_do(
    shelf: Shelf, use: Callable[[Library], Any], error: type[Exception], words: str
) -> None:
    shelf.library.index([shelf.write("a.mp4", "a 1")])
    with pytest.raises(error, match=words):
        use(shelf.library)


@pytest.mark.parametrize("encoder", ["shapes", Path("shapes"), FakeEncoder, {"motion": "full"}])
def test_anything_but_a_loaded_encoder_is_refused_before_a_library_is_made(tmp_path: Path, encoder: Any) -> None:
    with pytest.raises(TypeError, match=r"give a loaded encoder, Encoder.load\("):
        Library.open(tmp_path / "library", encoder, create=True)
    assert not (tmp_path / "library").exists()


def test_an_address_that_is_no_path_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Library\.open takes one path, not list"):
        Library.open(["library"])  # type: ignore[arg-type]


def test_a_closed_library_says_so(shelf: Shelf) -> None:
    shelf.library.close()
    library = shelf.library
    uses: list[Callable[[], object]] = [
        lambda: library.search("a 0"),
        lambda: library.search_vectors(UNIT),
        lambda: library.search_each(["a 0"]),
        lambda: library.index([shelf.videos]),
        lambda: library.status(),
        lambda: library.moments(),
        lambda: library.export("x.npz"),
        lambda: library.verify(),
    ]
    for use in uses:
        with pytest.raises(LibraryError, match=r"this library was closed. Open it again with Library.open"):
            use()


def test_a_library_that_was_deleted_while_it_was_open_is_not_written_to(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 1")
    shelf.library.index([path])
    shelf.library.remove([path])
    shutil.rmtree(shelf.library_path)
    with pytest.raises(NoLibraryError, match="its folder was deleted"):
        shelf.library.index([path])
    assert not shelf.library_path.exists()


def test_a_writer_within_a_writer_is_refused_as_our_own(shelf: Shelf) -> None:
    path = shelf.write("a.mp4", "a 1")
    said: list[str] = []

    def inner(_: object) -> None:
        with pytest.raises(LockedError) as caught:
            shelf.library.remove([path])
        said.append(str(caught.value))

    shelf.library.index([path], inner)
    assert "this program (process" in said[0]
    assert "do not call one from its own callback" in said[0]


def test_nothing_to_do_is_no_error(shelf: Shelf) -> None:
    assert shelf.library.index([]).seen == 0
    assert shelf.library.remove(iter([])).removed == 0
    assert shelf.library.search_each([]) == []
    assert shelf.library.search_each(np.empty((0, DIMENSION), np.float32)) == []


def test_any_iterable_of_paths_is_taken(shelf: Shelf) -> None:
    shelf.write("a.mp4", "a 1")
    assert shelf.library.index(shelf.videos.glob("*.mp4")).indexed == 1
    assert shelf.library.remove(path for path in [shelf.videos]).removed == 1


def test_records_are_shown_in_one_short_line_without_vectors(shelf: Shelf) -> None:
    report = shelf.library.index([shelf.write("a.mp4", "a 1")])
    [hit], [video], [moment] = shelf.library.search("a 0"), shelf.library.videos(), list(shelf.library.moments())
    path = shelf.videos / "a.mp4"
    assert repr(hit) == f"Hit({path}, 0-15 s, score=1.000, moving 25%, id='1.0')"
    assert repr(moment) == f"Moment({path}, 0-15 s, vector=(16,), id='1.0')"
    for record in (report, video, shelf.library.status()):
        assert len(repr(record).replace(str(path), "")) < 220
