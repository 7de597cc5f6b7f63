"""One run, from clips to a checkpoint: what it leaves, what it says, and why it stops."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.errors import TrainingError
from deltaclip.model import load_checkpoint
from deltaclip.training import MemoryClips, TrainingData, TrainingProgress, loss, override, train
from deltaclip.training.run_folder import States
from tests.training.tiny import WORDS, same_weights, tiny_clips, tiny_data, tiny_recipe, weights

RECIPE = tiny_recipe()


def rows(out: Path) -> list[dict[str, Any]]:
    """What was measured: the first row tells how the run computes."""
    how, *measured = [json.loads(line) for line in (out / "training" / "metrics.jsonl").read_text().splitlines()]
    assert how.keys() == {"step", "computing"}
    return measured


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        train(replace(RECIPE, seed=seed), tiny_data(), tmp_path / name, device="cpu")
    assert same_weights(tmp_path / "one", tmp_path / "two")
    assert not same_weights(tmp_path / "one", tmp_path / "three")


def test_worker_processes_change_nothing(tmp_path: Path) -> None:
    recipe = override(RECIPE, ["optim.steps=2"])
    for workers in (0, 1):
        train(recipe, TrainingData(tiny_clips(), None, WORDS), tmp_path / str(workers), device="cpu", workers=workers)
    assert same_weights(tmp_path / "0", tmp_path / "1")


def test_the_loss_falls_and_held_out_copies_are_found(tmp_path: Path) -> None:
    clips = tiny_clips(6)
    recipe = override(RECIPE, ["optim.steps=60", "optim.batch=6", "optim.lr=3e-3", "loop.validate_every=60"])
    outcome = train(recipe, TrainingData(clips, clips, WORDS), tmp_path / "out", device="cpu")
    found = [row["loss"] for row in rows(tmp_path / "out") if "loss" in row]
    assert np.mean(found[-5:]) < 0.5 * np.mean(found[:5])
    assert outcome.validation is not None
    assert outcome.validation["t2v"]["R1"] > 80


def test_the_checkpoint_is_an_encoder_and_tells_how_it_was_made(tmp_path: Path) -> None:
    outcome = train(
        override(RECIPE, ["data.motion=inverted", "seed=3", "loop.report=last"]),
        tiny_data(),
        tmp_path / "out",
        device="cpu",
    )
    encoder = Encoder.load(tmp_path / "out", EncoderSpec(device="cpu"))
    assert encoder.alpha_acts
    assert (encoder.reader_spec.motion_word, encoder.reader_spec.num_frames) == ("inverted", 4)
    record = encoder.record.training
    assert record is not None
    assert (record["seed"], record["steps"], record["step"], record["optim"]["lr"]) == (3, 6, 6, 1e-3)
    assert record["commit"]
    assert record["validation"] == outcome.validation
    assert encoder.encode_texts(["one two"]).shape == (1, 32)


def test_the_best_validation_is_reported_where_the_recipe_says_so(tmp_path: Path) -> None:
    recipe = override(RECIPE, ["loop.report=best", "loop.validate_every=1", "optim.steps=8"])
    outcome = train(recipe, tiny_data(), tmp_path / "out", device="cpu")
    by_step = {row["step"]: row["t2v"]["R1"] for row in rows(tmp_path / "out") if "t2v" in row}
    best = max(by_step, key=lambda step: (by_step[step], -step))
    assert outcome.reported_step == best
    assert outcome.validation is not None
    assert outcome.validation["t2v"]["R1"] == by_step[best]
    record = Encoder.load(tmp_path / "out", EncoderSpec(device="cpu")).record.training
    assert record is not None
    assert record["step"] == best


def test_the_journal_tells_whether_masks_act(tmp_path: Path) -> None:
    train(
        override(RECIPE, ["model.alpha=zero", "optim.zero_alpha_lr=1e-2"]), tiny_data(), tmp_path / "out", device="cpu"
    )
    found = [row for row in rows(tmp_path / "out") if "loss" in row]
    assert found[-1]["alpha_norm"] > found[0]["alpha_norm"] > 0
    assert found[-1]["mask_cosine"] < found[0]["mask_cosine"] <= 1.0 + 1e-6
    assert {"clips_per_second", "data_wait", "memory_bytes", "rgb_norm", "gradient_norm", "rate"} <= found[-1].keys()
    assert 0 <= found[-1]["data_wait"] <= 1


def test_a_clip4clip_run_keeps_alpha_at_zero(tmp_path: Path) -> None:
    recipe = tiny_recipe("data.motion=full", name="clip4clip-own")
    train(recipe, tiny_data(), tmp_path / "out", device="cpu")
    assert not weights(tmp_path / "out")["vision_model.embeddings.patch_embedding.weight"][:, 3:].any()
    assert rows(tmp_path / "out")[0]["mask_cosine"] == pytest.approx(1.0, abs=1e-6)


def test_captions_that_make_no_whole_batches_are_all_taken(tmp_path: Path) -> None:
    recipe = override(RECIPE, ["optim.steps=none", "optim.epochs=2"])
    outcome = train(recipe, tiny_data(9), tmp_path / "out", device="cpu")
    assert outcome.steps == 6


def test_a_run_may_see_a_random_share_of_the_patches_in_each_step_and_does_it_again_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = loss.video_vectors, list[float]()

    def noted(model: Any, frames: torch.Tensor, precision: Any, keep: float) -> torch.Tensor:
        seen.append(keep)
        return real(model, frames, precision, keep)

    monkeypatch.setattr(loss, "video_vectors", noted)
    recipe = override(
        RECIPE, ["data.least_keep=0.25", "optim.chunk=2", "optim.gradient_cache=always"]
    )  # in pieces: twice each, with the same patches
    train(recipe, tiny_data(), tmp_path / "out", device="cpu")
    steps = [set(seen[place : place + len(seen) // 6]) for place in range(0, len(seen), len(seen) // 6)]
    assert [len(each) for each in steps] == [1] * 6
    shares = [each.pop() for each in steps]
    assert len(set(shares)) == 6
    assert 0.25 <= min(shares) < 0.5 < max(shares) <= 1
    first, seen[:] = list(seen), []
    train(recipe, tiny_data(), tmp_path / "again", device="cpu")
    assert seen == first
    with pytest.raises(ValueError, match=r"data\.least_keep is 0\.0: a share above 0"):
        override(RECIPE, ["data.least_keep=0.0"])


def test_progress_is_told_after_every_step(tmp_path: Path) -> None:
    seen: list[TrainingProgress] = []
    train(RECIPE, tiny_data(), tmp_path / "out", seen.append, device="cpu")
    assert [each.step for each in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[0].r1 is None
    assert seen[1].r1 is not None


def test_no_validation_clips_mean_the_last_weights_and_no_figures(tmp_path: Path) -> None:
    recipe = override(RECIPE, ["loop.report=best"])
    outcome = train(recipe, TrainingData(tiny_clips(), None, WORDS), tmp_path / "out", device="cpu")
    assert (outcome.validation, outcome.reported_step) == (None, 6)


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = loss.video_vectors

    def broken(model: Any, frames: torch.Tensor, precision: Any, keep: float) -> torch.Tensor:
        vectors = real(model, frames, precision, keep)
        return torch.where((frames[:, 0, 0, 0, 0] == marked)[:, None], torch.nan, vectors)

    clips = tiny_clips()
    marked = 7
    clips.rgb[clips.rgb == marked] = 8
    clips.rgb[5] = marked
    monkeypatch.setattr(loss, "video_vectors", broken)
    with pytest.raises(TrainingError, match=r"step [123]: the video vectors of video5 are NaN or infinite"):
        train(override(RECIPE, ["optim.steps=9"]), TrainingData(clips, None, WORDS), tmp_path / "out", device="cpu")


def test_running_out_of_memory_says_what_to_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(loss, "video_vectors", full)
    with pytest.raises(TrainingError, match=r"4 clips of 2 frames.*optim\.chunk.*optim\.checkpointing.*data\.frames"):
        train(RECIPE, tiny_data(), tmp_path / "out", device="cpu")


def test_pictures_smaller_than_the_model_takes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="pictures of 16 pixels, but the model takes 32"):
        train(RECIPE, TrainingData(tiny_clips(side=16), None, WORDS, side=16), tmp_path / "out", device="cpu")


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(Exception, match="not a deltaclip checkpoint"):
        train(RECIPE, tiny_data(), tmp_path / "out", device="cpu", overwrite=True)
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"


def test_nothing_of_an_older_checkpoint_is_left_beside_the_new_one(tmp_path: Path) -> None:
    train(RECIPE, tiny_data(), tmp_path, device="cpu")
    for name in ("model-00001-of-00002.safetensors", "model.safetensors.index.json", "notes.txt"):
        (tmp_path / name).write_text("older")
    train(override(RECIPE, ["seed=1"]), tiny_data(), tmp_path, device="cpu", overwrite=True)
    kept = {path.name for path in tmp_path.iterdir()}
    checkpoint = {"config.json", "deltaclip.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"}
    assert kept == checkpoint | {"notes.txt", "training"}
    assert not {path.name for path in (tmp_path / "training").iterdir()} & {"reported", "replaced"}
    assert (load_checkpoint(tmp_path).record.training or {})["seed"] == 1


def test_clips_that_do_not_match_their_captions_are_refused() -> None:
    clips = tiny_clips(3)
    with pytest.raises(ValueError, match="do not match"):
        MemoryClips(clips.rgb, clips.alpha, ["one"], clips.owner, clips.video_ids)


@pytest.mark.parametrize(("save_every", "kept"), [("none", [4, 6]), ("1", [5, 6])])
def test_states_are_saved_at_validations_and_as_often_as_asked(
    tmp_path: Path, save_every: str, kept: list[int]
) -> None:
    train(override(RECIPE, [f"loop.save_every={save_every}"]), tiny_data(), tmp_path / "out", device="cpu")
    assert [state.step for state in States(tmp_path / "out" / "training", 2).saved()] == kept
