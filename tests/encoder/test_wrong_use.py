"""Wrong use of an encoder is an error that says what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deltaclip.encoder import Encoder
from deltaclip.errors import VideoError
from tests.helpers import small_checkpoint, write_square

USES: list[tuple[Callable[[Encoder], Any], str]] = [  # Any: what must not come back
    (lambda encoder: encoder.encode_videos("a.mp4"), r"list of paths, not one path: write \['a.mp4'\]"),
    (lambda encoder: encoder.encode_videos(Path("a.mp4")), r"list of paths, not one path: write \['a.mp4'\]"),  # type: ignore[arg-type]
    (lambda encoder: encoder.encode_videos(["a.mp4", 3]), r"in place 1 of the list\) takes one path, not int"),  # type: ignore[list-item]
    (lambda encoder: encoder.encode_videos(None), "list of paths, not None"),  # type: ignore[arg-type]
    (lambda encoder: encoder.encode_texts("a dog"), r"list of texts, not one string: write \['a dog'\]"),
    (lambda encoder: encoder.encode_texts(["a dog", Path("a.mp4")]), "list of texts; in place 1 is PosixPath"),  # type: ignore[list-item]
    (lambda encoder: encoder.encode_texts(3), "list of texts, not int"),  # type: ignore[arg-type]
    (lambda encoder: encoder.token_rows("a dog"), "token_rows takes a list of texts, not one string"),
    (lambda encoder: encoder.cut_words(["a dog"]), "cut_words takes one text, not list"),  # type: ignore[arg-type]
    (lambda encoder: encoder.encode_clips(["a.mp4"]), "takes clips, not str: encode_videos takes paths"),  # type: ignore[list-item]
    (lambda encoder: encoder.encode_clips(3), "encode_clips takes a list of clips, not one int"),  # type: ignore[arg-type]
    (lambda encoder: Encoder.load(["shapes"]), "Encoder.load takes one path, not list"),  # type: ignore[arg-type]
    (lambda encoder: Encoder.load(encoder), "Encoder.load takes one path, not Encoder"),  # type: ignore[arg-type]
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(small_checkpoint(tmp_path_factory.mktemp("small") / "encoder"), device="cpu")


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(("use", "words"), USES, ids=[words[:30] for _, words in USES])
def test_a_wrong_type_is_an_error_that_says_what_to_give(
    encoder: Encoder, use: Callable[[Encoder], Any], words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        use(encoder)


def test_nothing_gives_no_rows_and_any_iterable_is_taken(encoder: Encoder, tmp_path: Path) -> None:
    path = write_square(tmp_path / "a.mp4")
    assert encoder.encode_texts([]).shape == encoder.encode_videos([]).shape == (0, 16)
    assert encoder.encode_texts(text for text in ("a square moves", "it stays")).shape == (2, 16)
    assert encoder.encode_videos(iter([path])).shape == (1, 16)


def test_progress_is_told_for_every_video_that_was_read(encoder: Encoder, tmp_path: Path) -> None:
    paths = [write_square(tmp_path / f"{name}.mp4") for name in "ab"]
    told: list[tuple[int, int]] = []
    encoder.encode_videos(paths, lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_a_file_that_is_no_video_is_a_video_error_and_no_row(encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no video")
    with pytest.raises(VideoError, match=r"notes\.txt"):
        encoder.encode_videos([write_square(tmp_path / "a.mp4"), tmp_path / "notes.txt"])
