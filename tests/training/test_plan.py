"""What a run decides about its device: told in its journal and checkpoint, kept when it is resumed."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from deltaclip.errors import TrainingError
from deltaclip.model import load_checkpoint
from deltaclip.training import TrainingData, loss, override, train
from deltaclip.training.devices import MixedPrecision
from deltaclip.training.run_folder import States
from tests.training.tiny import WORDS, same_weights, tiny_clips, tiny_data, tiny_recipe, weights

CHUNKS = tiny_recipe("optim.chunk=2")


def journal(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "training" / "metrics.jsonl").read_text().splitlines()]


def test_a_run_holds_its_graph_if_that_fits_and_says_so(tmp_path: Path) -> None:
    train(CHUNKS, tiny_data(), tmp_path / "out", device="cpu")
    told = journal(tmp_path / "out")[0]["computing"]
    assert (told["device"], told["precision"], told["gradient_cache"], told["fused"]) == ("cpu", "float32", False, True)
    assert 0 < told["bytes_without_gradient_cache"] < told["memory_bytes"]
    assert (load_checkpoint(tmp_path / "out").record.training or {})["computing"] == told


def test_the_losses_are_the_same_with_and_without_cached_gradients(tmp_path: Path) -> None:
    for name in ("always", "never"):
        train(override(CHUNKS, [f"optim.gradient_cache={name}"]), tiny_data(), tmp_path / name, device="cpu")
    cached, held = ([row["loss"] for row in journal(tmp_path / name) if "loss" in row] for name in ("always", "never"))
    assert held == pytest.approx(cached, abs=1e-5)


def test_a_device_without_the_memory_caches_gradients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deltaclip.training.computing._machine_bytes", lambda: 100_000)
    train(CHUNKS, tiny_data(), tmp_path / "out", device="cpu")
    assert journal(tmp_path / "out")[0]["computing"]["gradient_cache"]


def test_a_resumed_run_computes_as_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("deltaclip.training.computing._machine_bytes", lambda: 100_000)
        train(CHUNKS, tiny_data(), tmp_path / "out", device="cpu", time_limit=0)
    train(CHUNKS, tiny_data(), tmp_path / "out", device="cpu", resume=True)
    assert [row["computing"]["gradient_cache"] for row in journal(tmp_path / "out") if "computing" in row] == [True] * 2
    train(override(CHUNKS, ["optim.gradient_cache=always"]), tiny_data(), tmp_path / "whole", device="cpu")
    assert same_weights(tmp_path / "out", tmp_path / "whole")


def test_a_state_of_an_earlier_version_goes_on_with_cached_gradients(tmp_path: Path) -> None:
    train(CHUNKS, tiny_data(), tmp_path / "out", device="cpu", time_limit=0)
    states = States(tmp_path / "out" / "training", 2)
    [state] = states.saved()
    content = states.load(state, torch.device("cpu"))
    del content["gradient_cache"], content["scaler"]
    states.save(state, content)
    train(CHUNKS, tiny_data(), tmp_path / "out", device="cpu", resume=True)
    assert [row for row in journal(tmp_path / "out") if "computing" in row][-1]["computing"]["gradient_cache"]


def test_float16_is_scaled_learns_and_is_resumed_to_the_bit(tmp_path: Path) -> None:
    recipe = tiny_recipe("optim.precision=float16", "loop.save_every=1")
    stopped = train(recipe, tiny_data(), tmp_path / "out", device="cpu", time_limit=0)
    assert not stopped.finished
    train(recipe, tiny_data(), tmp_path / "out", device="cpu", resume=True)
    train(recipe, tiny_data(), tmp_path / "whole", device="cpu")
    train(tiny_recipe(), tiny_data(), tmp_path / "exact", device="cpu")
    assert same_weights(tmp_path / "out", tmp_path / "whole")
    exact, rough = weights(tmp_path / "exact"), weights(tmp_path / "whole")
    assert all(torch.allclose(rough[name], exact[name], atol=0.02) for name in exact)
    assert not same_weights(tmp_path / "whole", tmp_path / "exact")


def test_a_step_whose_gradients_float16_cannot_hold_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = torch.amp.GradScaler("cpu", init_scale=2.0**60, growth_interval=1)
    monkeypatch.setattr(MixedPrecision, "scaler", lambda precision: huge)
    recipe = tiny_recipe("optim.precision=float16", "optim.steps=1", "loop.validate_every=1")
    train(recipe, tiny_data(), tmp_path / "out", device="cpu")
    [row] = [row for row in journal(tmp_path / "out") if "loss" in row]
    assert row["gradient_norm"] is None
    assert huge.get_scale() == 2.0**59


def test_a_loss_that_is_no_number_is_found_at_the_next_look_and_names_its_step_and_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = loss.video_vectors, 0

    def broken(model: Any, frames: torch.Tensor, precision: Any, keep: float) -> torch.Tensor:
        nonlocal seen
        seen += 1
        vectors = real(model, frames, precision, keep)
        return torch.where(torch.arange(len(vectors))[:, None] == 1, torch.nan, vectors) if seen == 3 else vectors

    monkeypatch.setattr(loss, "video_vectors", broken)
    monkeypatch.setattr("deltaclip.training.run.steps_between_looks", lambda ability: 5)  # as on a GPU
    recipe = tiny_recipe("optim.steps=9", "loop.log_every=9", "loop.validate_every=9")
    with pytest.raises(TrainingError, match=r"step 3: the video vectors of video\d are NaN or infinite"):
        train(recipe, TrainingData(tiny_clips(), None, WORDS), tmp_path / "out", device="cpu")
    assert seen == 5
    assert States(tmp_path / "out" / "training", 2).saved() == []


def test_looking_more_rarely_changes_no_weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tiny_recipe(), tiny_data(), tmp_path / "often", device="cpu")
    monkeypatch.setattr("deltaclip.training.run.steps_between_looks", lambda ability: 5)
    train(tiny_recipe("loop.log_every=6"), tiny_data(), tmp_path / "rarely", device="cpu")
    assert same_weights(tmp_path / "often", tmp_path / "rarely")


def test_products_are_rounded_to_tf32_inside_the_encoders_only() -> None:
    settings = torch.backends.cuda.matmul
    before = settings.fp32_precision
    with MixedPrecision(torch.device("cpu"), tf32=True).products():
        assert settings.fp32_precision == "tf32"
    assert settings.fp32_precision == before


@pytest.mark.filterwarnings("ignore")  # torch's own, of modules that it imports to compile
def test_compiled_layers_learn_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, compiled = torch.nn.Module.compile, list[torch.nn.Module]()

    def traced(layer: torch.nn.Module) -> None:
        compiled.append(layer)
        whole(layer, backend="eager")

    monkeypatch.setattr(torch.nn.Module, "compile", traced)  # without the compiler itself, which takes a minute
    monkeypatch.setattr("deltaclip.training.computing.lacks_compiler", lambda *_: None)
    for name in ("true", "false"):
        train(tiny_recipe("optim.steps=2", f"compile={name}"), tiny_data(), tmp_path / name, device="cpu")
    assert len(compiled) == 3  # two layers of the image encoder, one of the text encoder
    ours, plain = weights(tmp_path / "true"), weights(tmp_path / "false")
    assert ours.keys() == plain.keys()
    assert all(torch.allclose(ours[name], plain[name], atol=1e-5) for name in plain)


def test_compiling_without_a_compiler_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(TrainingError, match=r"no C\+\+ compiler was found"):
        train(tiny_recipe("compile=true"), tiny_data(), tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()
