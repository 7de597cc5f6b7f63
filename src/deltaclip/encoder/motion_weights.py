"""The weights of the motion encoder, and what it reads in a sentence, in numpy: a search need not wait for torch.

The same weights as a network of torch, which learns and encodes moments, are a `motion_network.MotionNetwork`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from deltaclip.model import Affine, NumpyBlock, layer_norm, one_blas_thread, unit_rows
from deltaclip.motion import TRACK_GRID, TRACK_MAPS

__all__ = ["CLOCK", "FRAME_NUMBERS", "MAP_NUMBERS", "RECORD", "WEIGHTS", "MotionSizes", "MotionWeights", "SentenceRead"]

WEIGHTS, RECORD = "motion.safetensors", "motion.json"
"""Files of a motion encoder: its weights, and its sizes, words and how it was made."""
CLOCK = 6
"""Pairs of sine and cosine that tell a frame's place in the moment."""
MAP_NUMBERS = len(TRACK_MAPS) * TRACK_GRID[0] * TRACK_GRID[1]
FRAME_NUMBERS = 28 + 2 * CLOCK
EPS = 1e-5
"""Of torch's layer norms."""
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MotionSizes:
    """width: of all networks. layers, text_layers: of attention. heads: of a layer. dimension: D, of the vectors.

    track_networks: how many learn the same of tracks, each from other random numbers; their mean errs less.
    """

    width: int = 96
    layers: int = 3
    text_layers: int = 2
    heads: int = 4
    dimension: int = 128
    track_networks: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class SentenceRead:
    """vector: (D,) float32, unit length. spoken: (L,) logits, whether a word speaks of motion. bits: what they tell."""

    vector: NDArray[np.float32] = field(repr=False)
    spoken: NDArray[np.float32]
    bits: float


@dataclass(frozen=True, eq=False)
class MotionWeights:
    """Weights of all networks, float32, by the names of `MotionNetwork`.

    Those of the first network of tracks are without its number, as in files.
    """

    sizes: MotionSizes
    arrays: Mapping[str, NDArray[np.float32]] = field(repr=False)

    def misfits(self, num_words: int, max_words: int) -> list[str]:
        """What is missing, unexpected or of a different shape, by name; empty if these are all weights that there are.

        num_words: of the vocabulary. max_words: of a sentence.
        """
        wanted = _shapes(self.sizes, num_words, max_words)
        found = {name: array.shape for name, array in self.arrays.items()}
        return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))

    def read(self, ids: NDArray[np.int64]) -> SentenceRead:
        """What a sentence says. ids: (L,) of its words, at least one, no padding."""
        hidden = self.arrays["words.weight"][ids] + self.arrays["places"][: len(ids)]
        with one_blas_thread():
            for block in self._text:
                hidden = block(hidden)
            pooled = np.concatenate([hidden.mean(axis=0), hidden.max(axis=0)])[None]
            vectors = unit_rows(self._affine("text_out.1")(layer_norm(pooled, self._affine("text_out.0"), EPS)))
            spoken, bits = self._affine("spoken_out")(hidden)[:, 0], self._affine("bits_out")(pooled)
        return SentenceRead(vectors[0], spoken, float(bits[0, 0]))

    @cached_property
    def _text(self) -> tuple[NumpyBlock, ...]:
        return tuple(self._block(f"text.{number}.") for number in range(self.sizes.text_layers))

    def _block(self, layer: str) -> NumpyBlock:
        together = (self.arrays[f"{layer}self_attn.in_proj_{kind}"] for kind in ("weight", "bias"))
        # (3 W, W) and (3 W,) -> three of (W, W) and (W,)
        query, key, value = map(Affine, *(np.split(array, 3) for array in together))
        return NumpyBlock(
            norm_1=self._affine(f"{layer}norm1"),
            query=query,
            key=key,
            value=value,
            out=self._affine(f"{layer}self_attn.out_proj"),
            norm_2=self._affine(f"{layer}norm2"),
            wide=self._affine(f"{layer}linear1"),
            narrow=self._affine(f"{layer}linear2"),
            heads=self.sizes.heads,
            activation="gelu",
            eps=EPS,
            causal=False,
        )

    def _affine(self, name: str) -> Affine:
        return Affine(self.arrays[f"{name}.weight"], self.arrays[f"{name}.bias"])


def _shapes(sizes: MotionSizes, num_words: int, max_words: int) -> dict[str, Shape]:
    """The shape of every weight, by name."""
    width, heads = sizes.width, sizes.heads
    pooled = (heads + 1) * width
    tracks = [f"tracks.{number}." if number else "" for number in range(sizes.track_networks)]
    linear = {
        "text_out.1": (sizes.dimension, 2 * width),
        "spoken_out": (1, width),
        "bits_out": (1, 2 * width),
    }
    norms = {"text_out.0": (2 * width,)}
    for track in tracks:
        linear |= {
            f"{track}map_in.0": (width, MAP_NUMBERS),
            f"{track}number_in.0": (width, FRAME_NUMBERS),
            f"{track}frame_in": (width, 2 * width),
            f"{track}frame_weight": (heads, width),
            f"{track}track_out.1": (sizes.dimension, pooled),
        }
        norms |= {f"{track}track_out.0": (pooled,)}
    shapes: dict[str, Shape] = {"words.weight": (num_words, width), "places": (max_words, width)}
    shapes |= {"scale": (), "offset": ()}
    layers = [f"{track}frames.{number}" for track in tracks for number in range(sizes.layers)]
    layers += [f"text.{number}" for number in range(sizes.text_layers)]
    for layer in layers:
        linear |= {
            f"{layer}.self_attn.out_proj": (width, width),
            f"{layer}.linear1": (2 * width, width),
            f"{layer}.linear2": (width, 2 * width),
        }
        norms |= {f"{layer}.norm1": (width,), f"{layer}.norm2": (width,)}
        shapes |= {
            f"{layer}.self_attn.in_proj_weight": (3 * width, width),
            f"{layer}.self_attn.in_proj_bias": (3 * width,),
        }
    for name, shape in {**linear, **norms}.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return shapes
