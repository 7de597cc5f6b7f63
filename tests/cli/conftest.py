"""The command line as tests call it."""

import json
import sys

import pytest

from deltaclip.cli import main
from tests.cli.calls import Answer, Call


@pytest.fixture
def deltaclip(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls the command line in this process: deltaclip("search", "words") -> exit code, stdout or its json, stderr."""

    def call(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["deltaclip", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, json.loads(out) if "--json" in words and out else out, err

    return call
