"""A library loads the encoder that made its vectors again, with every option that its fingerprint covers."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from deltaclip.encoder import Encoder
from deltaclip.errors import LibraryError
from deltaclip.library import Library
from deltaclip.library.encoders import require_same_encoder
from deltaclip.library.results import RememberedEncoder
from deltaclip.reader import read_moments
from tests.helpers import small_checkpoint, write_square
from tests.library.fakes import InTurn


def in_this_process(_workers: int) -> "nullcontext[InTurn]":
    return nullcontext(InTurn(read_moments))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"motion": "difference:threshold=12.5"},
        {"num_frames": 3},
        {"sampling": "clip4clip-uniform"},  # forgotten once: the library could not be opened again
        {"max_words": 7},  # likewise
        {"motion": "full", "num_frames": 2, "sampling": "clip4clip-head", "max_words": 5},
    ],
)
def test_a_library_is_opened_again_with_its_own_encoder(tmp_path: Path, options: dict[str, str | int]) -> None:
    encoder = Encoder.load(small_checkpoint(tmp_path / "encoder"), **options)  # type: ignore[arg-type]  # by name
    video = write_square(tmp_path / "square.mp4")
    with Library.open(tmp_path / "library", encoder, create=True, open_reader=in_this_process) as library:
        assert library.index([video], motion_words=False).indexed == 1
    with Library.open(tmp_path / "library", open_reader=in_this_process) as library:
        assert [hit.path for hit in library.search("the square moves")] == [video]
        assert library.encoder.fingerprint == encoder.fingerprint
        assert library.index([video]).unchanged == 1


def test_any_number_of_workers_gives_the_same_library(tmp_path: Path) -> None:
    encoder = Encoder.load(small_checkpoint(tmp_path / "encoder"))
    videos = [write_square(tmp_path / f"{step}.mp4", step=step) for step in range(5)]
    held = []
    for workers in (1, 3):
        with Library.open(tmp_path / f"library {workers}", encoder, create=True) as library:
            assert library.index([*videos, tmp_path / "none.mp4"], motion_words=False, workers=workers).indexed == 5
            held.append([(moment.path, moment.start, moment.vector.tobytes()) for moment in library.moments()])
    assert held[0] == held[1]
    assert [path for path, _, _ in held[0]] == videos


@pytest.mark.parametrize("workers", [0, -1, 1.5, "2", True])
def test_a_wrong_number_of_workers_is_refused_before_anything_is_read(tmp_path: Path, workers: object) -> None:
    encoder = Encoder.load(small_checkpoint(tmp_path / "encoder"))
    with (
        Library.open(tmp_path / "library", encoder, create=True) as library,
        pytest.raises((TypeError, ValueError), match="workers"),
    ):
        library.index([tmp_path], workers=workers)  # type: ignore[arg-type]  # what somebody might pass


def test_encoders_that_differ_in_one_option_are_told_apart_by_it(tmp_path: Path) -> None:
    folder = small_checkpoint(tmp_path / "encoder")
    made, asked = (
        RememberedEncoder.of(Encoder.load(folder, **options))
        for options in ({"max_words": 7}, {"sampling": "clip4clip-head"})
    )
    with pytest.raises(LibraryError) as told:
        require_same_encoder("library", made, True, asked)
    first, second = told.value.found.split(", not by ")
    assert "texts of up to 7 tokens" in first
    assert "clip4clip-head sampling" in second
