"""What people download: files of OpenAI's CLIP, CLIP4Clip, Alpha-CLIP and PE-Core, brought to OpenAI's names."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from deltaclip.errors import CheckpointError
from deltaclip.model.clip import check_numbers, listed_keys
from deltaclip.model.clip4clip import OUTSIDE, beside_clip
from deltaclip.model.families import CLIP, PE_CORE, Family
from deltaclip.model.keys import ALPHA_CONVOLUTION, POOLING, check_names, expected_names, num_layers, shapes_of
from deltaclip.model.pe_core import ACTIVATION, PROGRAM, is_pe_core, openai_names
from deltaclip.model.record import SourceFile
from deltaclip.model.sizes import OPENAI_ACTIVATION
from deltaclip.model.token_weights import TokenWeights
from deltaclip.model.weights import read_weights
from deltaclip.model.wrappings import Weights

__all__ = ["OPENAI_SHA256", "SCALARS", "AlphaFile", "ClipFile", "read_alpha", "read_clip", "without_prefix"]

# Numbers beside the weights in OpenAI's archives; the shapes say the same.
SCALARS = {"input_resolution", "context_length", "vocab_size"}
# Archives keep the causal mask, OpenAI's in each text block, open_clip's at the top; transformers makes it itself.
CAUSAL_MASK = "attn_mask"
VISUAL = "visual."
CUSTOM_TEXT = "text."
CLIP4CLIP = "clip."
# openai/CLIP, clip.py, _MODELS: the sha256 of each file is part of its URL.
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
# Alpha-CLIP alone writes its vision tower's attention out, with a Linear layer instead of OpenAI's parameter.
ALPHA_LINEAR = "attn.in_proj."
ALPHA_PROGRAM = "Alpha-CLIP, by the names in its attention"
ALPHA_LICENCE = "research use only (Alpha-CLIP model zoo)"


@dataclass(frozen=True, slots=True)
class ClipFile:
    """A CLIP read from one file.

    kind: the program whose layout it has. file: its name and hash. licence: of its weights, as far as known.
    weights: by OpenAI's names, complete. left_out: names in the file that a CLIP has no place for, left out knowingly.
    program: by what the file is known to come from a program with OpenAI's own blocks (width / 64 heads, `activation`,
        the mean and deviation of its family), in words; None if its names would fit other programs as well,
        open_clip's for one.
    notes: sentences about what was taken from the file. head: the weights of its temporal head, by their names in a
        model of ours; none without one. token_weights: of token-wise interaction, None without any.
    family: of the model. Only a CLIP's weights are complete by OpenAI's names; a PE-Core's have those of its pooling.
    activation: of a known program's blocks, by transformers' name.
    """

    kind: Literal["openai", "clip4clip", "pe_core"]
    file: SourceFile
    licence: str
    weights: Mapping[str, Tensor]
    left_out: tuple[str, ...]
    program: str | None
    notes: tuple[str, ...] = ()
    head: Mapping[str, Tensor] = field(default_factory=dict)
    token_weights: TokenWeights | None = None
    family: Family = CLIP
    activation: str = OPENAI_ACTIVATION


@dataclass(frozen=True, slots=True)
class AlphaFile:
    """Alpha-CLIP's vision tower, or its alpha convolution alone, by OpenAI's names (`visual.*`).

    program: as in ClipFile, of a tower; None for the convolution alone.
    """

    weights: Mapping[str, Tensor]
    program: str | None
    notes: tuple[str, ...] = ()


def read_clip(path: Path) -> ClipFile:
    """OpenAI's CLIP (archive or state dict), a CLIP4Clip file or a PE-Core.

    Raises CheckpointError with the list if names do not fit.
    """
    found = _without_text_prefix(read_weights(path))
    if is_pe_core(found.tensors):
        named = openai_names(found.alone(str(path)), str(path))
        weights = _complete(named, path, POOLING.keys())
        file, licence = SourceFile.of(path), f"{PE_CORE.licence} (PE-Core)"
        return ClipFile(
            "pe_core", file, licence, weights, (), PROGRAM, found.notes, family=PE_CORE, activation=ACTIVATION
        )
    _refuse_other_kinds(found.tensors, path)
    file = SourceFile.of(path)
    heads = _clip4clip_heads(found, path)
    if heads:
        weights = _complete(found.tensors, path)
        shapes, outer = shapes_of(weights, str(path)), found.prefix.removesuffix(CLIP4CLIP)
        outside = {name: found.outside[name] for name in heads}
        beside = beside_clip(outside, outer, shapes["projection_dim"], shapes["text_width"], str(path))
        return ClipFile(
            "clip4clip",
            file,
            CLIP4CLIP_LICENCE,
            weights,
            beside.left_out,
            CLIP4CLIP_PROGRAM,
            (*found.notes, *beside.notes),
            beside.head,
            beside.token_weights,
        )
    weights = _complete(found.alone(str(path)), path)
    official = file.sha256 in OPENAI_SHA256
    licence = OPENAI_LICENCE if official else OPENAI_LAYOUT_LICENCE
    program = "OpenAI's file, by its sha256" if official else _program(found.tensors, path)
    return ClipFile("openai", file, licence, weights, (), program, found.notes)


def _clip4clip_heads(found: Weights, path: Path) -> tuple[str, ...]:
    """The names of CLIP4Clip's other similarities beside its `clip`; none if there are none.

    A file of `clip.*` alone is not known for CLIP4Clip's: whoever keeps a CLIP in an attribute of that name saves one.
    CheckpointError with the list for a head beside them that CLIP4Clip does not have.
    """
    if not f".{found.prefix}".endswith(f".{CLIP4CLIP}"):
        return ()
    outer = found.prefix.removesuffix(CLIP4CLIP)
    heads = [name for name in found.outside if name.startswith(tuple(outer + head for head in OUTSIDE))]
    others = sorted(found.outside.keys() - set(heads))
    if heads and others:
        remedy = "Give a checkpoint as CLIP4Clip writes it: clip.* and the heads of its similarities."
        raise CheckpointError(str(path), f"{len(others)} unmapped weights: {listed_keys(others)}", remedy)
    return tuple(sorted(heads))


def _program(weights: Mapping[str, Tensor], path: Path) -> str | None:
    """By what names a file is known to come from a program with OpenAI's own blocks; None if by none.

    Raises CheckpointError if the sizes that OpenAI's archive keeps contradict the weights' shapes.
    """
    if weights.keys() >= SCALARS:
        shapes = shapes_of(weights, str(path))
        sizes = {**shapes, "input_resolution": shapes["image_size"]}
        wrong = [
            f"{name} {weights[name].tolist()}, the weights {sizes[name]}"
            for name in sorted(SCALARS)
            if weights[name].tolist() not in (sizes[name], [sizes[name]])
        ]
        if wrong:
            remedy = (
                "Give OpenAI's file as it was published. If these weights are others on purpose, leave "
                f"{', '.join(sorted(SCALARS))} out of the file, and say heads and activation with options."
            )
            raise CheckpointError(str(path), f"sizes that are of other weights: it says {'; '.join(wrong)}", remedy)
        return "OpenAI's archive, by the three sizes it keeps among its weights"
    if ALPHA_CONVOLUTION in weights and any(name.startswith("visual.") and ALPHA_LINEAR in name for name in weights):
        return ALPHA_PROGRAM
    return None


def _complete(weights: Mapping[str, Tensor], path: Path, more: Set[str] = frozenset()) -> dict[str, Tensor]:
    """The weights without what is none, checked to be a whole CLIP, with or without an alpha convolution.

    more: names that it has besides.
    """
    kept = {
        _underscored(name): value
        for name, value in weights.items()
        if name not in SCALARS and name.rpartition(".")[2] != CAUSAL_MASK
    }
    expected = expected_names(num_layers(kept, visual=True), num_layers(kept, visual=False))
    check_names(kept, expected | more | (kept.keys() & {ALPHA_CONVOLUTION}), str(path))
    check_numbers(kept, str(path))
    return kept


def read_alpha(path: Path) -> AlphaFile:
    """Alpha-CLIP's vision tower, or its alpha convolution alone.

    `visual.` may be before the names or not. All weights of the tower are taken: Alpha-CLIP's training moves all of
    them. Of a whole Alpha-CLIP its tower is taken, and a note says so. CheckpointError with the list if names are
    missing, unknown, or there is no alpha convolution.
    """
    found = read_weights(path)
    bare, notes = _image_encoder(found.alone(str(path)), path)
    weights = {f"visual.{_underscored(name)}": value for name, value in bare.items()}
    if ALPHA_CONVOLUTION not in weights:
        remedy = "Give a visual .pth of Alpha-CLIP's model zoo; if you have none, leave out alpha (--alpha)."
        raise CheckpointError(str(path), "no alpha convolution (conv1_alpha.weight) in it", remedy)
    if weights.keys() != {ALPHA_CONVOLUTION}:
        tower = {name for name in expected_names(num_layers(weights, visual=True), 0) if name.startswith(VISUAL)}
        check_names(weights, tower | {ALPHA_CONVOLUTION}, str(path))
    check_numbers(weights, str(path))
    program = ALPHA_PROGRAM if any(ALPHA_LINEAR in name for name in bare) else None
    return AlphaFile(weights, program, (*found.notes, *notes))


def _image_encoder(weights: Mapping[str, Tensor], path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The weights of `visual.*` without that prefix, of a file that may hold the text encoder too, and a note of it."""
    if ALPHA_CONVOLUTION not in weights:
        return without_prefix(weights, VISUAL), ()
    others = sorted(name for name in weights if not name.startswith(VISUAL))
    text = {name for name in expected_names(0, num_layers(weights, visual=False)) if not name.startswith(VISUAL)}
    unknown = [name for name in others if name not in text | SCALARS and name.rpartition(".")[2] != CAUSAL_MASK]
    if unknown:
        remedy = "Give the image encoder of an Alpha-CLIP (visual.*), alone or within its whole CLIP."
        raise CheckpointError(str(path), f"{len(unknown)} unmapped weights: {listed_keys(unknown)}", remedy)
    bare = {name.removeprefix(VISUAL): value for name, value in weights.items() if name.startswith(VISUAL)}
    note = (
        f"The alpha file is a whole CLIP: its image encoder was taken, its {len(others)} other weights were not. To "
        "take all of it, give it as clip (--clip)."
    )
    return bare, (note,) if others else ()


