"""CLIP4Clip's seqTransf: its weights become a temporal head that gives the vectors of a program written apart."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import CLIPModel

from deltaclip.errors import CheckpointError
from deltaclip.model import convert, head_facts, load_checkpoint, model_digest, new_model, pool_frames

from .conftest import SPEC, openai_weights

Weights = dict[str, Tensor]
WIDTH = 128
FILE = "pytorch_model.bin.4"
MODEL = replace(SPEC, text_width=WIDTH, projection_dim=WIDTH)


def drawn(*shape: int, seed: int, around: float = 0.0) -> Tensor:
    return around + 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def transformer(layers: int = 4, width: int = WIDTH, positions: int = 77) -> Weights:
    """A transformer over frames by CLIP4Clip's names, none of whose weights is at a value that hides a mistake."""
    weights = {"frame_position_embeddings.weight": drawn(positions, width, seed=0)}
    shapes = {
        "attn.in_proj_weight": (3 * width, width),
        "attn.in_proj_bias": (3 * width,),
        "attn.out_proj.weight": (width, width),
        "attn.out_proj.bias": (width,),
        "mlp.c_fc.weight": (4 * width, width),
        "mlp.c_fc.bias": (4 * width,),
        "mlp.c_proj.weight": (width, 4 * width),
        "mlp.c_proj.bias": (width,),
        "ln_1.weight": (width,),
        "ln_1.bias": (width,),
        "ln_2.weight": (width,),
        "ln_2.bias": (width,),
    }
    for layer in range(layers):
        for number, (name, shape) in enumerate(shapes.items()):
            around = 1.0 if name in ("ln_1.weight", "ln_2.weight") else 0.0
            weights[f"transformerClip.resblocks.{layer}.{name}"] = drawn(
                *shape, seed=100 * layer + number, around=around
            )
    return weights


