"""An encoder about which nothing was chosen: few texts in numpy, all else as ever, and the same vectors both ways."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from deltaclip.encoder import (
    FEW_TEXTS,
    DeferredEngine,
    Encoder,
    EncoderSpec,
    MotionEncoder,
    MotionNetwork,
    MotionSizes,
    save_motion_encoder,
    weights_of,
)
from deltaclip.encoder.choosing import chosen_engine
from deltaclip.encoder.motion_network import network_of
from deltaclip.errors import CheckpointError
from deltaclip.library import Library
from deltaclip.model import load_checkpoint
from deltaclip.motion_words import MAX_WORDS, PAD, read_sentence, vocabulary
from tests.helpers import small_checkpoint, write_square

TEXTS = ["the red square moves", "a blue circle", "", "the red square " * 20]
YESTERDAY = time.time() - 86_400


def settle(folder: Path) -> None:
    for path in folder.iterdir():
        os.utime(path, (YESTERDAY, YESTERDAY))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint that nobody has loaded."""
    made = small_checkpoint(tmp_path / "small", motion="difference")
    settle(made)
    return made


def is_made(encoder: Encoder) -> bool:
    """Whether torch has loaded the model."""
    assert isinstance(encoder.engine, DeferredEngine)
    return encoder.engine._made is not None


def test_the_first_loading_and_every_later_one_give_the_same_to_the_bit(folder: Path) -> None:
    first, second = Encoder.load(folder), Encoder.load(folder)
    assert (is_made(first), is_made(second)) == (True, False)
    assert (first.encode_texts(TEXTS) == second.encode_texts(TEXTS)).all()
    assert not is_made(second)
    assert (first.fingerprint, first.record, first.dimension) == (second.fingerprint, second.record, second.dimension)
    assert (first.engine.inputs, first.reader_spec) == (second.engine.inputs, second.reader_spec)
    assert not is_made(second)


def test_texts_are_those_of_torch_in_float32(folder: Path) -> None:
    exact = Encoder.load(folder, device="cpu", precision="fp32")
    assert np.abs(Encoder.load(folder).encode_texts(TEXTS) - exact.encode_texts(TEXTS)).max() < 1e-5
    assert Encoder.load(folder).fingerprint == exact.fingerprint


def test_many_texts_go_through_the_engine_that_is_chosen_for_images(folder: Path) -> None:
    Encoder.load(folder)
    encoder, torchs = Encoder.load(folder), Encoder.load(folder, engine="torch")
    few, many = ["red"] * FEW_TEXTS, ["red"] * (FEW_TEXTS + 1)
    encoder.encode_texts(few)
    assert not is_made(encoder)
    assert (encoder.encode_texts(many) == torchs.encode_texts(many)).all()
    assert is_made(encoder)


def test_more_texts_than_a_batch_are_not_encoded_in_two_ways(folder: Path) -> None:
    Encoder.load(folder)
    encoder = Encoder.load(folder)
    sizes = []
    real = encoder.engine.text_vectors

    def counted(ids: Any) -> Any:
        sizes.append(len(ids))
        return real(ids)

    encoder.engine.text_vectors = counted  # type: ignore[method-assign]
    assert encoder.encode_texts(["red"] * 257).shape == (257, 16)
    assert sizes == [128, 129]


def test_clips_and_what_runs_are_as_ever(folder: Path, tmp_path: Path) -> None:
    Encoder.load(folder)
    encoder, checkpoint = Encoder.load(folder), load_checkpoint(folder)
    whole = Encoder(encoder.name, chosen_engine(checkpoint, EncoderSpec()), checkpoint.tokenizer, checkpoint.record)
    video = write_square(tmp_path / "a.mp4", step=1)
    assert (encoder.encode_videos([video]) == whole.encode_videos([video])).all()
    assert is_made(encoder)
    assert (encoder.device, encoder.precision, encoder.rounding) == (whole.device, whole.precision, whole.rounding)
    assert encoder.describe() == whole.describe()
    facts = dict(encoder.engine.facts)
    assert facts.pop("few_texts") == "up to 16 at once in numpy, in float32"
    assert all(facts[name] == fact for name, fact in whole.engine.facts.items() if name != "self_check")  # it is timed
    assert encoder.engine.notes == whole.engine.notes


