"""What `deltaclip serve` refuses before it listens."""

from pathlib import Path

import pytest

from deltaclip.cli import main
from tests.serve.conftest import Drawn


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object) -> str:
    monkeypatch.setattr("sys.argv", ["deltaclip", "serve", *map(str, words)])
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # which the command would set for the other tests as well
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    return capsys.readouterr().err


def test_roots_are_folders(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "nothing", tmp_path / "file"):
        assert "is no folder" in refused(monkeypatch, capsys, "--root", root)


def test_libraries_are_libraries_or_new_folders_and_each_is_given_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], drawn: Drawn
) -> None:
    file = drawn.videos / "shapes_0001.mp4"
    assert "is a file" in refused(monkeypatch, capsys, "--library", file)
    assert "holds other files and no library" in refused(monkeypatch, capsys, "--library", drawn.videos)
    assert "is given twice" in refused(monkeypatch, capsys, "--library", drawn.library, "--library", drawn.library)
