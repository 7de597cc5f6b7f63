"""The journal of a run: rows by step, also after a kill, and TensorBoard where it is installed."""

from pathlib import Path

import pytest

from deltaclip.training import board
from deltaclip.training.journal import Journal, Stopwatch, read_rows


def write(folder: Path, step: int, *rows: int) -> None:
    book = Journal(folder, step)
    for row in rows:
        book.write({"step": row, "loss": row / 2, "t2v": {"R1": 1.0}, "mask_cosine": None})
    book.close()


def test_a_run_that_goes_on_forgets_the_rows_after_its_state(tmp_path: Path) -> None:
    write(tmp_path, 0, 1, 2, 3)
    write(tmp_path, 2, 3, 4)
    assert [row["step"] for row in read_rows(tmp_path)] == [1, 2, 3, 4]


def test_a_new_run_begins_an_empty_journal(tmp_path: Path) -> None:
    write(tmp_path, 0, 1, 2)
    write(tmp_path, 0)
    assert read_rows(tmp_path) == []


def test_a_line_that_a_kill_cut_off_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, 0, 1)
    with (tmp_path / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 2, "lo')
    assert [row["step"] for row in read_rows(tmp_path)] == [1]


def test_tensorboard_is_written_where_it_is_installed_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard")
    write(tmp_path / "with", 0, 1)
    assert list((tmp_path / "with" / "tensorboard").iterdir())
    monkeypatch.setattr(board, "find_spec", lambda name: None)
    write(tmp_path / "without", 0, 1)
    assert not (tmp_path / "without" / "tensorboard").exists()


def test_speed_counts_clips_and_the_share_of_waiting() -> None:
    watch = Stopwatch()
    assert watch.read() == (0.0, 0.0)
    watch.count(30, 2.0, 0.5)
    watch.count(30, 1.0, 1.0)
    assert watch.read() == (20.0, 0.5)
