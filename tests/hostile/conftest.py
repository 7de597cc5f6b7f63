"""A run of `index` to be stopped, and a way for slow tests to say their counts."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.runs import Run
from tests.library.fakes import Shelf


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[object], None]:
    """Shows a line on the terminal, although output is captured."""

    def show(line: object) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return show


@pytest.fixture
def run(shelf: Shelf) -> Run:
    run = Run(shelf)
    run.work()  # whatever is imported and compiled at first use is now, in this process and in those it forks off
    run.check("without a kill")
    run.anew()
    return run


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.library.close()
