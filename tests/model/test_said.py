"""What weights do not tell is said by somebody, and by all alike, or asked for; it is never guessed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import CLIPModel

from deltaclip.errors import CheckpointError
from deltaclip.model import (
    ConversionReport,
    Normalisation,
    Said,
    Tokenizer,
    convert,
    load_checkpoint,
    model_digest,
    model_spec,
)
from deltaclip.model.sources import OPENAI_SHA256, SCALARS
from deltaclip.model.spec import text_config, vision_config

from .archives import write_archive
from .conftest import SPEC, openai_weights, vision_weights

ALL = Said(activation="gelu", vision_heads=4, text_heads=2)
MODEL_CFG: dict[str, Any] = {
    "embed_dim": 32,
    "quick_gelu": False,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 128, "head_width": 32, "patch_size": 8},
    "text_cfg": {"context_length": 9, "vocab_size": 12, "width": 64, "heads": 2, "layers": 1},
}


def bare_weights(model: CLIPModel) -> dict[str, Tensor]:
    """A state dict as openai/CLIP's and open_clip's programs both save it, without OpenAI's three sizes."""
    return {name: weight for name, weight in openai_weights(model).items() if name not in SCALARS}


@pytest.fixture
def bare(tmp_path: Path, model: CLIPModel) -> Path:
    (tmp_path / "there").mkdir()
    torch.save(bare_weights(model), tmp_path / "there" / "epoch_1.pt")
    return tmp_path / "there" / "epoch_1.pt"


def write_json(path: Path, values: object) -> Path:
    path.write_text(json.dumps(values))
    return path


def changed(base: Mapping[str, Any], **changes: Mapping[str, Any] | object) -> dict[str, Any]:
    """A copy of a configuration with values changed, those of a tower by its name."""
    copy: dict[str, Any] = json.loads(json.dumps(base))
    for name, value in changes.items():
        if isinstance(value, Mapping) and isinstance(copy.get(name), dict):
            copy[name].update(value)
        else:
            copy[name] = value
    return copy


def heads_and_activation(report: ConversionReport) -> tuple[int, int, str, str]:
    """Of the checkpoint as it lies on disk."""
    config = load_checkpoint(report.out).model.config
    vision, text = vision_config(config), text_config(config)
    return vision.num_attention_heads, text.num_attention_heads, vision.hidden_act, text.hidden_act


def test_weights_whose_heads_nobody_says_are_refused_with_what_to_give(bare: Path, tmp_path: Path) -> None:
    # they became a model of width / 64 heads and QuickGELU, with vectors at cosine 0.42 to the true ones
    with pytest.raises(CheckpointError) as told:
        convert(clip=bare, out=tmp_path / "out")
    assert "attention heads of the image encoder" in told.value.found
    assert "activation of the text encoder" in told.value.found
    assert "--vision-heads 2 --text-heads 1 --activation quick_gelu" in told.value.remedy
    assert "--vision-heads 2 --text-heads 1 --activation gelu" in told.value.remedy
    assert "open_clip_config.json" in told.value.remedy
    assert not (tmp_path / "out").exists()


def test_what_the_user_says_is_taken_and_told(bare: Path, tmp_path: Path) -> None:
    report = convert(clip=bare, out=tmp_path / "out", said=ALL)
    assert heads_and_activation(report) == (4, 2, "gelu", "gelu")
    assert report.record.known_from["vision_heads"] == "option"
    assert "Image encoder: 4 heads (by option), gelu (by option)." in report.notes


