"""What people download: OpenAI's CLIP, CLIP4Clip and Alpha-CLIP files, brought to OpenAI's names for weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from deltaclip.errors import CheckpointError
from deltaclip.model.clip import listed_keys
from deltaclip.model.keys import ALPHA_CONVOLUTION, check_names, expected_names, num_layers
from deltaclip.model.record import SourceFile
from deltaclip.model.weights import read_weights

# Numbers beside the weights in OpenAI's archives; the shapes say the same.
SCALARS = {"input_resolution", "context_length", "vocab_size"}
# Traced models keep the causal mask as an attribute of each text block; transformers makes it itself.
CAUSAL_MASK = ".attn_mask"
CLIP4CLIP = "clip."
# Heads of CLIP4Clip's other similarities, which mean pooling does not use.
CLIP4CLIP_HEADS = ("frame_position_embeddings.", "transformerClip.", "lstm_visual.", "cross.", "similarity_dense.")
# openai/CLIP, clip.py, _MODELS: the sha256 of each file stands in its address.
OPENAI_SHA256 = {
    "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",  # ViT-B/32
    "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",  # ViT-B/16
    "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",  # ViT-L/14
    "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",  # ViT-L/14@336px
}
OPENAI_LICENCE = "MIT (openai/CLIP)"
OPENAI_LAYOUT_LICENCE = "unknown (OpenAI CLIP's layout; OpenAI's own weights are MIT)"
CLIP4CLIP_LICENCE = "unknown (CLIP4Clip's layout; its code is MIT, its weights are trained on data for research)"
ALPHA_LICENCE = "research use only (Alpha-CLIP model zoo)"


@dataclass(frozen=True, slots=True)
class ClipFile:
    """A CLIP read from one file.

    kind: the program whose layout it has. file: its name and hash. licence: of its weights, as far as known.
    weights: by OpenAI's names, complete. left_out: names in the file that a CLIP has no place for, left out knowingly.
    """

    kind: Literal["openai", "clip4clip"]
    file: SourceFile
    licence: str
    weights: Mapping[str, Tensor]
    left_out: tuple[str, ...]


def read_clip(path: Path) -> ClipFile:
    """OpenAI's CLIP (archive or state dict) or a CLIP4Clip file; CheckpointError with the list if names do not fit."""
    weights = without_prefix(read_weights(path), "module.")
    _refuse_other_kinds(weights, path)
    if any(name.startswith(CLIP4CLIP) for name in weights):
        return _clip4clip(path, weights)
    file = SourceFile.of(path)
    licence = OPENAI_LICENCE if file.sha256 in OPENAI_SHA256 else OPENAI_LAYOUT_LICENCE
    return ClipFile("openai", file, licence, _complete(weights, path), ())


def _clip4clip(path: Path, weights: Mapping[str, Tensor]) -> ClipFile:
    heads = tuple(sorted(name for name in weights if name.startswith(CLIP4CLIP_HEADS)))
    others = sorted(name for name in weights if not name.startswith((CLIP4CLIP, *CLIP4CLIP_HEADS)))
    if others:
        remedy = "Give a checkpoint as CLIP4Clip writes it: clip.* and the heads of its similarities."
        raise CheckpointError(str(path), f"{len(others)} unmapped weights: {listed_keys(others)}", remedy)
    inner = {name.removeprefix(CLIP4CLIP): value for name, value in weights.items() if name.startswith(CLIP4CLIP)}
    return ClipFile("clip4clip", SourceFile.of(path), CLIP4CLIP_LICENCE, _complete(inner, path), heads)


def _complete(weights: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The weights without what is none, checked to be a whole CLIP, with or without an alpha convolution."""
    kept = {
        _underscored(name): value
        for name, value in weights.items()
        if name not in SCALARS and not name.endswith(CAUSAL_MASK)
    }
    expected = expected_names(num_layers(kept, visual=True), num_layers(kept, visual=False))
    check_names(kept, expected | (kept.keys() & {ALPHA_CONVOLUTION}), str(path))
    return kept


def read_alpha(path: Path) -> dict[str, Tensor]:
    """Alpha-CLIP's vision tower, or its alpha convolution alone, by OpenAI's names (`visual.*`).

    Prefixes `module.` and `visual.` may be there or not. All weights of the tower are taken: Alpha-CLIP's training
    moves all of them. CheckpointError with the list if names are missing, unknown, or there is no alpha convolution.
    """
    bare = without_prefix(without_prefix(read_weights(path), "module."), "visual.")
    weights = {f"visual.{_underscored(name)}": value for name, value in bare.items()}
    if ALPHA_CONVOLUTION not in weights:
        remedy = "Give a visual .pth of Alpha-CLIP's model zoo; without one, leave --alpha away."
        raise CheckpointError(str(path), "no alpha convolution (conv1_alpha.weight) in it", remedy)
    if weights.keys() != {ALPHA_CONVOLUTION}:
        tower = {name for name in expected_names(num_layers(weights, visual=True), 0) if name.startswith("visual.")}
        check_names(weights, tower | {ALPHA_CONVOLUTION}, str(path))
    return weights


def without_prefix(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Names without a prefix that all of them have, as saving from inside a wrapper leaves it."""
    if all(name.startswith(prefix) for name in weights):
        return {name.removeprefix(prefix): value for name, value in weights.items()}
    return dict(weights)


def _underscored(name: str) -> str:
    """Alpha-CLIP's attention is a Linear layer called in_proj, OpenAI's a parameter called in_proj_weight."""
    return name.replace("attn.in_proj.", "attn.in_proj_")


def _refuse_other_kinds(weights: Mapping[str, Tensor], path: Path) -> None:
    """CheckpointError with a hint of its own for files that people are likely to mistake for a CLIP."""
    names = {name.removeprefix(CLIP4CLIP) for name in weights}
    if any(name.startswith("visual.layer1.") for name in names):
        remedy = "Give one with a vision transformer, such as ViT-B/32: an alpha channel needs patches."
        raise CheckpointError(str(path), "a CLIP with a ResNet", remedy)
    if any(name.startswith("vision_model.") for name in names):
        remedy = "Give the folder that holds it and its config.json."
        raise CheckpointError(str(path), "weights of transformers without their configuration", remedy)
    if {"conv1.weight", "class_embedding"} <= names or (
        "visual.conv1.weight" in names and "text_projection" not in names
    ):
        remedy = "Give it as --alpha, beside the CLIP it was trained from as --clip."
        raise CheckpointError(str(path), "a vision tower alone, without the text tower", remedy)
