"""Plain CLIP through our reader and encoder equals transformers' processor (Pillow) and model, on real frames.

The decoder scales with swscale; this holds that it may. transformers rounds odd margins of the centre crop down, where
openai/CLIP and CLIP4Clip (torchvision) round half to even: one pixel in 11 of 59 clips, which is more than all scaling
differs. Ours is the crop of the papers, and the whole processor is compared over all clips too.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.reader import read_video
from tests import pil

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def videos(real_data: Path) -> list[Path]:
    return sorted(path for path in (real_data / "captioned").iterdir() if path.suffix not in (".json", ".md"))


@pytest.fixture(scope="module")
def frames(videos: list[Path]) -> list[NDArray[np.uint8]]:
    return [pil.middle_frame(path) for path in videos]


def test_every_clip_gives_the_pixels_and_the_vector_of_transformers(
    videos: list[Path], frames: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    model = pil.plain_clip(tmp_path)
    encoder = pil.our_encoder(tmp_path)
    ours = np.concatenate([pil.fed_colours(read_video(path, encoder.reader_spec)) for path in videos])
    vectors = encoder.encode_videos(videos)
    theirs = np.stack([pil.processed_with_openai_crop(frame) for frame in frames])
    assert len(videos) > 50
    assert pil.grey_levels(ours, theirs).max() <= pil.MAX_GREY
    assert pil.centred_cosines(vectors, pil.features(model, theirs)).min() >= pil.MIN_COSINE
    whole = np.stack([pil.processed(frame) for frame in frames])
    assert pil.grey_levels(ours, whole).mean() <= pil.MAX_GREY
    assert pil.centred_cosines(vectors, pil.features(model, whole)).mean() >= pil.MIN_COSINE


def test_another_filter_does_not_pass(frames: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    model = pil.plain_clip(tmp_path)
    theirs = np.stack([pil.processed_with_openai_crop(frame) for frame in frames])
    altered = np.stack([pil.scaled_by_opencv(frame, cv2.INTER_NEAREST) for frame in frames])
    assert pil.grey_levels(altered, theirs).mean() > pil.MAX_GREY
    assert pil.centred_cosines(pil.features(model, altered), pil.features(model, theirs)).min() < pil.MIN_COSINE
