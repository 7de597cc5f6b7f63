"""Groups of options: dataclasses for the command, options for the command line, sections in its help."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pytest
import typer
from typer.testing import CliRunner

from deltaclip.captions import DATASETS
from deltaclip.cli.app import COMMANDS, app
from deltaclip.cli.groups import Sections, flattened, typed
from tests.cli.calls import Call


@dataclass(frozen=True, slots=True)
class Taste:
    PANEL: ClassVar = "Taste"

    sweet: Annotated[bool, typer.Option("--sweet", help="Add sugar.")] = False
    spoons: Annotated[int, typer.Option(help="Number of spoons.")] = 1


@dataclass(frozen=True, slots=True)
class Spiced(Taste):
    spice: Annotated[str, typer.Option(help="Spice to add.")] = "none"


def run(command: Any, *words: str) -> str:
    """What a command of that function prints."""
    only = typer.Typer(rich_markup_mode=None)
    only.command(cls=Sections)(flattened(command))
    return CliRunner().invoke(only, words).output


def test_a_group_arrives_whole_with_what_was_given_and_its_defaults() -> None:
    def brew(*, cup: Annotated[str, typer.Argument()], taste: Spiced, milk: bool = False) -> None:
        typer.echo(f"{cup} {taste} {milk}")

    assert run(brew, "tea", "--spoons", "3", "--milk") == "tea Spiced(sweet=False, spoons=3, spice='none') True\n"


def test_help_has_a_section_for_each_group() -> None:
    def brew(*, taste: Taste, milk: Annotated[bool, typer.Option("--milk", help="Add milk.")] = False) -> None: ...

    taste, options = run(brew, "--help").partition("Taste:")[2].split("Options:")
    assert "--spoons" in taste
    assert "--milk" in options
    assert "--spoons" not in options


def test_only_what_was_typed_is_told_by_the_word_that_was_typed() -> None:
    def brew(context: typer.Context, *, taste: Taste, form: Annotated[str, typer.Option("--format")] = "cup") -> None:
        typer.echo(typed(context, ("spoons", "sweet", "form")))

    assert run(brew, "--format", "mug", "--spoons", "1") == "['--format', '--spoons']\n"


def test_two_groups_with_one_field_are_refused() -> None:
    def brew(*, one: Taste, other: Spiced) -> None: ...

    with pytest.raises(ValueError, match="sweet"):
        flattened(brew)


def test_help_names_every_data_set_and_mask(deltaclip: Call) -> None:
    _, text, _ = deltaclip("data", "--help")
    assert all(name in text for name in DATASETS)
    _, text, _ = deltaclip("masks", "--help")
    assert "inverted" in text


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_every_help_is_a_sentence(command: Any) -> None:
    group = typer.main.get_command(app)
    parameters = group.commands[command.__name__].params  # type: ignore[attr-defined]
    texts = {each.name: each.help for each in parameters}
    assert [name for name, text in texts.items() if not text or not text[0].isupper() or text[-1] != "."] == []


def test_the_list_of_commands_is_not_cut_in_a_narrow_terminal() -> None:
    assert "..." not in CliRunner().invoke(app, ["--help"], terminal_width=80).output.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("search", "x", "--limit", "0"), "'--limit': give a number of at least 1."),
        (("search", "x", "--limit", "few"), "'--limit': give a whole number."),
        (("search", "x", "--longer", "long"), "'--longer': give a number."),
        (("search", "x", "--coverage", "2"), "'--coverage': give a number of at most 1."),
        (("search", "x", "--after", "may"), "'--after': 'may' is no date: write 2026-05-01."),
        (("search", "x", "--by", "sound"), "'--by': 'sound' is not one of 'appearance', 'motion', 'both'."),
        (("index", ".", "--encoder", "shapes", "--keep", "0"), "'--keep': keep is 0.0: a share above 0 and at most 1."),
    ],
)
def test_a_wrong_value_is_told_with_its_option_and_what_to_give(
    deltaclip: Call, words: tuple[str, ...], said: str
) -> None:
    code, answer, _ = deltaclip(*words, "--json")
    assert (code, answer["error"]["found"].removeprefix("Invalid value for ")) == (2, said)
