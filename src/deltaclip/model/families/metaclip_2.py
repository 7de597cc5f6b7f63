"""MetaCLIP 2 on transformers: CLIP's encoders, with the tokenizer of XLM-V for more than three hundred languages.

Chuang et al., "Meta CLIP 2: A Worldwide Scaling Recipe", 2025; facebookresearch/MetaCLIP,
src/mini_clip/model_worldwide.py.
"""

from transformers import MetaClip2Config, MetaClip2Model

from deltaclip.model.families.clip import ClipWiring

__all__ = ["WIRING"]


class MetaClip2Wiring(ClipWiring):
    """As CLIP, but for the end token: it is 2, and transformers takes it as it is."""

    config = MetaClip2Config
    model = MetaClip2Model


WIRING = MetaClip2Wiring()
