"""The four-channel model: what its alpha channel does and does not, and how features become vectors."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import CLIPConfig, CLIPModel

from deltaclip.channels import CHANNELS, channels_of, filled
from deltaclip.errors import CheckpointError
from deltaclip.model import (
    CheckpointRecord,
    alpha_is_zero,
    channel_extras,
    image_features,
    load_checkpoint,
    mean_pool,
    model_spec,
    new_model,
    normalised,
    save_checkpoint,
    text_features,
    widened,
)
from deltaclip.model.clip import assemble
from deltaclip.model.keys import replace_alpha
from deltaclip.model.patches import PATCH_EMBEDDING
from deltaclip.model.spec import clip_config, text_config, vision_config
from tests.helpers import with_alpha

from .conftest import SPEC, ids, pictures, plainly_loaded, trained_like


def three_channels(model: CLIPModel) -> CLIPModel:
    """Plain CLIP as transformers runs it: the same weights without the alpha channel."""
    config = CLIPConfig.from_dict(model.config.to_dict())
    vision_config(config).num_channels = 3
    plain = CLIPModel(config)
    state = model.state_dict()
    plain.load_state_dict(state | {PATCH_EMBEDDING: state[PATCH_EMBEDDING][:, :3]})
    plain.train(False)
    return plain


@torch.no_grad()
def test_zero_alpha_weights_give_the_same_bits_whatever_the_mask() -> None:
    model = new_model(SPEC, seed=3, alpha_init="zero")
    pixels, alpha = pictures()[:, :3], pictures()[:, 3:]
    masks = (alpha, torch.zeros_like(alpha), 100 * alpha)
    outputs = [image_features(model, with_alpha(pixels, mask)) for mask in masks]
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[0], outputs[2])


@torch.no_grad()
def test_zero_alpha_weights_give_plain_clip() -> None:
    model = new_model(SPEC, seed=3, alpha_init="zero")
    pixels, alpha = pictures()[:, :3], pictures()[:, 3:]
    plain = three_channels(model).get_image_features(pixel_values=pixels).pooler_output
    torch.testing.assert_close(image_features(model, with_alpha(pixels, alpha)), plain, atol=1e-5, rtol=0)


@torch.no_grad()
def test_other_alpha_weights_let_the_mask_change_the_feature(model: CLIPModel) -> None:
    pixels, alpha = pictures()[:, :3], pictures()[:, 3:]
    one, other = (image_features(model, with_alpha(pixels, mask)) for mask in (alpha, -alpha))
    assert not torch.allclose(one, other, atol=1e-2)


def test_alpha_is_zero_tells_the_two_apart() -> None:
    assert alpha_is_zero(new_model(SPEC, seed=0, alpha_init="zero"))
    assert not alpha_is_zero(new_model(SPEC, seed=0, alpha_init="rgb"))


def test_one_seed_makes_one_model_whatever_was_drawn_before() -> None:
    first = new_model(SPEC, seed=5).state_dict()
    torch.rand(7)
    second = new_model(SPEC, seed=5).state_dict()
    other = new_model(SPEC, seed=6).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first[PATCH_EMBEDDING], other[PATCH_EMBEDDING])


def test_making_a_model_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    new_model(SPEC, seed=5)
    assert torch.equal(before, torch.get_rng_state())


def test_the_two_ways_of_starting_alpha_differ_in_the_alpha_channel_only() -> None:
    rgb, zero = (new_model(SPEC, seed=5, alpha_init=way).state_dict() for way in ("rgb", "zero"))
    assert torch.equal(rgb[PATCH_EMBEDDING][:, :3], zero[PATCH_EMBEDDING][:, :3])
    assert all(torch.equal(rgb[name], zero[name]) for name in rgb if name != PATCH_EMBEDDING)


@pytest.mark.parametrize(
    ("name", "spread"),
    [
        ("logit_scale", None),
        ("text_model.embeddings.token_embedding.weight", 0.02),
        ("visual_projection.weight", 128**-0.5),
        ("vision_model.encoder.layers.0.self_attn.q_proj.weight", 128**-0.5),
        ("vision_model.encoder.layers.1.self_attn.out_proj.weight", 128**-0.5 * 4**-0.5),
        ("text_model.encoder.layers.0.mlp.fc1.weight", 128**-0.5),
    ],
)
def test_fresh_weights_have_the_spread_of_the_original(name: str, spread: float | None) -> None:
    weight = new_model(SPEC, seed=0).state_dict()[name]
    if spread is None:
        assert weight.item() == pytest.approx(2.6593, abs=1e-4)
    else:
        assert weight.std().item() == pytest.approx(spread, rel=0.1)


def test_heads_are_the_width_over_64_unless_given() -> None:
    assert vision_config(clip_config(SPEC)).num_attention_heads == 2
    assert text_config(clip_config(SPEC)).num_attention_heads == 1
    assert vision_config(clip_config(replace(SPEC, vision_heads=4))).num_attention_heads == 4


def test_a_model_knows_its_sizes() -> None:
    assert model_spec(new_model(SPEC, seed=0)) == replace(SPEC, vision_heads=2, text_heads=1)


@pytest.mark.parametrize("wrong", [{"end": 2}, {"end": 12}, {"pad": -1}, {"patch_size": 33}, {"patch_size": 0}])
def test_sizes_that_cannot_work_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must"):
        clip_config(replace(SPEC, **wrong))


@torch.no_grad()
def test_what_follows_the_end_token_does_not_matter(model: CLIPModel) -> None:
    rows = ids()
    padded = rows.clone()
    padded[0, 4:] = torch.tensor([11, 3, 11, 2, 5])
    torch.testing.assert_close(text_features(model, padded), text_features(model, rows), atol=1e-6, rtol=0)


@torch.no_grad()
def test_a_narrow_row_gives_the_feature_of_a_wide_one(model: CLIPModel) -> None:
    rows = ids()[:1]
    torch.testing.assert_close(text_features(model, rows[:, :4]), text_features(model, rows), atol=1e-6, rtol=0)


def test_a_weight_of_another_shape_is_named(model: CLIPModel) -> None:
    state = model.state_dict() | {"visual_projection.weight": torch.zeros(3, 3)}
    with pytest.raises(CheckpointError, match=r"visual_projection.weight \(3, 3\) instead of \(32, 128\)"):
        assemble(clip_config(SPEC), state, "file")


def test_mean_pool_normalises_before_and_after_the_mean() -> None:
    frames = torch.tensor([[[3.0, 0.0], [0.0, 0.5]]])
    torch.testing.assert_close(mean_pool(frames), torch.tensor([[0.5**0.5, 0.5**0.5]]))


@given(st.integers(1, 3), st.integers(1, 5), st.integers(2, 6), st.integers(0, 9))
def test_pooled_vectors_are_unit_and_do_not_depend_on_the_frames_order(b: int, t: int, d: int, seed: int) -> None:
    frames = torch.randn(b, t, d, generator=torch.Generator().manual_seed(seed)) + 0.1
    pooled = mean_pool(frames)
    torch.testing.assert_close(pooled.norm(dim=-1), torch.ones(b))
    torch.testing.assert_close(pooled, mean_pool(frames.flip(1)), atol=1e-4, rtol=1e-4)


@given(st.integers(0, 9))
def test_pooling_one_frame_is_that_frame_at_unit_length(seed: int) -> None:
    frame = torch.randn(1, 1, 8, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(mean_pool(frame), torch.nn.functional.normalize(frame[:, 0], dim=-1))


def test_bytes_are_normalised_as_clip_and_alpha_clip_do() -> None:
    frames = torch.tensor([0, 255], dtype=torch.uint8).expand(1, len(CHANNELS), 1, 2)
    found = normalised(frames)
    assert found.dtype == torch.float32
    # By hand, from CLIP's transform and the README of Alpha-CLIP.
    black, white = ([-1.792263, -1.752097, -1.480219, -1.923077], [1.930336, 2.074884, 2.145897, 1.923077])
    assert found[0, :, 0, 0].tolist() == pytest.approx(black, abs=1e-5)
    assert found[0, :, 0, 1].tolist() == pytest.approx(white, abs=1e-5)


def test_normalising_is_that_of_double_precision_and_leaves_the_bytes_alone() -> None:
    frames = torch.randint(0, 256, (2, 3, len(CHANNELS), 16, 16), dtype=torch.uint8)
    before = frames.clone()
    mean, std = (torch.tensor([getattr(c, name) for c in CHANNELS], dtype=torch.float64) for name in ("mean", "std"))
    exact = (frames.double() / 255 - mean[:, None, None]) / std[:, None, None]
    assert (normalised(frames) - exact).abs().max() < 2e-6
    assert torch.equal(frames, before)


@torch.no_grad()
@pytest.mark.parametrize("extras", [("flow",), ("time",), ("flow", "time")])
def test_new_channels_start_at_zero_and_change_no_vector(extras: tuple[str, ...], tmp_path: Path) -> None:
    model = trained_like(3)
    wide = widened(model, extras)
    assert channel_extras(wide) == extras
    plain = np.random.default_rng(0).integers(0, 256, (2, len(CHANNELS), SPEC.image_size, SPEC.image_size), np.uint8)
    full = filled(plain, len(channels_of(extras)))
    full[:, len(CHANNELS) :] = np.random.default_rng(1).integers(0, 256, full[:, len(CHANNELS) :].shape, np.uint8)
    expected = image_features(model, normalised(torch.from_numpy(plain)))
    assert torch.allclose(image_features(wide, normalised(torch.from_numpy(full))), expected, atol=1e-6)
    save_checkpoint(tmp_path / "wide", wide, None, CheckpointRecord())
    again = load_checkpoint(tmp_path / "wide").model
    assert torch.equal(again.state_dict()[PATCH_EMBEDDING], wide.state_dict()[PATCH_EMBEDDING])
    assert plainly_loaded(tmp_path / "wide").vision_model.embeddings.patch_embedding.weight.shape[1] == full.shape[1]
    assert widened(wide, extras) is wide


def test_time_can_be_followed_by_flow() -> None:
    late = widened(trained_like(3), ("time",))
    with torch.no_grad():
        late.vision_model.embeddings.patch_embedding.weight[:, -1] = 7
    both = widened(late, ("flow",)).vision_model.embeddings.patch_embedding.weight
    assert both.shape[1] == len(CHANNELS) + 3
    assert (both[:, -1] == 7).all()
    assert not both[:, len(CHANNELS) : -1].any()


def test_another_alpha_channel_leaves_the_channels_after_it() -> None:
    weight, alpha = torch.randn(8, 6, 4, 4), torch.randn(8, 1, 4, 4)
    replaced = replace_alpha(weight, alpha, "weights")
    assert torch.equal(replaced, torch.cat([weight[:, :3], alpha, weight[:, 4:]], dim=1))
    assert replace_alpha(weight[:, :3], alpha, "weights").shape[1] == len(CHANNELS)
