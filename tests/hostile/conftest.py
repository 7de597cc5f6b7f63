"""A run of `index` to be stopped, and a way for slow tests to say their counts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.runs import Run
from tests.library.fakes import Shelf


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[object], None]:
    """Shows a line on the terminal, whatever is captured."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    return lambda line: None if reporter is None else reporter.write_line(f"\n{line}")


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
