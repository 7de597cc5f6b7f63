"""PE-Core's files: Meta's own, whose names are OpenAI's and those of its pooling, and open_clip's, in timm's names.

facebookresearch/perception_models, core/vision_encoder/pe.py; timm, models/eva.py (`_convert_pe`); open_clip,
model_configs/PE-Core-*.json. Sizes follow from the weights, and all else is the same in every model.
"""

import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from deltaclip.errors import CheckpointError
from deltaclip.model.architecture import Claim
from deltaclip.model.sizes import DEFAULT_EPS, HEAD_WIDTH

__all__ = ["PROGRAM", "is_pe_core", "openai_names", "pe_core_claim", "pooling_names", "pooling_to_transformers"]

PROGRAM = "PE-Core, by the names of its pooling"
POOL = "visual.attn_pool."
POOLING = {
    "probe": "probe",
    "attn.in_proj_weight": "attention.in_proj_weight",
    "attn.in_proj_bias": "attention.in_proj_bias",
    **{
        f"{ours}.{kind}": f"{theirs}.{kind}"
        for ours, theirs in (
            ("attn.out_proj", "attention.out_proj"),
            ("layernorm", "layernorm"),
            ("mlp.c_fc", "mlp.fc1"),
            ("mlp.c_proj", "mlp.fc2"),
        )
        for kind in ("weight", "bias")
    },
}
"""Of the pooling's weights: Meta's names below POOL, and those of transformers below HEAD."""
HEAD = "vision_model.head."
TRUNK = "visual.trunk."
PLAIN = {
    "patch_embed.proj.weight": "visual.conv1.weight",
    **{
        f"{theirs}.{kind}": f"visual.{ours}.{kind}"
        for theirs, ours in (("norm_pre", "ln_pre"), ("norm", "ln_post"))
        for kind in ("weight", "bias")
    },
    "attn_pool.latent": f"{POOL}probe",
    **{
        f"attn_pool.{theirs}.{kind}": f"{POOL}{ours}.{kind}"
        for theirs, ours in (
            ("proj", "attn.out_proj"),
            ("norm", "layernorm"),
            ("mlp.fc1", "mlp.c_fc"),
            ("mlp.fc2", "mlp.c_proj"),
        )
        for kind in ("weight", "bias")
    },
}
BLOCK = re.compile(r"blocks\.(?P<layer>\d+)\.(?P<part>.+?)\.(?P<kind>weight|bias)")
PARTS = {
    "norm1": "ln_1.",
    "norm2": "ln_2.",
    "attn.qkv": "attn.in_proj_",
    "attn.proj": "attn.out_proj.",
    "mlp.fc1": "mlp.c_fc.",
    "mlp.fc2": "mlp.c_proj.",
}


def is_pe_core(weights: Mapping[str, Tensor]) -> bool:
    """Whether these are weights of a PE-Core, in either form."""
    return f"{POOL}probe" in weights or f"{TRUNK}attn_pool.latent" in weights


def pooling_names() -> set[str]:
    """The names of the pooling's weights, as Meta has them."""
    return {f"{POOL}{name}" for name in POOLING}


def openai_names(weights: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """The weights by OpenAI's names, and those of the pooling by Meta's; what has no place keeps its name.

    Raises CheckpointError for the model without a class token (G/14), and for a bias of the projection that is not 0.
    """
    made: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if name.startswith(TRUNK):
            made.update(_renamed(name.removeprefix(TRUNK), weight, what))
        else:
            made[name] = weight
    # timm projects queries apart from keys and values.
    for kind in ("weight", "bias"):
        parts = [made.pop(f"{TRUNK}attn_pool.{part}.{kind}", None) for part in ("q", "kv")]
        if all(part is not None for part in parts):
            made[f"{POOL}attn.in_proj_{kind}"] = torch.cat([part for part in parts if part is not None])
    if "visual.class_embedding" not in made:
        found = "a PE-Core without a class token, such as G/14"
        raise CheckpointError(what, found, "Give one with a class token: T/16, S/16, B/16 or L/14.")
    return made


def _renamed(name: str, weight: Tensor, what: str) -> Iterator[tuple[str, Tensor]]:
    """One weight of timm's image encoder."""
    if name in PLAIN:
        yield PLAIN[name], weight
    elif name == "cls_token":
        yield "visual.class_embedding", weight.flatten()
    elif name == "pos_embed":
        yield "visual.positional_embedding", weight.flatten(0, 1)
    elif name == "head.weight":
        yield "visual.proj", weight.T
    elif name == "head.bias":
        if weight.any():
            remedy = "Give PE-Core as published: its projection has no bias."
            raise CheckpointError(what, f"{TRUNK}head.bias is not zero", remedy)
    elif (block := BLOCK.fullmatch(name)) and block["part"] in PARTS:
        yield f"visual.transformer.resblocks.{block['layer']}.{PARTS[block['part']]}{block['kind']}", weight
    else:
        yield f"{TRUNK}{name}", weight


def pooling_to_transformers(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of the pooling alone, by the names of `families.pe_core`."""
    return {f"{HEAD}{theirs}": weights[f"{POOL}{meta}"] for meta, theirs in POOLING.items()}


def pe_core_claim(shapes: Mapping[str, int]) -> Claim:
    """Heads and activations, which its program has for all sizes."""
    heads = (shapes["vision_width"] // HEAD_WIDTH, shapes["text_width"] // HEAD_WIDTH)
    return Claim(PROGRAM, *heads, "gelu", "gelu", DEFAULT_EPS, DEFAULT_EPS)
