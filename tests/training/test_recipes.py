"""Recipes as people choose and change them."""

import pytest

from deltaclip.training import RECIPES, DataRecipe, field_names, override
from deltaclip.training.recipe import OptimRecipe, Recipe, WorldRecipe


def test_every_recipe_has_a_variant_without_masks() -> None:
    ours = {name for name in RECIPES if not name.startswith("clip4clip-")}
    assert ours == {"shapes", "msvd", "msrvtt", "msrvtt-7k", "actions", "own"}
    assert set(RECIPES) == ours | {f"clip4clip-{name}" for name in ours}
    for name in ours:
        plain = RECIPES[f"clip4clip-{name}"]
        assert (plain.data.motion, plain.model.alpha, plain.optim.zero_alpha_lr) == ("full", "zero", 0.0)
        assert plain.optim.lr == RECIPES[name].optim.lr


def test_the_fine_tuning_recipes_are_those_of_the_method() -> None:
    optim = RECIPES["msvd"].optim
    assert (optim.lr, optim.zero_alpha_lr, optim.weight_decay, optim.warm_up) == (1e-6, 1e-4, 0.2, 0.1)
    assert (optim.batch, optim.epochs, optim.gradient_norm, optim.same_video) == (128, 5, 1.0, "mask")
    assert RECIPES["msvd"].data == DataRecipe("msvd", frames=6, sampling="uniform", test_frames=12, alpha_dropout=0.1)
    assert (RECIPES["msvd"].loop.report, RECIPES["msrvtt"].loop.report) == ("best", "last")


@pytest.mark.parametrize(
    ("setting", "part", "field", "value"),
    [
        ("optim.lr=1e-5", "optim", "lr", 1e-5),
        ("optim.steps=30", "optim", "steps", 30),
        ("optim.steps=none", "optim", "steps", None),
        ("optim.checkpointing=yes", "optim", "checkpointing", True),
        ("optim.same_video=negative", "optim", "same_video", "negative"),
        ("data.motion=difference:threshold=25", "data", "motion", "difference"),
        ("world.cameras=still,pan", "world", "cameras", ("still", "pan")),
    ],
)
def test_a_field_is_set_from_words(setting: str, part: str, field: str, value: object) -> None:
    assert getattr(getattr(override(RECIPES["shapes"], [setting]), part), field) == value


def test_the_seed_is_a_field_and_the_name_is_not() -> None:
    assert override(RECIPES["shapes"], ["seed=7"]).seed == 7
    assert "name" not in field_names(RECIPES["shapes"])


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("optim.learning=1", "'optim.learning' is not a field of a recipe: did you mean"),
        ("optim.batchsize=1", "did you mean optim.batch"),
        ("lr=1e-5", "did you mean optim.lr"),
        ("optim.lr=fast", "optim.lr=fast: not a number"),
        ("optim.batch=2.5", "optim.batch=2.5: not a whole number"),
        ("optim.checkpointing=perhaps", "true or false"),
        ("optim.same_video=maybe", "choose one of mask, negative"),
        ("optim.lr", "not field=value"),
        ("data.motion=optical", "motion 'optical'"),
        ("optim.batch=0", "must be 1 or more"),
        ("optim.lr=nan", "optim.lr must be finite"),
        ("optim.gradient_norm=nan", "optim.gradient_norm must be finite"),
        ("optim.zero_alpha_lr=inf", "optim.zero_alpha_lr must be finite"),
        ("data.crop=nan", "data.crop must be"),
        ("model.width=97", "model.width 97 is not a multiple of model.heads 3"),
        ("model.patch_size=64", "model.image_size 48 is not a multiple of model.patch_size 64"),
        ("model.image_size=300", "model.image_size 300 is not a multiple of model.patch_size 8"),
        ("model.patch_size=0", "model.patch_size must be 1 or more"),
        ("model.layers=0", "model.layers must be 1 or more"),
        ("model.max_words=1", "model.max_words must be 3 or more"),
        ("data.dataset=msvdd", "'msvdd' is not a data set here: did you mean msvd"),
        ("seed=-1", "seed must be 0 or more"),
        ("world.cameras=stil", "'stil' is not one of still, pan, shake"),
        ("world.cameras=", "at least one camera"),
    ],
)
def test_what_cannot_be_set_is_refused_in_words(setting: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        override(RECIPES["msvd"], [setting])


def test_two_fields_that_fit_only_together_may_be_set_together() -> None:
    recipe = override(RECIPES["shapes"], ["data.test_frames=1", "data.frames=1"])
    assert recipe.data.test_frames == 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: DataRecipe(frames=0),
        lambda: DataRecipe(crop=0.0),
        lambda: DataRecipe(alpha_dropout=1.1),
        lambda: OptimRecipe(chunk=0),
        lambda: OptimRecipe(ema=1.0),
        lambda: WorldRecipe(groups=0),
        lambda: WorldRecipe(mover_epochs=-1),
        lambda: Recipe("shapes", data=DataRecipe("shapes", frames=7, test_frames=6)),
        lambda: WorldRecipe(directions=1.5),
    ],
)
def test_an_impossible_recipe_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        wrong()  # type: ignore[operator]


def test_the_document_of_a_jittered_recipe_is_that_of_before_sampling_was_a_setting() -> None:
    assert "sampling" not in RECIPES["own"].facts()["data"]  # a run begun earlier can still be resumed
    assert RECIPES["clip4clip-msvd"].facts()["data"]["sampling"] == "uniform"
