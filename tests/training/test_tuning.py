"""Light tuning: only what is tuned changes, and a checkpoint is a stock CLIP all the same."""

from pathlib import Path

import pytest
import torch
from transformers import CLIPModel

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.model import load_checkpoint, normalised
from deltaclip.training import Recipe, average, override, train
from deltaclip.training.devices import MixedPrecision
from deltaclip.training.loss import video_vectors
from deltaclip.training.start import alpha_parts, plain_weights, split_alpha
from deltaclip.training.tuning import LoraLinear, lora_parameters, merged, tune
from tests.training.tiny import same_weights, tiny_data, tiny_recipe, weights

PATCHES = "vision_model.embeddings.patch_embedding.weight"
CPU = MixedPrecision(torch.device("cpu"))


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained encoder to start from."""
    out = tmp_path_factory.mktemp("start") / "out"
    train(tiny_recipe("optim.steps=2"), tiny_data(), out, device="cpu")
    return out


def tuned(start: Path, kind: str, *settings: str) -> Recipe:
    base = override(tiny_recipe(), [f"model.init={start}", f"tune={kind}", "optim.lora_lr=1e-2"])
    return override(base, settings)


def changed(before: Path, after: Path) -> set[str]:
    """Names of the weights that differ."""
    ours, theirs = weights(before), weights(after)
    return {name for name in ours if not torch.equal(ours[name], theirs[name])}


def test_channels_alone_change_and_texts_keep_their_vectors(start: Path, tmp_path: Path) -> None:
    train(tuned(start, "channels"), tiny_data(), tmp_path / "out", device="cpu")
    assert changed(start, tmp_path / "out") == {PATCHES}
    before, after = weights(start)[PATCHES], weights(tmp_path / "out")[PATCHES]
    assert torch.equal(before[:, :3], after[:, :3])
    spec = EncoderSpec(device="cpu")
    ours, theirs = (Encoder.load(folder, spec).encode_texts(["one two"]) for folder in (start, tmp_path / "out"))
    assert (ours == theirs).all()


def test_lora_changes_the_layers_of_both_encoders_and_nothing_else_but_the_channels(
    start: Path, tmp_path: Path
) -> None:
    train(tuned(start, "lora", "optim.lora_rank=2"), tiny_data(), tmp_path / "out", device="cpu")
    found = changed(start, tmp_path / "out")
    products = ("proj.weight", "fc1.weight", "fc2.weight")
    layers = {name for name in weights(start) if ".layers." in name and name.endswith(products)}
    assert found - {"logit_scale"} == layers | {PATCHES}
    assert len(layers) == 6 * 3  # two layers of the image encoder, one of the text encoder
    ours, theirs = weights(start), weights(tmp_path / "out")
    ranks = {int(torch.linalg.matrix_rank((theirs[name] - ours[name]).double(), rtol=1e-4)) for name in layers}
    assert ranks == {2}


def test_a_merged_checkpoint_is_a_stock_clip_with_the_vectors_of_the_run(start: Path, tmp_path: Path) -> None:
    recipe = tuned(start, "lora")
    model = load_checkpoint(start).model
    split_alpha(model)
    tune(model, recipe, alpha_parts(model)[1])
    for up in lora_parameters(model):
        up.data += 0.02 * torch.randn(up.shape, generator=torch.Generator().manual_seed(0))
    frames = torch.randint(0, 256, (2, 2, 4, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = video_vectors(model, frames, CPU)
    stock = load_checkpoint(start).model
    assert not torch.allclose(video_vectors(stock, frames, CPU), expected, atol=1e-3)
    stock.load_state_dict(plain_weights(model.state_dict()))
    assert torch.allclose(video_vectors(stock, frames, CPU), expected, atol=1e-6)


def test_transformers_loads_what_a_run_with_lora_saved(start: Path, tmp_path: Path) -> None:
    train(tuned(start, "lora"), tiny_data(), tmp_path / "out", device="cpu")
    plain = CLIPModel.from_pretrained(tmp_path / "out")
    assert plain.state_dict().keys() == weights(tmp_path / "out").keys()
    frames = torch.randint(0, 256, (2, 4, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs = plain.get_image_features(pixel_values=normalised(frames)).pooler_output
        ours = load_checkpoint(tmp_path / "out").model.get_image_features(pixel_values=normalised(frames)).pooler_output
    assert torch.allclose(theirs, ours, atol=1e-5)
    record = load_checkpoint(tmp_path / "out").record.training or {}
    assert (record["tune"], record["optim"]["lora_rank"]) == ("lora", 8)


@pytest.mark.parametrize("kind", ["lora", "channels"])
def test_a_tuned_run_is_resumed_to_the_bit_with_its_running_mean(start: Path, tmp_path: Path, kind: str) -> None:
    recipe = tuned(start, kind, "optim.ema=0.5", "loop.save_every=1", "optim.chunk=2")
    assert not train(recipe, tiny_data(), tmp_path / "out", device="cpu", time_limit=0).finished
    train(recipe, tiny_data(), tmp_path / "out", device="cpu", resume=True)
    train(recipe, tiny_data(), tmp_path / "whole", device="cpu")
    assert same_weights(tmp_path / "out", tmp_path / "whole")
    train(override(recipe, ["optim.ema=0"]), tiny_data(), tmp_path / "last", device="cpu")
    assert not same_weights(tmp_path / "whole", tmp_path / "last")


def test_a_tuned_checkpoint_is_averaged_with_its_start(start: Path, tmp_path: Path) -> None:
    train(tuned(start, "lora"), tiny_data(), tmp_path / "out", device="cpu")
    mixed = average(str(start), str(tmp_path / "out"), 0.5, tmp_path / "mixed").model.state_dict()
    ours, theirs = weights(start), weights(tmp_path / "out")
    assert all(torch.allclose(mixed[name], (ours[name] + theirs[name]) / 2, atol=1e-6) for name in mixed)


def test_a_temporal_head_is_trained_with_any_kind(start: Path, tmp_path: Path) -> None:
    recipe = tuned(start, "channels", "model.temporal_layers=1", "data.frames=4", "optim.head_lr=1e-2")
    train(recipe, tiny_data(), tmp_path / "out", device="cpu")
    theirs = weights(tmp_path / "out")
    assert any(theirs[name].any() for name in theirs if name.startswith("temporal") and name.endswith("bias"))


def test_a_layer_starts_as_it_was_and_is_merged_exactly() -> None:
    layer = torch.nn.Linear(6, 4)
    lora = LoraLinear(layer, 2, torch.Generator().manual_seed(0))
    rows = torch.randn(3, 6, generator=torch.Generator().manual_seed(1))
    assert torch.equal(lora(rows), layer(rows))
    lora.lora_up.data.normal_(generator=torch.Generator().manual_seed(2))
    expected = lora(rows)
    layer.load_state_dict(merged(lora.state_dict()))
    assert torch.allclose(layer(rows), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("tune=lora",), "tune=lora keeps the weights it starts with: give model.init, not fresh"),
        (("tune=channels", "model.init=x", "optim.zero_alpha_lr=0"), "trains nothing if optim.zero_alpha_lr is 0"),
        (("optim.lora_rank=0",), "must be 1 or more"),
        (("tune=half",), "choose one of full, lora, channels"),
    ],
)
def test_tuning_that_makes_no_sense_is_refused(settings: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        tiny_recipe(*settings)
