"""The temporal head: a small transformer over the features of a clip's frames, so that their order can count.

Shaped like CLIP4Clip's `seqTransf` (Luo et al., arXiv 2104.08860, section 3.3; `modules/modeling.py`,
`_loose_similarity`): position embeddings and residual attention blocks over the frames, whose result is added to the
features before mean pooling. Ours has one more matrix behind the blocks, which starts at zero, so that a head that was
never trained is mean pooling to the bit; the identity there is CLIP4Clip's. Its layer norms have another epsilon than
PyTorch's, which weights do not tell: a head with one keeps it among its weights, so that no file is without it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import Tensor, nn
from transformers.activations import ACT2FN

from deltaclip.model.families.wiring import DualEncoder
from deltaclip.model.sizes import DEFAULT_EPS, HEAD_WIDTH, OPENAI_ACTIVATION

__all__ = [
    "EPS",
    "PREFIX",
    "HeadFacts",
    "HeadSizes",
    "TemporalHead",
    "attention_heads",
    "fresh_head",
    "head_facts",
    "head_parameters",
    "head_shapes",
    "head_sizes",
    "put_head",
    "temporal_head",
]

NAME = "temporal_head"
PREFIX = f"{NAME}."
"""What the names of a head's weights begin with, among those of its model."""
EPS = f"{PREFIX}norm_eps"
"""The epsilon of a head's layer norms among its weights, a number; without it they have PyTorch's."""
_POSITIONS = f"{PREFIX}positions.weight"
_BLOCK = re.compile(rf"{NAME}\.blocks\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class HeadSizes:
    """layers: blocks. positions: the largest number of frames of a clip. norm_eps: of the layer norms."""

    layers: int
    positions: int
    norm_eps: float = DEFAULT_EPS


class HeadFacts(TypedDict):
    """A head in numbers: blocks, the largest number of frames, the epsilon of its layer norms, heads of attention."""

    layers: int
    positions: int
    norm_eps: float
    attention_heads: int


def attention_heads(width: int) -> int:
    """width // 64 as in the towers of new models, or the next lower number that divides the width."""
    return next(heads for heads in range(max(1, width // HEAD_WIDTH), 0, -1) if width % heads == 0)


class TemporalHead(nn.Module):
    """Frames' features (B, T, D), in the order shown, to features that know of each other and of their order.

    The frame at place t of a clip gets position t, whatever its time. There is no padding: the clips of a batch have
    the same number of frames.
    """

    def __init__(self, width: int, sizes: HeadSizes) -> None:
        """width: D."""
        super().__init__()
        self.positions = nn.Embedding(sizes.positions, width)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width,
                attention_heads(width),
                4 * width,
                dropout=0.0,
                activation=ACT2FN[OPENAI_ACTIVATION],
                batch_first=True,
                norm_first=True,
                layer_norm_eps=sizes.norm_eps,
            )
            for _ in range(sizes.layers)
        )
        self.out = nn.Linear(width, width, bias=False)
        self.sizes = sizes
        """Its sizes."""
        if sizes.norm_eps != DEFAULT_EPS:
            self.register_buffer("norm_eps", torch.tensor(sizes.norm_eps))

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, D) float32 -> the same; ValueError if there are more frames than positions."""
        length, most = frames.shape[1], self.positions.num_embeddings
        if length > most:
            raise ValueError(
                f"clips of {length} frames for a temporal head with {most} positions: give it at most {most}"
            )
        # Always in float32, as pooling is: it is a small part of the work, and a difference of vectors.
        with torch.autocast(frames.device.type, enabled=False):
            return self.made_of(frames)

    def made_of(self, frames: Tensor) -> Tensor:
        """The same without its check and its precision: on a device that knows no autocast, such as `meta`."""
        seen = frames + self.positions.weight[: frames.shape[1]]
        for block in self.blocks:
            seen = block(seen)
        made: Tensor = frames + self.out(seen)
        return made


def temporal_head(model: DualEncoder) -> TemporalHead | None:
    """The temporal head of a model, None if it has none."""
    head = getattr(model, NAME, None)
    return head if isinstance(head, TemporalHead) else None


def head_facts(model: DualEncoder) -> HeadFacts | None:
    """The numbers of a model's temporal head, None if it has none."""
    head = temporal_head(model)
    if head is None:
        return None
    sizes = head.sizes
    return {
        "layers": sizes.layers,
        "positions": sizes.positions,
        "norm_eps": sizes.norm_eps,
        "attention_heads": attention_heads(head.positions.embedding_dim),
    }


def head_parameters(model: DualEncoder) -> list[nn.Parameter]:
    """The parameters of a model's temporal head; none without one."""
    head = temporal_head(model)
    return [] if head is None else list(head.parameters())


def put_head(model: DualEncoder, sizes: HeadSizes, dimension: int) -> None:
    """Gives a model a head of these sizes, as wide as its vectors, as a part of it under the name `temporal_head`."""
    model.add_module(NAME, TemporalHead(dimension, sizes))


def head_sizes(weights: Mapping[str, Tensor]) -> HeadSizes | None:
    """Sizes of the head among these weights of a model; None if there is none.

    At least one layer and position even if those are missing, so that their absence can be reported by name.
    """
    if not any(name.startswith(PREFIX) for name in weights):
        return None
    layers = [int(match[1]) for name in weights if (match := _BLOCK.match(name))]
    positions, eps = weights.get(_POSITIONS), weights.get(EPS)
    known = positions is not None and positions.ndim == 2 and len(positions)
    return HeadSizes(
        len(set(layers)) or 1,
        len(positions) if positions is not None and known else 1,
        # From float32 to the decimal number that it was: 1e-12 is not one of float32's.
        DEFAULT_EPS if eps is None or eps.numel() != 1 else float(f"{eps.item():.6g}"),
    )


def head_shapes(width: int, sizes: HeadSizes) -> dict[str, tuple[int, ...]]:
    """The shape of every weight of a head, by its name in a model."""
    with torch.device("meta"):
        state = TemporalHead(width, sizes).state_dict()
    return {f"{PREFIX}{name}": tuple(weight.shape) for name, weight in state.items()}


def fresh_head(width: int, sizes: HeadSizes, seed: int) -> dict[str, Tensor]:
    """Weights of a head that changes nothing yet, by their names in a model, the same for the same seed.

    Spreads are those of CLIP's towers (openai/CLIP, model.py), `out` is zero.
    """
    generator = torch.Generator().manual_seed(seed)
    shapes = sorted(head_shapes(width, sizes).items())
    return {name: _fresh(name.removeprefix(PREFIX), shape, width, sizes, generator) for name, shape in shapes}


def _fresh(name: str, size: tuple[int, ...], width: int, sizes: HeadSizes, generator: torch.Generator) -> Tensor:
    if name == "norm_eps":
        return torch.tensor(sizes.norm_eps)
    if name == "out.weight" or name.endswith("bias"):
        return torch.zeros(size)
    if ".norm" in name:
        return torch.ones(size)
    spread: float = width**-0.5
    if name.endswith(("out_proj.weight", "linear2.weight")):
        spread *= (2 * sizes.layers) ** -0.5
    elif name.endswith("linear1.weight"):
        spread = (2 * width) ** -0.5
    return torch.empty(size).normal_(0.0, spread, generator=generator)