def without_prefix(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Names without a prefix that all of them have."""
    if all(name.startswith(prefix) for name in weights):
        return {name.removeprefix(prefix): value for name, value in weights.items()}
    return dict(weights)


def _underscored(name: str) -> str:
    """Alpha-CLIP's attention is a Linear layer called in_proj, OpenAI's a parameter called in_proj_weight."""
    return name.replace(ALPHA_LINEAR, "attn.in_proj_")


def _without_text_prefix(found: Weights) -> Weights:
    """open_clip's CustomTextCLIP keeps the text encoder below `text.`; without that the names are OpenAI's."""
    if not any(name.startswith(CUSTOM_TEXT) for name in found.tensors):
        return found
    names = {name: name.removeprefix(CUSTOM_TEXT) for name in found.tensors}
    if len(set(names.values())) < len(names):
        return found  # both with and without: the list of names that have no place says so
    return replace(found, tensors={names[name]: weight for name, weight in found.tensors.items()})


def _refuse_other_kinds(weights: Mapping[str, Tensor], path: Path) -> None:
    """CheckpointError with a hint of its own for files that people are likely to mistake for a CLIP."""
    names = weights.keys()
    if any(name.startswith("visual.layer1.") for name in names):
        remedy = "Give one with a vision transformer, such as ViT-B/32: an alpha channel needs patches."
        raise CheckpointError(str(path), "a CLIP with a ResNet", remedy)
    if any(name.startswith("vision_model.") for name in names):
        remedy = "Give the folder that holds it and its config.json."
        raise CheckpointError(str(path), "weights of transformers without their configuration", remedy)
    alone = "visual.conv1.weight" in names and all(name.startswith(VISUAL) or name == "logit_scale" for name in names)
    if {"conv1.weight", "class_embedding"} <= names or alone:
        remedy = "Give it as alpha (--alpha), beside the CLIP it was trained from as clip (--clip)."
        if ALPHA_CONVOLUTION not in names and ALPHA_CONVOLUTION.removeprefix(VISUAL) not in names:
            remedy = "Give the whole CLIP it is of; this part of it has no text encoder and no alpha convolution."
        raise CheckpointError(str(path), "a vision tower alone, without the text tower", remedy)
