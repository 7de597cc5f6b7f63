"""How much each word and each frame counts in weighted token-wise interaction: DRL's small networks, in numpy.

Wang et al., "Disentangled representation learning for text-video retrieval" (arXiv 2203.07111); foolwood/DRL,
tvr/models/modeling.py (`text_weight_fc`, `video_weight_fc`: one to three linear layers with ReLU between them, by
`wti_arch`). They weigh features of one CLIP, as they were before being brought to unit length, and no others: whoever
trains or averages that CLIP does without them. No vector that a library keeps depends on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.errors import CheckpointError
from deltaclip.model.arithmetic import Affine
from deltaclip.model.rows import MappedRows, digest_of_weights

__all__ = ["TOKEN_WEIGHTS_FILE", "TokenWeights", "read_token_weights"]

TOKEN_WEIGHTS_FILE = "token_weights.safetensors"
SIDES = ("text", "video")
MOST_LAYERS = 3


@dataclass(frozen=True, eq=False)
class TokenWeights:
    """arrays: `text.0.weight` (out, in), `text.0.bias` (out,), and so on for each layer of both, float32."""

    arrays: Mapping[str, NDArray[np.float32]] = field(repr=False)

    def __post_init__(self) -> None:
        """Raises ValueError unless these are whole networks from features of one width to one number."""
        for side in SIDES:
            layers = self._layers(side)
            width = layers[0].weight.shape[-1] if layers[0].weight.ndim == 2 else None
            for number, layer in enumerate(layers):
                out = 1 if number == len(layers) - 1 else width
                if layer.weight.shape != (out, width) or layer.bias.shape != (out,):
                    found = f"{side}.{number} has {layer.weight.shape} and {layer.bias.shape}"
                    raise ValueError(f"{found} instead of ({out}, {width}) and ({out},)")
        widths = [self._layers(side)[0].weight.shape[1] for side in SIDES]
        if widths[0] != widths[1]:
            raise ValueError(f"networks for features of {widths[0]} and {widths[1]}")
        known = sum(2 * len(self._layers(side)) for side in SIDES)
        if known != len(self.arrays):
            raise ValueError(f"{len(self.arrays)} weights, of which {known} belong to the two networks")
        if not all(np.isfinite(array).all() for array in self.arrays.values()):
            raise ValueError("NaN or infinity among its weights")

    def __repr__(self) -> str:
        return f"TokenWeights(layers={self.layers}, width={self.width})"

    @property
    def layers(self) -> int:
        """Of the text's network."""
        return len(self._layers("text"))

    @property
    def width(self) -> int:
        """D, of the features that are weighed."""
        return int(self._layers("text")[0].weight.shape[1])

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits of all weights by name."""
        return digest_of_weights(dict(self.arrays))[:16]

    def of_tokens(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, D) features of tokens, of no particular length -> (N,) logits."""
        return self._logits("text", features)

    def of_frames(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, D) features of frames, after the temporal head -> (N,) logits."""
        return self._logits("video", features)

    def _logits(self, side: str, features: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = features
        for number, layer in enumerate(self._layers(side)):
            rows = (rows if number == 0 else np.maximum(rows, 0)) @ layer.weight.T + layer.bias
        return np.asarray(rows[:, 0], np.float32)

    def _layers(self, side: str) -> tuple[Affine, ...]:
        """Raises ValueError if one is missing, or there are more than DRL has."""
        found: list[Affine] = []
        while f"{side}.{len(found)}.weight" in self.arrays:
            name = f"{side}.{len(found)}"
            if f"{name}.bias" not in self.arrays:
                raise ValueError(f"{name}.bias is missing")
            found.append(Affine(self.arrays[f"{name}.weight"], self.arrays[f"{name}.bias"]))
        if not 1 <= len(found) <= MOST_LAYERS:
            raise ValueError(f"{len(found)} layers for each {side}: from 1 to {MOST_LAYERS}")
        return tuple(found)


def read_token_weights(folder: Path, dimension: int) -> TokenWeights | None:
    """Those in a checkpoint's folder; None without any. dimension: D, of its vectors.

    Raises CheckpointError for a file that is damaged or belongs to vectors of another width.
    """
    path = folder / TOKEN_WEIGHTS_FILE
    if not path.exists():
        return None
    try:
        rows = MappedRows(path)
        found = TokenWeights({name: rows.rows(name) for name in rows.shapes})
        if found.width != dimension:
            raise ValueError(f"weights for features of {found.width}, the checkpoint's have {dimension}")
    except (OSError, ValueError) as error:
        remedy = "Convert the checkpoint again, or remove this file: only --interaction weighted-token reads it."
        raise CheckpointError(str(path), f"no weights of token-wise interaction ({error})", remedy) from error
    return found
