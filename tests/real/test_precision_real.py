"""Vectors of real clips in bfloat16 against float32, by random models as wide as the large CLIPs."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.encoder import Encoder, TorchEngine
from deltaclip.model import ModelSpec, new_model
from deltaclip.reader import read_video
from tests.helpers import centred_cosines

pytestmark = pytest.mark.real

CLIPS = ("baby_reading", "bear", "cat", "dog_and_woman", "long_jump", "mallard_water", "marathon", "moonwalk", "yoga")


def encoder(patch_size: int, precision: str) -> Encoder:
    """Two layers as wide as a ViT-B's (L/14's patches too), four channels that all count."""
    spec = ModelSpec(224, patch_size, 768, 2, 128, 1, 512, 50, 9, 48, 49, 0)
    engine = TorchEngine(new_model(spec, seed=0), "cpu", precision)  # type: ignore[arg-type]  # one of three
    return Encoder("random", engine, motion="difference", num_frames=4)


@pytest.mark.parametrize("patch_size", [14, 16, 32])
def test_bf16_vectors_tell_real_clips_apart_as_float32_ones_do(
    real_data: Path, patch_size: int, processor: str
) -> None:
    exact, rounded = encoder(patch_size, "float32"), encoder(patch_size, "bfloat16")
    clips = [read_video(real_data / "captioned" / f"{name}.mp4", exact.reader_spec) for name in CLIPS]
    cosines = centred_cosines(exact.encode_clips(clips), rounded.encode_clips(clips))
    assert cosines.min() >= 0.99, f"{np.round(cosines, 4)} on {processor}"
