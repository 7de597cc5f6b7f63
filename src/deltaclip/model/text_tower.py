"""The text encoder in numpy, over weights that stay in their file.

A cold search then reads what it multiplies, and imports neither torch nor transformers.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deltaclip.model.arithmetic import NUMPY_ACTIVATIONS, Affine, NumpyBlock, layer_norm, one_blas_thread, unit_rows
from deltaclip.model.families import CLIP, Family
from deltaclip.model.rows import WeightRows
from deltaclip.model.sizes import Blocks, ModelSpec
from deltaclip.processes import usable_cores

__all__ = ["TextTower", "text_shapes"]

EMBEDDINGS = "text_model.embeddings."
TOKENS, PLACES = f"{EMBEDDINGS}token_embedding.weight", f"{EMBEDDINGS}position_embedding.weight"
LAYER = "text_model.encoder.layers.{}."
LAST_NORM = "text_model.final_layer_norm"


def text_shapes(spec: ModelSpec, blocks: Blocks, family: Family = CLIP) -> dict[str, tuple[int, ...]]:
    """The shape of every weight of the text encoder, by name."""
    width, wide = spec.text_width, blocks.mlp_width or 4 * spec.text_width
    shapes: dict[str, tuple[int, ...]] = {
        TOKENS: (spec.vocab_size, width),
        PLACES: (spec.context_length, width),
        f"{family.text_head}.weight": (spec.projection_dim, width),
        f"{LAST_NORM}.weight": (width,),
        f"{LAST_NORM}.bias": (width,),
    }
    if family.has_text_bias:
        shapes[f"{family.text_head}.bias"] = (spec.projection_dim,)
    squares = [f"self_attn.{part}_proj" for part in ("q", "k", "v", "out")]
    linear = {**dict.fromkeys(squares, (width, width)), "mlp.fc1": (wide, width), "mlp.fc2": (width, wide)}
    for number in range(spec.text_layers):
        layer = LAYER.format(number)
        for name, size in linear.items():
            shapes |= {f"{layer}{name}.weight": size, f"{layer}{name}.bias": size[:1]}
        for name in ("layer_norm1", "layer_norm2"):
            shapes |= {f"{layer}{name}.weight": (width,), f"{layer}{name}.bias": (width,)}
    return shapes


@dataclass(frozen=True, slots=True, eq=False)
class TextTower:
    """A text encoder: `vectors` is to the last digits what torch gives in float32.

    spec, blocks: its sizes and what its blocks compute, of an activation in NUMPY_ACTIVATIONS. weights: its weights.
    family: where a feature is taken, and what is done with it.
    """

    spec: ModelSpec
    blocks: Blocks
    weights: WeightRows
    family: Family = CLIP

    def __post_init__(self) -> None:
        if self.blocks.activation not in NUMPY_ACTIVATIONS:
            known = ", ".join(NUMPY_ACTIVATIONS)
            raise ValueError(f"activation {self.blocks.activation!r} is not one of {known}")

    def vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """One vector for each row of token ids, int64 (Q, L), L as the family wants it: float32 (Q, D), unit rows.

        Each row is computed apart, by one of as many threads as there are cores, so that a text's vector does not
        depend on what is asked with it.
        """
        made = np.empty((len(ids), self.spec.projection_dim), np.float32)
        if not len(ids):
            return made
        layers = list(self._layers())
        with one_blas_thread(), ThreadPoolExecutor(min(len(ids), usable_cores())) as threads:
            for row, features in zip(made, threads.map(lambda row: self._features(row, layers), ids), strict=True):
                row[:] = features
        return unit_rows(made)

    def _features(self, ids: NDArray[np.int64], layers: list[NumpyBlock]) -> NDArray[np.float32]:
        """(L,) -> (D,): at the last place, or at the first end token (the first token if there is none), as
        transformers pools."""
        if not self.family.whole_rows:
            last = int((ids == self.spec.end).argmax())
            ids = ids[: last + 1]  # later tokens are not attended to by earlier ones
        hidden = self.weights.rows(TOKENS, ids) + self.weights.rows(PLACES, slice(len(ids)))
        for layer in layers:
            hidden = layer(hidden)
        pooled = layer_norm(hidden[-1:], self._affine(LAST_NORM), self.blocks.eps)
        features: NDArray[np.float32] = (pooled @ self.weights.rows(f"{self.family.text_head}.weight").T)[0]
        if self.family.has_text_bias:
            features = features + self.weights.rows(f"{self.family.text_head}.bias")
        return features

    def _layers(self) -> Iterator[NumpyBlock]:
        heads = self.spec.text_heads
        assert heads is not None, "a model that was built knows its heads"
        for number in range(self.spec.text_layers):
            layer = LAYER.format(number)
            query, key, value, out = (self._affine(f"{layer}self_attn.{part}_proj") for part in ("q", "k", "v", "out"))
            yield NumpyBlock(
                norm_1=self._affine(f"{layer}layer_norm1"),
                query=query,
                key=key,
                value=value,
                out=out,
                norm_2=self._affine(f"{layer}layer_norm2"),
                wide=self._affine(f"{layer}mlp.fc1"),
                narrow=self._affine(f"{layer}mlp.fc2"),
                heads=heads,
                activation=self.blocks.activation,
                eps=self.blocks.eps,
                causal=self.family.causal,
            )

    def _affine(self, name: str) -> Affine:
        return Affine(self.weights.rows(f"{name}.weight"), self.weights.rows(f"{name}.bias"))
