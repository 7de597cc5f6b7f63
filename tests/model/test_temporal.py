"""The temporal head: mean pooling until it is trained, kept with its checkpoint, and never lost in silence."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from deltaclip.errors import CheckpointError
from deltaclip.model import (
    CheckpointRecord,
    DualEncoder,
    HeadSizes,
    assemble,
    convert,
    head_facts,
    head_parameters,
    kept_problem,
    load_checkpoint,
    loaded_digest,
    mean_pool,
    model_digest,
    pool_frames,
    save_checkpoint,
    widened,
    with_temporal_head,
)
from deltaclip.model.temporal import fresh_head

from .conftest import SPEC, plainly_loaded

SIZES = HeadSizes(layers=2, positions=6)
HEAD_FILE = "temporal_head.safetensors"


def features(clips: int = 3, frames: int = 6) -> Tensor:
    return torch.randn(clips, frames, SPEC.projection_dim, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def headed(model: DualEncoder) -> DualEncoder:
    return with_temporal_head(model, SIZES, seed=3)


@pytest.fixture
def acting(headed: DualEncoder) -> DualEncoder:
    """With an `out` of the identity, as in CLIP4Clip."""
    with torch.no_grad():
        headed.get_parameter("temporal_head.out.weight").copy_(torch.eye(SPEC.projection_dim))
    return headed


@pytest.fixture
def folder_of_head(tmp_path: Path, acting: DualEncoder) -> Path:
    save_checkpoint(tmp_path / "headed", acting, None, CheckpointRecord(num_frames=6))
    return tmp_path / "headed"


@torch.no_grad()
def test_a_fresh_head_is_mean_pooling_to_the_bit(headed: DualEncoder) -> None:
    assert torch.equal(pool_frames(headed, features()), mean_pool(features()))
    assert torch.equal(pool_frames(headed, features(frames=1)), mean_pool(features(frames=1)))


def test_a_fresh_head_is_the_same_for_the_same_seed_alone() -> None:
    first, again, other = (fresh_head(SPEC.projection_dim, SIZES, seed) for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["temporal_head.positions.weight"], other["temporal_head.positions.weight"])


def test_the_gradient_reaches_out_first_and_then_every_weight(headed: DualEncoder) -> None:
    named = dict(headed.named_parameters())
    for step in range(2):
        headed.zero_grad()
        torch.autograd.backward(pool_frames(headed, features())[:, 0].sum())
        reached = {name for name, weight in named.items() if weight.grad is not None and weight.grad.any()}
        if step == 0:
            assert reached == {"temporal_head.out.weight"}
            torch.optim.SGD(headed.parameters(), lr=0.1).step()
    assert reached == {name for name in named if name.startswith("temporal_head.")}


@torch.no_grad()
def test_a_head_with_an_identity_behind_it_is_clip4clips_residual_transformer(acting: DualEncoder) -> None:
    # Written out from the paper's code: blocks over frames and positions, added to the frames, then meanP.
    state, frames, width = acting.state_dict(), features(), SPEC.projection_dim
    seen = frames + state["temporal_head.positions.weight"]
    for number in range(SIZES.layers):
        block = {name.split(f"blocks.{number}.")[1]: w for name, w in state.items() if f"blocks.{number}." in name}
        normed = torch.nn.functional.layer_norm(seen, (width,), block["norm1.weight"], block["norm1.bias"])
        projected = normed @ block["self_attn.in_proj_weight"].T + block["self_attn.in_proj_bias"]
        query, key, value = projected.chunk(3, dim=-1)
        weights = (query @ key.transpose(1, 2) / width**0.5).softmax(dim=-1)  # one head: the width is below 64
        seen = seen + weights @ value @ block["self_attn.out_proj.weight"].T + block["self_attn.out_proj.bias"]
        normed = torch.nn.functional.layer_norm(seen, (width,), block["norm2.weight"], block["norm2.bias"])
        inner = normed @ block["linear1.weight"].T + block["linear1.bias"]
        inner = inner * torch.sigmoid(1.702 * inner)
        seen = seen + inner @ block["linear2.weight"].T + block["linear2.bias"]
    torch.testing.assert_close(pool_frames(acting, frames), mean_pool(frames + seen), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_order_counts_once_the_head_acts(headed: DualEncoder, acting: DualEncoder) -> None:
    backwards = features().flip(1)
    assert (pool_frames(acting, features()) - pool_frames(acting, backwards)).abs().max() > 1e-3


def test_more_frames_than_positions_are_refused(headed: DualEncoder) -> None:
    with pytest.raises(ValueError, match="clips of 7 frames for a temporal head with 6 positions"):
        pool_frames(headed, features(frames=7))


@torch.no_grad()
def test_a_head_read_back_gives_the_same_bits(folder_of_head: Path, acting: DualEncoder) -> None:
    loaded = load_checkpoint(folder_of_head)
    assert torch.equal(pool_frames(loaded.model, features()), pool_frames(acting, features()))
    assert loaded.record.temporal_layers == 2
    assert head_facts(loaded.model) == {"layers": 2, "positions": 6, "norm_eps": 1e-5, "attention_heads": 1}
    assert not plainly_loaded(folder_of_head).get_parameter("logit_scale").isnan()


def test_the_file_of_the_clip_itself_holds_no_head(folder_of_head: Path, model: DualEncoder) -> None:
    assert load_file(folder_of_head / "model.safetensors").keys() == model.state_dict().keys()
    assert all(name.startswith("temporal_head.") for name in load_file(folder_of_head / HEAD_FILE))


def test_a_checkpoint_without_a_head_is_written_and_known_as_before(tmp_path: Path, model: DualEncoder) -> None:
    save_checkpoint(tmp_path / "plain", model, None, CheckpointRecord())
    assert not (tmp_path / "plain" / HEAD_FILE).exists()
    assert "temporal_layers" not in json.loads((tmp_path / "plain" / "deltaclip.json").read_text())
    assert head_facts(load_checkpoint(tmp_path / "plain").model) is None


def test_a_checkpoint_saved_over_one_with_a_head_leaves_none_behind(folder_of_head: Path, tmp_path: Path) -> None:
    plain = load_checkpoint(folder_of_head)
    bare = {name: w for name, w in plain.model.state_dict().items() if not name.startswith("temporal_head.")}
    save_checkpoint(folder_of_head, assemble(plain.model.config, bare, "bare"), None, plain.record)
    assert load_checkpoint(folder_of_head).record.temporal_layers == 0


def test_the_digest_covers_the_weights_of_the_head(headed: DualEncoder, model: DualEncoder) -> None:
    digests = {model_digest(model), model_digest(headed)}
    with torch.no_grad():
        headed.get_parameter("temporal_head.positions.weight")[0, 0] += 1
    digests.add(model_digest(headed))
    assert len(digests) == 3


def test_verify_finds_a_head_that_was_changed_in_place(folder_of_head: Path) -> None:
    path = folder_of_head / HEAD_FILE
    for file in folder_of_head.iterdir():  # old enough for the digest to be kept
        os.utime(file, (time.time() - 60,) * 2)
    loaded_digest(load_checkpoint(folder_of_head))
    assert kept_problem(str(folder_of_head)) is None
    stamps, weights = path.stat(), load_file(path)
    save_file({name: w + 1 for name, w in weights.items()}, path, metadata={"format": "pt"})
    os.utime(path, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    assert "not those whose digest is kept" in str(kept_problem(str(folder_of_head)))


def test_a_head_that_is_gone_is_an_error(folder_of_head: Path) -> None:
    (folder_of_head / HEAD_FILE).unlink()
    with pytest.raises(CheckpointError, match=f"temporal_layers 2 in its deltaclip.json, but no {HEAD_FILE}"):
        load_checkpoint(folder_of_head)


def test_a_head_that_the_record_does_not_know_is_an_error(folder_of_head: Path) -> None:
    values = json.loads((folder_of_head / "deltaclip.json").read_text())
    del values["temporal_layers"]
    (folder_of_head / "deltaclip.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match=f"no temporal head in its deltaclip.json, but 2 in {HEAD_FILE}"):
        load_checkpoint(folder_of_head)


def test_missing_weights_of_a_head_are_named(folder_of_head: Path) -> None:
    weights = load_file(folder_of_head / HEAD_FILE)
    del weights["temporal_head.blocks.1.linear1.bias"]
    save_file(weights, folder_of_head / HEAD_FILE)
    with pytest.raises(CheckpointError, match=r"1 weights missing: temporal_head\.blocks\.1\.linear1\.bias"):
        load_checkpoint(folder_of_head)


def test_other_weights_in_the_file_of_the_head_are_named(folder_of_head: Path) -> None:
    save_file({"logit_scale": torch.zeros(())}, folder_of_head / HEAD_FILE)
    with pytest.raises(CheckpointError, match="weights of no temporal head: logit_scale"):
        load_checkpoint(folder_of_head)


def test_a_head_inside_the_file_of_the_clip_is_an_error(folder_of_head: Path) -> None:
    both = load_file(folder_of_head / "model.safetensors") | load_file(folder_of_head / HEAD_FILE)
    (folder_of_head / HEAD_FILE).unlink()
    save_file(both, folder_of_head / "model.safetensors")
    with pytest.raises(CheckpointError, match=f"outside of {HEAD_FILE}"):
        load_checkpoint(folder_of_head)


@torch.no_grad()
def test_conversion_keeps_a_head_and_says_so(folder_of_head: Path, tmp_path: Path) -> None:
    report = convert(clip=folder_of_head, out=tmp_path / "converted")
    first, second = (load_checkpoint(folder) for folder in (folder_of_head, tmp_path / "converted"))
    assert torch.equal(pool_frames(first.model, features()), pool_frames(second.model, features()))
    assert model_digest(first.model) == model_digest(second.model)
    assert "Its temporal head of 2 layers is kept as it is." in report.notes


@torch.no_grad()
def test_new_channels_leave_the_head_as_it_is(acting: DualEncoder) -> None:
    wide = widened(acting, ("flow",))
    assert torch.equal(pool_frames(wide, features()), pool_frames(acting, features()))


def test_a_model_without_a_head_has_no_parameters_of_one(model: DualEncoder, headed: DualEncoder) -> None:
    assert head_parameters(model) == []
    assert len(head_parameters(headed)) == 2 + 12 * SIZES.layers


def test_a_record_takes_whole_numbers_of_layers_only() -> None:
    with pytest.raises(ValueError, match="temporal_layers must be a whole number from 0 on"):
        replace(CheckpointRecord(), temporal_layers=-1)
