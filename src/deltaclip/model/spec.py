"""The transformers configuration that the sizes of a CLIP make, and the sizes of a model."""

from typing import Any

from transformers import CLIPConfig, CLIPTextConfig, CLIPVisionConfig

from deltaclip.channels import CHANNELS
from deltaclip.model.families.wiring import DualConfig, DualEncoder, family_of, wiring
from deltaclip.model.sizes import ARGMAX_END, HEAD_WIDTH, OPENAI_BLOCKS, Blocks, ModelSpec

__all__ = ["architecture_of", "clip_config", "model_spec", "text_config", "vision_config"]


def clip_config(
    spec: ModelSpec, vision_blocks: Blocks = OPENAI_BLOCKS, text_blocks: Blocks = OPENAI_BLOCKS
) -> CLIPConfig:
    """The configuration of a CLIP of these sizes and blocks that takes `channels.CHANNELS`.

    Raises ValueError for an end token by which transformers would take the largest id of a row for the end.
    """
    if spec.end == ARGMAX_END:
        raise ValueError(f"end must not be {ARGMAX_END}: transformers would take the largest id of a row for the end")
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


def model_spec(model: DualEncoder) -> ModelSpec:
    """The sizes and token ids of a model, read from its configuration."""
    text, vision = text_config(model.config), vision_config(model.config)
    return ModelSpec(
        image_size=vision.image_size,
        patch_size=vision.patch_size,
        vision_width=vision.hidden_size,
        vision_layers=vision.num_hidden_layers,
        text_width=text.hidden_size,
        text_layers=text.num_hidden_layers,
        projection_dim=wiring(family_of(model)).dimension(model),
        vocab_size=text.vocab_size,
        context_length=text.max_position_embeddings,
        begin=text.bos_token_id,
        end=text.eos_token_id,
        pad=text.pad_token_id,
        vision_heads=vision.num_attention_heads,
        text_heads=text.num_attention_heads,
    )


def architecture_of(model: DualEncoder) -> dict[str, dict[str, int | str]]:
    """Heads and activation of the image and the text encoder; the checkpoint's `record.known_from` names the source."""
    vision, text = model.vision_model.config, model.text_model.config
    return {
        "heads": {"vision": vision.num_attention_heads, "text": text.num_attention_heads},
        "activation": {"vision": vision.hidden_act, "text": text.hidden_act},
    }


# Any: transformers types the two halves as dicts or None as well, which they never are once the whole is made,
# and their numbers as lists or None, which those of the models here never are.
def text_config(config: DualConfig) -> Any:
    """The text half of a configuration."""
    return config.text_config


def vision_config(config: DualConfig) -> Any:
    """The vision half of a configuration."""
    return config.vision_config
