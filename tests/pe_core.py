"""A small random PE-Core by the names of Meta's files and of open_clip's, and its image encoder once more in numpy.

The arithmetic is written from the paper's program once more, in float64 and with complex numbers, so that a mistake in
the model would have to be made twice.
"""

from collections.abc import Mapping
from math import erf
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["CONTEXT", "HEAD", "PATCH", "SIDE", "image_vectors", "meta_weights", "open_clip_weights"]

SIDE, PATCH, WIDTH, LAYERS, HEAD, POOL_HEADS = 12, 3, 128, 2, 64, 8
TEXT_WIDTH, CONTEXT, DIMENSION = 64, 12, 24
Array = NDArray[np.float64]


def meta_weights(vocab_size: int, seed: int = 0) -> dict[str, Tensor]:
    """By the names of facebook/PE-Core-B16-224, none at a value that hides a mistake."""
    block = {
        "attn.in_proj_weight": (3, 1),
        "attn.in_proj_bias": (3,),
        "attn.out_proj.weight": (1, 1),
        "attn.out_proj.bias": (1,),
        "mlp.c_fc.weight": (4, 1),
        "mlp.c_fc.bias": (4,),
        "mlp.c_proj.weight": (1, 4),
        "mlp.c_proj.bias": (1,),
    }
    norms = ("weight", "bias")
    shapes: dict[str, tuple[int, ...]] = {"logit_scale": ()}
    for place, width, layers in (("visual.", WIDTH, LAYERS), ("", TEXT_WIDTH, 1)):
        for layer in range(layers):
            name = f"{place}transformer.resblocks.{layer}."
            shapes |= {f"{name}{part}": tuple(width * factor for factor in size) for part, size in block.items()}
            shapes |= {f"{name}{norm}.{kind}": (width,) for norm in ("ln_1", "ln_2") for kind in norms}
    pool = "visual.attn_pool."
    shapes |= {f"{pool}{part}": tuple(WIDTH * factor for factor in size) for part, size in block.items()}
    shapes |= {f"{pool}probe": (1, 1, WIDTH), **{f"{pool}layernorm.{kind}": (WIDTH,) for kind in norms}}
    shapes |= {f"visual.{norm}.{kind}": (WIDTH,) for norm in ("ln_pre", "ln_post") for kind in norms}
    shapes |= {
        "visual.class_embedding": (WIDTH,),
        "visual.positional_embedding": (1 + (SIDE // PATCH) ** 2, WIDTH),
        "visual.conv1.weight": (WIDTH, 3, PATCH, PATCH),
        "visual.proj": (WIDTH, DIMENSION),
        "token_embedding.weight": (vocab_size, TEXT_WIDTH),
        "positional_embedding": (CONTEXT, TEXT_WIDTH),
        "ln_final.weight": (TEXT_WIDTH,),
        "ln_final.bias": (TEXT_WIDTH,),
        "text_projection": (TEXT_WIDTH, DIMENSION),
    }
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for name, shape in shapes.items():
        spread = 0.2 if len(shape) < 2 or "embedding" in name else 1.5 * shape[-1] ** -0.5
        norm = name.endswith("weight") and ("ln_" in name or "layernorm" in name)
        made[name] = torch.randn(shape, generator=generator) * spread + float(norm)
    return made


def open_clip_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same by open_clip's names, whose image encoder is timm's."""
    names = {"ln_pre": "norm_pre", "ln_post": "norm", "conv1": "patch_embed.proj", "ln_1": "norm1", "ln_2": "norm2"}
    names |= {
        "attn.in_proj_": "attn.qkv.",
        "attn.out_proj": "attn.proj",
        "mlp.c_fc": "mlp.fc1",
        "mlp.c_proj": "mlp.fc2",
    }
    pooling = {"probe": "latent", "attn.out_proj": "proj", "layernorm": "norm", "mlp.c_fc": "mlp.fc1"}
    pooling |= {"mlp.c_proj": "mlp.fc2"}
    made: dict[str, Tensor] = {}
    for name, weight in weights.items():
        inner = name.removeprefix("visual.")
        if inner == name:
            made[name if name == "logit_scale" else f"text.{name}"] = weight
        elif inner == "class_embedding":
            made["visual.trunk.cls_token"] = weight[None, None]
        elif inner == "positional_embedding":
            made["visual.trunk.pos_embed"] = weight[None]
        elif inner == "proj":
            made |= {"visual.trunk.head.weight": weight.T, "visual.trunk.head.bias": torch.zeros(weight.shape[1])}
        elif inner.startswith("attn_pool.attn.in_proj_"):
            kind = inner.rpartition("_")[2]
            made[f"visual.trunk.attn_pool.q.{kind}"] = weight[:WIDTH]
            made[f"visual.trunk.attn_pool.kv.{kind}"] = weight[WIDTH:]
        else:
            inner = inner.replace("transformer.resblocks", "blocks")
            for theirs, timms in (pooling if inner.startswith("attn_pool.") else names).items():
                inner = inner.replace(theirs, timms, 1)
            made[f"visual.trunk.{inner}"] = weight
    return {name: weight.contiguous() for name, weight in made.items()}


def image_vectors(weights: Mapping[str, Tensor], pictures: Array) -> Array:
    """(N, 3, S, S) pictures, normalised, to vectors (N, D) of no particular length."""
    seeing = [name for name in weights if name.startswith("visual.")]
    held = {name.removeprefix("visual."): weights[name].double().numpy() for name in seeing}
    across = SIDE // PATCH
    cut = pictures.reshape(-1, 3, across, PATCH, across, PATCH).transpose(0, 2, 4, 1, 3, 5).reshape(-1, across**2, 27)
    patches = cut @ held["conv1.weight"].reshape(WIDTH, -1).T
    first = np.broadcast_to(held["class_embedding"], (len(patches), 1, WIDTH))
    hidden = np.concatenate([first, patches], axis=1) + held["positional_embedding"]
    hidden = _normed(hidden, held, "ln_pre")
    column, row = np.tile(np.arange(1, across + 1), across), np.repeat(np.arange(1, across + 1), across)
    waves = 10000.0 ** -(np.arange(0, HEAD // 2, 2) / (HEAD // 2))
    angles = np.concatenate([column[:, None] * waves, row[:, None] * waves], axis=1)
    turns = np.exp(1j * np.concatenate([np.zeros((1, HEAD // 2)), angles]))  # (1 + patches, HEAD / 2)
    for layer in range(LAYERS):
        name = f"transformer.resblocks.{layer}."
        rows = _normed(hidden, held, f"{name}ln_1")
        hidden = hidden + _attended(rows, rows, held, f"{name}attn.", WIDTH // HEAD, turns)
        hidden = hidden + _mlp(_normed(hidden, held, f"{name}ln_2"), held, f"{name}mlp.")
    hidden = _normed(hidden, held, "ln_post")
    probe = np.broadcast_to(held["attn_pool.probe"], (len(hidden), 1, WIDTH))
    seen = _attended(probe, hidden, held, "attn_pool.attn.", POOL_HEADS, None)
    seen = seen + _mlp(_normed(seen, held, "attn_pool.layernorm"), held, "attn_pool.mlp.")
    pooled: Array = seen[:, 0] @ held["proj"]
    return pooled


def _normed(rows: Array, held: Mapping[str, Array], name: str) -> Array:
    spread = np.sqrt(rows.var(axis=-1, keepdims=True) + 1e-5)
    made: Array = (rows - rows.mean(axis=-1, keepdims=True)) / spread * held[f"{name}.weight"] + held[f"{name}.bias"]
    return made


def _attended(asking: Array, asked: Array, held: Mapping[str, Array], name: str, heads: int, turns: Any) -> Array:
    parts = zip(np.split(held[f"{name}in_proj_weight"], 3), np.split(held[f"{name}in_proj_bias"], 3), strict=True)
    query, key, value = (
        (rows @ weight.T + bias).reshape(*rows.shape[:2], heads, -1).transpose(0, 2, 1, 3)
        for rows, (weight, bias) in zip((asking, asked, asked), parts, strict=True)
    )
    if turns is not None:  # neighbours are the real and the imaginary part of one number
        query, key = ((rows[..., ::2] + 1j * rows[..., 1::2]) * turns for rows in (query, key))
    scores = (query @ key.conj().swapaxes(2, 3)).real / np.sqrt(value.shape[-1])
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    seen = (shares / shares.sum(axis=-1, keepdims=True) @ value).transpose(0, 2, 1, 3).reshape(asking.shape)
    made: Array = seen @ held[f"{name}out_proj.weight"].T + held[f"{name}out_proj.bias"]
    return made


def _mlp(rows: Array, held: Mapping[str, Array], name: str) -> Array:
    wide = rows @ held[f"{name}c_fc.weight"].T + held[f"{name}c_fc.bias"]
    active = wide * 0.5 * (1 + np.vectorize(erf)(wide / np.sqrt(2)))
    made: Array = active @ held[f"{name}c_proj.weight"].T + held[f"{name}c_proj.bias"]
    return made
