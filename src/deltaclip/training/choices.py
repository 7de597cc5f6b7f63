"""A recipe by its name, with what somebody chose differently; choices that a run would ignore are refused."""

from collections.abc import Collection, Mapping
from typing import Any

from deltaclip.checks import check_choice
from deltaclip.training.recipe import FRESH, Recipe
from deltaclip.training.recipes import RECIPES, override

__all__ = ["chosen_recipe", "recipe_doubts", "unused_settings"]

LEAST_FRESH_LR = 1e-5
"""Random weights that learn more slowly than this do not leave their start in any run of a usual length."""


def chosen_recipe(name: str, values: Mapping[str, Any], dataset: str | None = None) -> Recipe:  # Any: as the field's
    """The recipe of that name with some of its fields set, such as {"optim.lr": 1e-5}.

    dataset: of the captions; None takes the recipe's own, or "folder" if it has none. Raises TypeError unless `name` is
    a text and `values` a mapping, ValueError for a recipe, field or value that does not exist, and for fields that the
    run would ignore.
    """
    check_choice(name, "recipe", RECIPES)
    if not isinstance(values, Mapping):
        raise TypeError(f"overrides are a dict of fields and values, such as {{'optim.steps': 200}}, not {values!r}")
    if wrong := [field for field in values if not isinstance(field, str)]:
        raise TypeError(f"overrides have names of fields, such as 'optim.steps', not {wrong[0]!r}")
    if dataset is not None and "data.dataset" in values:
        raise ValueError("dataset and data.dataset are the same setting: give only one of them")
    wanted = dataset or ("" if RECIPES[name].data.dataset or "data.dataset" in values else "folder")
    settings = [f"{field}={_word(value)}" for field, value in values.items()]
    made = override(RECIPES[name], [*settings, *([f"data.dataset={wanted}"] if wanted else [])])
    if words := unused_settings(made, values):
        raise ValueError(words)
    return made


def unused_settings(recipe: Recipe, named: Collection[str]) -> str | None:
    """Why some of the fields that were set would be ignored by a run of this recipe; None if none would be."""
    drawn = recipe.data.dataset == "shapes"
    if recipe.model.init != FRESH:
        # A trained encoder has its own sizes. Drawn clips have model.image_size, whatever the encoder.
        kept = {"model.init", "model.max_words", "model.temporal_layers", *(["model.image_size"] if drawn else [])}
        if sizes := sorted(each for each in named if each.startswith("model.") and each not in kept):
            own = f"{recipe.model.init} has its own sizes"
            return f"{', '.join(sizes)} cannot be set: {own} (they are for model.init={FRESH}, random weights)"
    if not recipe.model.temporal_layers and "optim.head_lr" in named:
        return "optim.head_lr is ignored without a temporal head; set model.temporal_layers as well"
    if recipe.tune != "lora" and (lora := sorted(each for each in named if each.startswith("optim.lora_"))):
        return f"{', '.join(lora)} would be ignored without LoRA; set tune=lora as well"
    if not drawn and (world := sorted(each for each in named if each.startswith("world."))):
        return f"{', '.join(world)} can be set for drawn clips only"
    if recipe.optim.steps is not None and "optim.epochs" in named and "optim.steps" not in named:
        return f"optim.epochs is ignored, because optim.steps is {recipe.optim.steps}; set optim.steps=none as well"
    return None


def recipe_doubts(recipe: Recipe, captions: int) -> list[str]:
    """What to tell people before a run whose settings are valid but hardly what they want; a sentence each.

    captions: how many the run is trained on.
    """
    optim, told = recipe.optim, []
    if recipe.model.init == FRESH and optim.lr < LEAST_FRESH_LR:
        told.append(
            f"the weights start at random, but optim.lr is {optim.lr:g}, a rate for trained weights: hardly anything "
            "will be learned; --set optim.lr=1e-3 is a rate for random weights"
        )
    if optim.batch > captions:
        told.append(
            f"optim.batch is {optim.batch}, but there are only {captions} captions: each step takes all of them"
        )
    return told


def _word(value: Any) -> str:  # Any: a value of a field, or its word
    """The word by which `override` knows a value."""
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
