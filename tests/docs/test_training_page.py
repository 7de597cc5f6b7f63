"""The commands of docs/training.md: each is accepted by the command line, and its settings by the recipe."""

import re
import shlex

import pytest
import typer

from deltaclip.cli.app import app
from deltaclip.training import RECIPES, override
from tests.docs.console import PAGES

PAGE = (PAGES / "docs" / "training.md").read_text(encoding="utf-8")
COMMANDS = [line.partition("deltaclip ")[2] for line in re.findall(r"^(?:deltaclip|torchrun) .+$", PAGE, re.MULTILINE)]
SETTINGS = [found for line in PAGE.splitlines() if (found := re.findall(r"--set ([\w.]+=[^\s`]+)", line))]
"""Those of one line are of one command, and may fit only each other."""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_page_is_accepted(command: str) -> None:
    name, *words = shlex.split(command)
    group = typer.main.get_command(app)
    found = group.get_command(group.make_context("deltaclip", [name]), name)  # type: ignore[attr-defined]
    assert found is not None
    found.make_context(name, words)


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_setting_of_the_page_is_a_field_of_a_recipe(settings: list[str]) -> None:
    assert override(RECIPES["own"], settings) != RECIPES["own"]


def test_every_recipe_is_in_the_table_of_the_page() -> None:
    told = set(re.findall(r"`([\w-]+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE))))
    assert told == {name for name in RECIPES if not name.startswith("clip4clip-")}


def test_the_page_has_commands_and_settings() -> None:
    assert len(COMMANDS) >= 5
    assert sum(map(len, SETTINGS)) >= 5
