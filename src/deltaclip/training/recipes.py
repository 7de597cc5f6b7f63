"""The recipes that users choose by name, and `--set optim.lr=1e-5`: setting a field of a recipe by its name.

Each recipe has a `clip4clip-` variant, the control without masks: mask `full` and an alpha channel that stays zero, so
effectively a CLIP with three channels; captions of one video are negatives of each other and alpha is never dropped, as
in CLIP4Clip.

Its learning rate: CLIP4Clip states 1e-7, but updates fp16 weights, in which the second moment of small gradients
underflows, so that a step is up to a hundred times longer than the rate suggests. AdamW on fp32 weights at 1e-7 would
hardly train. X-Pool uses 1e-6 for the same CLIP in fp32, and so do we; both variants of a recipe then differ in masks
alone. `--set optim.lr=1e-7` gives the published value. Small models trained from scratch have no published rate and
keep ours.
"""

import types
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from deltaclip.training.recipe import DataRecipe, LoopRecipe, ModelRecipe, OptimRecipe, Recipe, WorldRecipe

__all__ = ["RECIPES", "clip4clip", "field_names", "override"]


CLIP_B32 = "openai/clip-vit-base-patch32"
"""Its alpha channel starts at zero. Published tables use it; --init also takes a converted Alpha-CLIP B/16."""


def clip4clip(recipe: Recipe) -> Recipe:
    """The same run without masks, as CLIP4Clip trains."""
    return replace(
        recipe,
        name=f"clip4clip-{recipe.name}",
        data=replace(recipe.data, motion="full", alpha_dropout=0.0),
        model=replace(recipe.model, alpha="zero"),
        optim=replace(recipe.optim, zero_alpha_lr=0.0, same_video="negative"),
    )


_FINE_TUNING = ModelRecipe(init=CLIP_B32)
_OURS = (
    Recipe(
        "shapes",
        data=DataRecipe("shapes", "subject", frames=2, test_frames=6, flip=0.5, turn=True, word_dropout=0.02),
        model=ModelRecipe(image_size=64),
        world=WorldRecipe(groups=3_000, cameras=("still", "pan"), directions=0.2, mover_epochs=3),
        optim=OptimRecipe(
            lr=1e-3,
            zero_alpha_lr=None,
            head_lr=None,
            lora_lr=None,
            weight_decay=0.1,
            warm_up=0.06,
            batch=96,
            steps=5_000,
            chunk=96,
        ),
    ),
    # MSVD has 100 validation videos of its own; MSR-VTT's "val" is its test set, so that the last weights are reported.
    Recipe("msvd", data=DataRecipe("msvd", sampling="uniform"), model=_FINE_TUNING, loop=LoopRecipe(report="best")),
    Recipe("msrvtt", data=DataRecipe("msrvtt", sampling="uniform"), model=_FINE_TUNING),
    Recipe("msrvtt-7k", data=DataRecipe("msrvtt-7k"), model=_FINE_TUNING),
    Recipe(
        "actions",
        data=DataRecipe(motion="subject", frames=6, test_frames=12, crop=0.7),
        model=ModelRecipe(image_size=64, patch_size=8, width=96, layers=3, heads=3, text_layers=2),
        optim=OptimRecipe(
            lr=5e-4,
            zero_alpha_lr=None,
            head_lr=None,
            lora_lr=None,
            weight_decay=0.2,
            batch=48,
            epochs=40,
            chunk=48,
        ),
        loop=LoopRecipe(report="best"),
    ),
    Recipe("own", model=_FINE_TUNING, loop=LoopRecipe(report="best")),
)
RECIPES: dict[str, Recipe] = {recipe.name: recipe for ours in _OURS for recipe in (ours, clip4clip(ours))}

TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def override(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with each `field=value` in place, the field with dots as in optim.lr.

    All fields are set at once, so that two that fit only each other can be set. Raises ValueError for a field that does
    not exist (with similar names), a value of the wrong type, and a value that the recipe refuses.
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
                f"{name!r} is not a field of a recipe: "
                + (f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(known)}")
            )
        part, _, key = name.rpartition(".")
        changes.setdefault(part, {})[key] = _value(name, text, known[name])
    whole = changes.pop("", {})
    for part, values in changes.items():
        whole[part] = replace(getattr(recipe, part), **values)
    return replace(recipe, **whole)


def field_names(recipe: Recipe) -> dict[str, Any]:
    """Every field that can be set, with dots, and its type."""
    names: dict[str, Any] = {}
    hints = get_type_hints(Recipe)
    for each in fields(recipe):
        value = getattr(recipe, each.name)
        if is_dataclass(value) and not isinstance(value, type):
            inner = get_type_hints(type(value))
            names |= {f"{each.name}.{one.name}": inner[one.name] for one in fields(value)}
        elif each.name != "name":  # a recipe with changed settings keeps its name
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
            raise ValueError("not true or false")
        return TRUTHS[text.lower()]
    if kind is str:
        return text
    words = {int: "a whole number", float: "a number"}
    try:
        return kind(text)
    except ValueError as error:
        raise ValueError(f"not {words[kind]}") from error
