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
from deltaclip.model.wrappings import Weights

# Numbers beside the weights in OpenAI's archives; the shapes say the same.
SCALARS = {"input_resolution", "context_length", "vocab_size"}
# Archives keep the causal mask, OpenAI's in each text block, open_clip's at the top; transformers makes it itself.
CAUSAL_MASK = "attn_mask"
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
CLIP4CLIP_PROGRAM = "CLIP4Clip, by the heads of its similarities"
CLIP4CLIP_LICENCE = "unknown (CLIP4Clip's layout; its code is MIT, its weights are trained on data for research)"
# Alpha-CLIP alone writes its vision tower's attention out, with a Linear layer where OpenAI has a parameter.
ALPHA_LINEAR = "attn.in_proj."
ALPHA_PROGRAM = "Alpha-CLIP, by the names in its attention"
ALPHA_LICENCE = "research use only (Alpha-CLIP model zoo)"


@dataclass(frozen=True, slots=True)
class ClipFile:
    """A CLIP read from one file.

    kind: the program whose layout it has. file: its name and hash. licence: of its weights, as far as known.
    weights: by OpenAI's names, complete. left_out: names in the file that a CLIP has no place for, left out knowingly.
    program: by what the file is known to come from a program with OpenAI's own blocks (width / 64 heads, QuickGELU,
        CLIP's mean and deviation), in words; None if its names would fit other programs as well, open_clip's for one.
    notes: sentences about what was taken from the file.
    """

    kind: Literal["openai", "clip4clip"]
    file: SourceFile
    licence: str
    weights: Mapping[str, Tensor]
    left_out: tuple[str, ...]
    program: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlphaFile:
    """Alpha-CLIP's vision tower, or its alpha convolution alone, by OpenAI's names (`visual.*`).

    program: as in ClipFile, of a tower; None for the convolution alone.
    """

    weights: Mapping[str, Tensor]
    program: str | None
    notes: tuple[str, ...] = ()


def read_clip(path: Path) -> ClipFile:
    """OpenAI's CLIP (archive or state dict) or a CLIP4Clip file; CheckpointError with the list if names do not fit."""
    found = read_weights(path)
    _refuse_other_kinds(found.tensors, path)
    file = SourceFile.of(path)
    heads = _clip4clip_heads(found, path)
    if heads:
        weights = _complete(found.tensors, path)
        return ClipFile("clip4clip", file, CLIP4CLIP_LICENCE, weights, heads, CLIP4CLIP_PROGRAM, found.notes)
    weights = _complete(found.alone(str(path)), path)
    official = file.sha256 in OPENAI_SHA256
    licence = OPENAI_LICENCE if official else OPENAI_LAYOUT_LICENCE
    program = "OpenAI's file, by its sha256" if official else _program(found.tensors)
    return ClipFile("openai", file, licence, weights, (), program, found.notes)


def _clip4clip_heads(found: Weights, path: Path) -> tuple[str, ...]:
    """The names of CLIP4Clip's other similarities beside its `clip`; none if there are none.

    A file of `clip.*` alone is not known for CLIP4Clip's: whoever keeps a CLIP in an attribute of that name saves one.
    CheckpointError with the list for a head beside them that CLIP4Clip does not have.
    """
    if not f".{found.prefix}".endswith(f".{CLIP4CLIP}"):
        return ()
    outer = found.prefix.removesuffix(CLIP4CLIP)
    heads = [name for name in found.outside if name.startswith(tuple(outer + head for head in CLIP4CLIP_HEADS))]
    others = sorted(found.outside.keys() - set(heads))
    if heads and others:
        remedy = "Give a checkpoint as CLIP4Clip writes it: clip.* and the heads of its similarities."
        raise CheckpointError(str(path), f"{len(others)} unmapped weights: {listed_keys(others)}", remedy)
    return tuple(sorted(heads))


def _program(weights: Mapping[str, Tensor]) -> str | None:
    """By what names a file is known to come from a program with OpenAI's own blocks; None if by none."""
    if weights.keys() >= SCALARS:
        return "OpenAI's archive, by the three sizes it keeps among its weights"
    if ALPHA_CONVOLUTION in weights and any(name.startswith("visual.") and ALPHA_LINEAR in name for name in weights):
        return ALPHA_PROGRAM
    return None


def _complete(weights: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The weights without what is none, checked to be a whole CLIP, with or without an alpha convolution."""
    kept = {
        _underscored(name): value
        for name, value in weights.items()
        if name not in SCALARS and name.rpartition(".")[2] != CAUSAL_MASK
    }
    expected = expected_names(num_layers(kept, visual=True), num_layers(kept, visual=False))
    check_names(kept, expected | (kept.keys() & {ALPHA_CONVOLUTION}), str(path))
    return kept


def read_alpha(path: Path) -> AlphaFile:
    """Alpha-CLIP's vision tower, or its alpha convolution alone.

    `visual.` may be before the names or not. All weights of the tower are taken: Alpha-CLIP's training moves all of
    them. CheckpointError with the list if names are missing, unknown, or there is no alpha convolution.
    """
    found = read_weights(path)
    bare = without_prefix(found.alone(str(path)), "visual.")
    weights = {f"visual.{_underscored(name)}": value for name, value in bare.items()}
    if ALPHA_CONVOLUTION not in weights:
        remedy = "Give a visual .pth of Alpha-CLIP's model zoo; without one, leave --alpha away."
        raise CheckpointError(str(path), "no alpha convolution (conv1_alpha.weight) in it", remedy)
    if weights.keys() != {ALPHA_CONVOLUTION}:
        tower = {name for name in expected_names(num_layers(weights, visual=True), 0) if name.startswith("visual.")}
        check_names(weights, tower | {ALPHA_CONVOLUTION}, str(path))
    program = ALPHA_PROGRAM if any(ALPHA_LINEAR in name for name in bare) else None
    return AlphaFile(weights, program, found.notes)


def without_prefix(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Names without a prefix that all of them have."""
    if all(name.startswith(prefix) for name in weights):
        return {name.removeprefix(prefix): value for name, value in weights.items()}
    return dict(weights)


def _underscored(name: str) -> str:
    """Alpha-CLIP's attention is a Linear layer called in_proj, OpenAI's a parameter called in_proj_weight."""
    return name.replace(ALPHA_LINEAR, "attn.in_proj_")


def _refuse_other_kinds(weights: Mapping[str, Tensor], path: Path) -> None:
    """CheckpointError with a hint of its own for files that people are likely to mistake for a CLIP."""
    names = weights.keys()
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