def test_only_what_is_missing_is_asked_for(bare: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as told:
        convert(clip=bare, out=tmp_path / "out", said=Said(vision_heads=4, text_heads=2))
    assert "heads" not in told.value.found
    assert "--activation gelu" in told.value.remedy
    assert "--vision-heads" not in told.value.remedy


@pytest.mark.parametrize("name", ["open_clip_config.json", "epoch_1.json"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_open_clips_configuration_beside_the_file_is_read(bare: Path, tmp_path: Path, name: str, wrapped: bool) -> None:
    write_json(bare.parent / name, {"model_cfg": MODEL_CFG} if wrapped else MODEL_CFG)
    report = convert(clip=bare, out=tmp_path / "out")
    assert heads_and_activation(report) == (4, 2, "gelu", "gelu")
    assert report.record.known_from["text_activation"] == name


def test_transformers_configuration_beside_the_file_is_read(bare: Path, folder: Path, tmp_path: Path) -> None:
    values = json.loads((folder / "config.json").read_text())
    values["vision_config"] |= {"num_attention_heads": 8, "hidden_act": "gelu", "layer_norm_eps": 1e-6}
    write_json(bare.parent / "config.json", values)
    report = convert(clip=bare, out=tmp_path / "out")
    assert heads_and_activation(report) == (8, 1, "gelu", "quick_gelu")
    assert vision_config(load_checkpoint(report.out).model.config).layer_norm_eps == 1e-6


def test_a_configuration_of_something_else_beside_the_file_is_none(bare: Path, tmp_path: Path) -> None:
    write_json(bare.parent / "config.json", {"model_type": "bert"})
    with pytest.raises(CheckpointError, match="do not tell attention heads"):
        convert(clip=bare, out=tmp_path / "out")
    with pytest.raises(CheckpointError, match="'bert', not 'clip'"):
        convert(clip=bare, out=tmp_path / "out", said=Said(config=bare.parent / "config.json"))


def test_a_configuration_elsewhere_counts_when_it_is_named_and_those_beside_do_not(bare: Path, tmp_path: Path) -> None:
    write_json(bare.parent / "open_clip_config.json", changed(MODEL_CFG, vision_cfg={"head_width": 16}))
    named = write_json(tmp_path / "ViT-S-8.json", MODEL_CFG)
    report = convert(clip=bare, out=tmp_path / "out", said=Said(config=named))
    assert heads_and_activation(report)[0] == 4
    assert report.record.known_from["vision_heads"] == "ViT-S-8.json"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (Said(vision_heads=2), "image encoder 4 by open_clip_config.json; .* 2 by option"),
        (Said(activation="quick_gelu"), "gelu by open_clip_config.json; .* quick_gelu by option"),
    ],
)
def test_an_option_that_says_otherwise_than_the_configuration_is_refused(
    bare: Path, tmp_path: Path, said: Said, found: str
) -> None:
    write_json(bare.parent / "open_clip_config.json", {"model_cfg": MODEL_CFG})
    with pytest.raises(CheckpointError, match=found):
        convert(clip=bare, out=tmp_path / "out", said=said)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"vision_cfg": {"width": 256}}, "vision_width 256, the weights 128"),
        ({"vision_cfg": {"layers": 3}}, "vision_layers 3, the weights 2"),
        ({"vision_cfg": {"image_size": 40}}, "image_size 40, the weights 32"),
        ({"vision_cfg": {"mlp_ratio": 3.0}}, "vision_mlp_width 384, the weights 512"),
        ({"text_cfg": {"vocab_size": 49408}}, "vocab_size 49408, the weights 12"),
        ({"embed_dim": 64}, "projection_dim 64, the weights 32"),
    ],
)
def test_a_configuration_of_other_weights_is_refused(
    bare: Path, tmp_path: Path, change: dict[str, object], found: str
) -> None:
    write_json(bare.parent / "open_clip_config.json", changed(MODEL_CFG, **change))
    with pytest.raises(CheckpointError, match=found):
        convert(clip=bare, out=tmp_path / "out")


