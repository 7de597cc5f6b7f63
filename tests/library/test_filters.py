"""What a filter means, and which ones are refused."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deltaclip.errors import PathError
from deltaclip.library import Filter
from tests.library.fakes import Shelf


@pytest.mark.parametrize(
    ("glob", "path", "fits"),
    [
        ("*.mp4", "/v/a.mp4", True),
        ("*.mp4", "/v/a.mp4/b.mov", False),
        ("A?.MP4", "/v/ab.mp4", True),
        ("film [1].mp4", "/v/film [1].mp4", True),
        ("e\N{COMBINING ACUTE ACCENT}*", "/v/\N{LATIN SMALL LETTER E WITH ACUTE}t\N{LATIN SMALL LETTER E}.mp4", True),
        ("holiday/*.mp4", "/v/holiday/a.mp4", True),
        ("holiday/*.mp4", "/v/holiday/days/a.mp4", True),
        ("holiday/*.mp4", "/v/myholiday/a.mp4", False),
        ("/v/*", "/v/x/a.mp4", True),
        ("/v/*", "/w/v/a.mp4", False),
        ("*/x/*", "/v/x/a.mp4", True),
    ],
)
def test_a_pattern_is_for_the_name_the_end_of_the_path_or_all_of_it(glob: str, path: str, fits: bool) -> None:
    assert Filter(glob=glob).fits_video(Path(path), None, None) == fits


def test_a_folder_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Filter(folder=Path("a/../b")).folder == tmp_path / "b"
    assert Filter(folder=Path("~")).folder == Path.home()


def test_ranges_are_half_open() -> None:
    lasting = Filter(longer_seconds=10, shorter_seconds=20)
    lengths = (9.9, 10.0, 19.9, 20.0)
    assert [lasting.fits_video(Path("/a"), seconds, None) for seconds in lengths] == [False, True, True, False]
    then = Filter(after=datetime.fromtimestamp(5, UTC), before=datetime.fromtimestamp(6, UTC))
    times = (4_999_999_999, 5_000_000_000, 5_999_999_999, 6_000_000_000)
    assert [then.fits_video(Path("/a"), None, time) for time in times] == [False, True, True, False]
    assert [Filter(min_coverage=0.5).fits_moment(share) for share in (0.49, 0.5, 1.0)] == [False, True, True]


def test_what_is_not_known_does_not_fit() -> None:
    assert not Filter(longer_seconds=0).fits_video(Path("/a"), None, 1)
    assert not Filter(after=datetime(1970, 1, 1, tzinfo=UTC)).fits_video(Path("/a"), 1.0, None)
    assert not Filter(min_coverage=0).fits_moment(None)
    assert Filter().fits_video(Path("/a"), None, None)
    assert Filter().fits_moment(None)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"glob": ""}, ValueError, "empty"),
        ({"glob": "/"}, ValueError, "empty"),
        ({"glob": Path("a")}, TypeError, "give a pattern"),
        ({"folder": ""}, PathError, "empty path"),
        ({"longer_seconds": -1}, ValueError, "from 0 on"),
        ({"shorter_seconds": float("nan")}, ValueError, "from 0 on"),
        ({"longer_seconds": "60"}, TypeError, "give a number"),
        ({"longer_seconds": 60, "shorter_seconds": 60}, ValueError, "at least 60 s and less than 60 s"),
        ({"min_coverage": 1.1}, ValueError, "share from 0 to 1"),
        ({"after": "2026-05-01"}, TypeError, "give a datetime"),
        ({"after": datetime(2026, 5, 2), "before": datetime(2026, 5, 1)}, ValueError, "no file was"),
    ],
)
def test_a_filter_that_nothing_fits_is_refused(given: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Filter(**given)


def test_every_search_of_a_library_takes_a_filter(shelf: Shelf) -> None:
    only, query = Filter(glob="*.mov"), shelf.write("a.mp4", "a 3")
    shelf.write("b.mov", "b 3")
    shelf.library.index([shelf.videos])
    moment = next(iter(shelf.library.moments()))
    assert moment.path == query
    for hits in (
        shelf.library.search("a 1", where=only),
        shelf.library.search("a 1 moving a 1", where=only),
        shelf.library.search("a 1 moving a 1", by="motion", where=only),
        *shelf.library.search_each(["a 1", "b 1"], where=only),
        *shelf.library.search_each(moment.vector[None], where=only),
        shelf.library.search_vectors(moment.vector, where=only),
        shelf.library.search_moment(moment, where=only),
        shelf.library.search_video(query, where=only),
        shelf.library.search_image(query, where=only),
        shelf.library.like_motion_of(query, where=only),
    ):
        assert [hit.path.name for hit in hits] == ["b.mov"] * 3
    assert shelf.library.search("a 1", where=Filter()) == shelf.library.search("a 1")
    with pytest.raises(TypeError, match="give a Filter"):
        shelf.library.search("a 1", where="*.mov")  # type: ignore[arg-type]
