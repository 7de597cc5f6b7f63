"""What the README shows is what happens."""

import re
from pathlib import Path

import pytest

from tests.docs.conftest import Run
from tests.docs.console import PAGES, Shown, shape, shown_in

README = shown_in(PAGES / "README.md")
TEXT = (PAGES / "README.md").read_text(encoding="utf-8")


def test_the_commands_of_the_readme_print_what_it_shows_and_its_code_runs(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for shown in (Shown("deltaclip demo", ("...",)), *README):
        run(shown)
    [code] = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    exec(code, {})
    assert "shapes_0001.mp4 0.0 2.0" in capsys.readouterr().out.splitlines()[0]


def test_the_readme_shows_two_commands_and_is_short() -> None:
    assert len(README) == 2
    assert len(TEXT.split()) < 900


def test_a_shape_keeps_names_and_forgets_numbers() -> None:
    line = "encoder shapes on cuda (bf16, a CUDA GPU was found), masks subject: 55e27868ed8f57e1, 1,200 of 3 in 0:01.2"
    assert shape(line) == "encoder shapes on #, masks subject: #, # of # in #"
    assert shape("1  /tmp/x/a_0001.mp4   R@1 +66.67", Path("/tmp/x")) == "# /home/you/a_0001.mp4 R@1 #"
