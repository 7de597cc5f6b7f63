"""PE-Core, Meta's Perception Encoder, on the blocks of transformers: CLIP's, but for two things in the image encoder.

Rotary positions in two axes turn queries and keys of every block, besides the learnt positions of CLIP; and a learnt
probe attends to all tokens after the last block, as in SigLIP, where CLIP reads the class token.
Bolya et al., "Perception Encoder", 2025 (arXiv 2504.13181); facebookresearch/perception_models,
core/vision_encoder/pe.py. Compared with timm's `vit_pe_core_*` in open_clip by `bench/families.py`.
"""

import copy
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import CLIPConfig, CLIPModel, CLIPVisionConfig
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.clip.modeling_clip import CLIPAttention, CLIPVisionModel
from transformers.models.siglip.modeling_siglip import SiglipMultiheadAttentionPoolingHead

from deltaclip.model.families.clip import ClipWiring, with_kept

__all__ = ["WIRING", "PeCoreModel"]

BASE = 10000.0
"""Of the wavelengths of rotary positions."""
POOL_HEADS = 8
"""Of the pooling, whatever the width."""


PeCoreConfig = type("PeCoreConfig", (CLIPConfig,), {"model_type": "pe_core"})
"""CLIP's configuration; what is different is the same for all models.

No class statement: the checks of types in tests would take transformers' configurations for plain dataclasses.
"""


class RotaryAttention(CLIPAttention):
    """CLIP's, with queries and keys turned by where a token is."""

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        *,
        turns: tuple[Tensor, Tensor] | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, None]:
        """hidden_states: (N, L, W). turns: cosines and sines, each (1 or N, 1, L, head_dim). Returns (N, L, W)."""
        assert attention_mask is None, "all tokens of a picture attend to all"
        assert turns is not None, "PeCoreVision gives them"
        shape = (*hidden_states.shape[:-1], self.num_heads, self.head_dim)
        query, key, value = (
            part(hidden_states).view(shape).transpose(1, 2) for part in (self.q_proj, self.k_proj, self.v_proj)
        )
        seen = scaled_dot_product_attention(_turned(query, *turns), _turned(key, *turns), value)
        return self.out_proj(seen.transpose(1, 2).flatten(2)), None


def _turned(rows: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Each pair of neighbours (N, heads, L, head_dim) as a point of the plane, turned by its angle."""
    across = torch.stack([-rows[..., 1::2], rows[..., ::2]], dim=-1).flatten(-2)
    return (rows * cosines + across * sines).to(rows.dtype)


class PeCoreVision(CLIPVisionModel):  # type: ignore[no-untyped-call]  # transformers'
    """The image encoder."""

    def __init__(self, config: CLIPVisionConfig) -> None:
        super().__init__(config)
        for layer in self.encoder.layers:
            layer.self_attn = RotaryAttention(config)
        pooling = copy.copy(config)
        pooling.num_attention_heads = POOL_HEADS
        self.head = SiglipMultiheadAttentionPoolingHead(cast("Any", pooling))  # which has all that it reads

    def forward(self, pixel_values: Tensor, kept: Tensor | None = None, **kwargs: Any) -> BaseModelOutputWithPooling:
        """pixel_values: (N, C, S, S). kept: (N, K) int64, patches that enter the blocks; None for all of them."""
        tokens = self.embeddings(pixel_values)  # (N, 1 + h * w, W): the class token, then the patches
        if kept is not None:
            tokens = with_kept(tokens, kept)
        seen = self.encoder(inputs_embeds=self.pre_layrnorm(tokens), turns=self._turns(kept, tokens.device))
        rows = self.post_layernorm(seen.last_hidden_state)
        return BaseModelOutputWithPooling(last_hidden_state=rows, pooler_output=self.head(rows))

    def _turns(self, kept: Tensor | None, device: torch.device) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the tokens' angles, each (1 or N, 1, 1 + patches, head_dim) float32.

        The first half of a head turns by the column, the second by the row, both counted from 1; the class token is
        not turned.
        """
        sizes: Any = self.config  # its numbers may be lists or None by their types, which these never are
        across = sizes.image_size // sizes.patch_size
        width = sizes.hidden_size // sizes.num_attention_heads // 2
        patches = torch.arange(across * across, device=device)[None] if kept is None else kept  # (1 or N, K)
        waves = BASE ** -(torch.arange(0, width, 2, device=device, dtype=torch.float32) / width)
        turned = [(1 + place)[..., None] * waves for place in (patches % across, patches // across)]
        angles = torch.cat(turned, dim=-1).repeat_interleave(2, dim=-1)  # (1 or N, K, head_dim)
        angles = torch.cat([torch.zeros_like(angles[:, :1]), angles], dim=1)[:, None]
        return angles.cos(), angles.sin()


class PeCoreModel(CLIPModel):  # type: ignore[no-untyped-call]  # transformers'
    """Both encoders, as `CLIPModel` has them."""

    config_class = PeCoreConfig

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__(config)
        assert isinstance(config.vision_config, CLIPVisionConfig), "once the whole is made"
        self.vision_model = PeCoreVision(config.vision_config)


class PeCoreWiring(ClipWiring):
    """As CLIP's, but for what is read of a picture."""

    config = PeCoreConfig
    model = PeCoreModel

    def check_config(self, config: Any) -> None:
        """See `Wiring`."""
        vision = config.vision_config
        if (width := vision.hidden_size // vision.num_attention_heads) % 4:
            heads = f"vision_config.num_attention_heads is {vision.num_attention_heads}"
            raise ValueError(f"{heads}: {width} numbers of a head are no pairs for two axes")
        if vision.hidden_size % POOL_HEADS:
            raise ValueError(f"vision_config.hidden_size {vision.hidden_size} does not divide by {POOL_HEADS} heads")

    def image_features(self, model: Any, pictures: Tensor, kept: Tensor | None) -> Tensor:
        """See `Wiring`."""
        made: Tensor = model.visual_projection(model.vision_model(pictures, kept).pooler_output)
        return made

    def image_rows(self, model: Any, pictures: Tensor) -> Tensor:
        """See `Wiring`."""
        seen: Tensor = model.visual_projection(model.vision_model(pictures).last_hidden_state)
        return seen


WIRING = PeCoreWiring()
