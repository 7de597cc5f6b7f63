"""The page on clusters leads from nothing to a search, over two nodes of this machine."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.nodes import Nodes
from tests.docs.conftest import assert_shown
from tests.docs.console import PAGES, shown_in

pytestmark = pytest.mark.cluster
PAGE = PAGES / "docs" / "how-to" / "cluster.md"
HEAD = "10.0.0.1:6379"
"""Of the cluster that the page has."""


def test_every_command_of_the_page_prints_what_it_shows(nodes: Nodes, tmp_path: Path) -> None:
    commands = shown_in(PAGE)
    assert sum(HEAD in shown.command for shown in commands) == 2
    for shown in commands:
        words = shlex.split(shown.command.replace(HEAD, nodes.address))
        run = subprocess.run([sys.executable, "-m", *words], text=True, capture_output=True, cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        assert_shown(shown.lines, run.stdout.splitlines(), tmp_path)
