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


def in_this_process() -> "nullcontext[InTurn]":
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
