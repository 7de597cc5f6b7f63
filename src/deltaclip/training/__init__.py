"""Training: recipes, clips, one loop for all of them, on one process or many; runs that go on as if never stopped."""

from deltaclip.training.average import average
from deltaclip.training.cache import CacheSettings, FrameCache
from deltaclip.training.captions_data import CachedClips, captioned_clips, fill_cache, open_cache, prepare_clips
from deltaclip.training.choices import chosen_recipe, unused_settings
from deltaclip.training.journal import Progress
from deltaclip.training.loop import train
from deltaclip.training.loss import symmetric_cross_entropy
from deltaclip.training.outcome import Outcome, Speed
from deltaclip.training.overrides import field_names, override
from deltaclip.training.recipe import DataRecipe, LoopRecipe, ModelRecipe, OptimRecipe, Recipe, WorldRecipe
from deltaclip.training.recipes import RECIPES
from deltaclip.training.report import write_report
from deltaclip.training.shapes_data import draw_shapes
from deltaclip.training.source import ClipSource, MemoryClips, Pictures, TrainingData
from deltaclip.training.start import start_side

__all__ = [
    "RECIPES",
    "CacheSettings",
    "CachedClips",
    "ClipSource",
    "DataRecipe",
    "FrameCache",
    "LoopRecipe",
    "MemoryClips",
    "ModelRecipe",
    "OptimRecipe",
    "Outcome",
    "Pictures",
    "Progress",
    "Recipe",
    "Speed",
    "TrainingData",
    "WorldRecipe",
    "average",
    "captioned_clips",
    "chosen_recipe",
    "draw_shapes",
    "field_names",
    "fill_cache",
    "open_cache",
    "override",
    "prepare_clips",
    "start_side",
    "symmetric_cross_entropy",
    "train",
    "unused_settings",
    "write_report",
]
