"""Options in groups: a command takes frozen dataclasses, and the command line sees their fields as options."""

import copy
import functools
import importlib
import inspect
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from typer.core import TyperCommand
from typer.models import OptionInfo, ParameterInfo

from deltaclip.checks import path_problem

__all__ = ["Sections", "flattened", "names", "plain_words", "typed"]

OWN_SECTION = "Options"
"""Heading of the options that belong to no group."""
REGISTRIES = {"{datasets}": ("deltaclip.captions", "DATASETS"), "{masks}": ("deltaclip.motion", "MOTIONS")}
"""Words in a help text that stand for all names in a registry. Looked up only when that help is printed."""


def flattened(command: Callable[..., None]) -> Callable[..., None]:
    """`command` as Typer takes it: every parameter that is a group is replaced by the fields of that group.

    A group is a frozen dataclass with fields such as `limit: Annotated[int, typer.Option(help=...)] = 10`. Its help is
    printed in a section of its own, with the heading in the class variable PANEL. Two groups of one command must not
    share a field name (ValueError).
    """
    signature = inspect.signature(command)
    groups: dict[str, Any] = {  # Any: dataclasses
        name: each.annotation for name, each in signature.parameters.items() if is_dataclass(each.annotation)
    }
    parameters = [
        part
        for name, each in signature.parameters.items()
        for part in (_parameters(groups[name]) if name in groups else [each])
    ]

    @functools.wraps(command)
    def run(**given: Any) -> None:  # Any: values of all options
        for name, group in groups.items():
            own = {key: given.pop(key) for key in names(group) if key in given}
            given[name] = group(**own)
        command(**given)

    parameters = [each.replace(annotation=_with_whole_paths(each.annotation)) for each in parameters]
    # Keywords: then an option that is required may follow one that is not.
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    vars(run)["__signature__"] = signature.replace(parameters=parameters)
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def names(*groups: type) -> tuple[str, ...]:
    """The parameters that these groups stand for, in order."""
    return tuple(field.name for group in groups for field in fields(group))


def typed(context: typer.Context, parameters: Collection[str]) -> list[str]:
    """Those of the parameters that were given on the command line, as options: `--num-frames`. Sorted by parameter."""
    options = {each.name: each.opts[0] for each in context.command.params}
    sources = {name: context.get_parameter_source(name) for name in sorted(parameters)}
    return [options[name] for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]


PLAIN_WORDS = (
    (re.compile(r"Value error, '(.*)' does not match the formats .*", re.DOTALL), r"'\1' is no date: write 2026-05-01"),
    (re.compile(r"Value error, "), ""),
    (re.compile(r"Input should be greater than or equal to (\S+)"), r"give a number of at least \1"),
    (re.compile(r"Input should be less than or equal to (\S+)"), r"give a number of at most \1"),
    (re.compile(r"Input should be a valid integer.*", re.DOTALL), "give a whole number"),
    (re.compile(r"Input should be a valid number.*", re.DOTALL), "give a number"),
)
"""What Typer says of a wrong value, in words of its parser's, and what to say instead."""


class Sections(TyperCommand):
    """A command whose help has one section for each group of options, as plain text that pipes and screen readers take.

    Typer itself separates groups only inside boxes drawn by rich. What is wrong with a value is said in plain words.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # Any: click's classes, as below
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if isinstance(message := getattr(error, "message", None), str):
                vars(error)["message"] = plain_words(message)
            raise

    def format_options(self, ctx: Any, formatter: Any) -> None:  # Any: click's classes, which Typer keeps to itself
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            argument = parameter.param_type_name == "argument"
            heading = "Arguments" if argument else getattr(parameter, "rich_help_panel", None) or OWN_SECTION
            if (record := parameter.get_help_record(ctx)) is not None:
                name, text = record
                sections.setdefault(heading, []).append((name.partition(" <")[0] if argument else name, _named(text)))
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def plain_words(message: str) -> str:
    """What is wrong with the value of an option, as a sentence that says what to give."""
    said = message
    for pattern, words in PLAIN_WORDS:
        said = pattern.sub(words, said)
    return message if said == message else f"{said.removesuffix('.')}."


def _named(text: str) -> str:
    """A help text with the names of a registry in place of its word."""
    for word, (module, registry) in REGISTRIES.items():
        if word in text:
            text = text.replace(word, ", ".join(getattr(importlib.import_module(module), registry)))
    return text


def _parameters(group: type) -> Iterator[inspect.Parameter]:
    """A parameter for each field of a group, under the group's heading."""
    for field in fields(group):
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=_under(getattr(group, "PANEL", OWN_SECTION), field),
        )


def _with_whole_paths(annotation: Any) -> Any:  # Any: types
    """The annotation of a parameter; a Path is refused on the command line if no file can have it.

    Typer itself makes "." of an empty text, which is the value of a shell variable that is not set.
    """
    if get_origin(annotation) is not Annotated:
        return annotation
    kind, *notes = get_args(annotation)
    if Path not in (kind, *get_args(kind)):
        return annotation
    return Annotated[(kind, *(_changed(note, ParameterInfo, "parser", _path) for note in notes))]


def _path(text: str | Path) -> Path:
    """Raises BadParameter."""
    if (problem := path_problem(str(text))) is not None:
        raise typer.BadParameter(f"{problem}.")
    return Path(text)


def _under(heading: str, field: "Field[Any]") -> object:
    """The annotation of a field, with the heading under which its option is listed."""
    assert get_origin(field.type) is Annotated, f"{field.name} has no typer.Option"
    kind, *notes = get_args(field.type)
    return Annotated[(kind, *(_changed(note, OptionInfo, "rich_help_panel", heading) for note in notes))]


def _changed(note: object, kind: type, name: str, value: object) -> object:
    """A copy of a note of that kind with one attribute set; any other note as it is."""
    if not isinstance(note, kind):
        return note
    changed = copy.copy(note)
    setattr(changed, name, value)
    return changed
