"""MetaCLIP 2 beside the program of its family, transformers: vectors, token ids, and what a saved one is."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize
from transformers import MetaClip2Model, XLMRobertaTokenizer

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.errors import CheckpointError
from deltaclip.model import (
    Tokenizer,
    family_of,
    image_features,
    load_checkpoint,
    model_digest,
    normalised,
    save_checkpoint,
    text_features,
    texts_of,
)
from deltaclip.model.conversion import convert
from deltaclip.model.normalisation import CLIP_NORMALISATION
from tests.helpers import small_checkpoint
from tests.metaclip2 import CONTEXT, PATCH, SIDE, metaclip2_folder
from tests.siglip import SENTENCES

TEXTS = ("The red Circle, moves!", "", " ".join(SENTENCES * 3), "a dog's  </s> fence; Ünïcode — 東京")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return metaclip2_folder(tmp_path / "metaclip2")


def pictures() -> torch.Tensor:
    """(3, 4, S, S) uint8, the last channel alpha."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, 4, SIDE, SIDE), generator=generator, dtype=torch.uint8)


@torch.no_grad()
def test_vectors_of_pictures_are_transformers_own_for_every_mask(folder: Path) -> None:
    model = load_checkpoint(folder).model
    assert family_of(model).title == "MetaCLIP 2"
    mean, deviation = (torch.tensor(each)[:, None, None] for each in (CLIP_NORMALISATION.mean, CLIP_NORMALISATION.std))
    theirs = MetaClip2Model.from_pretrained(folder).train(False)
    expected = theirs.get_image_features(pixel_values=(pictures()[:, :3] / 255 - mean) / deviation).pooler_output
    torch.testing.assert_close(image_features(model, normalised(pictures())), expected, atol=1e-5, rtol=0)
    places = torch.arange((SIDE // PATCH) ** 2).expand(3, -1)
    torch.testing.assert_close(image_features(model, normalised(pictures()), places), expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_vectors_of_texts_are_transformers_own_in_torch_and_in_numpy_though_they_end_with_2(folder: Path) -> None:
    loaded = load_checkpoint(folder)
    assert loaded.tokenizer is not None
    assert loaded.tokenizer.around() == (0, 2, 1)
    rows = loaded.tokenizer.rows(TEXTS, CONTEXT, 0, 2, 1)
    theirs = MetaClip2Model.from_pretrained(folder).train(False)
    expected = theirs.get_text_features(input_ids=torch.from_numpy(rows)).pooler_output
    torch.testing.assert_close(text_features(loaded.model, torch.from_numpy(rows)), expected, atol=1e-5, rtol=0)
    tower = texts_of(loaded.model)
    assert tower is not None
    assert np.abs(tower.vectors(rows) - normalize(expected, dim=-1).numpy()).max() < 1e-5


def test_ids_are_those_of_its_own_tokenizer_but_for_special_tokens_in_a_text(folder: Path) -> None:
    ours = Tokenizer.from_source(folder)
    theirs = XLMRobertaTokenizer(tokenizer_file=str(folder / "tokenizer.json"))
    plain = [text for text in TEXTS if "</s>" not in text]
    rows = ours.rows(plain, CONTEXT, 0, 2, 1)
    for text, row in zip(plain, rows, strict=True):
        wanted = theirs(text, padding="max_length", truncation=True, max_length=CONTEXT)["input_ids"]
        assert row.tolist() == wanted
    assert 2 not in ours.encode(["a </s> b"])[0]  # plain text here; the end token there


@torch.no_grad()
def test_a_saved_one_gives_the_same_bits_and_plain_transformers_reads_it(folder: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(folder)
    save_checkpoint(tmp_path / "saved", loaded.model, loaded.tokenizer, loaded.record)
    again = load_checkpoint(tmp_path / "saved")
    assert model_digest(again.model) == model_digest(loaded.model)
    theirs = MetaClip2Model.from_pretrained(tmp_path / "saved").train(False)
    rows = normalised(pictures())
    expected = theirs.get_image_features(pixel_values=rows).pooler_output
    torch.testing.assert_close(image_features(again.model, rows), expected, atol=1e-5, rtol=0)


def test_a_cold_search_encodes_as_torch_does_and_a_converted_one_is_the_same(folder: Path, tmp_path: Path) -> None:
    convert(clip=folder, out=tmp_path / "out")
    spec = EncoderSpec(engine="torch", precision="fp32")
    first, second = Encoder.load(folder, spec), Encoder.load(tmp_path / "out", spec)
    assert first.fingerprint == second.fingerprint
    cold = Encoder.load(tmp_path / "out")
    np.testing.assert_allclose(cold.encode_texts(TEXTS), second.encode_texts(TEXTS), atol=1e-5)


def test_a_tokenizer_of_clip_is_refused_and_its_own_by_clip(folder: Path, tmp_path: Path) -> None:
    clip = small_checkpoint(tmp_path / "clip")
    with pytest.raises(CheckpointError, match="a tokenizer of CLIP beside a model of MetaCLIP 2"):
        convert(clip=folder, tokenizer=clip, out=tmp_path / "out")
    with pytest.raises(CheckpointError, match="tokenizer"):
        convert(clip=clip, tokenizer=folder, out=tmp_path / "out")
