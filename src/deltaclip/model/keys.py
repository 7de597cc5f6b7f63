"""From the names in OpenAI's files to those of transformers, and the sizes of a model from its weights.

The table is that of openai/CLIP's model.py and transformers' CLIPModel; Alpha-CLIP and CLIP4Clip use OpenAI's names
with small changes (sources.py).
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor

from deltaclip.channels import CHANNELS, COLOURS
from deltaclip.errors import CheckpointError
from deltaclip.model.clip import listed_keys, with_motion_channels
from deltaclip.model.patches import PATCH_EMBEDDING

__all__ = [
    "ALPHA_CONVOLUTION",
    "KINDS",
    "POOLING",
    "check_names",
    "expected_names",
    "num_layers",
    "replace_alpha",
    "shapes_of",
    "to_transformers",
]

ALPHA_CONVOLUTION = "visual.conv1_alpha.weight"
KINDS = ("weight", "bias")
PLAIN = {
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.conv1.weight": PATCH_EMBEDDING,
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",
    "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "visual.ln_post.weight": "vision_model.post_layernorm.weight",
    "visual.ln_post.bias": "vision_model.post_layernorm.bias",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
    "logit_scale": "logit_scale",
}
# Stored as (in, out); a Linear layer wants (out, in).
TRANSPOSED = {"visual.proj": "visual_projection.weight", "text_projection": "text_projection.weight"}
POOLING = {  # of PE-Core; a CLIP has none
    "visual.attn_pool.probe": "vision_model.head.probe",
    **{f"visual.attn_pool.attn.in_proj_{kind}": f"vision_model.head.attention.in_proj_{kind}" for kind in KINDS},
    **{
        f"visual.attn_pool.{part}.{kind}": f"vision_model.head.{new}.{kind}"
        for part, new in (
            ("attn.out_proj", "attention.out_proj"),
            ("layernorm", "layernorm"),
            ("mlp.c_fc", "mlp.fc1"),
            ("mlp.c_proj", "mlp.fc2"),
        )
        for kind in KINDS
    },
}
BLOCK = {
    "attn.out_proj": "self_attn.out_proj",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
IN_PROJ = "attn.in_proj_"
BLOCK_NAME = re.compile(
    r"(?P<visual>visual\.)?transformer\.resblocks\.(?P<layer>\d+)\.(?P<part>.+?)[._](?P<kind>weight|bias)"
)


def expected_names(vision_layers: int, text_layers: int) -> set[str]:
    """Every name in OpenAI's files for a CLIP of so many blocks, without the alpha convolution."""
    parts = (*(f"{part}." for part in BLOCK), IN_PROJ)
    towers = (("visual.transformer", vision_layers), ("transformer", text_layers))
    blocks = {
        f"{tower}.resblocks.{layer}.{part}{kind}"
        for tower, layers in towers
        for layer in range(layers)
        for part in parts
        for kind in KINDS
    }
    return blocks | PLAIN.keys() | TRANSPOSED.keys()


def num_layers(names: Iterable[str], visual: bool) -> int:
    """How many blocks one tower has, by its names."""
    matches = (BLOCK_NAME.fullmatch(name) for name in names)
    return len({match["layer"] for match in matches if match and (match["visual"] is not None) == visual})


def check_names(names: Iterable[str], expected: set[str], what: str) -> None:
    """CheckpointError with the list, if a name is missing or there is one we have no place for."""
    missing, unmapped = sorted(expected - set(names)), sorted(set(names) - expected)
    parts = [
        f"{len(group)} {kind} weights: {listed_keys(group)}"
        for kind, group in (("missing", missing), ("unmapped", unmapped))
        if group
    ]
    if parts:
        remedy = "Give the whole state dict of a CLIP with a vision transformer, as its authors publish it."
        raise CheckpointError(what, "; ".join(parts), remedy)