def with_text_prefix(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """As open_clip's CustomTextCLIP names them."""
    return {
        name if name.startswith("visual.") or name == "logit_scale" else f"text.{name}": weight
        for name, weight in weights.items()
    }


def test_a_clip_whose_text_encoder_has_names_of_its_own_is_the_same_clip(
    bare: Path, model: CLIPModel, tmp_path: Path
) -> None:
    # it was called "a vision tower alone", to be given as --alpha
    convert(clip=bare, out=tmp_path / "plain", said=ALL)
    torch.save(with_text_prefix(bare_weights(model)), bare)
    write_json(bare.parent / "open_clip_config.json", changed(MODEL_CFG, custom_text=True))
    convert(clip=bare, out=tmp_path / "custom")
    states = [load_checkpoint(tmp_path / name).model.state_dict() for name in ("plain", "custom")]
    assert all(torch.equal(weight, states[1][name]) for name, weight in states[0].items())


def test_a_text_encoder_of_a_different_kind_is_refused_for_what_it_is(
    bare: Path, model: CLIPModel, tmp_path: Path
) -> None:
    image = {name: weight for name, weight in bare_weights(model).items() if name.startswith("visual.")}
    torch.save(image | {"text.transformer.embeddings.word_embeddings.weight": torch.ones(5, 4)}, bare)
    with pytest.raises(CheckpointError, match=r"1 unmapped weights: transformer\.embeddings\.word_embeddings"):
        convert(clip=bare, out=tmp_path / "out", said=ALL)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"init_logit_bias": -10}, "init_logit_bias -10"),
        ({"multimodal_cfg": {"width": 768}}, "multimodal_cfg"),
        ({"vision_cfg": {"timm_model_name": "vit_base"}}, "vision_cfg.timm_model_name vit_base"),
        ({"vision_cfg": {"layers": [3, 4, 6, 3]}}, r"vision_cfg.layers \[3, 4, 6, 3\]"),
        ({"vision_cfg": {"attentional_pool": True}}, "vision_cfg.attentional_pool True"),
        ({"vision_cfg": {"no_ln_pre": True}}, "vision_cfg.no_ln_pre True"),
        ({"vision_cfg": {"pool_type": "avg"}}, "vision_cfg.pool_type avg"),
        ({"vision_cfg": {"ls_init_value": 1e-4}}, "vision_cfg.ls_init_value 0.0001"),
        ({"vision_cfg": {"act_kwargs": {"approximate": "tanh"}}}, "vision_cfg.act_kwargs"),
        ({"vision_cfg": {"qk_norm": True}}, "vision_cfg.qk_norm True"),
        ({"vision_cfg": {"of_the_future": "yes"}}, "vision_cfg.of_the_future yes"),
        ({"text_cfg": {"hf_model_name": "roberta-base"}}, "text_cfg.hf_model_name roberta-base"),
        ({"text_cfg": {"hf_tokenizer_name": "xlm-v"}}, "text_cfg.hf_tokenizer_name xlm-v"),
        ({"text_cfg": {"pool_type": "last"}}, "text_cfg.pool_type last"),
        ({"text_cfg": {"no_causal_mask": True}}, "text_cfg.no_causal_mask True"),
        ({"text_cfg": {"proj_type": "none"}}, "text_cfg.proj_type none"),
        ({"text_cfg": {"embed_cls": True}}, "text_cfg.embed_cls True"),
    ],
)
def test_a_model_that_is_not_ours_is_refused_by_the_name_of_its_setting(
    bare: Path, tmp_path: Path, change: dict[str, object], found: str
) -> None:
    write_json(bare.parent / "open_clip_config.json", {"model_cfg": changed(MODEL_CFG, **change)})
    with pytest.raises(CheckpointError, match=found):
        convert(clip=bare, out=tmp_path / "out")


def test_settings_that_matter_in_training_alone_are_no_reason_to_refuse(bare: Path, tmp_path: Path) -> None:
    vision = {"patch_dropout": 0.5, "output_tokens": True, "pool_type": "tok", "attentional_pool": False}
    text: dict[str, Any] = {
        "pool_type": "argmax",
        "hf_tokenizer_name": None,
        "tokenizer_kwargs": {},
        "proj_type": "linear",
    }
    write_json(bare.parent / "open_clip_config.json", changed(MODEL_CFG, vision_cfg=vision, text_cfg=text))
    assert heads_and_activation(convert(clip=bare, out=tmp_path / "out"))[0] == 4


def test_an_mlp_of_another_width_is_kept(model: CLIPModel, tmp_path: Path) -> None:
    weights = bare_weights(model)
    for layer in range(SPEC.vision_layers):
        block = f"visual.transformer.resblocks.{layer}.mlp"
        weights[f"{block}.c_fc.weight"], weights[f"{block}.c_fc.bias"] = torch.ones(300, 128), torch.ones(300)
        weights[f"{block}.c_proj.weight"] = torch.ones(128, 300)
    torch.save(weights, tmp_path / "wide.pt")
    config = write_json(tmp_path / "wide.json", changed(MODEL_CFG, vision_cfg={"mlp_ratio": 2.3438}))
    report = convert(clip=tmp_path / "wide.pt", out=tmp_path / "out", said=Said(config=config))
    assert vision_config(load_checkpoint(report.out).model.config).intermediate_size == 300


@pytest.mark.parametrize("heads", [3, 256])
def test_heads_that_do_not_divide_the_width_are_refused(bare: Path, tmp_path: Path, heads: int) -> None:
    said = Said(activation="gelu", vision_heads=heads, text_heads=2)
    with pytest.raises(CheckpointError, match="do not divide its width 128"):
        convert(clip=bare, out=tmp_path / "out", said=said)


@pytest.mark.parametrize(("width", "heads"), [(1280, 16), (1664, 16)])
def test_the_likely_heads_of_wide_models_are_not_the_width_over_64(
    model: CLIPModel, tmp_path: Path, width: int, heads: int
) -> None:
    weights = bare_weights(model)
    weights["visual.conv1.weight"] = torch.ones(width, 3, 8, 8)
    torch.save(weights, tmp_path / "clip.pt")
    with pytest.raises(CheckpointError, match=f"open_clip's ViT-.*--vision-heads {heads} --text-heads 1"):
        convert(clip=tmp_path / "clip.pt", out=tmp_path / "out")


