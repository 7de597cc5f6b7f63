"""Videos by the best of their segments, beside one mean a video."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.evaluation import (
    TABLE_FORMATS,
    DualSoftmax,
    Material,
    encode_material,
    encode_segments,
    evaluate_material,
    evaluate_segments,
    saved_ranks,
)
from deltaclip.evaluation.segments import SegmentVectors
from tests.helpers import small_checkpoint, write_square


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = small_checkpoint(tmp_path_factory.mktemp("e") / "small", motion="difference")
    return Encoder.load(folder, EncoderSpec(device="cpu", precision="float32"))


@pytest.fixture
def material(tmp_path: Path) -> Material:
    paths = [write_square(tmp_path / f"{step}.mp4", step=step) for step in (1, 2, 3)]
    texts = ("red", "a square", "moves", "the red square")
    return Material("d", "test", ("one", "two", "three"), tuple(paths), texts, np.array([0, 1, 2, 0]))


def test_the_score_of_a_video_is_that_of_its_best_segment() -> None:
    rows = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
    texts = np.random.default_rng(1).normal(size=(600, 5)).astype(np.float32)
    owner = np.random.default_rng(2).integers(0, 3, 600)
    found = SegmentVectors(rows, np.array([0, 1, 4]))
    scores = np.zeros((600, 3))
    for places, block in found.best(texts, owner)():
        scores[places] = block
    all_scores = texts @ rows.T
    wanted = np.stack([all_scores[:, start:end].max(axis=1) for start, end in ((0, 1), (1, 4), (4, 7))], axis=1)
    np.testing.assert_allclose(scores, wanted, atol=1e-5)


def test_videos_of_one_segment_rank_as_by_one_mean(encoder: Encoder, material: Material) -> None:
    whole = evaluate_material(encoder, encode_material(encoder, material))
    told: list[tuple[int, int]] = []
    found = encode_segments(encoder, material, 60.0, progress=lambda done, total: told.append((done, total)))
    assert found.starts.tolist() == [0, 1, 2]
    assert told == [(1, 3), (2, 3), (3, 3)]
    np.testing.assert_allclose(found.rows, whole.vectors.videos, atol=1e-5)
    best = evaluate_segments(whole, found, 60.0)
    assert best.retrieval == whole.retrieval
    assert best.gain.metrics["R1"].difference == 0


def test_segments_are_told_with_their_gain(encoder: Encoder, material: Material) -> None:
    post = DualSoftmax()
    whole = evaluate_material(encoder, encode_material(encoder, material), post)
    best = evaluate_segments(whole, encode_segments(encoder, material, 0.5), 0.5, post)
    assert best.segments == 12
    document = best.to_json()
    assert document["protocol"]["pooling"] == "best segment of 0.5 s"
    assert document["protocol"]["marks"] == ["post-processing dsl (temperature 100)"]
    assert document["whole"] == whole.to_json()
    gain = best.retrieval.t2v.R1 - whole.retrieval.t2v.R1
    assert document["gain"]["metrics"]["R1"]["difference"] == pytest.approx(gain)
    for form in TABLE_FORMATS.values():
        assert any(f"12 segments; T2V R@1 by one mean a video {whole.t2v.R1:.1f}" in line for line in form(best))
    assert saved_ranks(best).ranks.tolist() == best.ranking.t2v.pessimistic.tolist()
