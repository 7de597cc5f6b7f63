"""Going on equals never stopping, to the bit on a CPU, also after a kill in the middle of writing."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
import torch

from deltaclip.errors import TrainingError
from deltaclip.training import Recipe, TrainingProgress, override, train
from deltaclip.training.run_folder import SavedState, States, save_whole
from tests.helpers import small_checkpoint
from tests.training.tiny import same_weights, tiny_data, tiny_recipe

RECIPE = tiny_recipe("optim.ema=0.9", "loop.report=last")


class Killed(BaseException):
    """What a kill is to a process: nothing below catches it."""


def killed_at(step: int) -> Callable[[TrainingProgress], None]:
    def watch(progress: TrainingProgress) -> None:
        if progress.step == step:
            raise Killed

    return watch


def losses(out: Path) -> list[tuple[int, float]]:
    rows = [json.loads(line) for line in (out / "training" / "metrics.jsonl").read_text().splitlines()]
    return [(row["step"], row["loss"]) for row in rows if "loss" in row]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never stopped."""
    out = tmp_path_factory.mktemp("whole") / "out"
    train(RECIPE, tiny_data(), out, device="cpu")
    return out


@pytest.mark.parametrize("step", [1, 2, 3, 5, 6])
def test_a_killed_run_goes_on_as_if_it_had_not_been(whole: Path, tmp_path: Path, step: int) -> None:
    with pytest.raises(Killed):
        train(RECIPE, tiny_data(), tmp_path / "out", killed_at(step), device="cpu")
    outcome = train(RECIPE, tiny_data(), tmp_path / "out", device="cpu", resume=True)
    assert outcome.finished
    assert same_weights(whole, tmp_path / "out")
    assert losses(whole) == losses(tmp_path / "out")


def test_a_killed_run_with_uniform_frames_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    recipe = override(RECIPE, ["data.sampling=uniform"])
    train(recipe, tiny_data(), tmp_path / "whole", device="cpu")
    with pytest.raises(Killed):
        train(recipe, tiny_data(), tmp_path / "out", killed_at(3), device="cpu")
    train(recipe, tiny_data(), tmp_path / "out", device="cpu", resume=True)
    assert same_weights(tmp_path / "whole", tmp_path / "out")


@pytest.mark.parametrize("seconds", [0, 0.0])
def test_a_time_limit_stops_behind_a_step_with_a_state(whole: Path, tmp_path: Path, seconds: float) -> None:
    outcome = train(RECIPE, tiny_data(), tmp_path / "out", device="cpu", time_limit=seconds)
    assert (outcome.finished, outcome.step, outcome.reported_step) == (False, 1, None)
    while not outcome.finished:
        outcome = train(RECIPE, tiny_data(), tmp_path / "out", device="cpu", time_limit=seconds, resume=True)
    assert same_weights(whole, tmp_path / "out")


