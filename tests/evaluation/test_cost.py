"""What a table says of cost: measured in this run, and never part of what is compared or kept."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deltaclip.captions import load_actions
from deltaclip.encoder import Encoder, EngineCosts, MotionEncoder
from deltaclip.evaluation import (
    TABLE_FORMATS,
    Evaluation,
    Material,
    MomentEncoders,
    SegmentEvaluation,
    by_appearance,
    by_motion,
    encode_material,
    encode_segments,
    evaluate_actions,
    evaluate_material,
    evaluate_segments,
    evaluate_shapes,
    evaluate_similarity,
)
from deltaclip.evaluation.cost import MOST_QUERIES, Cost, QueryTime, spread_texts, timed
from deltaclip.evaluation.ranked_moments import EncodedMoments
from deltaclip.evaluation.sentence_encoders import cost_of_sentences
from deltaclip.model import unit_rows
from tests.evaluation.toy_motion import ToyMotion
from tests.helpers import small_checkpoint, write_actions, write_square

MODEL = EngineCosts(151_300_000, 87_900_000, 106_736_000_000, "float32 in numpy")
COST = Cost(MODEL, QueryTime(2.5, 0.5, 20), 1000, 12, 1.0, 2048.0, "cpu")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(small_checkpoint(tmp_path_factory.mktemp("e") / "small"), device="cpu")


@pytest.fixture(scope="module")
def evaluation(encoder: Encoder) -> Evaluation:
    return evaluate_shapes(encoder, num_clips=6)


def test_the_line_names_parameters_operations_and_time_with_what_they_are_of() -> None:
    assert COST.line() == (
        "cost: 151.3 M parameters (image encoder 87.9 M), 106.7 GFLOPs a video of 12 frames; 3.00 ms a query (text "
        "2.50, 1,000 scores 0.50; medians of 20, one at a time, on cpu, texts in float32 in numpy); 1 vector, 2,048 "
        "bytes a video"
    )
    assert COST.cells() == ("151.3", "106.7", "3.00")
    assert replace(COST, model=None).cells() == ("-", "-", "3.00")
    assert replace(COST, model=None).line().startswith("cost: parameters and GFLOPs not known of this engine; 3.00 ms")


@pytest.mark.parametrize("form", sorted(TABLE_FORMATS))
def test_every_form_of_a_result_names_its_cost(evaluation: Evaluation, form: str) -> None:
    shown = "\n".join(TABLE_FORMATS[form](evaluation))
    assert re.search(r"cost: .* M parameters .* GFLOPs a video of 4 frames; .* ms a query", shown)
    if form != "table":
        assert "params (M)" in shown
        assert evaluation.cost is not None
        separator = {"markdown": " | ", "latex": " & "}[form]
        assert separator.join(evaluation.cost.cells()) in shown


def test_fewer_patches_cost_less_and_time_is_in_no_fingerprint_nor_protocol(
    encoder: Encoder, evaluation: Evaluation
) -> None:
    half = encoder.with_options(keep=0.5, motion="difference")
    all_of, some = encoder.costs(), half.costs()
    assert all_of is not None
    assert some is not None
    assert some.video_flops < all_of.video_flops
    assert some.parameters == all_of.parameters
    assert encoder.fingerprint == encoder.with_options().fingerprint
    assert not {"cost", "ms_a_query"} & evaluation.protocol.to_json().keys()


def test_segments_cost_the_frames_of_all_of_them(encoder: Encoder, tmp_path: Path) -> None:
    paths = [write_square(tmp_path / f"{step}.mp4", step=step) for step in (1, 2)]
    material = Material("d", "test", ("one", "two"), tuple(paths), ("red", "moves"), np.array([0, 1]))
    whole = evaluate_material(encoder, encode_material(encoder, material))
    best: SegmentEvaluation = evaluate_segments(whole, encode_segments(encoder, material, 0.5), 0.5)
    assert best.segments == 8
    assert whole.cost is not None
    assert best.cost is not None
    assert best.cost.vectors == best.cost.clips == 4
    assert "GFLOPs a video of 4 clips of 4 frames" in best.cost.line()
    assert best.cost.size_bytes == 4 * whole.cost.size_bytes
    one, four = whole.cost.to_json(), best.cost.to_json()
    assert four["gflops_a_video"] == pytest.approx(4 * one["gflops_a_video"])
    assert four["ms_encoding_text"] == one["ms_encoding_text"]


def test_a_motion_encoder_tells_its_own_cost(tmp_path: Path) -> None:
    actions = load_actions(write_actions(tmp_path / "set"))
    found = evaluate_actions(by_motion(MotionEncoder.load()), actions)
    document = found.to_json()["cost"]
    assert document["parameters"] == MotionEncoder.load().facts["parameters"]
    assert document["image_encoder_parameters"] is None
    assert 0 < document["gflops_a_video"] < 0.1
    assert any(line.startswith("cost: ") for line in found.lines())


def test_a_file_of_scores_has_no_cost_and_says_so(tmp_path: Path) -> None:
    np.save(tmp_path / "scores.npy", np.eye(3))
    result = evaluate_similarity(tmp_path / "scores.npy")
    for lines in TABLE_FORMATS.values():
        assert any("cost: not known of a file of scores" in line for line in lines(result))
    assert result.to_json()["cost"] is None


def test_queries_are_timed_one_at_a_time_after_one_that_does_not_count() -> None:
    asked: list[int] = []
    scored: list[int] = []

    def encode(number: int) -> int:
        asked.append(number)
        return number

    taken = timed(encode, scored.append, [3, 4, 5])
    assert asked == scored == [3, 3, 4, 5]
    assert taken.queries == 3
    assert taken.text_ms >= 0
    assert taken.score_ms >= 0


def test_timed_queries_are_spread_over_the_texts() -> None:
    assert spread_texts(range(3)) == [0, 1, 2]
    spread = spread_texts(range(1000))
    assert (len(spread), spread[0], spread[-1]) == (MOST_QUERIES, 0, 999)


def test_moments_cost_both_encoders_for_every_moment_of_a_video(encoder: Encoder) -> None:
    motion = MotionEncoder.load()
    rng = np.random.default_rng(0)
    looks, moves = (unit_rows(rng.normal(size=(6, each.dimension)).astype(np.float32)) for each in (encoder, motion))
    cost = EncodedMoments(MomentEncoders(encoder, motion), looks, moves).cost(["a square moves to the left"], 2)
    own, other = encoder.costs(), motion.costs(4)
    assert own is not None
    assert cost.model is not None
    assert cost.model.parameters == own.parameters + other.parameters
    assert cost.model.image_parameters == own.image_parameters
    assert cost.model.video_flops == 3 * (own.video_flops + other.video_flops)
    assert (cost.gallery, cost.clips, cost.vectors, cost.size_bytes) == (6, 3, 6, 3 * (16 + 128) * 4)
    assert cost.time.queries == 1
    toy = EncodedMoments(MomentEncoders(encoder, ToyMotion()), looks, moves[:, : ToyMotion.dimension])
    assert toy.cost(["red"], 2).model is None  # nobody knows what the toy computes


def test_a_clip_and_its_reverse_are_two_clips_of_a_video(encoder: Encoder) -> None:
    rows = np.eye(2, 16, dtype=np.float32)
    asked = by_appearance(encoder)
    one, two = (cost_of_sentences(asked, ["red", "a square"], rows, clips) for clips in (1.0, 2.0))
    assert one.model is not None
    assert two.model is not None
    assert two.model.video_flops == 2 * one.model.video_flops
    assert (two.gallery, two.vectors, two.size_bytes) == (2, 2, 2 * 16 * 4)
