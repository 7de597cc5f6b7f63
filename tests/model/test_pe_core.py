"""PE-Core beside its arithmetic written anew, in both forms of its files; and what of it is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import normalize

import deltaclip
from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.errors import CheckpointError
from deltaclip.model import (
    Said,
    Tokenizer,
    convert,
    family_of,
    image_features,
    load_checkpoint,
    model_digest,
    normalised,
    text_features,
    texts_of,
)
from tests.helpers import WORDS, small_checkpoint, write_square
from tests.pe_core import CONTEXT, PATCH, SIDE, image_vectors, meta_weights, open_clip_weights

TEXTS = ("a red square", "moves right and stays", "")


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    return small_checkpoint(tmp_path / "clip")


@pytest.fixture
def weights() -> dict[str, Tensor]:
    return meta_weights(Tokenizer.from_words([WORDS]).vocab_size)


@pytest.fixture
def converted(tmp_path: Path, tokenizer: Path, weights: dict[str, Tensor]) -> Path:
    """Of Meta's file."""
    torch.save(weights, tmp_path / "PE-Core.pt")
    convert(clip=tmp_path / "PE-Core.pt", tokenizer=tokenizer, out=tmp_path / "out")
    return tmp_path / "out"


def pictures(count: int = 3) -> Tensor:
    """(N, 4, S, S) uint8, the last channel alpha."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 4, SIDE, SIDE), generator=generator, dtype=torch.uint8)


@torch.no_grad()
def test_vectors_of_pictures_are_those_of_its_arithmetic_for_every_mask(
    converted: Path, weights: dict[str, Tensor]
) -> None:
    model = load_checkpoint(converted).model
    assert family_of(model).title == "PE-Core"
    expected = image_vectors(weights, (pictures()[:, :3].double() / 255 - 0.5).numpy() / 0.5)
    found = image_features(model, normalised(pictures())).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(expected).mean() > 0.1


@torch.no_grad()
def test_kept_patches_keep_their_places(converted: Path) -> None:
    model, frames = load_checkpoint(converted).model, normalised(pictures(2))
    whole = image_features(model, frames)
    num_patches = (SIDE // PATCH) ** 2
    mixed = torch.stack([torch.randperm(num_patches, generator=torch.Generator().manual_seed(n)) for n in (1, 2)])
    torch.testing.assert_close(image_features(model, frames, mixed), whole, atol=1e-5, rtol=0)
    some = image_features(model, frames, mixed[:, :5])
    assert not torch.allclose(some, whole, atol=1e-3)
    torch.testing.assert_close(image_features(model, frames, mixed[:, :5].flip(1)), some, atol=1e-5, rtol=0)


@torch.no_grad()
def test_vectors_of_texts_are_the_same_in_torch_and_in_numpy(converted: Path) -> None:
    loaded = load_checkpoint(converted)
    assert loaded.tokenizer is not None
    begin, end, _ = loaded.tokenizer.around()
    assert end is not None
    rows = loaded.tokenizer.rows(TEXTS, CONTEXT, begin, end, 0)
    tower = texts_of(loaded.model)
    assert tower is not None
    expected = normalize(text_features(loaded.model, torch.from_numpy(rows)), dim=-1).numpy()
    np.testing.assert_allclose(tower.vectors(rows), expected, atol=1e-5)


@pytest.mark.parametrize("wrapper", ["", "module."])
def test_open_clips_folder_is_the_same_model(
    converted: Path, tmp_path: Path, weights: dict[str, Tensor], wrapper: str
) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    named = {f"{wrapper}{name}": weight for name, weight in open_clip_weights(weights).items()}
    save_file(named, folder / "open_clip_model.safetensors")
    (folder / "config.json").write_text(json.dumps({"architecture": "vit_pe_core_base_patch16_224"}))
    vision = {"image_size": SIDE, "timm_model_name": "vit_pe_core_base_patch16_224", "timm_pool": "map"}
    config = {"model_cfg": {"embed_dim": 24, "vision_cfg": vision, "text_cfg": {"width": 64}, "custom_text": True}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    loaded = load_checkpoint(folder)
    again = load_checkpoint(converted)
    for name, weight in again.model.state_dict().items():
        assert torch.equal(weight, loaded.model.state_dict()[name]), name
    assert loaded.record.licence == "Apache-2.0 (PE-Core)"
    assert loaded.record.max_words == CONTEXT


def test_a_saved_one_is_the_same_and_finds_videos(converted: Path, tmp_path: Path) -> None:
    spec = EncoderSpec(engine="torch", precision="fp32")
    encoder = Encoder.load(converted, spec)
    write_square(tmp_path / "a.mp4")
    vectors = encoder.encode_videos([tmp_path / "a.mp4"])
    assert vectors.shape == (1, 24)
    assert np.linalg.norm(vectors[0]) == pytest.approx(1, abs=1e-5)
    convert(clip=converted, out=tmp_path / "again")
    assert Encoder.load(tmp_path / "again", spec).fingerprint == encoder.fingerprint
    assert model_digest(load_checkpoint(tmp_path / "again").model) == model_digest(load_checkpoint(converted).model)
    cold = Encoder.load(converted)
    np.testing.assert_allclose(cold.encode_texts(TEXTS), encoder.encode_texts(TEXTS), atol=1e-5)
    config = json.loads((converted / "config.json").read_text())
    assert (config["model_type"], config["architectures"]) == ("pe_core", ["PeCoreModel"])


def test_without_a_tokenizer_it_says_before_hours_of_indexing_that_no_words_will_find_anything(
    converted: Path, tmp_path: Path, weights: dict[str, Tensor]
) -> None:
    """Neither Meta's files nor some folders of open_clip's have one."""
    torch.save(weights, tmp_path / "pe.pt")
    convert(clip=tmp_path / "pe.pt", out=tmp_path / "silent")
    assert "no tokenizer" in Encoder.load(tmp_path / "silent").describe()
    assert "no tokenizer" not in Encoder.load(converted).describe()


def test_training_moves_its_alpha_channel_and_a_mask_counts_then(converted: Path, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    rows = ["path,caption,split"]
    for number, split in enumerate(("train", "train", "val", "test")):
        write_square(tmp_path / "videos" / f"{number}.mp4", step=number)
        rows.append(f"{number}.mp4,a red square moves {number},{split}")
    (tmp_path / "captions.csv").write_text("\n".join(rows))
    steps = {"optim.steps": 2, "optim.batch": 2, "optim.checkpointing": True, "data.motion": "difference"}
    outcome = deltaclip.train(
        captions=tmp_path / "captions.csv",
        videos=tmp_path / "videos",
        out=tmp_path / "mine",
        overrides={"model.init": str(converted), **steps},
        workers=0,
    )
    trained = Encoder.load(outcome.out, EncoderSpec(engine="torch", precision="fp32"))
    assert trained.record.alpha == "trained"
    clips = [tmp_path / "videos" / "1.mp4"]
    plain = Encoder.load(outcome.out, EncoderSpec("full", engine="torch", precision="fp32"))
    assert np.abs(trained.encode_videos(clips) - plain.encode_videos(clips)).max() > 1e-7


def test_pictures_are_scaled_whole(converted: Path) -> None:
    """As Meta's transform does, without a crop."""
    assert Encoder.load(converted).reader_spec.fit == "squash"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("no class token", "without a class token"),
        ("a bias", "head.bias is not zero"),
        ("more", "visual.trunk.fc_norm.weight"),
        ("less", "visual.attn_pool.mlp.c_fc.bias"),
    ],
)
def test_what_differs_from_it_is_named(tmp_path: Path, weights: dict[str, Tensor], change: str, found: str) -> None:
    changed = open_clip_weights(weights)
    if change == "no class token":
        del changed["visual.trunk.cls_token"]
    elif change == "a bias":
        changed["visual.trunk.head.bias"][3] = 0.1
    elif change == "more":
        changed["visual.trunk.fc_norm.weight"] = torch.ones(4)
    else:
        del changed["visual.trunk.attn_pool.mlp.fc1.bias"]
    save_file(changed, tmp_path / "open_clip_model.safetensors")
    with pytest.raises(CheckpointError, match=found):
        convert(clip=tmp_path / "open_clip_model.safetensors", out=tmp_path / "out")


