"""How OpenAI's CLIP normalises pictures; the one convention in which every model here is fed.

Source: openai/CLIP, clip.py, `_transform`. A model that was trained with other numbers is brought to these when it is
loaded (`model.preprocessing`), so that no caller can normalise by the wrong ones.
"""

__all__ = ["CLIP_MEAN", "CLIP_STD"]

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
"""Of red, green and blue in 0..1."""
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
