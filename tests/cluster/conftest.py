"""Two nodes for all tests of this folder."""

import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cluster.nodes import Nodes

ON_TERM = signal.getsignal(signal.SIGTERM)


@pytest.fixture(autouse=True)
def on_term() -> Iterator[None]:
    """Gives SIGTERM back after each test: Ray takes it for this process, in which other tests send it."""
    yield
    signal.signal(signal.SIGTERM, ON_TERM)


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    if find_spec("ray") is None or find_spec("lance") is None:
        pytest.skip("the extra cluster is not installed")
    if not Path("/proc/self/stat").exists():
        pytest.skip("finds processes in /proc")
    with Nodes(tmp_path_factory.mktemp("nodes")) as nodes:
        yield nodes
