"""The tutorial leads where it says, command by command."""

import re
from pathlib import Path

from tests.docs.conftest import Run
from tests.docs.console import PAGES, shown_in

TUTORIAL = PAGES / "docs" / "tutorial.md"


def test_every_command_of_the_tutorial_prints_what_it_shows(home: Path, run: Run) -> None:
    [table] = re.findall(r"^```csv\n(.*?)^```$", TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (home / "captions.csv").write_text(table, encoding="utf-8")
    for shown in shown_in(TUTORIAL):
        run(shown)
