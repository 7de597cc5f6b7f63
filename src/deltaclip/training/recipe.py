"""What a training run is made of, in one frozen record that the checkpoint keeps."""

from dataclasses import dataclass

__all__ = ["ShapesRecipe"]


@dataclass(frozen=True, slots=True)
class ShapesRecipe:
    """Training of the small four-channel CLIP on Moving Shapes, from scratch.

    seed: of weights, clips, captions and order. steps: batches. twin_groups: groups of three twins a batch.
    pool_groups: groups drawn once, of which batches are taken.
    test_frames: frames of a clip in the pool and in search; num_frames: how many of them a training step takes.
    motion: name of the mask that goes into alpha.
    learning_rate: AdamW's peak after a linear warm-up over the first tenth, then a cosine to 0. weight_decay: on
    matrices only. gradient_norm: where it is clipped. word_dropout: share of words made unknown.
    image_size, patch_size, width, layers, heads, text_layers: the model; both towers and the vectors are `width` wide.
    max_words: tokens of a caption with begin and end.
    """

    seed: int = 0
    steps: int = 3_000
    twin_groups: int = 32
    pool_groups: int = 2_000
    test_frames: int = 6
    num_frames: int = 3
    motion: str = "difference"
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    gradient_norm: float = 1.0
    word_dropout: float = 0.02
    image_size: int = 48
    patch_size: int = 8
    width: int = 96
    layers: int = 3
    heads: int = 3
    text_layers: int = 2
    max_words: int = 32

    def __post_init__(self) -> None:
        if min(self.steps, self.twin_groups, self.num_frames, self.pool_groups) < 1:
            raise ValueError("steps, twin_groups, num_frames and pool_groups start at 1")
        if self.num_frames > self.test_frames:
            raise ValueError(f"num_frames {self.num_frames}: a clip of the pool has {self.test_frames}")
