"""Counted operations are those of the formulas that papers use, and parameters those of the halves."""

from dataclasses import replace

import pytest
import torch

from deltaclip.model import (
    DualEncoder,
    HeadSizes,
    head_parameters,
    image_features,
    new_model,
    parameter_counts,
    video_flops,
    with_temporal_head,
)
from deltaclip.model.clip import assemble, widened
from tests.siglip import PATCH, SIDE, WIDTH, siglip_model

from .conftest import SPEC

FRAMES = 3


def layer(tokens: int, width: int, wide: int) -> int:
    """Four products of tokens with (width, width), two of attention, and the MLP's two; a multiply-add is two."""
    return 2 * (4 * tokens * width**2 + 2 * tokens**2 * width + 2 * tokens * width * wide)


@pytest.mark.parametrize(("keep", "share"), [(1.0, 1.0), (0.5, 0.5)])
def test_operations_of_a_vit_are_those_of_the_formula(keep: float, share: float) -> None:
    model, width = new_model(SPEC, seed=0), SPEC.vision_width
    patches = (SPEC.image_size // SPEC.patch_size) ** 2
    tokens = 1 + round(patches * share)  # the class token is always kept
    embedding = 2 * patches * 4 * SPEC.patch_size**2 * width  # of all patches, of which some then go on
    projection = 2 * width * SPEC.projection_dim
    expected = embedding + SPEC.vision_layers * layer(tokens, width, 4 * width) + projection
    assert video_flops(model, FRAMES, keep) == FRAMES * expected


def test_operations_of_a_siglip_have_those_of_its_pooling() -> None:
    model, wide = assemble_siglip(), 96
    patches = (SIDE // PATCH) ** 2
    embedding = 2 * patches * 4 * PATCH**2 * WIDTH
    # One probe asks all patches: query and result of one token, keys and values of all, and an MLP of one.
    pooling = 2 * (2 * WIDTH**2 + 2 * patches * WIDTH**2 + 2 * patches * WIDTH + 2 * WIDTH * wide)
    assert video_flops(model, FRAMES) == FRAMES * (embedding + 2 * layer(patches, WIDTH, wide) + pooling)


def test_a_temporal_head_counts_once_a_video() -> None:
    model, width = new_model(SPEC, seed=0), SPEC.projection_dim
    headed = with_temporal_head(model, HeadSizes(layers=2, positions=8), seed=0)
    head = 2 * layer(FRAMES, width, 4 * width) + 2 * FRAMES * width**2
    assert video_flops(headed, FRAMES) == video_flops(model, FRAMES) + head
    counts, bare = parameter_counts(headed), parameter_counts(model)
    assert counts.image == bare.image
    assert counts.whole - bare.whole == sum(weight.numel() for weight in head_parameters(headed))


def test_more_channels_cost_more_and_the_model_is_left_as_it_was() -> None:
    model = new_model(SPEC, seed=0)
    wide = widened(model, ["flow"])
    patches = (SPEC.image_size // SPEC.patch_size) ** 2
    more = 2 * patches * 2 * SPEC.patch_size**2 * SPEC.vision_width
    assert video_flops(wide, 1) == video_flops(model, 1) + more
    pictures = torch.zeros(1, 4, SPEC.image_size, SPEC.image_size)
    assert image_features(model, pictures).device.type == "cpu"


def test_parameters_of_both_encoders_and_the_scale_are_all_that_there_are() -> None:
    model = new_model(replace(SPEC, text_layers=1), seed=0)
    text = [*model.text_model.parameters(), *model.text_projection.parameters(), model.logit_scale]
    counts = parameter_counts(model)
    assert counts.whole == model.num_parameters() == counts.image + sum(weight.numel() for weight in text)


def assemble_siglip() -> DualEncoder:
    """A SigLIP as it is loaded: with motion channels."""
    published = siglip_model()
    return assemble(published.config, published.state_dict(), "a SigLIP")
