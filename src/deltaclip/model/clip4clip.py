"""What CLIP4Clip and its successor DRL keep beside their CLIP: the temporal head and the token weights that it makes.

Facts: ArrowLuo/CLIP4Clip, modules/modeling.py (`_loose_similarity`), module_cross.py and until_module.py; foolwood/DRL,
tvr/models/modeling.py. `seqTransf` is a transformer over the frames, `visual + transformerClip(visual + position)`, and
then the mean of unit rows; its blocks are CLIP's with text_width / 64 attention heads and QuickGELU, and layer norms
with an epsilon of their own. That is a temporal head with the identity as its last matrix.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from deltaclip.errors import CheckpointError
from deltaclip.model.clip import listed_keys
from deltaclip.model.temporal import EPS, PREFIX, HeadSizes, attention_heads, head_shapes
from deltaclip.model.token_weights import TokenWeights

__all__ = ["OUTSIDE", "BesideClip", "beside_clip"]

POSITIONS, TRANSFORMER, LSTM = "frame_position_embeddings.", "transformerClip.", "lstm_visual."
CROSS, DENSE = "cross.", "similarity_dense."
TOKEN_NETWORKS = {"text_weight_fc.": "text", "video_weight_fc.": "video"}
"""DRL's weights of token-wise interaction -> which side they weigh."""
OUTSIDE = (POSITIONS, TRANSFORMER, LSTM, CROSS, DENSE, *TOKEN_NETWORKS)
"""What the names of weights beside the CLIP begin with."""
NORM_EPS = 1e-12  # until_module.py, LayerNorm
BLOCKS = f"{TRANSFORMER}resblocks."
BLOCK = {
    "attn.in_proj_": "self_attn.in_proj_",
    "attn.out_proj.": "self_attn.out_proj.",
    "ln_1.": "norm1.",
    "ln_2.": "norm2.",
    "mlp.c_fc.": "linear1.",
    "mlp.c_proj.": "linear2.",
}
"""Parts of a block's names there -> in `TemporalHead`."""
ADDED = (f"{PREFIX}out.weight", EPS)
"""Weights of a temporal head that CLIP4Clip has as constants."""
REMEDY = "Give the file as CLIP4Clip's training wrote it, whole."


@dataclass(frozen=True, slots=True)
class BesideClip:
    """What was beside a CLIP.

    head: the weights of a temporal head, by their names in a model; none if it has no transformer over frames.
    token_weights: DRL's weights of token-wise interaction, None without any.
    left_out: names of the weights for which there is no place. notes: what is lost by that, a sentence each.
    """

    head: Mapping[str, Tensor] = field(default_factory=dict)
    token_weights: TokenWeights | None = None
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def beside_clip(weights: Mapping[str, Tensor], outer: str, width: int, text_width: int, what: str) -> BesideClip:
    """The head in the weights beside a CLIP, and what has no place here.

    weights: by full name, all of them below `outer` and one of OUTSIDE. width: D, that of the CLIP's vectors.
    text_width: of its text encoder, which decides the attention heads. what: whose they are, for the CheckpointError
    if a transformer over frames is not whole, or does not fit.
    """
    bare = {name.removeprefix(outer): weight for name, weight in weights.items()}
    head = _head(bare, width, text_width, what) if _any(bare, TRANSFORMER) else {}
    token_weights = _token_weights(bare, width, what)
    taken = ((TRANSFORMER, POSITIONS) if head else ()) + tuple(TOKEN_NETWORKS)
    left_out = sorted(name for name in bare if not name.startswith(taken))
    left_out_whole = tuple(outer + name for name in left_out)
    return BesideClip(head, token_weights, left_out_whole, tuple(_notes(left_out, bool(head))))


def _token_weights(weights: Mapping[str, Tensor], width: int, what: str) -> TokenWeights | None:
    """DRL's `text_weight_fc` and `video_weight_fc`. CheckpointError if they are not whole, or do not fit."""
    arrays = {}
    for theirs, side in TOKEN_NETWORKS.items():
        names = {name.removeprefix(theirs): name for name in weights if name.startswith(theirs)}
        # One layer has no number; of several every second one is a ReLU.
        numbers = sorted({name.rpartition(".")[0] for name in names}, key=lambda number: (len(number), number))
        for bare, name in names.items():
            number, _, part = bare.rpartition(".")
            arrays[f"{side}.{numbers.index(number)}.{part}"] = weights[name].float().numpy()
    if not arrays:
        return None
    try:
        found = TokenWeights(arrays)
        if found.width != width:
            raise ValueError(f"they weigh features of {found.width}, this CLIP's have {width}")
    except ValueError as error:
        raise CheckpointError(
            what, f"weights of token-wise interaction (wti) that do not fit: {error}", REMEDY
        ) from error
    return found


def _head(weights: Mapping[str, Tensor], width: int, text_width: int, what: str) -> dict[str, Tensor]:
    """The transformer over frames as a temporal head."""
    layers = len({name.removeprefix(BLOCKS).partition(".")[0] for name in weights if name.startswith(BLOCKS)})
    positions = weights.get(f"{POSITIONS}weight")
    sizes = HeadSizes(max(1, layers), len(positions) if positions is not None and positions.ndim else 1, NORM_EPS)
    shapes = {_theirs(name): shape for name, shape in head_shapes(width, sizes).items() if name not in ADDED}
    found = {name: weight for name, weight in weights.items() if name.startswith((TRANSFORMER, POSITIONS))}
    wrong = [
        f"{name} {tuple(found[name].shape)} instead of {shape}"
        for name, shape in sorted(shapes.items())
        if name in found and tuple(found[name].shape) != shape
    ]
    parts = {
        "missing": sorted(shapes.keys() - found.keys()),
        "unknown": sorted(found.keys() - shapes.keys()),
        "of a shape that does not fit vectors of this CLIP": wrong,
    }
    problems = [f"{len(names)} weights {kind}: {listed_keys(names)}" for kind, names in parts.items() if names]
    if not problems and text_width // 64 != attention_heads(width):
        problems = [f"{text_width // 64} attention heads for vectors of {width}"]
    if problems:
        raise CheckpointError(what, f"a transformer over frames (seqTransf) with {'; '.join(problems)}", REMEDY)
    added = {f"{PREFIX}out.weight": torch.eye(width), EPS: torch.tensor(NORM_EPS)}
    return {**{ours: found[_theirs(ours)] for ours in head_shapes(width, sizes) if ours not in ADDED}, **added}


def _theirs(name: str) -> str:
    """A weight of a temporal head by its name there."""
    bare = name.removeprefix(PREFIX)
    if bare == "positions.weight":
        return f"{POSITIONS}weight"
    _, number, part = bare.split(".", 2)
    [(old, new)] = [(old, new) for old, new in BLOCK.items() if part.startswith(new)]
    return f"{BLOCKS}{number}.{old}{part.removeprefix(new)}"


def _notes(left_out: Iterable[str], has_head: bool) -> list[str]:
    """What is lost with the weights that have no place."""
    names = list(left_out)
    notes = []
    if _any(names, LSTM):
        notes.append(
            "Its LSTM over frames (seqLSTM) has no place here: vectors are those of mean pooling, and its figures are "
            "not to be had from them."
        )
    if _any(names, CROSS) or _any(names, DENSE):
        unused = "which seqTransf does not use" if has_head else "the similarity of tightTransf"
        notes.append(f"Its cross-encoder ({unused}) has no place here: it scores pairs and makes no vectors.")
    return notes


def _any(names: Iterable[str], prefix: str) -> bool:
    return any(name.startswith(prefix) for name in names)