def test_openais_own_file_is_known_by_its_hash_and_what_lies_beside_it_is_not_looked_at(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deltaclip.model.record import SourceFile

    monkeypatch.setattr("deltaclip.model.sources.OPENAI_SHA256", {*OPENAI_SHA256, SourceFile.of(bare).sha256})
    write_json(bare.parent / "open_clip_config.json", changed(MODEL_CFG, vision_cfg={"width": 999}))
    report = convert(clip=bare, out=tmp_path / "out")
    assert heads_and_activation(report) == (2, 1, "quick_gelu", "quick_gelu")
    assert report.record.known_from["vision_heads"] == "OpenAI's file, by its sha256"
    with pytest.raises(CheckpointError, match=r"quick_gelu by OpenAI's file.*; .* gelu by option"):
        convert(clip=bare, out=tmp_path / "out", said=Said(activation="gelu"))


def test_a_clip_in_an_attribute_called_clip_is_not_taken_for_clip4clip(model: CLIPModel, tmp_path: Path) -> None:
    torch.save({f"clip.{name}": weight for name, weight in bare_weights(model).items()}, tmp_path / "net.pt")
    with pytest.raises(CheckpointError, match="do not tell"):
        convert(clip=tmp_path / "net.pt", out=tmp_path / "out")
    assert convert(clip=tmp_path / "net.pt", out=tmp_path / "out", said=ALL).kind == "openai"


def test_alpha_clips_whole_model_is_known_by_the_names_in_its_attention(model: CLIPModel, tmp_path: Path) -> None:
    weights = bare_weights(model) | {"visual.conv1_alpha.weight": vision_weights(model)["conv1_alpha.weight"]}
    dotted = {
        name.replace("in_proj_", "in_proj.") if name.startswith("visual.") else name: weight
        for name, weight in weights.items()
    }
    torch.save(dotted, tmp_path / "alpha_clip.pt")
    report = convert(clip=tmp_path / "alpha_clip.pt", out=tmp_path / "out")
    assert heads_and_activation(report) == (2, 1, "quick_gelu", "quick_gelu")
    torch.save(weights, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="do not tell"):
        convert(clip=tmp_path / "other.pt", out=tmp_path / "out")


@pytest.mark.parametrize(
    "said",
    [
        ALL,
        Said(
            activation="quick_gelu", vision_heads=2, text_heads=1, normalisation=Normalisation((0.5,) * 3, (0.5,) * 3)
        ),
    ],
)
def test_an_alpha_tower_of_other_blocks_than_the_clips_is_refused(
    bare: Path, model: CLIPModel, tmp_path: Path, said: Said
) -> None:
    tower = {name.replace("in_proj_", "in_proj."): weight for name, weight in vision_weights(model).items()}
    torch.save(tower, tmp_path / "alpha.pth")
    with pytest.raises(CheckpointError, match=r"two models that differ \(Alpha-CLIP"):
        convert(clip=bare, alpha=tmp_path / "alpha.pth", out=tmp_path / "out", said=said)


def test_a_transformers_folder_keeps_what_its_configuration_says(folder: Path, tmp_path: Path) -> None:
    values = json.loads((folder / "config.json").read_text())
    values["vision_config"] |= {"num_attention_heads": 8, "hidden_act": "gelu"}
    write_json(folder / "config.json", values)
    report = convert(clip=folder, out=tmp_path / "out", said=Said(vision_heads=8))
    assert heads_and_activation(report) == (8, 1, "gelu", "quick_gelu")
    with pytest.raises(CheckpointError, match=r"8 by config.json; .* 2 by option"):
        convert(clip=folder, out=tmp_path / "out", said=Said(vision_heads=2))


def test_a_folder_whose_heads_do_not_divide_the_width_is_refused(folder: Path) -> None:
    values = json.loads((folder / "config.json").read_text())
    values["text_config"]["num_attention_heads"] = 5
    write_json(folder / "config.json", values)
    with pytest.raises(CheckpointError, match="not a multiple of the number of attention heads"):
        load_checkpoint(folder)


@pytest.mark.parametrize("weights", ["open_clip_pytorch_model.bin", "open_clip_model.safetensors"])
def test_a_folder_of_open_clip_is_taken_whole(bare: Path, tokenizer: Tokenizer, tmp_path: Path, weights: str) -> None:
    from safetensors.torch import save_file

    hub = bare.parent
    if weights.endswith("bin"):
        bare.rename(hub / weights)
    else:
        save_file({k: v.contiguous() for k, v in torch.load(bare).items()}, hub / weights)
        bare.unlink()
    write_json(hub / "open_clip_config.json", {"model_cfg": MODEL_CFG, "preprocess_cfg": {"mean": [0.5, 0.5, 0.5]}})
    tokenizer.save(hub / "tokenizer.json")
    write_json(hub / "config.json", {"architecture": "vit_small_patch8_clip_32"})  # timm's, beside open_clip's
    loaded = load_checkpoint(hub)
    report = convert(clip=hub, out=tmp_path / "out")
    assert model_digest(loaded.model) == model_digest(load_checkpoint(report.out).model)
    assert loaded.tokenizer is not None
    assert loaded.record.known_from == report.record.known_from
    assert heads_and_activation(report) == (4, 2, "gelu", "gelu")
    assert report.has_tokenizer
    assert "mean 0.5,0.5,0.5, deviation 0.26863" in report.record.known_from["normalisation"]


def test_a_folder_of_open_clip_without_its_configuration_is_not_guessed(bare: Path) -> None:
    bare.rename(bare.parent / "open_clip_pytorch_model.bin")
    with pytest.raises(CheckpointError, match="do not tell attention heads"):
        load_checkpoint(bare.parent)


def test_the_end_of_a_text_is_the_tokenizers_and_its_last_id(bare: Path, tokenizer: Tokenizer, tmp_path: Path) -> None:
    small = Tokenizer.from_words(["red blue"])
    small.save(tmp_path / "small.json")
    report = convert(clip=bare, tokenizer=tmp_path / "small.json", out=tmp_path / "out", said=ALL)
    assert text_config(load_checkpoint(report.out).model.config).eos_token_id == small.vocab_size - 1 == 5
    values = json.loads((tmp_path / "small.json").read_text())
    values["model"]["vocab"] |= {"larger": 6}
    write_json(tmp_path / "small.json", values)
    with pytest.raises(CheckpointError, match="ends texts with 5 and has ids up to 6"):
        convert(clip=bare, tokenizer=tmp_path / "small.json", out=tmp_path / "out", said=ALL)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([1], "not an object"),
        ({"model_cfg": 5}, "model_type is None, not 'clip'"),
        ({"model_cfg": [1]}, "model_type is None, not 'clip'"),
        ({**MODEL_CFG, "text_cfg": None}, "model_type is None, not 'clip'"),
        (changed(MODEL_CFG, vision_cfg={"width": "128"}), "not a complete open_clip configuration"),
        (changed(MODEL_CFG, vision_cfg={"head_width": 0}), "not a complete open_clip configuration"),
        ({"model_cfg": MODEL_CFG, "preprocess_cfg": 5}, "a preprocess_cfg that is not a JSON object"),
    ],
)
def test_a_configuration_that_is_none_is_named(bare: Path, tmp_path: Path, values: object, found: str) -> None:
    named = write_json(tmp_path / "config.json", values)
    with pytest.raises(CheckpointError, match=found):
        convert(clip=bare, out=tmp_path / "out", said=Said(config=named))


