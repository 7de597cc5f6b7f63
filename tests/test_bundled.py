"""The encoder that comes with the package: small, its making on record, and it sees what moves."""

from importlib.resources import files
from pathlib import Path

import pytest

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.evaluation.shapes import evaluate_shapes

FOLDER = Path(str(files("deltaclip").joinpath("checkpoints/shapes")))


@pytest.fixture(scope="module")
def shapes() -> Encoder:
    return Encoder.load("shapes", EncoderSpec(device="cpu"))


def test_it_weighs_at_most_ten_megabytes() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= 10_000_000


def test_its_recipe_seed_and_commit_are_on_record(shapes: Encoder) -> None:
    training = shapes.record.training
    assert training is not None
    assert {"seed", "steps", "motion", "commit", "machine", "torch"} <= training.keys()
    assert not str(training["commit"]).endswith("+"), "trained from files that no commit holds"
    assert shapes.record.licence == "Apache-2.0"


def test_its_alpha_channel_acts(shapes: Encoder) -> None:
    assert shapes.alpha_acts
    assert shapes.reader_spec.motion_word == shapes.record.motion


def test_it_finds_the_right_twin_where_an_encoder_blind_to_motion_could_not(shapes: Encoder) -> None:
    # 60 clips: an encoder that knows the things but not the mover gets 33 of 100.
    result = evaluate_shapes(shapes, num_clips=60)
    assert result.retrieval.t2v.R1 > 60


def test_without_its_masks_it_falls_to_chance_among_twins() -> None:
    blind = Encoder.load("shapes", EncoderSpec(motion="full", device="cpu"))
    result = evaluate_shapes(blind, num_clips=60)
    assert result.retrieval.t2v.R1 < 50


def test_it_understands_a_persons_words(shapes: Encoder) -> None:
    tokenizer = shapes.need_tokenizer()
    assert tokenizer.unknown_words("The red circle moves!") == ()
    assert tokenizer.unknown_words("a zebra moves") == ("zebra",)
