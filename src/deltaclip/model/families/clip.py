"""CLIP on transformers: OpenAI's, open_clip's with the same blocks, and what was tuned from them."""

from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from deltaclip.model.families.wiring import Wiring

__all__ = ["WIRING", "ClipWiring", "with_kept"]


def with_kept(tokens: Tensor, kept: Tensor) -> Tensor:
    """The class token and some patches of (N, 1 + patches, W) tokens. kept: (N, K) int64. Returns (N, 1 + K, W)."""
    places = kept[:, :, None].expand(-1, -1, tokens.shape[-1])
    return torch.cat([tokens[:, :1], tokens[:, 1:].gather(1, places)], dim=1)


class ClipWiring(Wiring):
    """A class token, read after the last layer, and a projection for each encoder."""

    config: ClassVar[Any] = CLIPConfig
    model: ClassVar[Any] = CLIPModel

    def check_config(self, config: Any) -> None:
        """See `Wiring`: nothing else."""

    def dimension(self, model: Any) -> int:
        """See `Wiring`. As built: the halves of a configuration have defaults of their own for what it leaves out."""
        return int(model.visual_projection.out_features)

    def configured_dimension(self, config: Any) -> int:
        """See `Wiring`."""
        return config.projection_dim or 0  # typed as optional, which that of a CLIP is not

    def image_features(self, model: Any, pictures: Tensor, kept: Tensor | None) -> Tensor:
        """See `Wiring`."""
        if kept is None:
            whole: Tensor = model.get_image_features(pixel_values=pictures).pooler_output
            return whole
        vision = model.vision_model
        some = with_kept(vision.embeddings(pictures), kept)
        seen = vision.encoder(inputs_embeds=vision.pre_layrnorm(some)).last_hidden_state
        made: Tensor = model.visual_projection(vision.post_layernorm(seen[:, 0]))
        return made

    def image_rows(self, model: Any, pictures: Tensor) -> Tensor:
        """See `Wiring`."""
        vision = model.vision_model
        seen: Tensor = model.visual_projection(vision.post_layernorm(vision(pixel_values=pictures).last_hidden_state))
        return seen

    def text_rows(self, model: Any, ids: Tensor) -> Tensor:
        """See `Wiring`."""
        read: Tensor = model.text_projection(model.text_model(input_ids=ids).last_hidden_state)
        return read


WIRING = ClipWiring()
