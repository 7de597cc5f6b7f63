"""SigLIP on transformers, and SigLIP 2 of a fixed size, which is the same model with other weights and tokenizer.

Zhai et al., "Sigmoid Loss for Language Image Pre-Training", 2023; Tschannen et al., "SigLIP 2", 2025.
"""

import logging
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from transformers import SiglipConfig, SiglipModel

from deltaclip.model.families.wiring import Wiring

__all__ = ["WIRING"]


class SiglipWiring(Wiring):
    """No class token: a learnt probe attends to the patches after the last layer (`vision_model.head`)."""

    config = SiglipConfig
    model = SiglipModel

    def read_config(self, values: Mapping[str, Any]) -> Any:
        """See `Wiring`. Without ids of tokens: published files have none, so that transformers takes CLIP's, which are
        not in the vocabulary. `token_ids` names those of the tokenizer.
        """
        text = {"bos_token_id": None, "eos_token_id": None, **values.get("text_config", {})}
        loud = logging.getLogger("transformers.configuration_utils")  # warns of its own defaults, for that reason
        level = loud.level
        loud.setLevel(logging.ERROR)
        try:
            return super().read_config({**values, "text_config": text})
        finally:
            loud.setLevel(level)

    def check_config(self, config: Any) -> None:
        """See `Wiring`: without its attention pooling an image has no vector."""
        if not config.vision_config.vision_use_head:
            raise ValueError("vision_config.vision_use_head is false: an image encoder that is not pooled")
        image, text = config.vision_config.hidden_size, config.text_config.projection_size
        if image != text:
            raise ValueError(f"text_config.projection_size is {text}, but vectors of images have {image} numbers")

    def dimension(self, model: Any) -> int:
        """See `Wiring`."""
        return int(model.text_model.head.out_features)

    def configured_dimension(self, config: Any) -> int:
        """See `Wiring`."""
        return int(config.text_config.projection_size)

    def image_features(self, model: Any, pictures: Tensor, kept: Tensor | None) -> Tensor:
        """See `Wiring`."""
        vision = model.vision_model
        if kept is None:
            whole: Tensor = vision(pixel_values=pictures).pooler_output
            return whole
        tokens = vision.embeddings(pictures)  # (N, h * w, W)
        some = tokens.gather(1, kept[:, :, None].expand(-1, -1, tokens.shape[-1]))  # (N, K, W)
        seen = vision.encoder(inputs_embeds=some).last_hidden_state
        made: Tensor = vision.head(vision.post_layernorm(seen))
        return made

    def image_rows(self, model: Any, pictures: Tensor) -> Tensor:
        """See `Wiring`."""
        seen: Tensor = model.vision_model(pixel_values=pictures).last_hidden_state
        return seen

    def text_rows(self, model: Any, ids: Tensor) -> Tensor:
        """See `Wiring`."""
        read: Tensor = model.text_model.head(model.text_model(input_ids=ids).last_hidden_state)
        return read


WIRING = SiglipWiring()
