"""What several tests draw or make: small clips, and a small random encoder on disk."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.model import CheckpointRecord, ModelSpec, Tokenizer, new_model, save_checkpoint
from deltaclip.video import write_mp4

WORDS = "a the red blue square circle moves stays left right"


def moving_square(num_frames: int = 24, size: int = 64, step: int = 1) -> NDArray[np.uint8]:
    """(T, size, size, 3) uint8: a bright square that goes right over a dark ground."""
    frames = np.full((num_frames, size, size, 3), 40, np.uint8)
    for number, frame in enumerate(frames):
        left = 4 + number * step
        frame[20:36, left : left + 16] = (220, 60, 60)
    return frames


def write_square(path: Path, *, num_frames: int = 24, step: int = 1, rate: int = 12) -> Path:
    """The moving square as an mp4."""
    write_mp4(path, moving_square(num_frames, step=step), rate)
    return path


def small_checkpoint(
    folder: Path, *, alpha: str = "rgb", motion: str | None = None, num_frames: int = 4, seed: int = 0
) -> Path:
    """A random four-channel CLIP of 32 pixels with a word tokenizer, as a checkpoint folder."""
    tokenizer = Tokenizer.from_words([WORDS])
    spec = ModelSpec(
        image_size=32,
        patch_size=8,
        vision_width=32,
        vision_layers=1,
        text_width=32,
        text_layers=1,
        projection_dim=16,
        vocab_size=tokenizer.vocab_size,
        context_length=12,
        begin=tokenizer.vocab_size - 2,
        end=tokenizer.vocab_size - 1,
        pad=0,
    )
    model = new_model(spec, seed, alpha_init=alpha)  # type: ignore[arg-type]  # a literal of two
    save_checkpoint(folder, model, tokenizer, CheckpointRecord(motion=motion, num_frames=num_frames, max_words=12))
    return folder
