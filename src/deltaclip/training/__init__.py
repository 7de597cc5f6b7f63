"""Training of encoders: recipes, clips, the loop on one process or many, and runs that can be resumed exactly.

Two parts have a front of their own: `training.motion` (the motion encoder) and `training.studies` (studies that train).
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deltaclip.training.averaging import average
    from deltaclip.training.captions_data import (
        CachedClips,
        UnusableVideosError,
        captioned_clips,
        fill_cache,
        new_cache_settings,
        open_cache,
        prepare_clips,
    )
    from deltaclip.training.choices import chosen_recipe, unused_settings
    from deltaclip.training.journal import TrainingProgress
    from deltaclip.training.loop import train
    from deltaclip.training.losses import symmetric_cross_entropy
    from deltaclip.training.recipe import FRESH, DataRecipe, LoopRecipe, ModelRecipe, OptimRecipe, Recipe, WorldRecipe
    from deltaclip.training.recipes import RECIPES, field_names, override
    from deltaclip.training.report import Outcome, Speed
    from deltaclip.training.report_page import write_report, write_report_again
    from deltaclip.training.run_folder import RUN_FOLDER, RunInUseError, files_beside_run, has_run, refuse_other_recipe
    from deltaclip.training.shapes_data import draw_shapes
    from deltaclip.training.source import ClipSource, MemoryClips, Pictures, TrainingData
    from deltaclip.training.start import start_side

__all__ = [
    "FRESH",
    "RECIPES",
    "RUN_FOLDER",
    "CachedClips",
    "ClipSource",
    "DataRecipe",
    "LoopRecipe",
    "MemoryClips",
    "ModelRecipe",
    "OptimRecipe",
    "Outcome",
    "Pictures",
    "Recipe",
    "RunInUseError",
    "Speed",
    "TrainingData",
    "TrainingProgress",
    "UnusableVideosError",
    "WorldRecipe",
    "average",
    "captioned_clips",
    "chosen_recipe",
    "draw_shapes",
    "field_names",
    "files_beside_run",
    "fill_cache",
    "has_run",
    "new_cache_settings",
    "open_cache",
    "override",
    "prepare_clips",
    "refuse_other_recipe",
    "start_side",
    "symmetric_cross_entropy",
    "train",
    "unused_settings",
    "write_report",
    "write_report_again",
]

_HOMES = {
    "averaging": ("average",),
    "captions_data": (
        "CachedClips",
        "UnusableVideosError",
        "captioned_clips",
        "fill_cache",
        "new_cache_settings",
        "open_cache",
        "prepare_clips",
    ),
    "choices": ("chosen_recipe", "unused_settings"),
    "journal": ("TrainingProgress",),
    "loop": ("train",),
    "losses": ("symmetric_cross_entropy",),
    "recipe": ("FRESH", "DataRecipe", "LoopRecipe", "ModelRecipe", "OptimRecipe", "Recipe", "WorldRecipe"),
    "recipes": ("RECIPES", "field_names", "override"),
    "report": ("Outcome", "Speed"),
    "report_page": ("write_report", "write_report_again"),
    "run_folder": ("RUN_FOLDER", "RunInUseError", "files_beside_run", "has_run", "refuse_other_recipe"),
    "shapes_data": ("draw_shapes",),
    "source": ("ClipSource", "MemoryClips", "Pictures", "TrainingData"),
    "start": ("start_side",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Fetches public names when they are asked for: `deltaclip cache` must not wait for torch."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'deltaclip.training' has no attribute {name!r}")
    return getattr(import_module(f"deltaclip.training.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    """The public names, also before they are fetched: for `dir` and tab completion."""
    return [*globals(), *(name for name in __all__ if name not in globals())]
