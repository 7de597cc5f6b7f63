"""The sizes of a CLIP, and the transformers configuration they make."""

from dataclasses import dataclass
from typing import Any

from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

from deltaclip.channels import CHANNELS

HEAD_WIDTH = 64  # openai/CLIP, model.py, build_model: heads are not stored, they are width // 64
OPENAI_ACTIVATION = "quick_gelu"
DEFAULT_EPS = 1e-5  # PyTorch's, which OpenAI and open_clip leave as it is
# transformers takes this end id for a sign of an old configuration and pools at the largest id instead.
ARGMAX_END = 2


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The sizes of a CLIP with a vision transformer.

    image_size, patch_size: pixels of a side; what is beyond the last whole patch is not seen, as by a convolution.
    vision_width, text_width: channels of a token; vision_layers, text_layers: blocks.
    projection_dim: D, the width of the common space.
    vocab_size, context_length: token ids, and the longest row of them.
    begin, end, pad: token ids; a text's feature is taken at its first `end`.
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
    begin: int
    end: int
    pad: int
    vision_heads: int | None = None
    text_heads: int | None = None

    def __post_init__(self) -> None:
        if not all(0 <= token < self.vocab_size for token in (self.begin, self.end, self.pad)):
            raise ValueError(f"begin, end and pad must be below the vocabulary's size {self.vocab_size}")
        if self.end == ARGMAX_END:
            raise ValueError("end must not be 2: transformers would take the largest id of a row for the end")
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


def clip_config(spec: ModelSpec, vision_blocks: Blocks = Blocks(), text_blocks: Blocks = Blocks()) -> CLIPConfig:
    """The configuration of a CLIP of these sizes and blocks that takes `channels.CHANNELS`."""
    text = CLIPTextConfig(
        vocab_size=spec.vocab_size,
        hidden_size=spec.text_width,
        intermediate_size=text_blocks.mlp_width or 4 * spec.text_width,
        projection_dim=spec.projection_dim,
        num_hidden_layers=spec.text_layers,
        num_attention_heads=spec.text_heads or max(1, spec.text_width // HEAD_WIDTH),
        max_position_embeddings=spec.context_length,
        hidden_act=text_blocks.activation,
        layer_norm_eps=text_blocks.eps,
        bos_token_id=spec.begin,
        eos_token_id=spec.end,
        pad_token_id=spec.pad,
    )
    vision = CLIPVisionConfig(
        hidden_size=spec.vision_width,
        intermediate_size=vision_blocks.mlp_width or 4 * spec.vision_width,
        projection_dim=spec.projection_dim,
        num_hidden_layers=spec.vision_layers,
        num_attention_heads=spec.vision_heads or max(1, spec.vision_width // HEAD_WIDTH),
        num_channels=len(CHANNELS),
        image_size=spec.image_size,
        patch_size=spec.patch_size,
        hidden_act=vision_blocks.activation,
        layer_norm_eps=vision_blocks.eps,
    )
    return CLIPConfig(text_config=text, vision_config=vision, projection_dim=spec.projection_dim)


def model_spec(model: CLIPModel) -> ModelSpec:
    """The sizes and token ids of a model, read from its configuration."""
    text, vision = text_config(model.config), vision_config(model.config)
    # As built: the two halves of a configuration have their own defaults for what it leaves out.
    projection_dim = model.visual_projection.out_features
    return ModelSpec(
        image_size=vision.image_size,
        patch_size=vision.patch_size,
        vision_width=vision.hidden_size,
        vision_layers=vision.num_hidden_layers,
        text_width=text.hidden_size,
        text_layers=text.num_hidden_layers,
        projection_dim=projection_dim,
        vocab_size=text.vocab_size,
        context_length=text.max_position_embeddings,
        begin=text.bos_token_id,
        end=text.eos_token_id,
        pad=text.pad_token_id,
        vision_heads=vision.num_attention_heads,
        text_heads=text.num_attention_heads,
    )


def architecture_of(model: CLIPModel) -> dict[str, dict[str, int | str]]:
    """Heads and activation of the image and the text encoder; the checkpoint's `record.known_from` names the source."""
    vision, text = model.vision_model.config, model.text_model.config
    return {
        "heads": {"vision": vision.num_attention_heads, "text": text.num_attention_heads},
        "activation": {"vision": vision.hidden_act, "text": text.hidden_act},
    }


# Any: transformers types the two halves as dicts or None as well, which they never are once the whole is made,
# and their numbers as lists or None, which those of a CLIP never are.
def text_config(config: CLIPConfig) -> Any:
    """The text half of a CLIP's configuration."""
    return config.text_config


def vision_config(config: CLIPConfig) -> Any:
    """The vision half of a CLIP's configuration."""
    return config.vision_config