def test_what_its_weights_tell_cannot_be_said_otherwise(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    torch.save(weights, tmp_path / "pe.pt")
    (tmp_path / "config.json").write_text("{}")
    said = Said(config=tmp_path / "config.json")
    with pytest.raises(CheckpointError, match="--config"):
        convert(clip=tmp_path / "pe.pt", out=tmp_path / "out", said=said)
    with pytest.raises(CheckpointError, match="quick_gelu"):
        convert(clip=tmp_path / "pe.pt", out=tmp_path / "out", said=replace(said, config=None, activation="quick_gelu"))


@pytest.mark.parametrize(
    ("meta", "form"),
    [("facebook/PE-Core-B16-224", "timm/PE-Core-B-16:"), ("facebook/PE-Core-L14-336", "timm/PE-Core-L-14-336:")],
)
def test_metas_own_hub_models_are_not_fetched_in_vain(meta: str, form: str) -> None:
    with pytest.raises(CheckpointError, match=form):
        load_checkpoint(meta)


def test_alpha_weights_of_a_clip_are_refused(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    torch.save(weights, tmp_path / "pe.pt")
    torch.save({"visual.conv1_alpha.weight": torch.zeros(128, 1, PATCH, PATCH)}, tmp_path / "alpha.pth")
    with pytest.raises(CheckpointError, match="alpha weights are those of a CLIP"):
        convert(clip=tmp_path / "pe.pt", alpha=tmp_path / "alpha.pth", out=tmp_path / "out")


@torch.no_grad()
def test_it_gives_what_open_clip_gives(tmp_path: Path) -> None:
    program = pytest.importorskip("open_clip", reason="open_clip is not installed", exc_type=ImportError)
    config = {key: value for key, value in program.get_model_config("PE-Core-T-16-384").items() if key != "custom_text"}
    config["text_cfg"] |= {"layers": 2, "vocab_size": 600}
    torch.manual_seed(0)
    theirs = program.model.CustomTextCLIP(**config).eval()
    for name, weight in theirs.named_parameters():
        if weight.ndim >= 2 and "embedding" not in name:
            weight.mul_(1.5)
    theirs.visual.trunk.head.bias.zero_()
    torch.save(theirs.state_dict(), tmp_path / "pe.pt")
    convert(clip=tmp_path / "pe.pt", out=tmp_path / "out")
    ours = load_checkpoint(tmp_path / "out").model
    frames = torch.randint(0, 256, (2, 4, 384, 384), dtype=torch.uint8)
    ids = torch.randint(1, 597, (2, 32))
    ids[:, 0], ids[:, 10], ids[:, 11:] = 598, 599, 0
    seen = theirs.encode_image((frames[:, :3] / 255 - 0.5) / 0.5, normalize=True)
    torch.testing.assert_close(normalize(image_features(ours, normalised(frames)), dim=-1), seen, atol=1e-5, rtol=0)
    read = theirs.encode_text(ids, normalize=True)
    torch.testing.assert_close(normalize(text_features(ours, ids), dim=-1), read, atol=1e-5, rtol=0)
