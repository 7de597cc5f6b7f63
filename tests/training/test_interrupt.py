"""Ctrl-C and SIGTERM in a run: the first keeps what was learnt, the second ends at once."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from deltaclip.training import TrainingData, TrainingProgress, override, train
from deltaclip.training.run_folder import States
from tests.training.tiny import WORDS, same_weights, tiny_clips, tiny_data, tiny_recipe

RECIPE = tiny_recipe("optim.ema=0.9")


def pressed_at(step: int, times: int, number: int = signal.SIGINT) -> Callable[[TrainingProgress], None]:
    def watch(progress: TrainingProgress) -> None:
        if progress.step == step:
            for _ in range(times):
                signal.raise_signal(number)

    return watch


def test_the_first_one_saves_a_state_behind_the_step_and_says_where_it_is(tmp_path: Path) -> None:
    notes: list[str] = []
    with pytest.raises(KeyboardInterrupt, match="the state of step 3 of 6 is saved; the same command with --resume"):
        train(RECIPE, tiny_data(), tmp_path / "out", pressed_at(3, 1), device="cpu", note=notes.append)
    assert notes == ["stopping after this step; Ctrl-C again stops at once"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    train(RECIPE, tiny_data(), tmp_path / "out", device="cpu", resume=True, note=notes.append)
    assert notes[1:] == ["the run continues after step 3 of 6"]
    train(RECIPE, tiny_data(), tmp_path / "whole", device="cpu")
    assert same_weights(tmp_path / "out", tmp_path / "whole")


def test_the_second_one_ends_at_once_with_the_former_states(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt) as stop:
        train(RECIPE, tiny_data(), tmp_path / "out", pressed_at(3, 2), device="cpu")
    assert not str(stop.value)
    assert [state.step for state in States(tmp_path / "out" / "training", 2).saved()] == [2]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_queue_that_ends_the_run_gets_a_state_as_well(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt, match="the state of step 3 of 6 is saved"):
        train(RECIPE, tiny_data(), tmp_path / "out", pressed_at(3, 1, signal.SIGTERM), device="cpu")
    assert [state.step for state in States(tmp_path / "out" / "training", 2).saved()] == [2, 3]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_one_that_torchrun_passes_on_again_is_no_second_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "a run")
    notes: list[str] = []
    with pytest.raises(KeyboardInterrupt, match="the state of step 3 of 6 is saved"):
        train(RECIPE, tiny_data(), tmp_path / "out", pressed_at(3, 2), device="cpu", note=notes.append)
    assert notes == ["stopping after this step"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_somebody_else_stays(tmp_path: Path) -> None:
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert train(RECIPE, tiny_data(), tmp_path / "out", pressed_at(3, 1), device="cpu").finished
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, former)


def test_resume_says_that_there_is_no_state_yet(tmp_path: Path) -> None:
    notes: list[str] = []
    train(override(RECIPE, ["optim.steps=1"]), tiny_data(), tmp_path, device="cpu", resume=True, note=notes.append)
    assert notes == [f"{tmp_path} has no saved state to continue from; the run starts with its first step"]


def test_processes_that_read_clips_leave_ctrl_c_to_the_run(tmp_path: Path) -> None:
    # A terminal sends it to all processes; a reader that died would take the current step with it.
    def watch(progress: TrainingProgress) -> None:
        for child in multiprocessing.active_children() if progress.step == 1 else ():
            assert child.pid is not None
            os.kill(child.pid, signal.SIGINT)

    recipe = override(RECIPE, ["optim.steps=12", "loop.validate_every=12"])
    data = TrainingData(tiny_clips(), None, WORDS)
    assert train(recipe, data, tmp_path / "out", watch, device="cpu", workers=1).finished
