"""Small models made in the test, and their weights under OpenAI's names."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPModel

from deltaclip.model import CheckpointRecord, ModelSpec, Tokenizer, new_model, save_checkpoint
from deltaclip.model.patches import PATCH_EMBEDDING

WORDS = ["the red circle moves while the blue square stays"]
SPEC = ModelSpec(
    image_size=32,
    patch_size=8,
    vision_width=128,
    vision_layers=2,
    text_width=64,
    text_layers=1,
    projection_dim=32,
    vocab_size=12,
    context_length=9,
    begin=10,
    end=11,
    pad=0,
)
PLAIN = {
    "class_embedding": "vision_model.embeddings.class_embedding",
    "positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "ln_pre.weight": "vision_model.pre_layrnorm.weight",
    "ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "ln_post.weight": "vision_model.post_layernorm.weight",
    "ln_post.bias": "vision_model.post_layernorm.bias",
}
PARTS = {
    "attn.out_proj": "self_attn.out_proj",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}


def _blocks(state: Mapping[str, Tensor], tower: str, num_layers: int) -> dict[str, Tensor]:
    named = {}
    for layer in range(num_layers):
        ours, theirs = f"{tower}.encoder.layers.{layer}", f"transformer.resblocks.{layer}"
        for kind in ("weight", "bias"):
            qkv = [state[f"{ours}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
            named[f"{theirs}.attn.in_proj_{kind}"] = torch.cat(qkv)
            named |= {f"{theirs}.{their}.{kind}": state[f"{ours}.{our}.{kind}"] for their, our in PARTS.items()}
    return named


def vision_weights(model: CLIPModel) -> dict[str, Tensor]:
    """A model's vision tower under OpenAI's names, without prefix, its alpha channel apart as conv1_alpha."""
    state = model.state_dict()
    patches = state["vision_model.embeddings.patch_embedding.weight"]
    return {
        **{theirs: state[ours] for theirs, ours in PLAIN.items()},
        **_blocks(state, "vision_model", SPEC.vision_layers),
        "proj": state["visual_projection.weight"].T.clone(),
        "conv1.weight": patches[:, :3].clone(),
        "conv1_alpha.weight": patches[:, 3:].clone(),
    }


def openai_weights(model: CLIPModel) -> dict[str, Tensor]:
    """A model under OpenAI's names, without its alpha channel, with the three numbers beside the weights."""
    state = model.state_dict()
    vision = vision_weights(model)
    del vision["conv1_alpha.weight"]
    return {
        **{f"visual.{name}": weight for name, weight in vision.items()},
        **_blocks(state, "text_model", SPEC.text_layers),
        "token_embedding.weight": state["text_model.embeddings.token_embedding.weight"],
        "positional_embedding": state["text_model.embeddings.position_embedding.weight"],
        "ln_final.weight": state["text_model.final_layer_norm.weight"],
        "ln_final.bias": state["text_model.final_layer_norm.bias"],
        "text_projection": state["text_projection.weight"].T.clone(),
        "logit_scale": state["logit_scale"],
        "input_resolution": torch.tensor(SPEC.image_size),
        "context_length": torch.tensor(SPEC.context_length),
        "vocab_size": torch.tensor(SPEC.vocab_size),
    }


def trained_like(seed: int) -> CLIPModel:
    """A small model none of whose weights is at a value that hides a mistake: norms and biases are random too."""
    model = new_model(SPEC, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator), alpha=0.05)
    return model


def plainly_loaded(folder: Path) -> CLIPModel:
    """What transformers itself makes of a checkpoint folder; no weight missing, none left over."""
    loaded: Any = CLIPModel.from_pretrained(folder, output_loading_info=True)  # typed as the model alone
    model, info = loaded
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert isinstance(model, CLIPModel)
    return model


def edit_config(folder: Path, change: Callable[[dict[str, dict[str, object]]], object]) -> None:
    """Changes the config.json of a checkpoint."""
    values = json.loads((folder / "config.json").read_text())
    change(values)
    (folder / "config.json").write_text(json.dumps(values))


def make_plain(folder: Path) -> None:
    """Turns a checkpoint into what plain transformers would write for a CLIP of three channels."""
    weights = load_file(folder / "model.safetensors")
    weights[PATCH_EMBEDDING] = weights[PATCH_EMBEDDING][:, :3].clone()
    save_file(weights, folder / "model.safetensors")
    edit_config(folder, lambda values: values["vision_config"].update(num_channels=3))
    (folder / "deltaclip.json").unlink()


def pictures(seed: int = 0, count: int = 3) -> Tensor:
    """Random normalised colours and alpha, (N, 4, 32, 32)."""
    generator = torch.Generator().manual_seed(seed)
    size = SPEC.image_size
    return torch.cat([torch.randn(count, channels, size, size, generator=generator) for channels in (3, 1)], dim=1)


def ids() -> Tensor:
    """Rows of token ids with begin, end and padding, int64 (2, 9)."""
    return torch.tensor([[10, 4, 5, 11, 0, 0, 0, 0, 0], [10, 2, 3, 6, 7, 8, 9, 2, 11]])


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer.from_words(WORDS)


@pytest.fixture
def model() -> CLIPModel:
    return trained_like(seed=1)


@pytest.fixture
def folder(tmp_path: Path, model: CLIPModel, tokenizer: Tokenizer) -> Path:
    """A whole checkpoint folder."""
    save_checkpoint(tmp_path / "checkpoint", model, tokenizer, CheckpointRecord(max_words=9))
    return tmp_path / "checkpoint"
