"""`evaluate shapes`: the world it draws is fixed, and an encoder that knows the truth gets full marks."""

from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.evaluation.shapes import DEFAULT_SEED, evaluate_shapes
from deltaclip.evaluation.tables import TABLE_FORMATS
from deltaclip.reader import Clip
from deltaclip.shapes import ShapesSpec, make_world
from tests.helpers import small_checkpoint


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(small_checkpoint(tmp_path_factory.mktemp("e") / "small"), EncoderSpec(device="cpu"))


def test_the_same_seed_gives_the_same_figures(encoder: Encoder) -> None:
    one, two = (evaluate_shapes(encoder, seed=5, num_clips=6).to_json() for _ in range(2))
    costs = one.pop("cost"), two.pop("cost")
    assert one == two
    assert costs[0]["gflops_a_video"] == costs[1]["gflops_a_video"] > 0


def test_an_encoder_that_knows_every_answer_gets_all_of_them(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = make_world(DEFAULT_SEED, 9, ShapesSpec())
    truth = {clip.caption: row for clip, row in zip(clips, np.eye(9, 16, dtype=np.float32), strict=True)}

    def encode(read: Iterable[Clip]) -> NDArray[np.float32]:
        return np.stack([truth[clips[int(clip.path.stem[-4:])].caption] for clip in read])

    monkeypatch.setattr(encoder, "encode_clips", encode)
    monkeypatch.setattr(encoder, "encode_texts", lambda texts: np.stack([truth[text] for text in texts]))
    result = evaluate_shapes(encoder, num_clips=9)
    assert result.retrieval.t2v.R1 == result.retrieval.v2t.R1 == 100
    assert result.right_group == 100


def test_the_protocol_tells_the_world_that_was_drawn(encoder: Encoder) -> None:
    result = evaluate_shapes(encoder, ShapesSpec(noise=4.0, equal_luma=True), seed=5, num_clips=6)
    told = result.to_json()["protocol"]
    assert (told["dataset"], told["seed"], told["clips"], told["captions"]) == ("shapes", 5, 6, 6)
    assert (told["world"]["noise"], told["world"]["equal_luma"], told["world"]["camera"]) == (4.0, True, "still")
    for lines in TABLE_FORMATS.values():
        text = "\n".join(lines(result)).replace("\\", "")
        assert "shapes, split test, seed 5: 6 videos" in text
        assert "noise 4, " in text
        assert "equal luma on" in text
        assert f"right objects, whichever moves: {result.right_group:.1f}" in text


def test_progress_ends_with_all_videos(encoder: Encoder) -> None:
    seen: list[tuple[int, int]] = []
    evaluate_shapes(encoder, num_clips=6, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (6, 6)


def test_frames_without_a_mask_are_counted_by_reason(encoder: Encoder) -> None:
    still = evaluate_shapes(encoder, ShapesSpec(static_only=True), num_clips=2)
    fallback = still.vectors.fallback
    assert still.to_json()["intervals"]["groups"] == 2
    assert sum(fallback.values()) == 8
    assert set(fallback) <= {"static", "nothing found"}
