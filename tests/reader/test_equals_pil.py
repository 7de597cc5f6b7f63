"""Plain CLIP through our reader and encoder equals transformers' processor (Pillow) and model, on drawn frames."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.reader import read_video
from deltaclip.video import write_mp4
from tests import pil

SIZES = [(480, 640), (720, 1280), (640, 360), (300, 300), (170, 226), (256, 456)]


def draw(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W, 3): stripes as fine as three pixels over a slow change of colour, with a bright block."""
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
    stripes = 45 * np.sin((columns + number * rows / 3) * 2 * np.pi / (3 + number))
    slow = np.stack([np.sin(rows / 90 + number), np.cos(columns / 110), np.sin((rows + columns) / 150)], axis=-1)
    picture = 128 + 50 * slow + stripes[..., None]
    top, left = 20 * number + 10, 30 * number + 10
    picture[top : top + 60, left : left + 60] += 60
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("drawn")
    for number, size in enumerate(SIZES):
        write_mp4(folder / f"{number}.mp4", np.stack([draw(number, size)] * 3), 10)
    return sorted(folder.iterdir())


def test_vectors_and_pixels_are_those_of_transformers(videos: list[Path], tmp_path: Path) -> None:
    model = pil.plain_clip(tmp_path)
    encoder = pil.our_encoder(tmp_path)
    ours = np.concatenate([pil.fed_colours(read_video(path, encoder.reader_spec)) for path in videos])
    theirs = np.stack([pil.processed_with_openai_crop(pil.middle_frame(path)) for path in videos])
    assert pil.grey_levels(ours, theirs).max() <= pil.MAX_GREY
    assert pil.centred_cosines(encoder.encode_videos(videos), pil.features(model, theirs)).min() >= pil.MIN_COSINE


def test_where_both_crops_are_the_same_the_whole_processor_gives_the_same(videos: list[Path]) -> None:
    frames = [pil.middle_frame(path) for path in videos]
    same = [frame for frame in frames if pil.crops_agree(frame)]
    assert 0 < len(same) < len(frames)  # 456 x 256 becomes 399 wide: a margin of 87.5, which they round down
    for frame in same:
        assert np.abs(pil.processed(frame) - pil.processed_with_openai_crop(frame)).max() < 1e-6


@pytest.mark.parametrize("flaw", ["nearest", "linear", "cubic"])
def test_scaling_without_antialiasing_does_not_pass(videos: list[Path], tmp_path: Path, flaw: str) -> None:
    interpolation = {"nearest": cv2.INTER_NEAREST, "linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}[flaw]
    model = pil.plain_clip(tmp_path)
    frames = [pil.middle_frame(path) for path in videos]
    theirs = np.stack([pil.processed_with_openai_crop(frame) for frame in frames])
    altered = np.stack([pil.scaled_by_opencv(frame, interpolation) for frame in frames])
    assert pil.grey_levels(altered, theirs).max() > pil.MAX_GREY
    cosines = pil.centred_cosines(pil.features(model, altered), pil.features(model, theirs))
    assert cosines.min() < pil.MIN_COSINE
