"""Training: recipes, loss, loop. For now the small CLIP of Moving Shapes."""

from deltaclip.training.loop import train_shapes
from deltaclip.training.loss import symmetric_cross_entropy
from deltaclip.training.recipe import ShapesRecipe

__all__ = ["ShapesRecipe", "symmetric_cross_entropy", "train_shapes"]
