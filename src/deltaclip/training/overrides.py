"""`--set optim.lr=1e-5`: named fields of a recipe replaced from words, with their types checked."""

import types
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from deltaclip.training.recipe import Recipe

__all__ = ["field_names", "override"]

TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def override(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with each `field=value` in place, the field with dots as in optim.lr.

    Fields are set together, so that two that fit only with each other can be set. Raises ValueError for a field that
    does not exist (with near names), a value of another type, and one that the recipe itself refuses.
    """
    known = field_names(recipe)
    changes: dict[str, dict[str, Any]] = {}  # Any: a value of the field's type
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"{setting!r} is not field=value, such as optim.lr=1e-5")
        if name not in known:
            near = get_close_matches(name, known, 3, cutoff=0.5) or [key for key in known if key.endswith(f".{name}")]
            raise ValueError(
                f"{name!r} is no field of a recipe: "
                + (f"did you mean {' or '.join(near)}?" if near else f"choose of {', '.join(known)}")
            )
        part, _, key = name.rpartition(".")
        changes.setdefault(part, {})[key] = _value(name, text, known[name])
    whole = changes.pop("", {})
    for part, values in changes.items():
        whole[part] = replace(getattr(recipe, part), **values)
    return replace(recipe, **whole)


def field_names(recipe: Recipe) -> dict[str, Any]:
    """Every field that may be set, with dots, and its type."""
    names: dict[str, Any] = {}
    hints = get_type_hints(Recipe)
    for each in fields(recipe):
        value = getattr(recipe, each.name)
        if is_dataclass(value) and not isinstance(value, type):
            inner = get_type_hints(type(value))
            names |= {f"{each.name}.{one.name}": inner[one.name] for one in fields(value)}
        elif each.name != "name":  # a recipe with other settings is still of that name
            names[each.name] = hints[each.name]
    return names


def _value(name: str, text: str, kind: Any) -> Any:  # Any: a type as written in the recipe, and a value of it
    try:
        return _parsed(text, kind)
    except ValueError as error:
        raise ValueError(f"{name}={text}: {error}") from error


def _parsed(text: str, kind: Any) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        if text.lower() == "none":
            return None
        [kind] = [each for each in get_args(kind) if each is not type(None)]
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise ValueError(f"choose one of {', '.join(get_args(kind))}")
        return text
    if get_origin(kind) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind is bool:
        if text.lower() not in TRUTHS:
            raise ValueError("true or false")
        return TRUTHS[text.lower()]
    if kind is str:
        return text
    words = {int: "a whole number", float: "a number"}
    try:
        return kind(text)
    except ValueError as error:
        raise ValueError(f"not {words[kind]}") from error