@pytest.mark.parametrize("choice", [{"device": "cpu"}, {"precision": "fp32"}, {"engine": "torch"}])
def test_who_chooses_gets_what_was_chosen(folder: Path, choice: Any) -> None:
    Encoder.load(folder)
    assert not isinstance(Encoder.load(folder, **choice).engine, DeferredEngine)


def test_a_library_asks_nothing_that_would_load_the_model(folder: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", Encoder.load(folder), create=True) as library:
        library.index([write_square(tmp_path / "a.mp4", step=1)])
    encoder = Encoder.load(folder).with_options(num_frames=4)
    with Library.open(tmp_path / "library", encoder) as library:
        assert [hit.path.name for hit in library.search("the red square goes right")] == ["a.mp4"]
    assert not is_made(encoder)


def test_a_checkpoint_that_is_gone_or_cut_short_is_refused_as_ever(folder: Path) -> None:
    Encoder.load(folder)
    os.truncate(folder / "model.safetensors", 1000)
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        Encoder.load(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"neither model.safetensors nor"):
        Encoder.load(folder)


def test_sentences_are_read_as_the_network_in_torch_reads_them() -> None:
    encoder = MotionEncoder.load()
    network = network_of(encoder._weights)
    for text in ("moves to the left", "a car drives off to the right, then it jumps up and falls", "a dog"):
        read = read_sentence(text)
        ids = torch.full((1, MAX_WORDS), PAD)
        ids[0, : len(read.ids)] = torch.tensor(read.ids)
        with torch.inference_mode():
            exact = network.read(ids)
        found = encoder._weights.read(np.array(read.ids))
        assert np.abs(found.vector - exact.vectors[0].numpy()).max() < 1e-5
        assert np.abs(found.spoken - exact.spoken[0, : len(read.ids)].numpy()).max() < 1e-4
        assert found.bits == pytest.approx(float(exact.bits[0]), abs=1e-4)


def test_the_weights_of_a_motion_encoder_are_those_of_its_network() -> None:
    network = MotionNetwork(MotionSizes(width=8, layers=2, text_layers=1, heads=2, dimension=4), 30, 7)
    weights = weights_of(network)
    assert weights.misfits(30, 7) == []
    assert weights.misfits(31, 7) == ["words.weight"]
    assert weights.misfits(30, 8) == ["places"]


@pytest.mark.parametrize("damage", ["a missing weight", "one too many", "a file cut short"])
def test_a_motion_encoder_that_torch_would_refuse_is_refused(tmp_path: Path, damage: str) -> None:
    from safetensors.torch import load_file, save_file

    network = MotionNetwork(MotionSizes(width=8, layers=1, heads=2, dimension=4), len(vocabulary()), MAX_WORDS)
    save_motion_encoder(tmp_path, network, {})
    file = tmp_path / "motion.safetensors"
    weights = load_file(file)
    if damage == "a missing weight":
        del weights["text_out.1.bias"]
    elif damage == "one too many":
        weights["text_out.2.bias"] = torch.ones(3)
    save_file(weights, file)
    if damage == "a file cut short":
        os.truncate(file, file.stat().st_size - 2)
    with pytest.raises(CheckpointError, match=r"no motion encoder .*(text_out|at bytes)"):
        MotionEncoder.load(tmp_path)


def test_opening_the_front_of_the_room_imports_no_torch() -> None:
    code = (
        "import sys; from deltaclip.encoder import Encoder, EncoderSpec, MotionEncoder, DeferredEngine, locate;"
        "sys.exit(bool({'torch', 'transformers', 'cv2', 'av'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