@pytest.mark.parametrize("top", ["", "transformer.resblocks.0."])
def test_the_causal_mask_that_archives_keep_is_no_weight(model: CLIPModel, tmp_path: Path, top: str) -> None:
    # open_clip's scripted models keep it at the top
    mask = {f"{top}attn_mask": torch.full((9, 9), -torch.inf).triu(1)}
    write_archive(tmp_path / "clip.pt", bare_weights(model) | mask)
    with pytest.raises(CheckpointError, match="do not tell"):
        convert(clip=tmp_path / "clip.pt", out=tmp_path / "out")
    assert heads_and_activation(convert(clip=tmp_path / "clip.pt", out=tmp_path / "out", said=ALL))[0] == 4


def test_an_activation_that_does_not_exist_is_refused_by_name(bare: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"activation of the image encoder 'banana', .* Give one of gelu,"):
        convert(clip=bare, out=tmp_path / "out", said=Said(activation="banana", vision_heads=4, text_heads=2))


def test_a_configuration_tells_the_image_size_that_weights_tell_only_up_to_the_last_whole_patch(
    bare: Path, tmp_path: Path
) -> None:
    write_json(bare.parent / "open_clip_config.json", changed(MODEL_CFG, vision_cfg={"image_size": 39}))
    convert(clip=bare, out=tmp_path / "out")
    assert model_spec(load_checkpoint(tmp_path / "out").model).image_size == 39


def test_a_context_longer_than_clips_is_used_whole(bare: Path, model: CLIPModel, tmp_path: Path) -> None:
    torch.save(bare_weights(model) | {"positional_embedding": torch.randn(300, 64)}, bare)
    assert convert(clip=bare, out=tmp_path / "out", said=ALL).record.max_words == 300
