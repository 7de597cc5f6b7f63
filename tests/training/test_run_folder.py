"""The folder of a run belongs to one run at a time, and to the files it began with."""

import fcntl
import os
from pathlib import Path

import pytest

from deltaclip.durable import one_writer
from deltaclip.errors import TrainingError
from deltaclip.training import TrainingProgress, train
from deltaclip.training.run_folder import LOCK_NAME, RunInUseError, claim_run_folder, differences
from tests.training.tiny import tiny_data, tiny_recipe

RECIPE = tiny_recipe("optim.steps=1")
FACTS = {"recipe": {"seed": 0}, "clips": {"sources": "one"}, "sources": {"a": "5 bytes", "b": "left out"}}


@pytest.mark.parametrize(("resume", "overwrite"), [(False, False), (True, False), (False, True)])
def test_a_second_run_in_a_folder_is_refused_while_the_first_lives(
    tmp_path: Path, resume: bool, overwrite: bool
) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "metrics.jsonl").write_text("of the first\n")
    with one_writer(tmp_path / "training" / LOCK_NAME, RuntimeError):
        found = rf"another process is training in this folder \(process {os.getpid()}\)"
        with pytest.raises(RunInUseError, match=found) as error:
            train(RECIPE, tiny_data(), tmp_path, device="cpu", resume=resume, overwrite=overwrite)
    assert error.value.what == str(tmp_path)
    assert (tmp_path / "training" / "metrics.jsonl").read_text() == "of the first\n"


def test_a_run_holds_its_folder_until_it_ends(tmp_path: Path) -> None:
    def locked() -> bool:
        with (tmp_path / "training" / LOCK_NAME).open("w") as other:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    seen: list[bool] = []

    def watch(progress: TrainingProgress) -> None:
        seen.append(locked())

    train(RECIPE, tiny_data(), tmp_path, watch, device="cpu")
    assert (seen, locked()) == ([True], False)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(TrainingError, match="out: cannot be written"):
        train(RECIPE, tiny_data(), tmp_path / "out", device="cpu")


def test_going_on_with_other_files_names_each(tmp_path: Path) -> None:
    claim_run_folder(tmp_path, FACTS, resume=False, overwrite=False)
    claim_run_folder(tmp_path, FACTS, resume=True, overwrite=False)
    now = FACTS | {"clips": {"sources": "two"}, "sources": {"a": "6 bytes", "b": "7 bytes"}}
    with pytest.raises(TrainingError, match=r"has a 5 bytes, not 6 bytes; b left out, not 7 bytes\. Resume"):
        claim_run_folder(tmp_path, now, resume=True, overwrite=False)


def test_many_other_files_are_counted(tmp_path: Path) -> None:
    many = {f"{number:02d}": "5 bytes" for number in range(30)}
    claim_run_folder(tmp_path, FACTS | {"sources": many}, resume=False, overwrite=False)
    now = FACTS | {"sources": dict.fromkeys(many, "6 bytes")}
    with pytest.raises(TrainingError, match="09 5 bytes, not 6 bytes; 20 more videos"):
        claim_run_folder(tmp_path, now, resume=True, overwrite=False)


def test_a_run_that_does_not_know_its_files_is_not_gone_on_with(tmp_path: Path) -> None:
    claim_run_folder(tmp_path, {"recipe": FACTS["recipe"], "clips": FACTS["clips"]}, resume=False, overwrite=False)
    with pytest.raises(TrainingError, match="does not record which files it was trained on"):
        claim_run_folder(tmp_path, FACTS, resume=True, overwrite=False)


def test_differences_are_told_field_by_field() -> None:
    assert differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}, "d": 4}) == ["a.c 2, not 3", "d None, not 4"]
