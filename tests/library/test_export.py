"""Vectors of a library in a file that other programs read."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.errors import LibraryError
from deltaclip.library import Library
from tests.library.fakes import FakeEncoder, FakeMotionEncoder, Shelf, vector_of


def test_an_export_holds_every_vector_with_its_path_and_times(shelf: Shelf, tmp_path: Path) -> None:
    for name, text in (("b.mp4", "b 2"), ("ä.mp4", "a 1"), ("c.mp4", "rubbish")):
        shelf.write(name, text)
    shelf.library.index([shelf.videos])
    assert shelf.library.export(tmp_path / "new" / "vectors.npz") == 3
    with np.load(tmp_path / "new" / "vectors.npz") as arrays:
        assert arrays["vectors"].dtype == np.float32
        assert np.array_equal(arrays["vectors"], [vector_of("b", 0), vector_of("b", 1), vector_of("a", 0)])
        assert [Path(path).name for path in arrays["paths"]] == ["b.mp4", "b.mp4", "ä.mp4"]
        assert (arrays["starts"].tolist(), arrays["ends"].tolist()) == ([0, 15, 0], [15, 30, 15])
        assert arrays["coverages"].tolist() == [0.25] * 3
        assert (str(arrays["encoder"]), str(arrays["fingerprint"])) == ("fake", "fingerprint of fake")
        moment = shelf.library.moment(str(arrays["ids"][1]))
    assert moment is not None
    assert moment.start == 15


def test_videos_that_are_gone_are_not_exported(shelf: Shelf, tmp_path: Path) -> None:
    gone, _ = shelf.write("a.mp4", "a 1"), shelf.write("b.mp4", "b 2")
    shelf.library.index([shelf.videos])
    gone.unlink()
    shelf.library.index([shelf.videos])
    assert shelf.library.export(tmp_path / "vectors.npz") == 2


def test_a_library_without_moments_is_exported_as_empty_arrays(shelf: Shelf, tmp_path: Path) -> None:
    shelf.library.index([])
    assert shelf.library.export(tmp_path / "vectors.npz") == 0
    with np.load(tmp_path / "vectors.npz") as arrays:
        assert arrays["vectors"].shape == (0, 16)


def test_an_export_that_cannot_be_made_is_a_library_error(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", FakeEncoder(), FakeMotionEncoder(), create=True) as library:
        with pytest.raises(LibraryError, match="nothing was indexed yet"):
            library.export(tmp_path / "vectors.npz")
        library.index([])
        (tmp_path / "folder.npz").mkdir()
        with pytest.raises(LibraryError, match=r"cannot be written .*Choose a different place"):
            library.export(tmp_path / "folder.npz")
