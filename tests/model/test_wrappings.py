"""What training programs put around weights comes off, whatever its order; which of two sets is taken is said."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPModel

from deltaclip.errors import CheckpointError
from deltaclip.model import convert, load_checkpoint
from deltaclip.model.wrappings import unwrap

from .conftest import openai_weights, trained_like, vision_weights

Weights = dict[str, Tensor]
OPTIMISER = {"state": {0: {"step": torch.tensor(1.0), "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-5}]}


def below(prefix: str, weights: Weights) -> Weights:
    return {prefix + name: weight for name, weight in weights.items()}


def compiled_blocks(weights: Weights) -> Weights:
    """As a model is saved whose parts were compiled one by one, and its image encoder wrapped for many GPUs."""
    return {
        name.replace(".attn.", "._orig_mod.attn.").replace("visual.", "visual.module."): weight
        for name, weight in weights.items()
    }


WRAPPINGS: dict[str, Callable[[Weights], Any]] = {
    "ddp": lambda w: below("module.", w),
    "compiled": lambda w: below("_orig_mod.", w),
    "both": lambda w: below("module._orig_mod.", w),
    "both, the other way round": lambda w: below("_orig_mod.module.", w),
    "parts": compiled_blocks,
    "state_dict": lambda w: {"state_dict": w},
    "model": lambda w: {"model": w, "epoch": 3},
    "model_state_dict": lambda w: {"model_state_dict": w, "optimizer_state_dict": OPTIMISER},
    "twice": lambda w: {"checkpoint": {"model": below("module.", w)}, "args": {"lr": 1.0}},
    "open_clip": lambda w: {
        "epoch": 3,
        "name": "run",
        "state_dict": below("module.", w),
        "optimizer": OPTIMISER,
        "scaler": {"scale": 1.0},
    },
    "lightning": lambda w: {
        "epoch": 3,
        "pytorch-lightning_version": "2.1",
        "state_dict": below("model.", w),
        "hyper_parameters": argparse.Namespace(lr=1, model="ViT-B-32"),
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.5)}},
    },
    "lightning, deeper": lambda w: {"state_dict": below("net.clip_model.", w), "hyper_parameters": {"lr": 1}},
    "lightning, compiled": lambda w: {"state_dict": below("model._orig_mod.", w)},
    "averaged by torch": lambda w: {"n_averaged": torch.tensor(3), **below("module.", w)},
    "averaged by torch, within": lambda w: {"ema": {"n_averaged": torch.tensor(3), **below("module.module.", w)}},
    "plain, with an epoch beside": lambda w: {**w, "epoch": 3},
}


@pytest.fixture
def weights(model: CLIPModel) -> Weights:
    return openai_weights(model)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_wrapping_comes_off_a_clip(weights: Weights, tmp_path: Path, wrapping: str) -> None:
    torch.save(weights, tmp_path / "plain.pt")
    torch.save(WRAPPINGS[wrapping](weights), tmp_path / "wrapped.pt")
    digests = []
    for name in ("plain", "wrapped"):
        convert(clip=tmp_path / f"{name}.pt", out=tmp_path / name)
        digests.append(load_checkpoint(tmp_path / name).model.state_dict())
    assert all(torch.equal(weight, digests[1][name]) for name, weight in digests[0].items())


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("prefix", ["", "visual."])
def test_a_wrapping_comes_off_an_alpha_file(model: CLIPModel, tmp_path: Path, wrapping: str, prefix: str) -> None:
    tower = below(prefix, vision_weights(trained_like(seed=2)))
    torch.save(openai_weights(model), tmp_path / "clip.pt")
    torch.save(WRAPPINGS[wrapping](tower), tmp_path / "alpha.pth")
    report = convert(clip=tmp_path / "clip.pt", alpha=tmp_path / "alpha.pth", out=tmp_path / "out")
    assert report.alpha_from == "file"


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.clip."])
def test_a_prefix_comes_off_the_weights_of_a_transformers_folder(folder: Path, prefix: str) -> None:
    before = load_checkpoint(folder).model.state_dict()
    save_file(below(prefix, load_file(folder / "model.safetensors")), folder / "model.safetensors")
    after = load_checkpoint(folder).model.state_dict()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())


@pytest.mark.parametrize(
    ("content", "taken", "left"),
    [
        (lambda w, a: {"state_dict": w, "state_dict_ema": a}, "'state_dict'", "'state_dict_ema'"),
        (lambda w, a: {"model": w, "model_ema": a}, "'model'", "'model_ema'"),
        (lambda w, a: {"model": w, "ema": {"module": a, "decay": 0.9}}, "'model'", "'ema.module'"),
        (lambda w, a: {"state_dict": {**below("net.", w), **below("net_ema.", a)}}, "'net'", "'net_ema'"),
        (lambda w, a: {**w, **below("model_ema.", a)}, "the top", "'model_ema'"),
    ],
)
def test_of_weights_and_their_average_the_weights_are_taken_and_that_is_said(
    weights: Weights, tmp_path: Path, content: Callable[[Weights, Weights], Any], taken: str, left: str
) -> None:
    average = {name: weight * 0 + 2 for name, weight in weights.items()}
    torch.save(content(weights, average), tmp_path / "clip.pt")
    report = convert(clip=tmp_path / "clip.pt", out=tmp_path / "out")
    assert f"Weights were taken from {taken}; their running average at {left} was not." in report.notes
    scale = load_checkpoint(tmp_path / "out").model.logit_scale
    assert torch.equal(scale, weights["logit_scale"])


def test_an_average_alone_is_taken_and_that_is_said(weights: Weights, tmp_path: Path) -> None:
    torch.save({"state_dict_ema": weights}, tmp_path / "clip.pt")
    report = convert(clip=tmp_path / "clip.pt", out=tmp_path / "out")
    assert "Weights were taken from 'state_dict_ema', a running average: there are no others." in report.notes


def test_a_count_of_averaged_models_is_no_weight_and_the_average_is_said(weights: Weights, tmp_path: Path) -> None:
    torch.save({"n_averaged": torch.tensor(3), **below("module.", weights)}, tmp_path / "clip.pt")
    report = convert(clip=tmp_path / "clip.pt", out=tmp_path / "out")
    assert any("taken from a running average (n_averaged beside them)" in note for note in report.notes)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (lambda w: {**w, "n_averaged": torch.tensor(3)}, "1 unmapped weights: n_averaged"),
        (lambda w: {"student": w, "teacher": w}, "2 sets of weights, at 'student', 'teacher'"),
        (lambda w: {**below("student.", w), **below("teacher.", w)}, "2 sets of weights, at 'student', 'teacher'"),
        (lambda w: {**w, **below("module.", w)}, "twice, with and without a wrapper's prefix"),
        (lambda w: {**below("model.", w), "adapter.weight": torch.ones(1)}, "1 unmapped weights: adapter.weight"),
    ],
)
def test_a_file_that_leaves_open_which_weights_are_meant_is_refused(
    weights: Weights, tmp_path: Path, content: Callable[[Weights], Any], found: str
) -> None:
    torch.save(content(weights), tmp_path / "clip.pt")
    with pytest.raises(CheckpointError, match=found):
        convert(clip=tmp_path / "clip.pt", out=tmp_path / "out")


def test_clip4clips_file_inside_a_wrapping_keeps_its_heads_beside_its_clip(weights: Weights, tmp_path: Path) -> None:
    plain = {name: weight for name, weight in weights.items() if weight.is_floating_point()}
    inner = below("clip.", plain) | {"cross.pooler.dense.bias": torch.ones(4), "similarity_dense.weight": torch.ones(1)}
    torch.save({"state_dict": below("model.", inner)}, tmp_path / "clip.bin")
    report = convert(clip=tmp_path / "clip.bin", out=tmp_path / "out")
    assert report.kind == "clip4clip"
    assert report.left_out == ("model.cross.pooler.dense.bias", "model.similarity_dense.weight")


class Settings:
    """A class of somebody's own, as Lightning keeps it among a run's options."""


def test_a_file_with_a_class_of_its_own_says_which_and_how_to_save_the_weights_alone(
    weights: Weights, tmp_path: Path
) -> None:
    torch.save({"state_dict": weights, "hyper_parameters": Settings()}, tmp_path / "run.ckpt")
    with pytest.raises(CheckpointError) as told:
        convert(clip=tmp_path / "run.ckpt", out=tmp_path / "out")
    assert told.value.found == f"not plain weights: it also holds a {__name__}.Settings"
    assert "torch.save(content['state_dict'], 'weights.pt')" in told.value.remedy


def test_names_that_are_no_clips_are_left_as_they_are() -> None:
    content = {"a.weight": torch.ones(1), "module.b": torch.ones(1)}
    assert unwrap(content, "file").tensors == content


def test_the_report_of_a_choice_is_json(weights: Weights, tmp_path: Path) -> None:
    torch.save({"model": weights, "model_ema": weights}, tmp_path / "clip.pt")
    report = convert(clip=tmp_path / "clip.pt", out=tmp_path / "out")
    values = json.loads(json.dumps(report.to_json()))
    assert any("running average" in note for note in values["notes"])
    assert values["heads"] == {"vision": 2, "text": 1}
