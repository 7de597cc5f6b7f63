"""SigLIP and SigLIP 2 against transformers' own program, on small models with random weights and trained tokenizers."""

import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import normalize
from transformers import SiglipModel
from transformers.models.siglip2.tokenization_siglip2 import Siglip2Tokenizer

from deltaclip.errors import CheckpointError
from deltaclip.model import (
    FAMILIES,
    Tokenizer,
    convert,
    family_of,
    image_features,
    known_checkpoint,
    load_checkpoint,
    loaded_digest,
    mean_pool,
    model_digest,
    normalised,
    pool_frames,
    save_checkpoint,
    text_features,
    texts_of,
    with_temporal_head,
)
from deltaclip.model.families import NOT_HERE
from deltaclip.model.patches import PATCH_EMBEDDING
from deltaclip.model.self_check import check_precision
from deltaclip.model.temporal import HeadSizes
from deltaclip.reader import FITS
from tests.siglip import CONTEXT, PATCH, SENTENCES, SIDE, WIDTH, siglip_folder, siglip_tokenizer

KINDS = ("siglip", "siglip2")
TEXTS = ("The red Circle, moves!", "", " ".join(SENTENCES * 3), "a dog's  <eos> fence; Ünïcode — 東京")


@pytest.fixture(params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return siglip_folder(tmp_path / "siglip", request.param)


def pictures(seed: int = 0) -> torch.Tensor:
    """(3, 4, S, S) uint8, the last channel alpha."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, 4, SIDE, SIDE), generator=generator, dtype=torch.uint8)


def by_transformers(folder: Path, rgb: torch.Tensor) -> torch.Tensor:
    """Of pictures normalised by SigLIP's own mean and deviation."""
    model = SiglipModel.from_pretrained(folder).train(False)
    with torch.no_grad():
        found: torch.Tensor = model.get_image_features(pixel_values=(rgb / 255 - 0.5) / 0.5).pooler_output
    return found


def edit(folder: Path, file: str, **values: object) -> None:
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_vectors_of_pictures_are_transformers_own_for_every_mask(folder: Path) -> None:
    model = load_checkpoint(folder).model
    with torch.no_grad():
        found = image_features(model, normalised(pictures()))
    torch.testing.assert_close(found, by_transformers(folder, pictures()[:, :3]), atol=1e-5, rtol=0)


@torch.no_grad()
def test_vectors_of_texts_are_transformers_own_in_torch_and_in_numpy(folder: Path) -> None:
    loaded = load_checkpoint(folder)
    assert loaded.tokenizer is not None
    _, end, pad = loaded.tokenizer.around()
    assert end is not None
    assert pad is not None
    rows = loaded.tokenizer.rows(TEXTS, CONTEXT, None, end, pad)
    theirs = SiglipModel.from_pretrained(folder).train(False)
    expected = theirs.get_text_features(input_ids=torch.from_numpy(rows)).pooler_output
    torch.testing.assert_close(text_features(loaded.model, torch.from_numpy(rows)), expected, atol=1e-5, rtol=0)
    tower = texts_of(loaded.model)
    assert tower is not None
    assert np.abs(tower.vectors(rows) - normalize(expected, dim=-1).numpy()).max() < 1e-5


@torch.no_grad()
def test_all_patches_kept_in_any_order_of_work_is_the_whole_picture_and_some_are_not(folder: Path) -> None:
    model = load_checkpoint(folder).model
    rows = normalised(pictures())
    places = torch.arange((SIDE // PATCH) ** 2).expand(3, -1)
    torch.testing.assert_close(image_features(model, rows, places), image_features(model, rows), atol=1e-5, rtol=0)
    assert (image_features(model, rows, places[:, ::2]) - image_features(model, rows)).abs().max() > 1e-3


@torch.no_grad()
def test_a_saved_one_gives_the_same_bits_and_plain_transformers_reads_it(folder: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(folder)
    save_checkpoint(tmp_path / "saved", loaded.model, loaded.tokenizer, loaded.record)
    again = load_checkpoint(tmp_path / "saved")
    assert model_digest(again.model) == model_digest(loaded.model)
    assert again.tokenizer is not None
    assert loaded.tokenizer is not None
    assert again.tokenizer.digest() == loaded.tokenizer.digest()
    theirs: Any = SiglipModel.from_pretrained(tmp_path / "saved", output_loading_info=True)
    assert not theirs[1]["missing_keys"]
    assert not theirs[1]["unexpected_keys"]
    rows = normalised(pictures())
    expected = theirs[0].train(False).get_image_features(pixel_values=rows).pooler_output
    torch.testing.assert_close(image_features(again.model, rows), expected, atol=1e-5, rtol=0)
    settings = json.loads((tmp_path / "saved" / "preprocessor_config.json").read_text())
    assert settings["size"] == {"height": SIDE, "width": SIDE}
    assert "crop_size" not in settings


def test_a_saved_one_without_its_preprocessing_is_refused_for_its_weights_are_for_other_pictures(
    folder: Path, tmp_path: Path
) -> None:
    convert(clip=folder, out=tmp_path / "out")
    (tmp_path / "out" / "preprocessor_config.json").unlink()
    with pytest.raises(CheckpointError, match="no preprocessor_config"):
        load_checkpoint(tmp_path / "out")


def test_published_pictures_are_normalised_by_half_if_no_file_says_so(folder: Path) -> None:
    expected = model_digest(load_checkpoint(folder).model)
    (folder / "preprocessor_config.json").unlink()
    assert model_digest(load_checkpoint(folder).model) == expected


@torch.no_grad()
def test_a_trained_mask_acts_and_a_head_is_as_wide_as_the_vectors(folder: Path) -> None:
    loaded = load_checkpoint(folder)
    headed = with_temporal_head(loaded.model, HeadSizes(1, 4), seed=0)
    headed.get_parameter(PATCH_EMBEDDING)[:, 3:].normal_(0, 0.1, generator=torch.Generator().manual_seed(0))
    other = pictures()
    other[:, 3] = 255
    made = [image_features(headed, normalised(each)) for each in (pictures(), other)]
    assert (made[0] - made[1]).abs().max() > 1e-3
    assert torch.equal(pool_frames(headed, made[0][None]), mean_pool(made[0][None]))  # a fresh head changes nothing


def test_bf16_is_compared_in_all_parts_of_it(folder: Path) -> None:
    check = check_precision(load_checkpoint(folder).model, torch.device("cpu"), torch.bfloat16)
    assert check.passed, str(check)
    assert {"worst image token", "worst text token", "image vectors", "text vectors"} <= check.errors.keys()


def test_nothing_is_warned_of(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("transformers").addHandler(caplog.handler)
    load_checkpoint(folder)
    logging.getLogger("transformers").removeHandler(caplog.handler)
    assert not caplog.records


def test_ids_of_texts_are_those_of_transformers_siglip2_tokenizer(tmp_path: Path) -> None:
    folder = siglip_folder(tmp_path / "siglip2", "siglip2")
    inner = json.loads((folder / "tokenizer.json").read_text())
    merges: Any = [tuple(pair) for pair in inner["model"]["merges"]]  # typed as texts
    theirs = Siglip2Tokenizer(vocab=inner["model"]["vocab"], merges=merges)
    ours = Tokenizer.from_source(folder)
    texts = [text for text in TEXTS if "<" not in text]  # special tokens are plain text here
    padded = theirs(texts, padding="max_length", max_length=64, padding_side="right", add_special_tokens=False)
    expected = [[token for token in row if token != 0] for row in padded["input_ids"]]
    assert ours.encode(texts) == expected
    [row] = ours.rows(["a dog"], 5, None, 1, 0, CONTEXT)
    assert row.tolist() == [*expected_ids(ours, "a dog"), 1, *[0] * (CONTEXT - len(expected_ids(ours, "a dog")) - 1)]


def expected_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    [ids] = tokenizer.encode([text])
    return ids


def test_texts_for_siglip_have_no_punctuation_and_no_capitals() -> None:
    tokenizer = Tokenizer(siglip_tokenizer("siglip"))
    assert tokenizer.encode(["The RED circle, moves!"]) == tokenizer.encode([" the red  circle moves"])
    assert tokenizer.around() == (None, 1, 1)  # padded with the token that ends a text


def test_texts_for_siglip2_keep_their_punctuation() -> None:
    tokenizer = Tokenizer(siglip_tokenizer("siglip2"))
    assert tokenizer.encode(["The dog!"]) == tokenizer.encode(["the dog!"]) != tokenizer.encode(["the dog"])
    assert tokenizer.around() == (None, 1, 0)


def test_long_texts_are_cut_with_the_end_token_kept_and_short_ones_padded_to_the_context() -> None:
    tokenizer = Tokenizer(siglip_tokenizer("siglip2"))
    long, short = tokenizer.rows([TEXTS[2], "dog"], 6, None, 1, 0, CONTEXT)
    assert (long[5], short.tolist().count(1)) == (1, 1)
    assert set(long[6:]) == {0}


def test_alpha_weights_of_a_clip_are_not_mixed_into_it(folder: Path, tmp_path: Path) -> None:
    torch.save({"conv1_alpha.weight": torch.ones(WIDTH, 1, PATCH, PATCH)}, tmp_path / "alpha.pth")
    with pytest.raises(CheckpointError, match="alpha weights are those of a CLIP"):
        convert(clip=folder, alpha=tmp_path / "alpha.pth", out=tmp_path / "out")


def test_two_kinds_of_one_size_and_clip_have_different_digests(folder: Path, tmp_path: Path) -> None:
    model = load_checkpoint(folder).model
    assert family_of(model).name == "siglip"
    other = siglip_folder(tmp_path / "other", "siglip2", seed=5)
    assert model_digest(load_checkpoint(other).model) != model_digest(model)


def test_once_loaded_its_texts_are_known_without_its_model(folder: Path) -> None:
    for path in folder.iterdir():
        os.utime(path, (time.time() - 3600,) * 2)
    loaded = load_checkpoint(folder)
    digest, found = loaded_digest(loaded), known_checkpoint(folder)
    assert found is not None
    assert (found.digest, found.facts.family, found.facts.spec.begin) == (digest, "siglip", None)
    rows = np.full((2, CONTEXT), 1)
    rows[0, :3] = (5, 7, 9)
    tower = texts_of(loaded.model)
    assert tower is not None
    assert np.array_equal(found.texts.vectors(rows), tower.vectors(rows))


def no_end_token(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def clips_tokenizer(folder: Path) -> None:
    Tokenizer.from_words(SENTENCES).save(folder / "tokenizer.json")


def other_weights(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["vision_model.head.probe"]
    save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (no_end_token, "no tokenizer.json that names the tokens"),
        (clips_tokenizer, "a tokenizer of CLIP beside a model of SigLIP"),
        (other_weights, "1 weights missing: vision_model.head.probe"),
        (lambda folder: edit(folder, "config.json", model_type="siglip2"), "NaFlex"),
        (lambda folder: edit(folder, "config.json", vision_config={"vision_use_head": False}), "vision_use_head"),
        (lambda folder: edit(folder, "config.json", text_config={"projection_size": 5}), "projection_size is 5"),
        (lambda folder: edit(folder, "preprocessor_config.json", do_center_crop=True), "do_center_crop true"),
        (lambda folder: edit(folder, "preprocessor_config.json", size={"shortest_edge": SIDE}), "shortest_edge"),
        (lambda folder: edit(folder, "preprocessor_config.json", resample=0), "neither bilinear"),
        (
            lambda folder: edit(folder, "preprocessor_config.json", image_processor_type="CLIPImageProcessor"),
            "not an image processor of SigLIP",
        ),
    ],
)
def test_what_does_not_belong_to_it_is_named(tmp_path: Path, change: Callable[[Path], None], found: str) -> None:
    change(siglip_folder(tmp_path / "siglip"))
    with pytest.raises(CheckpointError, match=found):
        load_checkpoint(tmp_path / "siglip")


def test_every_family_is_fitted_in_a_way_that_the_reader_knows() -> None:
    assert {family.fit for family in FAMILIES.values()} == set(FITS)
    assert not FAMILIES.keys() & NOT_HERE.keys()
