"""Configurations of transformers: what a healthy one says is done, and one that no model can have is named."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import CLIPConfig, CLIPModel

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.errors import CheckpointError
from deltaclip.model import Tokenizer, convert, image_features, load_checkpoint
from tests.helpers import with_alpha

from .conftest import edit_config, make_plain

EXACT = EncoderSpec(device="cpu", precision="float32")


def plain_clip(folder: Path, *, image_size: int = 32, patch_size: int = 8, context_length: int = 20) -> CLIPModel:
    """A random CLIP of three channels as transformers itself makes and saves it."""
    both = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    ids = {"vocab_size": 12, "bos_token_id": 10, "eos_token_id": 11, "pad_token_id": 0}
    config = CLIPConfig(
        text_config={**both, **ids, "max_position_embeddings": context_length},
        vision_config={**both, "image_size": image_size, "patch_size": patch_size},
        projection_dim=16,
    )
    torch.manual_seed(0)
    model = CLIPModel(config)
    model.train(False)
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize(("image_size", "patch_size"), [(50, 14), (225, 32), (33, 16)])
@torch.no_grad()
def test_pictures_of_no_whole_number_of_patches_give_what_transformers_gives(
    tmp_path: Path, image_size: int, patch_size: int
) -> None:
    # healthy, and refused with a word about --motion
    original = plain_clip(tmp_path / "clip", image_size=image_size, patch_size=patch_size)
    pixels = torch.randn(3, 3, image_size, image_size, generator=torch.Generator().manual_seed(0))
    expected = original.get_image_features(pixel_values=pixels).pooler_output
    assert Encoder.load(tmp_path / "clip", EXACT).reader_spec.image_size == image_size
    convert(clip=tmp_path / "clip", out=tmp_path / "out")
    pictures = with_alpha(pixels, torch.randn(3, 1, image_size, image_size))
    for folder in (tmp_path / "clip", tmp_path / "out"):
        found = image_features(load_checkpoint(folder).model, pictures)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("context_length", [5, 77, 300])
def test_a_checkpoint_without_a_record_takes_texts_as_long_as_its_context(tmp_path: Path, context_length: int) -> None:
    plain_clip(tmp_path / "clip", context_length=context_length)
    Tokenizer.from_words(["the red circle moves while the blue square stays"]).save(tmp_path / "clip/tokenizer.json")
    convert(clip=tmp_path / "clip", out=tmp_path / "out")
    for folder in (tmp_path / "clip", tmp_path / "out"):
        encoder = Encoder.load(folder, EXACT)
        assert encoder.max_words == context_length
        assert encoder.token_rows(["red " * 400]).shape == (1, context_length)


def vision(**values: object) -> Callable[[dict[str, dict[str, object]]], object]:
    return lambda config: config["vision_config"].update(values)


def text(**values: object) -> Callable[[dict[str, dict[str, object]]], object]:
    return lambda config: config["text_config"].update(values)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (vision(hidden_act="banana"), "vision_config.hidden_act is 'banana', not one of gelu, "),
        (text(hidden_act="banana"), "text_config.hidden_act is 'banana'"),
        (vision(num_attention_heads=0), "vision_config.num_attention_heads is 0"),
        (text(num_attention_heads=-1), "text_config.num_attention_heads is -1"),
        (
            vision(num_attention_heads=5),
            "(hidden size .128. is not a multiple|num_attention_heads is 5, which does not)",
        ),
        (vision(patch_size=0), "vision_config.patch_size is 0"),
        (vision(patch_size=64), "patch_size is 64, above its image_size 32"),
        (vision(image_size=[32, 32]), r"vision_config.image_size is \[32, 32\]"),
        (vision(num_hidden_layers=0), "num_hidden_layers is 0"),
        (vision(layer_norm_eps=-1.0), "layer_norm_eps is -1.0, not above zero"),
        (text(max_position_embeddings=1), "max_position_embeddings is 1, not a whole number from 2"),
        (text(vocab_size=0), "vocab_size is 0"),
    ],
)
def test_a_configuration_that_no_model_can_have_is_refused_by_its_setting(
    folder: Path, tmp_path: Path, change: Callable[[dict[str, dict[str, object]]], object], named: str
) -> None:
    make_plain(folder)
    edit_config(folder, change)
    with pytest.raises(CheckpointError, match=f"config.json: not the configuration of a CLIP .*{named}"):
        load_checkpoint(folder)
    with pytest.raises(CheckpointError, match=named):
        convert(clip=folder, out=tmp_path / "out")