def reference(weights: Weights, frames: Tensor, present: Tensor) -> Tensor:
    """seqTransf as CLIP4Clip describes it: padded clips under a mask, its own layer norm, added to what came in.

    frames: (B, T, D). present: (B, T) bool, True for frames that are no padding. Returns (B, D).
    """

    def norm(rows: Tensor, name: str) -> Tensor:
        apart = rows - rows.mean(-1, keepdim=True)
        spread = (apart.square().mean(-1, keepdim=True) + 1e-12).sqrt()
        return weights[f"{name}.weight"] * (apart / spread) + weights[f"{name}.bias"]

    batch, length, width = frames.shape
    heads = width // 64
    mask = torch.where(present, 0.0, -1_000_000.0)[:, None, None, :]  # of the places that are looked at
    seen = frames + weights["frame_position_embeddings.weight"][:length]
    layers = {name.split(".")[2] for name in weights if name.startswith("transformerClip.")}
    for layer in sorted(layers, key=int):
        block = f"transformerClip.resblocks.{layer}."
        inner = (
            norm(seen, f"{block}ln_1") @ weights[f"{block}attn.in_proj_weight"].T + weights[f"{block}attn.in_proj_bias"]
        )
        query, key, value = (
            part.reshape(batch, length, heads, width // heads).transpose(1, 2) for part in inner.chunk(3, dim=-1)
        )
        scores = query @ key.transpose(-1, -2) / (width // heads) ** 0.5 + mask
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).reshape(batch, length, width)
        seen = seen + mixed @ weights[f"{block}attn.out_proj.weight"].T + weights[f"{block}attn.out_proj.bias"]
        wide = norm(seen, f"{block}ln_2") @ weights[f"{block}mlp.c_fc.weight"].T + weights[f"{block}mlp.c_fc.bias"]
        wide = wide * torch.sigmoid(1.702 * wide)
        seen = seen + wide @ weights[f"{block}mlp.c_proj.weight"].T + weights[f"{block}mlp.c_proj.bias"]
    made = seen + frames
    made = made / made.norm(dim=-1, keepdim=True)
    pooled = (made * present[..., None]).sum(1) / present.sum(1, keepdim=True)
    unit: Tensor = pooled / pooled.norm(dim=-1, keepdim=True)
    return unit


@pytest.fixture(scope="module")
def clip() -> CLIPModel:
    return new_model(MODEL, seed=1)


def saved(folder: Path, clip: CLIPModel, beside: Weights) -> Path:
    """A file as CLIP4Clip writes it: without configuration, the CLIP below `clip.`."""
    own = {f"clip.{name}": weight for name, weight in openai_weights(clip).items() if weight.is_floating_point()}
    torch.save(own | beside, folder / FILE)
    return folder / FILE


@pytest.mark.parametrize("scale", [1.0, 0.01])  # small features: the epsilon of the layer norms then decides
@torch.no_grad()
def test_vectors_are_those_of_a_program_written_apart(clip: CLIPModel, tmp_path: Path, scale: float) -> None:
    weights = transformer()
    weights["frame_position_embeddings.weight"] *= scale
    report = convert(clip=saved(tmp_path, clip, weights), out=tmp_path / "out")
    loaded = load_checkpoint(tmp_path / "out")
    frames = scale * torch.randn(2, 12, WIDTH, generator=torch.Generator().manual_seed(5))
    present = torch.arange(12) < torch.tensor([[12], [7]])
    expected = reference(weights, frames, present)
    for clip_frames, is_there, vector in zip(frames, present, expected, strict=True):
        found = pool_frames(loaded.model, clip_frames[is_there][None])[0]
        torch.testing.assert_close(found, vector, atol=1e-5, rtol=0)
    assert (report.kind, report.left_out, report.record.temporal_layers) == ("clip4clip", (), 4)
    assert "Its temporal head of 4 layers (CLIP4Clip's seqTransf) is kept as it is." in report.notes
    assert head_facts(loaded.model) == {"layers": 4, "positions": 77, "norm_eps": 1e-12, "attention_heads": 2}


def test_the_epsilon_is_part_of_the_checkpoint_and_of_its_digest(clip: CLIPModel, tmp_path: Path) -> None:
    convert(clip=saved(tmp_path, clip, transformer(layers=1)), out=tmp_path / "out")
    convert(clip=tmp_path / "out", out=tmp_path / "again")
    first, again = (load_checkpoint(tmp_path / name).model for name in ("out", "again"))
    assert model_digest(first) == model_digest(again)
    first.get_buffer("temporal_head.norm_eps").fill_(1e-6)
    assert model_digest(first) != model_digest(again)
    assert json.loads((tmp_path / "out" / "deltaclip.json").read_text())["temporal_layers"] == 1


def test_a_transformer_that_is_not_whole_is_refused_by_name(clip: CLIPModel, tmp_path: Path) -> None:
    weights = transformer(layers=2)
    del weights["transformerClip.resblocks.1.ln_2.bias"]
    with pytest.raises(CheckpointError, match=r"1 weights missing: transformerClip\.resblocks\.1\.ln_2\.bias"):
        convert(clip=saved(tmp_path, clip, weights), out=tmp_path / "out")
    del weights["frame_position_embeddings.weight"]
    with pytest.raises(CheckpointError, match=r"2 weights missing: frame_position_embeddings\.weight"):
        convert(clip=saved(tmp_path, clip, weights), out=tmp_path / "out")


def test_a_transformer_of_another_width_is_refused_with_both_shapes(clip: CLIPModel, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"ln_1\.bias \(64,\) instead of \(128,\)"):
        convert(clip=saved(tmp_path, clip, transformer(layers=1, width=64)), out=tmp_path / "out")


def test_a_cross_encoder_beside_the_transformer_is_named_as_unused(clip: CLIPModel, tmp_path: Path) -> None:
    beside = transformer(layers=1) | {"cross.pooler.dense.bias": torch.ones(4), "similarity_dense.bias": torch.ones(1)}
    report = convert(clip=saved(tmp_path, clip, beside), out=tmp_path / "out")
    assert report.left_out == ("cross.pooler.dense.bias", "similarity_dense.bias")
    assert any("cross-encoder (which seqTransf does not use)" in note for note in report.notes)
    assert report.record.temporal_layers == 1


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("lstm_visual.weight_ih_l0", "LSTM over frames (seqLSTM)"),
        ("cross.pooler.dense.bias", "the similarity of tightTransf"),
    ],
)
def test_what_is_lost_with_the_other_similarities_is_told(
    clip: CLIPModel, tmp_path: Path, name: str, told: str
) -> None:
    beside = {name: torch.ones(4), "frame_position_embeddings.weight": torch.ones(77, WIDTH)}
    report = convert(clip=saved(tmp_path, clip, beside), out=tmp_path / "out")
    assert set(report.left_out) == set(beside)
    assert report.record.temporal_layers == 0
    assert any(told in note for note in report.notes)
