"""A way for slow tests to say their counts."""

from collections.abc import Callable

import pytest


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[object], None]:
    """Shows a line on the terminal, whatever is captured."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    return lambda line: None if reporter is None else reporter.write_line(f"\n{line}")
