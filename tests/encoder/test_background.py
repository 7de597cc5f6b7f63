"""Background sentences: what they are, and that their vectors are made once."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.encoder import Encoder, MotionEncoder
from deltaclip.encoder.background import (
    DRAWN_SEED,
    drawn_sentences,
    general_sentences,
    kept_vectors,
    motion_sentences,
)
from deltaclip.shapes import ShapesSpec, make_world
from tests.helpers import small_checkpoint


def test_drawn_sentences_are_captions_of_the_world_that_they_are_said_to_be_of() -> None:
    clips = make_world(DRAWN_SEED, len(drawn_sentences()), ShapesSpec())
    assert drawn_sentences() == tuple(clip.caption for clip in clips)


def test_sentences_are_many_and_each_is_there_once() -> None:
    assert len(general_sentences()) == len(set(general_sentences())) == 204
    assert all(sentence == sentence.strip().lower() for sentence in general_sentences())
    assert len(set(motion_sentences())) > 150


def test_a_motion_encoder_understands_nearly_all_sentences_on_motion() -> None:
    vectors = MotionEncoder.load().background_vectors()
    assert len(vectors) > 0.9 * len(motion_sentences())
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(vectors)), abs=1e-4)


def test_the_bundled_encoder_takes_captions_of_drawn_clips_and_others_general_ones(tmp_path: Path) -> None:
    shapes, small = Encoder.load("shapes"), Encoder.load(small_checkpoint(tmp_path / "small"))
    for encoder, sentences in ((shapes, drawn_sentences()), (small, general_sentences())):
        found = encoder.background_vectors()
        assert found.shape == (len(sentences), encoder.dimension)
        assert found[:3] == pytest.approx(encoder.encode_texts(sentences[:3]), abs=1e-5)
    assert shapes.knows_a_word("quantum circle")
    assert not shapes.knows_a_word("quantum quantum")


def test_vectors_are_made_once_and_again_if_they_are_damaged_or_of_another_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELTACLIP_CACHE", str(tmp_path / "cache"))
    made = []

    def encode(sentences: Sequence[str]) -> NDArray[np.float32]:
        made.append(len(sentences))
        return np.eye(2, 3, dtype=np.float32)

    def asked(dimension: int = 3) -> NDArray[np.float32]:
        return kept_vectors("print", dimension, lambda: ["a", "b"], encode)

    assert np.array_equal(asked(), asked())
    assert made == [2]
    [file] = (tmp_path / "cache" / "background").iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    asked()
    asked(dimension=4)
    assert made == [2, 2, 2]
    monkeypatch.setenv("DELTACLIP_CACHE", str(file))  # no folder can be made there
    assert np.array_equal(asked(), np.eye(2, 3, dtype=np.float32))


def test_articles_alone_are_no_words_that_an_encoder_knows() -> None:
    shapes = Encoder.load("shapes")
    assert [shapes.knows_a_word(text) for text in ("the", "a dog", "the circle", "of the and")] == [
        False,
        False,
        True,
        False,
    ]
