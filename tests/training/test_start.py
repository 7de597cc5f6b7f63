"""Groups, schedule and running mean, against what the recipe promises."""

import math
from pathlib import Path

import pytest
import torch

from deltaclip.errors import CheckpointError
from deltaclip.model import DualEncoder, channel_extras, save_checkpoint
from deltaclip.model.clip import assemble
from deltaclip.model.patches import PATCH_EMBEDDING
from deltaclip.training.recipe import OptimRecipe
from deltaclip.training.start import (
    RunningMean,
    alpha_parts,
    make_optimiser,
    plain_weights,
    set_rates,
    split_alpha,
    start_model,
)
from tests.training.tiny import tiny_data, tiny_recipe


def split_model(alpha: str = "zero") -> DualEncoder:
    model = start_model(tiny_recipe(f"model.alpha={alpha}"), tiny_data()).model
    split_alpha(model)
    return model


def peaks(model: DualEncoder, recipe: OptimRecipe) -> dict[str, tuple[float, float]]:
    """Peak rate and decay by the name of each weight."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    return {
        names[id(weight)].rpartition("embeddings.")[2]: (group["peak"], group["weight_decay"])
        for group in make_optimiser(model, recipe).param_groups
        for weight in group["params"]
    }


def test_an_alpha_channel_of_zeros_has_a_rate_of_its_own() -> None:
    groups = peaks(split_model("zero"), OptimRecipe())
    assert groups["patch_embedding.parametrizations.weight.original0"] == (1e-6, 0.2)
    assert groups["patch_embedding.parametrizations.weight.original1"] == (1e-4, 0.2)


def test_a_trained_alpha_channel_goes_with_the_rest() -> None:
    groups = peaks(split_model("rgb"), OptimRecipe())
    assert groups["patch_embedding.parametrizations.weight.original1"] == (1e-6, 0.2)


def test_only_matrices_are_decayed() -> None:
    model = split_model()
    decayed = {name for name, (_, decay) in peaks(model, OptimRecipe()).items() if decay}
    shapes = {name.rpartition("embeddings.")[2]: weight.ndim for name, weight in model.named_parameters()}
    assert decayed == {name for name, ndim in shapes.items() if ndim >= 2}
    assert "logit_scale" not in decayed


def test_every_weight_is_in_one_group() -> None:
    model = split_model()
    grouped = [weight for group in make_optimiser(model, OptimRecipe()).param_groups for weight in group["params"]]
    assert len(grouped) == len(list(model.parameters())) == len({id(weight) for weight in grouped})


def test_the_rate_rises_over_a_tenth_and_falls_as_a_cosine() -> None:
    optimiser = make_optimiser(split_model(), OptimRecipe(lr=2.0, zero_alpha_lr=4.0))
    shares = [set_rates(optimiser, step, 100, 0.1) for step in (0, 4, 9, 10, 55, 99)]
    expected = [0.1, 0.5, 1.0, 1.0, 0.5, 0.5 * (1 + math.cos(math.pi * 89 / 90))]
    assert shares == pytest.approx(expected)
    set_rates(optimiser, 4, 100, 0.1)
    assert [group["lr"] for group in optimiser.param_groups] == [1.0, 1.0, 2.0]


def test_a_split_model_gives_the_weights_of_a_stock_one() -> None:
    start = start_model(tiny_recipe(), tiny_data()).model
    before = {name: weight.clone() for name, weight in start.state_dict().items()}
    split_alpha(start)
    after = plain_weights(start.state_dict())
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assemble(start.config, after, "split")  # names and shapes are those of a DualEncoder


def test_the_running_mean_is_the_formula_and_leaves_the_weights_alone() -> None:
    model = split_model("rgb")
    mean = RunningMean(model, 0.9)
    alpha = alpha_parts(model)[1]
    start = alpha.detach().clone()
    with torch.no_grad():
        alpha.add_(1.0)
    mean.update(model)
    with mean.in_place(model):
        torch.testing.assert_close(alpha_parts(model)[1], start + 0.1)
    torch.testing.assert_close(alpha_parts(model)[1], start + 1.0)


def test_a_run_gets_channels_for_what_its_mask_adds(tmp_path: Path) -> None:
    fresh = start_model(tiny_recipe("data.motion=subject+flow"), tiny_data())
    plain = start_model(tiny_recipe("data.motion=subject"), tiny_data())
    assert channel_extras(fresh.model) == ("flow",)
    ours, theirs = (start.model.state_dict()[PATCH_EMBEDDING] for start in (fresh, plain))
    assert torch.equal(ours[:, :4], theirs)
    assert not ours[:, 4:].any()
    save_checkpoint(tmp_path / "flow", fresh.model, fresh.tokenizer, fresh.record)
    more = start_model(tiny_recipe("data.motion=subject+flow+time", f"model.init={tmp_path / 'flow'}"), tiny_data())
    assert channel_extras(more.model) == ("flow", "time")
    with pytest.raises(CheckpointError, match="channels for flow, which the mask difference does not have"):
        start_model(tiny_recipe(f"model.init={tmp_path / 'flow'}"), tiny_data())
