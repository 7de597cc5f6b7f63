"""The recipes that users choose by name.

Each has a `clip4clip-` variant, the control without masks: masks `full`, an alpha channel that stays zero, hence a
CLIP of three channels; captions of one video are negatives of each other and no alpha is dropped, as in CLIP4Clip.
Its rate: CLIP4Clip says 1e-7, but steps fp16 weights, where the second moment of small gradients underflows and a
step is up to a hundred times longer than the rate says. AdamW over fp32 weights at 1e-7 would hardly train. 1e-6 is
what X-Pool takes for the same CLIP in fp32, and so do we; both variants of a recipe then differ in masks alone.
`--set optim.lr=1e-7` is the letter. Small models from scratch have no rate there and keep ours.
"""

from dataclasses import replace

from deltaclip.training.recipe import DataRecipe, LoopRecipe, ModelRecipe, OptimRecipe, Recipe, WorldRecipe

__all__ = ["RECIPES", "clip4clip"]

CLIP_B32 = "openai/clip-vit-base-patch32"
"""Its alpha starts at zero. The row to compare with published tables; --init takes a converted Alpha-CLIP B/16."""


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
        optim=OptimRecipe(lr=1e-3, zero_alpha_lr=None, weight_decay=0.1, warm_up=0.06, batch=96, steps=5_000, chunk=96),
    ),
    # MSVD has 100 validation videos of its own; MSR-VTT's "val" is its test set, so that the last weights are reported.
    Recipe("msvd", data=DataRecipe("msvd"), model=_FINE_TUNING, loop=LoopRecipe(report="best")),
    Recipe("msrvtt", data=DataRecipe("msrvtt"), model=_FINE_TUNING),
    Recipe("msrvtt-7k", data=DataRecipe("msrvtt-7k"), model=_FINE_TUNING),
    Recipe(
        "actions",
        data=DataRecipe(motion="subject", frames=6, test_frames=12, crop=0.7),
        model=ModelRecipe(image_size=64, patch_size=8, width=96, layers=3, heads=3, text_layers=2),
        optim=OptimRecipe(lr=5e-4, zero_alpha_lr=None, weight_decay=0.2, batch=48, epochs=40, chunk=48),
        loop=LoopRecipe(report="best"),
    ),
    Recipe("own", model=_FINE_TUNING, loop=LoopRecipe(report="best")),
)
RECIPES: dict[str, Recipe] = {recipe.name: recipe for ours in _OURS for recipe in (ours, clip4clip(ours))}
