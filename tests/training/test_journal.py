"""The journal of a run: rows by step, also after a kill, and TensorBoard where it is installed."""

import errno
from pathlib import Path

import pytest

from deltaclip.errors import TrainingError
from deltaclip.training import journal
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
    monkeypatch.setattr(journal, "find_spec", lambda name: None)
    write(tmp_path / "without", 0, 1)
    assert not (tmp_path / "without" / "tensorboard").exists()


def test_speed_counts_clips_and_the_share_of_waiting() -> None:
    watch = Stopwatch()
    assert watch.read() == (0.0, 0.0)
    watch.count(30, 2.0, 0.5)
    watch.count(30, 1.0, 1.0)
    assert watch.read() == (20.0, 0.5)


def test_a_full_disk_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    book = Journal(tmp_path, 0)
    book.path.unlink()
    book.path.symlink_to("/dev/full")
    with pytest.raises(TrainingError, match=r"metrics\.jsonl: no space left.*Earlier states are untouched.*--resume"):
        book.write({"step": 1})
    book.close()


def test_a_half_written_row_is_gone_when_the_run_goes_on(tmp_path: Path) -> None:
    write(tmp_path, 0, 1)
    with (tmp_path / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 2, "lo')
    write(tmp_path, 1, 2)
    assert [row["step"] for row in read_rows(tmp_path)] == [1, 2]


def test_tensorboard_reads_the_figures_by_step(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    write(tmp_path, 4, 5)
    [file] = (tmp_path / "tensorboard").iterdir()
    version, start, row = [Event.FromString(raw) for raw in RawEventFileLoader(str(file)).Load()]
    assert version.file_version == "brain.Event:2"
    assert (start.step, start.session_log.status) == (5, 1)
    assert {value.tag: value.simple_value for value in row.summary.value} == {"loss": 2.5, "t2v/R1": 1.0}
    assert row.step == 5


def test_a_run_goes_on_without_tensorboard_where_it_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = pytest.importorskip("tensorboard.summary.writer.record_writer").RecordWriter
    notes: list[str] = []
    (tmp_path / "tensorboard").write_text("a file where the folder should be")
    Journal(tmp_path, 0, notes.append).write({"step": 1, "loss": 1.0})
    assert len(notes) == 1
    (tmp_path / "tensorboard").unlink()
    book = Journal(tmp_path, 0, notes.append)

    def full(self: object, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writer, "write", full)
    for step in (1, 2):
        book.write({"step": step, "loss": 1.0})
    assert len(notes) == 2
    assert "No space left on device); the run continues without TensorBoard" in notes[1]
    assert [row["step"] for row in read_rows(tmp_path)] == [1, 2]