def shapes_of(weights: Mapping[str, Tensor], what: str) -> dict[str, int]:
    """The sizes of a CLIP from the shapes of its weights, by OpenAI's names (openai/CLIP, model.py, build_model).

    Keys are those of ModelSpec, and vision_mlp_width and text_mlp_width. What shapes do not tell is not here.
    """
    try:
        vision_width, _, patch_size, _ = weights["visual.conv1.weight"].shape
        grid = math.isqrt(weights["visual.positional_embedding"].shape[0] - 1)
        vocab_size, text_width = weights["token_embedding.weight"].shape
        projection_dim = weights["text_projection"].shape[1]
        context_length = weights["positional_embedding"].shape[0]
        return {
            "image_size": grid * patch_size,
            "patch_size": patch_size,
            "vision_width": vision_width,
            "vision_layers": num_layers(weights, visual=True),
            "vision_mlp_width": weights["visual.transformer.resblocks.0.mlp.c_fc.weight"].shape[0],
            "text_width": text_width,
            "text_layers": num_layers(weights, visual=False),
            "text_mlp_width": weights["transformer.resblocks.0.mlp.c_fc.weight"].shape[0],
            "projection_dim": projection_dim,
            "vocab_size": vocab_size,
            "context_length": context_length,
        }
    except (ValueError, IndexError, KeyError) as err:
        remedy = "Give the state dict of a CLIP with a vision transformer."
        raise CheckpointError(what, f"weights whose shapes are not those of a CLIP ({err})", remedy) from err


def to_transformers(weights: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """Weights by transformers' names, from weights by OpenAI's names that check_names has let through.

    The alpha convolution, if any, becomes the alpha channel of the patch embedding; without it that is zero.
    what: whose weights they are, for the CheckpointError if the alpha convolution does not fit the patch embedding.
    """
    state: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if name != ALPHA_CONVOLUTION:
            state.update(_renamed(name, weight))
    if PATCH_EMBEDDING in state:
        patches = state[PATCH_EMBEDDING]
        alpha = weights.get(ALPHA_CONVOLUTION)
        if alpha is not None and patches.ndim == 4 and patches.shape[1] > len(COLOURS):
            found = f"two alpha channels: one in conv1.weight {tuple(patches.shape)}, and conv1_alpha.weight"
            raise CheckpointError(what, found, "Remove the wrong one from the file, and give it again.")
        state[PATCH_EMBEDDING] = with_motion_channels(patches) if alpha is None else replace_alpha(patches, alpha, what)
    return state


def replace_alpha(patch_embedding: Tensor, alpha: Tensor, what: str) -> Tensor:
    """A patch embedding (W, C, P, P) with this alpha channel (W, 1, P, P) as its fourth, in the wider of the dtypes.

    Raises CheckpointError if their shapes do not fit.
    """
    needed = (patch_embedding.shape[0], 1, *patch_embedding.shape[2:])
    if patch_embedding.ndim != 4 or alpha.shape != needed:
        found = f"an alpha convolution {tuple(alpha.shape)}, but the CLIP needs {needed}"
        remedy = "Give the CLIP the alpha weights were trained from (B/16, L/14 or L/14@336)."
        raise CheckpointError(what, found, remedy)
    colours, extras = patch_embedding[:, : len(COLOURS)], patch_embedding[:, len(CHANNELS) :]
    return torch.cat([colours, alpha.to(patch_embedding.device), extras], dim=1)


def _renamed(name: str, weight: Tensor) -> Iterator[tuple[str, Tensor]]:
    """One weight under its new name; the joint q, k, v projection becomes three."""
    if name in PLAIN or name in POOLING:
        yield PLAIN.get(name) or POOLING[name], weight
    elif name in TRANSPOSED:
        yield TRANSPOSED[name], weight.T
    elif match := BLOCK_NAME.fullmatch(name):
        tower = "vision_model" if match["visual"] else "text_model"
        layer = f"{tower}.encoder.layers.{match['layer']}"
        if match["part"] == "attn.in_proj":
            for part, rows in zip("qkv", weight.chunk(3), strict=True):
                yield f"{layer}.self_attn.{part}_proj.{match['kind']}", rows
        else:
            yield f"{layer}.{BLOCK[match['part']]}.{match['kind']}", weight
