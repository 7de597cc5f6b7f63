"""An encoder with a temporal head: the mean until it is trained, each clip by itself, no more frames than it has."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from deltaclip.encoder import ChoiceError, Encoder, EncoderSpec, TorchEngine
from deltaclip.model import HeadSizes, load_checkpoint, save_checkpoint, with_temporal_head
from deltaclip.reader import read_video
from tests.helpers import small_checkpoint, write_square

EXACT = EncoderSpec(device="cpu", precision="float32")


def headed(folder: Path, out: Path, *, acting: bool) -> Path:
    """The checkpoint with a head of four positions; one that acts has the identity behind its blocks."""
    plain = load_checkpoint(folder)
    model = with_temporal_head(plain.model, HeadSizes(1, 4), seed=0)
    if acting:
        with torch.no_grad():
            model.get_parameter("temporal_head.out.weight").copy_(torch.eye(16))
    save_checkpoint(out, model, plain.tokenizer, plain.record)
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_checkpoint(tmp_path_factory.mktemp("plain") / "small", num_frames=4)


@pytest.fixture(scope="module")
def fresh(folder: Path) -> Path:
    return headed(folder, folder.parent / "fresh", acting=False)


@pytest.fixture(scope="module")
def acting(folder: Path) -> Path:
    return headed(folder, folder.parent / "acting", acting=True)


def clips(*lengths: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (sum(lengths), 4, 32, 32), np.uint8)


def engine(folder: Path) -> TorchEngine:
    return TorchEngine(load_checkpoint(folder).model, "cpu", "float32")


@pytest.mark.parametrize("lengths", [(4, 4, 4), (1, 4, 3)])
def test_a_fresh_head_gives_the_vectors_of_the_encoder_without_it_to_the_bit(
    folder: Path, fresh: Path, lengths: tuple[int, ...]
) -> None:
    plain, with_head = (engine(each).video_vectors(clips(*lengths), lengths) for each in (folder, fresh))
    assert np.array_equal(plain, with_head)


def test_videos_through_a_fresh_head_get_the_same_vectors_to_the_bit(folder: Path, fresh: Path, tmp_path: Path) -> None:
    video = write_square(tmp_path / "moves.mp4", step=1)
    plain, with_head = (Encoder.load(each, EXACT).encode_videos([video]) for each in (folder, fresh))
    assert np.array_equal(plain, with_head)


def test_clips_of_several_lengths_get_what_each_gets_alone(acting: Path) -> None:
    lengths, frames = (2, 4, 3), clips(2, 4, 3)
    together = engine(acting).video_vectors(frames, lengths)
    parts = np.split(frames, np.cumsum(lengths)[:-1])
    alone = np.concatenate([engine(acting).video_vectors(part, [len(part)]) for part in parts])
    assert np.abs(together - alone).max() < 1e-5


def test_the_order_of_frames_counts_once_the_head_acts(folder: Path, acting: Path) -> None:
    frames = clips(4)
    moved = [
        np.abs(np.diff([engine(each).video_vectors(f, [4])[0] for f in (frames, frames[::-1].copy())], axis=0))
        for each in (folder, acting)
    ]
    assert moved[0].max() < 1e-6 < 1e-3 < moved[1].max()


def test_the_fingerprint_differs_with_a_head_and_what_it_says_too(folder: Path, fresh: Path, acting: Path) -> None:
    loaded = [Encoder.load(each, EXACT) for each in (folder, fresh, acting)]
    assert len({each.fingerprint for each in loaded}) == 3
    told = [each.engine.facts["temporal_head"] for each in loaded]
    assert told == [None, *[{"layers": 1, "positions": 4, "norm_eps": 1e-5, "attention_heads": 1}] * 2]


def test_more_frames_than_positions_are_refused_when_the_encoder_is_made(fresh: Path) -> None:
    with pytest.raises(ChoiceError, match="num_frames is 5; the encoder's temporal head has positions for 4, so take"):
        Encoder.load(fresh, num_frames=5, device="cpu")


def test_a_clip_with_more_frames_than_positions_is_named(fresh: Path, folder: Path, tmp_path: Path) -> None:
    video = write_square(tmp_path / "long.mp4", step=1)
    long = read_video(video, Encoder.load(folder, num_frames=5, device="cpu").reader_spec)
    with pytest.raises(ValueError, match=r"long\.mp4: the clip has 5 frames; the encoder's temporal head"):
        Encoder.load(fresh, EXACT).encode_clips([long])
