"""PE-Core's files: Meta's own, whose names are OpenAI's and those of its pooling, and open_clip's, in timm's names.

facebookresearch/perception_models, core/vision_encoder/pe.py; timm, models/eva.py (`_convert_pe`); open_clip,
model_configs/PE-Core-*.json. Sizes follow from the weights, and all else is the same in every model.
"""

import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from deltaclip.errors import CheckpointError
from deltaclip.model.keys import KINDS

__all__ = ["ACTIVATION", "PROGRAM", "is_pe_core", "openai_names"]

PROGRAM = "PE-Core, by the names of its pooling"
ACTIVATION = "gelu"
POOL, TRUNK = "visual.attn_pool.", "visual.trunk."
TENSORS = {"patch_embed.proj.weight": "visual.conv1.weight", "attn_pool.latent": f"{POOL}probe"}
LAYERS = {
    "norm_pre": "visual.ln_pre",
    "norm": "visual.ln_post",
    "attn_pool.proj": f"{POOL}attn.out_proj",
    "attn_pool.norm": f"{POOL}layernorm",
    "attn_pool.mlp.fc1": f"{POOL}mlp.c_fc",
    "attn_pool.mlp.fc2": f"{POOL}mlp.c_proj",
}
"""timm's names below TRUNK of what has a weight and a bias, and Meta's."""
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
    for kind in KINDS:
        query, rest = f"{TRUNK}attn_pool.q.{kind}", f"{TRUNK}attn_pool.kv.{kind}"
        if query in made and rest in made:
            made[f"{POOL}attn.in_proj_{kind}"] = torch.cat([made.pop(query), made.pop(rest)])
    if "visual.class_embedding" not in made:
        found = "a PE-Core without a class token, such as G/14"
        raise CheckpointError(what, found, "Give one with a class token: T/16, S/16, B/16 or L/14.")
    return made


def _renamed(name: str, weight: Tensor, what: str) -> Iterator[tuple[str, Tensor]]:
    """One weight of timm's image encoder."""
    layer, _, kind = name.rpartition(".")
    if name in TENSORS:
        yield TENSORS[name], weight
    elif layer in LAYERS and kind in KINDS:
        yield f"{LAYERS[layer]}.{kind}", weight
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
