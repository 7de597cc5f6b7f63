"""Conversion: published layouts in, one checkpoint out, nothing lost and nothing passed over in silence."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import CLIPModel

from deltaclip.errors import CheckpointError
from deltaclip.model import (
    DualEncoder,
    Tokenizer,
    alpha_is_zero,
    convert,
    image_features,
    load_checkpoint,
    text_features,
)
from deltaclip.model.patches import PATCH_EMBEDDING

from .archives import write_archive
from .conftest import ids, openai_weights, pictures, trained_like, vision_weights

Weights = dict[str, Tensor]


def saved(path: Path, weights: Weights) -> Path:
    torch.save(weights, path)
    return path


@pytest.fixture
def clip(tmp_path: Path, model: CLIPModel) -> Path:
    """The model as OpenAI would have saved it: a state dict without alpha."""
    return saved(tmp_path / "clip.pt", openai_weights(model))


@torch.no_grad()
def assert_same_model(found: DualEncoder, expected: CLIPModel) -> None:
    assert torch.equal(image_features(found, pictures()), image_features(expected, pictures()))
    assert torch.equal(text_features(found, ids()), text_features(expected, ids()))


def without_alpha(model: CLIPModel) -> CLIPModel:
    with torch.no_grad():
        model.get_parameter(PATCH_EMBEDDING)[:, 3:] = 0
    return model


def test_a_state_dict_in_openais_layout_becomes_the_model_it_was(clip: Path, model: CLIPModel, tmp_path: Path) -> None:
    report = convert(clip=clip, out=tmp_path / "out")
    assert_same_model(load_checkpoint(tmp_path / "out").model, without_alpha(model))
    assert (report.kind, report.alpha_from, report.left_out) == ("openai", "zero", ())
    assert report.record.source[0].name == "clip.pt"
    assert report.record.max_words == 9


def test_an_archive_becomes_the_model_it_was_and_its_causal_mask_is_no_weight(model: CLIPModel, tmp_path: Path) -> None:
    mask = {"transformer.resblocks.0.attn_mask": torch.full((9, 9), -torch.inf).triu(1)}
    write_archive(tmp_path / "clip.pt", openai_weights(model) | mask)
    convert(clip=tmp_path / "clip.pt", out=tmp_path / "out")
    assert_same_model(load_checkpoint(tmp_path / "out").model, without_alpha(model))


def test_without_alpha_weights_the_report_says_that_the_channel_is_zero(clip: Path, tmp_path: Path) -> None:
    report = convert(clip=clip, out=tmp_path / "out")
    assert alpha_is_zero(load_checkpoint(tmp_path / "out").model)
    assert report.record.alpha == "zero"
    assert any("starts at zero" in note for note in report.notes)


@pytest.mark.parametrize("prefix", ["", "module.", "visual.", "module.visual."])
def test_an_alpha_file_replaces_the_whole_vision_tower(
    clip: Path, model: CLIPModel, tmp_path: Path, prefix: str
) -> None:
    other = trained_like(seed=2)
    dotted = {name.replace("in_proj_", "in_proj."): weight for name, weight in vision_weights(other).items()}
    alpha = saved(tmp_path / "alpha.pth", {prefix + name: weight for name, weight in dotted.items()})
    report = convert(clip=clip, alpha=alpha, out=tmp_path / "out")
    loaded = load_checkpoint(tmp_path / "out").model
    with torch.no_grad():
        assert torch.equal(image_features(loaded, pictures()), image_features(other, pictures()))
        assert torch.equal(text_features(loaded, ids()), text_features(model, ids()))
    assert (report.alpha_from, report.record.alpha) == ("file", "trained")
    assert "research use only" in report.record.licence
    assert [file.name for file in report.record.source] == ["clip.pt", "alpha.pth"]


def test_the_alpha_convolution_alone_leaves_the_rest_as_it_is(clip: Path, model: CLIPModel, tmp_path: Path) -> None:
    alpha = saved(tmp_path / "alpha.pth", {"conv1_alpha.weight": vision_weights(model)["conv1_alpha.weight"]})
    report = convert(clip=clip, alpha=alpha, out=tmp_path / "out")
    assert_same_model(load_checkpoint(tmp_path / "out").model, model)
    assert report.alpha_from == "convolution"
    assert any("Only the alpha convolution" in note for note in report.notes)


def test_a_whole_clip_with_an_alpha_convolution_keeps_it(model: CLIPModel, tmp_path: Path) -> None:
    alpha = {"visual.conv1_alpha.weight": vision_weights(model)["conv1_alpha.weight"]}
    path = saved(tmp_path / "clip.pt", openai_weights(model) | alpha)
    assert convert(clip=path, out=tmp_path / "out").alpha_from == "clip"
    assert_same_model(load_checkpoint(tmp_path / "out").model, model)


def clip4clip_weights(model: CLIPModel) -> Weights:
    clip = {f"clip.{name}": weight for name, weight in openai_weights(model).items() if weight.is_floating_point()}
    return clip | {
        "frame_position_embeddings.weight": torch.ones(4, 4),
        "lstm_visual.bias_ih_l0": torch.ones(4),
        "cross.pooler.dense.bias": torch.ones(4),
        "similarity_dense.weight": torch.ones(1, 4),
    }


def test_a_clip4clip_file_becomes_its_clip_and_its_other_heads_are_named(model: CLIPModel, tmp_path: Path) -> None:
    path = saved(tmp_path / "pytorch_model.bin.3", clip4clip_weights(model))
    report = convert(clip=path, out=tmp_path / "out")
    assert_same_model(load_checkpoint(tmp_path / "out").model, without_alpha(model))
    assert report.kind == "clip4clip"
    assert report.record.max_words == 9  # CLIP4Clip's 32, were the context as long
    assert "cross.pooler.dense.bias" in report.left_out
    assert any("4 weights of cross, frame_position_embeddings, lstm_visual" in note for note in report.notes)


def test_a_transformers_folder_is_taken_with_its_tokenizer(folder: Path, model: CLIPModel, tmp_path: Path) -> None:
    report = convert(clip=folder, out=tmp_path / "out")
    assert_same_model(load_checkpoint(tmp_path / "out").model, model)
    assert (report.kind, report.alpha_from, report.has_tokenizer) == ("transformers", "clip", True)


def test_an_alpha_file_goes_on_top_of_a_transformers_folder(folder: Path, tmp_path: Path) -> None:
    other = trained_like(seed=2)
    alpha = saved(tmp_path / "alpha.pth", vision_weights(other))
    convert(clip=folder, alpha=alpha, out=tmp_path / "out")
    with torch.no_grad():
        found = image_features(load_checkpoint(tmp_path / "out").model, pictures())
        assert torch.equal(found, image_features(other, pictures()))


def test_a_tokenizer_is_written_where_one_is_given(clip: Path, tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "tokenizer.json")
    report = convert(clip=clip, tokenizer=tmp_path / "tokenizer.json", out=tmp_path / "out")
    assert report.has_tokenizer
    assert load_checkpoint(tmp_path / "out").tokenizer is not None


def test_without_a_tokenizer_the_report_says_that_texts_cannot_be_encoded(clip: Path, tmp_path: Path) -> None:
    report = convert(clip=clip, out=tmp_path / "out")
    assert load_checkpoint(tmp_path / "out").tokenizer is None
    assert any("No tokenizer" in note for note in report.notes)


def test_a_report_is_one_json_document_and_a_few_lines(clip: Path, tmp_path: Path) -> None:
    report = convert(clip=clip, out=tmp_path / "out")
    values = json.loads(json.dumps(report.to_json()))
    assert (values["alpha"], values["tokenizer"], values["source"][0]["name"]) == ("zero", False, "clip.pt")
    assert report.lines() == (
        f"Wrote {tmp_path / 'out'}: {report.num_weights:,} weights, read as openai.",
        *report.notes,
    )


def test_half_precision_is_written_as_float32(model: CLIPModel, tmp_path: Path) -> None:
    halves = {k: v.half() if v.is_floating_point() else v for k, v in openai_weights(model).items()}
    convert(clip=saved(tmp_path / "clip.pt", halves), out=tmp_path / "out")
    assert {p.dtype for p in load_checkpoint(tmp_path / "out").model.parameters()} == {torch.float32}


def without(*endings: str) -> Callable[[Weights], Weights]:
    return lambda weights: {name: value for name, value in weights.items() if not name.endswith(endings)}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (without("0.ln_1.bias"), r"2 missing weights: transformer.resblocks.0.ln_1.bias, visual.transformer"),
        (without("logit_scale"), "1 missing weights: logit_scale"),
        (without("in_proj_weight"), "3 missing weights"),
        (lambda w: w | {"visual.conv2.weight": torch.ones(1)}, "1 unmapped weights: visual.conv2.weight"),
        (lambda w: w | {"transformer.resblocks.0.attn.q.weight": torch.ones(1)}, r"unmapped weights: .*attn.q.weight"),
        (lambda w: w | {"visual.layer1.0.conv1.weight": torch.ones(1)}, "a CLIP with a ResNet"),
        (lambda w: {k.removeprefix("visual."): v for k, v in w.items() if "visual" in k}, "a vision tower alone"),
        (lambda w: {"vision_model.embeddings.class_embedding": torch.ones(1)}, "without their configuration"),
        (lambda w: w | {"visual.proj": torch.ones(7, 32)}, r"visual_projection.weight \(32, 7\) instead of"),
        (lambda w: w | {"token_embedding.weight": torch.ones(12, 65)}, "weights of a different shape"),
        (lambda w: w | {"visual.conv1.weight": torch.ones(5)}, "not those of a CLIP"),
        (lambda w: {"weight": torch.ones(1)}, "missing weights"),
        (
            lambda w: w | {"visual.conv1_alpha.weight": torch.ones(128, 1, 4, 4)},
            r"an alpha convolution \(128, 1, 4, 4\), but the CLIP needs \(128, 1, 8, 8\)",
        ),
        (lambda w: w | {"input_resolution": torch.tensor(224)}, "it says input_resolution 224, the weights 32"),
        (lambda w: w | {"vocab_size": torch.tensor([7, 8])}, r"it says vocab_size \[7, 8\], the weights 12"),
    ],
)
def test_a_file_that_is_no_whole_clip_is_refused_with_the_list(
    model: CLIPModel, tmp_path: Path, change: Callable[[Weights], Weights], found: str
) -> None:
    path = saved(tmp_path / "clip.pt", change(openai_weights(model)))
    with pytest.raises(CheckpointError, match=found):
        convert(clip=path, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (without("conv1_alpha.weight"), "no alpha convolution"),
        (without("ln_post.bias"), "1 missing weights: visual.ln_post.bias"),
        (lambda w: w | {"lora_q.weight": torch.ones(1)}, "1 unmapped weights: visual.lora_q.weight"),
        (lambda w: w | {"conv1_alpha.weight": torch.ones(128, 1, 4, 4)}, "the CLIP needs \\(128, 1, 8, 8\\)"),
        (lambda w: {"conv1_alpha.weight": torch.ones(64, 1, 8, 8)}, "the CLIP needs \\(128, 1, 8, 8\\)"),
        (
            lambda w: {name: value for name, value in w.items() if "resblocks.1." not in name},
            r"16 missing weights, which the CLIP has .*: vision_model\.encoder\.layers\.1\.",
        ),
        (lambda w: w | {"conv1.weight": torch.ones(128, 4, 8, 8)}, r"two alpha channels: .*\(128, 4, 8, 8\)"),
        (lambda w: w | {"ln_post.bias": torch.ones(128).byte()}, r"not plain floats: visual\.ln_post\.bias \(uint8\)"),
        (lambda w: {"conv1_alpha.weight": torch.ones(128, 1, 8, 8) > 0}, r"conv1_alpha\.weight \(bool\)"),
    ],
)
def test_an_alpha_file_that_does_not_fit_is_refused_with_the_list(
    clip: Path, model: CLIPModel, tmp_path: Path, change: Callable[[Weights], Weights], found: str
) -> None:
    alpha = saved(tmp_path / "alpha.pth", change(vision_weights(model)))
    with pytest.raises(CheckpointError, match=found):
        convert(clip=clip, alpha=alpha, out=tmp_path / "out")


def test_of_a_whole_alpha_clip_given_as_alpha_the_image_encoder_is_taken_and_that_is_said(
    clip: Path, model: CLIPModel, tmp_path: Path
) -> None:
    # it was refused for having no alpha convolution, which was there
    other = trained_like(seed=2)
    whole = openai_weights(other) | {f"visual.{name}": weight for name, weight in vision_weights(other).items()}
    report = convert(clip=clip, alpha=saved(tmp_path / "whole.pt", whole), out=tmp_path / "out")
    loaded = load_checkpoint(tmp_path / "out").model
    with torch.no_grad():
        assert torch.equal(image_features(loaded, pictures()), image_features(other, pictures()))
        assert torch.equal(text_features(loaded, ids()), text_features(model, ids()))
    assert any("its image encoder was taken" in note for note in report.notes)


def test_an_alpha_file_with_more_than_a_clip_in_it_is_refused_with_the_list(
    clip: Path, model: CLIPModel, tmp_path: Path
) -> None:
    tower = {f"visual.{name}": weight for name, weight in vision_weights(model).items()}
    alpha = saved(tmp_path / "alpha.pth", tower | {"head.weight": torch.ones(1)})
    with pytest.raises(CheckpointError, match=r"1 unmapped weights: head\.weight"):
        convert(clip=clip, alpha=alpha, out=tmp_path / "out")


def test_a_clip4clip_file_with_an_unknown_head_is_refused(model: CLIPModel, tmp_path: Path) -> None:
    path = saved(tmp_path / "clip.bin", clip4clip_weights(model) | {"new_head.weight": torch.ones(1)})
    with pytest.raises(CheckpointError, match=r"1 unmapped weights: new_head.weight"):
        convert(clip=path, out=tmp_path / "out")


def test_a_file_that_is_not_there_is_no_hub_name(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="neither a file or folder here nor a hub name"):
        convert(clip="weights/clip.pt", out=tmp_path / "out")


def test_a_taken_place_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "diary.txt").write_text("dear")
    with pytest.raises(CheckpointError, match="is not a deltaclip checkpoint"):
        convert(clip=tmp_path / "nowhere.pt", out=tmp_path / "out")
