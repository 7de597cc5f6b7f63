"""The sizes of a model and what its blocks compute, whatever runs it."""

from dataclasses import dataclass

__all__ = ["ARGMAX_END", "DEFAULT_EPS", "HEAD_WIDTH", "OPENAI_ACTIVATION", "OPENAI_BLOCKS", "Blocks", "ModelSpec"]

HEAD_WIDTH = 64  # openai/CLIP, model.py, build_model: heads are not stored, they are width // 64
OPENAI_ACTIVATION = "quick_gelu"
DEFAULT_EPS = 1e-5  # PyTorch's, which OpenAI and open_clip leave as it is
# transformers takes this end id for a sign of an old configuration and pools at the largest id instead.
ARGMAX_END = 2


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The sizes of a dual encoder with a vision transformer.

    image_size, patch_size: pixels of a side; what is beyond the last whole patch is not seen, as by a convolution.
    vision_width, text_width: channels of a token; vision_layers, text_layers: blocks.
    projection_dim: D, the width of the common space.
    vocab_size, context_length: token ids, and the longest row of them.
    begin, end, pad: token ids; a text's feature is taken at its first `end`. begin: None for texts that begin at once.
    vision_heads, text_heads: attention heads; None means width // 64, at least one: our rule for new models, and
        OpenAI's. Weights of others do not tell their heads, so that for them both are given (`architecture`).
    """

    image_size: int
    patch_size: int
    vision_width: int
    vision_layers: int
    text_width: int
    text_layers: int
    projection_dim: int
    vocab_size: int
    context_length: int
    begin: int | None
    end: int
    pad: int
    vision_heads: int | None = None
    text_heads: int | None = None

    def __post_init__(self) -> None:
        if not all(token is None or 0 <= token < self.vocab_size for token in (self.begin, self.end, self.pad)):
            raise ValueError(f"begin, end and pad must be below the vocabulary's size {self.vocab_size}")
        if not 1 <= self.patch_size <= self.image_size:
            raise ValueError(f"patch_size {self.patch_size} must be from 1 to image_size {self.image_size}")


@dataclass(frozen=True, slots=True)
class Blocks:
    """What the blocks of a tower compute; the defaults are openai/CLIP's, which new models have as well.

    activation: by transformers' name. mlp_width: channels between the two layers of the MLP; None means 4 x width.
    eps: of the layer norms.
    """

    activation: str = OPENAI_ACTIVATION
    mlp_width: int | None = None
    eps: float = DEFAULT_EPS


OPENAI_BLOCKS = Blocks()
"""OpenAI's own."""