@pytest.mark.parametrize("moment", ["writing", "syncing", "renaming"])
def test_a_kill_inside_the_writing_of_a_state_loses_nothing(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def at_second_state(real: Callable[..., Any]) -> Callable[..., Any]:
        def broken(*args: Any) -> Any:
            if (tmp_path / "out/training/states/step-00000002-best-00000002.pt").exists():
                if moment == "writing":
                    args[1].write(b"half of a state")
                raise Killed
            return real(*args)

        return broken

    target = {"writing": (torch, "save"), "syncing": (os, "fsync"), "renaming": (os, "replace")}[moment]
    monkeypatch.setattr(*target, at_second_state(getattr(*target)))
    with pytest.raises(Killed):
        train(RECIPE, tiny_data(), tmp_path / "out", device="cpu")
    monkeypatch.undo()
    train(RECIPE, tiny_data(), tmp_path / "out", device="cpu", resume=True)
    assert same_weights(whole, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.partial"))


def test_a_process_that_dies_while_writing_leaves_the_former_state(tmp_path: Path) -> None:
    # What `finally` would clean up in a living process is left over here, as after kill -9.
    path = tmp_path / "states" / "step-00000001-best-00000000.pt"
    save_whole(path, lambda stream: stream.write(b"former"))
    child = os.fork()
    if child == 0:

        def half(stream: IO[bytes]) -> None:
            stream.write(b"ha")
            stream.flush()
            os._exit(9)

        save_whole(path, half)
    os.waitpid(child, 0)
    assert path.read_bytes() == b"former"
    States(tmp_path, 2).sweep()
    assert [left.name for left in path.parent.iterdir()] == [path.name]


def test_a_full_disk_stops_the_run_and_keeps_the_former_state(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = torch.save

    def full(content: dict[str, Any], stream: IO[bytes]) -> None:
        if content["step"] == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(content, stream)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TrainingError, match=r"step-00000004.*no space left.*untouched"):
        train(RECIPE, tiny_data(), tmp_path / "out", device="cpu")
    assert [state.step for state in States(tmp_path / "out" / "training", 2).saved()] == [2]
    monkeypatch.undo()
    train(RECIPE, tiny_data(), tmp_path / "out", device="cpu", resume=True)
    assert same_weights(whole, tmp_path / "out")


def test_the_last_states_and_the_best_checkpoint_they_name_are_kept(tmp_path: Path) -> None:
    recipe = override(RECIPE, ["loop.validate_every=1", "loop.keep_states=3", "optim.steps=8"])
    train(recipe, tiny_data(), tmp_path / "out", device="cpu")
    states = States(tmp_path / "out" / "training", 3)
    assert [state.step for state in states.saved()] == [6, 7, 8]
    held = {folder.name for folder in (tmp_path / "out/training/best").iterdir()}
    assert held == {states.best_folder(state.best_step).name for state in states.saved()}


def test_a_finished_run_that_is_resumed_writes_the_same_checkpoint_again(whole: Path, tmp_path: Path) -> None:
    first = train(RECIPE, tiny_data(), tmp_path / "out", device="cpu")
    (tmp_path / "out" / "model.safetensors").unlink()
    again = train(RECIPE, tiny_data(), tmp_path / "out", device="cpu", resume=True)
    assert same_weights(whole, tmp_path / "out")
    assert (again.validation, again.loss) == (first.validation, first.loss)


def test_resume_begins_where_there_is_no_run_yet(whole: Path, tmp_path: Path) -> None:
    train(RECIPE, tiny_data(), tmp_path / "out", device="cpu", resume=True)
    assert same_weights(whole, tmp_path / "out")


def test_other_settings_are_refused_with_the_difference(whole: Path) -> None:
    with pytest.raises(TrainingError, match=r"recipe\.optim\.lr 0\.001, not 0\.002"):
        train(override(RECIPE, ["optim.lr=2e-3"]), tiny_data(), whole, device="cpu", resume=True)
    with pytest.raises(TrainingError, match=r"clips\.clips 10, not 9"):
        train(RECIPE, tiny_data(9), whole, device="cpu", resume=True)


def edit(path: Path, *keys: str, value: object) -> None:
    """Sets one value in a json file."""
    document = json.loads(path.read_text())
    place = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("file", "keys", "value", "said"),
    [
        ("config.json", ("vision_config", "hidden_act"), "gelu", "start.config.vision_activation quick_gelu, not gelu"),
        ("config.json", ("text_config", "num_attention_heads"), 2, "start.config.text_heads 1, not 2"),
        ("config.json", ("vision_config", "layer_norm_eps"), 0.01, "start.config.vision_eps 1e-05, not 0.01"),
        ("deltaclip.json", ("licence",), "none", "start.record.licence unknown, not none"),
        ("deltaclip.json", ("training",), {"steps": 1}, "start.record.training "),
    ],
)
def test_a_start_that_has_changed_since_is_refused_with_the_difference(
    tmp_path: Path, file: str, keys: tuple[str, ...], value: object, said: str
) -> None:
    # weights came from the state, and all else from the folder of the start as it was by then, without a word
    recipe = started_from(tmp_path / "start")
    train(recipe, tiny_data(), tmp_path / "out", device="cpu", time_limit=0)
    edit(tmp_path / "start" / file, *keys, value=value)
    with pytest.raises(TrainingError, match=said):
        train(recipe, tiny_data(), tmp_path / "out", device="cpu", resume=True)


def started_from(folder: Path) -> Recipe:
    """The recipe of a run that begins with a checkpoint, which is made there."""
    small_checkpoint(folder)
    return tiny_recipe(f"model.init={folder}", "model.max_words=12")


def test_a_start_with_two_words_exchanged_is_refused_and_one_that_is_as_it_was_goes_on(tmp_path: Path) -> None:
    recipe = started_from(tmp_path / "start")
    train(recipe, tiny_data(), tmp_path / "out", device="cpu", time_limit=0)
    path = tmp_path / "start" / "tokenizer.json"
    before = path.read_text()
    path.write_text(before.replace('"red"', '"?"').replace('"blue"', '"red"').replace('"?"', '"blue"'))
    with pytest.raises(TrainingError, match=r"start\.tokenizer .*start weights \(model\.init\)"):
        train(recipe, tiny_data(), tmp_path / "out", device="cpu", resume=True)
    path.write_text(before)
    assert train(recipe, tiny_data(), tmp_path / "out", device="cpu", resume=True).finished


def test_a_run_of_an_earlier_version_that_kept_the_name_of_its_start_alone_goes_on(tmp_path: Path) -> None:
    recipe = started_from(tmp_path / "start")
    train(recipe, tiny_data(), tmp_path / "out", device="cpu", time_limit=0)
    path = tmp_path / "out" / "training" / "run.json"
    path.write_text(json.dumps({name: fact for name, fact in json.loads(path.read_text()).items() if name != "start"}))
    assert train(recipe, tiny_data(), tmp_path / "out", device="cpu", resume=True).finished


def test_a_run_is_not_trained_over_unasked(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="Continue it with resume"):
        train(RECIPE, tiny_data(), whole, device="cpu")


def test_overwriting_begins_anew(tmp_path: Path) -> None:
    for steps in (6, 2):
        train(override(RECIPE, [f"optim.steps={steps}"]), tiny_data(), tmp_path / "out", device="cpu", overwrite=True)
    assert [state.step for state in States(tmp_path / "out" / "training", 2).saved()] == [2]


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    train(RECIPE, tiny_data(), tmp_path / "out", device="cpu")
    states = States(tmp_path / "out" / "training", 2)
    path = states.folder / "states" / states.saved()[-1].name
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(TrainingError, match=r"step-00000006.*not a complete state.*Move it out of this folder"):
        train(RECIPE, tiny_data(), tmp_path / "out", device="cpu", resume=True)
    path.rename(tmp_path / "kept.pt")
    assert train(RECIPE, tiny_data(), tmp_path / "out", device="cpu", resume=True).finished


def test_a_state_that_cannot_be_read_today_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = States(tmp_path, 2)
    for error in (PermissionError(13, "Permission denied"), torch.OutOfMemoryError("CUDA out of memory")):
        monkeypatch.setattr(torch, "load", lambda *_, error=error, **__: (_ for _ in ()).throw(error))
        with pytest.raises(TrainingError) as raised:
            states.load(SavedState(6, 6), torch.device("cpu"))
        assert "whole" not in str(raised.value)
        assert "Move" not in str(raised.value)
