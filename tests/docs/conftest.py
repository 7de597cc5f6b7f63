"""Commands of a page as a person runs them: one after the other, in one folder."""

import contextlib
import io
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from deltaclip.cli import main
from deltaclip.cli.output import PlainLines
from tests.docs.console import Shown, shape

Run = Callable[[Shown], None]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the commands of a page run in, with a library and a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DELTACLIP_LIBRARY", str(tmp_path / "library"))
    monkeypatch.setenv("DELTACLIP_CACHE", str(tmp_path / "vectors"))
    return tmp_path


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command as it is shown, and compares the shape of what it prints with what the page shows."""

    # A page shows a terminal, where progress is gone at the end; a slow machine would print plain lines here.
    monkeypatch.setattr(PlainLines, "due", lambda lines, now, share: False)

    def call(shown: Shown) -> None:
        monkeypatch.setattr("sys.argv", shlex.split(shown.command))
        printed, code = io.StringIO(), 0
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                main()
            except SystemExit as stop:
                code = int(stop.code or 0)
        assert code == 0, printed.getvalue()
        assert_shown(shown.lines, printed.getvalue().splitlines(), home)

    return call


def assert_shown(expected: tuple[str, ...], printed: list[str], home: Path) -> None:
    """Asserts that the lines that a page shows are printed, in order, with further lines only at `...`."""
    left = [shape(line, home) for line in printed if line]
    anywhere = False
    for line in expected:
        if line == "...":
            anywhere = True
            continue
        wanted = shape(line)
        place = left.index(wanted) if anywhere and wanted in left else 0
        assert left[place : place + 1] == [wanted], "\n".join(printed)
        left, anywhere = left[place + 1 :], False
    assert anywhere or not left, f"not shown: {left}"
