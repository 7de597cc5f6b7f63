"""A model's own mean and deviation are honoured, by folder, hub file and open_clip's; another geometry is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from deltaclip.errors import CheckpointError
from deltaclip.model import Normalisation, Said, convert, image_features, load_checkpoint, mean_pool, save_checkpoint
from deltaclip.model.families import CLIP
from deltaclip.model.normalisation import CLIP_MEAN, CLIP_STD
from deltaclip.model.patches import PATCH_EMBEDDING, normalised_as_clip
from deltaclip.model.preprocessing import of_open_clip, of_transformers
from deltaclip.training.devices import MixedPrecision
from deltaclip.training.loss import video_vectors
from tests.helpers import with_alpha, write_square
from tests.pil import SIDE, features, middle_frame, normalised_colours, our_encoder, plain_clip

from .conftest import SPEC

HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
ODD = {"image_mean": [0.1, 0.5, 0.9], "image_std": [0.2, 0.3, 1.4]}
OWN: list[dict[str, Any]] = [
    HALF,
    ODD,
    {"do_normalize": False},
    {"do_rescale": False, "image_mean": [127.5] * 3, "image_std": [127.5] * 3},
    {"rescale_factor": 1 / 127.5, "image_mean": [1.0] * 3, "image_std": [1.0] * 3},
]


def settings(side: int, **changes: object) -> dict[str, Any]:
    return {"size": {"shortest_edge": side}, "crop_size": {"height": side, "width": side}, **changes}


def noise(count: int = 4, side: int = SPEC.image_size) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@torch.no_grad()
def ours(folder: Path, rgb: np.ndarray, alpha: float = 0.0) -> Tensor:
    """Features of pictures normalised as everything in deltaclip normalises them."""
    masks = torch.full((len(rgb), 1, *rgb.shape[1:3]), alpha)
    return image_features(load_checkpoint(folder).model, with_alpha(torch.from_numpy(normalised_colours(rgb)), masks))


@torch.no_grad()
def theirs(folder: Path, model: CLIPModel, rgb: np.ndarray, alpha: float = 0.0) -> Tensor:
    """Features as transformers makes them: its image processor of the folder, and the weights as they were."""
    prepared = torch.from_numpy(
        CLIPImageProcessorPil.from_pretrained(folder)(list(rgb), return_tensors="np")["pixel_values"]
    )
    return image_features(model, with_alpha(prepared, torch.full((len(rgb), 1, *rgb.shape[1:3]), alpha)))


@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("alpha", [0.0, -1.9])
def test_a_folder_with_a_mean_of_its_own_gives_what_transformers_gives(
    folder: Path, model: CLIPModel, own: dict[str, Any], alpha: float
) -> None:
    # preprocessor_config.json was not looked at: everything was fed with CLIP's mean and deviation
    (folder / "preprocessor_config.json").write_text(json.dumps(settings(SPEC.image_size, **own)))
    torch.testing.assert_close(
        ours(folder, noise(), alpha), theirs(folder, model, noise(), alpha), atol=2e-4, rtol=1e-4
    )


def test_another_mean_matters(folder: Path, model: CLIPModel) -> None:
    before = ours(folder, noise())
    (folder / "preprocessor_config.json").write_text(json.dumps(settings(SPEC.image_size, **HALF)))
    assert (torch.cosine_similarity(ours(folder, noise()), before) < 0.999).all()


def test_the_newer_file_that_holds_all_processors_counts_before_the_older_one(folder: Path, model: CLIPModel) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(settings(SPEC.image_size)))
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": settings(SPEC.image_size, **HALF)}))
    torch.testing.assert_close(ours(folder, noise()), theirs(folder, model, noise()), atol=2e-4, rtol=1e-4)


def test_a_newer_file_without_an_image_processor_leaves_it_to_the_older_one(folder: Path, model: CLIPModel) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(settings(SPEC.image_size, **HALF)))
    (folder / "processor_config.json").write_text(json.dumps({"processor_class": "CLIPProcessor"}))
    torch.testing.assert_close(ours(folder, noise()), theirs(folder, model, noise()), atol=2e-4, rtol=1e-4)


def test_clips_own_mean_leaves_every_bit_of_the_weights(folder: Path, model: CLIPModel) -> None:
    own = settings(SPEC.image_size, image_mean=list(CLIP_MEAN), image_std=list(CLIP_STD))
    (folder / "preprocessor_config.json").write_text(json.dumps(own))
    loaded = load_checkpoint(folder).model.state_dict()
    assert all(torch.equal(weight, loaded[name]) for name, weight in model.state_dict().items())


def test_a_checkpoint_written_of_it_gives_the_same_to_us_and_to_plain_transformers(
    folder: Path, model: CLIPModel, tmp_path: Path
) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(settings(SPEC.image_size, **ODD)))
    expected = theirs(folder, model, noise())
    report = convert(clip=folder, out=tmp_path / "out")
    stored = CLIPModel.from_pretrained(tmp_path / "out")
    torch.testing.assert_close(ours(tmp_path / "out", noise()), expected, atol=2e-4, rtol=1e-4)
    torch.testing.assert_close(theirs(tmp_path / "out", stored, noise()), expected, atol=2e-4, rtol=1e-4)
    assert "mean 0.1,0.5,0.9, deviation 0.2,0.3,1.4, by preprocessor_config.json" in "\n".join(report.notes)
    assert load_checkpoint(tmp_path / "out").record.known_from["normalisation"].startswith("mean 0.1,0.5,0.9")


def test_a_loaded_model_saved_again_is_not_changed_twice(folder: Path, model: CLIPModel, tmp_path: Path) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(settings(SPEC.image_size, **HALF)))
    loaded = load_checkpoint(folder)
    for _ in range(2):
        save_checkpoint(folder, loaded.model, loaded.tokenizer, loaded.record)
        loaded = load_checkpoint(folder)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "preprocessor_config.json").write_text(json.dumps(settings(SPEC.image_size, **HALF)))
    torch.testing.assert_close(ours(folder, noise()), theirs(tmp_path / "own", model, noise()), atol=2e-4, rtol=1e-4)


def test_vectors_of_a_video_are_those_of_transformers_processor_and_model(tmp_path: Path) -> None:
    model = plain_clip(tmp_path / "clip")
    own = settings(SIDE, **ODD)
    (tmp_path / "clip" / "preprocessor_config.json").write_text(json.dumps(own))
    videos = [write_square(tmp_path / f"{step}.mp4", step=step) for step in (0, 1)]
    processor = CLIPImageProcessorPil.from_pretrained(tmp_path / "clip")
    prepared = [processor(middle_frame(video), return_tensors="np")["pixel_values"][0] for video in videos]
    vectors = our_encoder(tmp_path / "clip").encode_videos(videos)
    expected = features(model, np.stack(prepared))
    assert (vectors * expected).sum(axis=1).min() > 0.9999


@torch.no_grad()
def test_a_training_step_feeds_a_model_with_its_own_mean_as_transformers_does(folder: Path, model: CLIPModel) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(settings(SPEC.image_size, **ODD)))
    rgb = noise()
    # (T, S, S, 3) -> (1, T, 4, S, S), with a full mask
    frames = torch.cat([torch.from_numpy(rgb).movedim(-1, 1), torch.full((4, 1, 32, 32), 255, dtype=torch.uint8)], 1)[
        None
    ]
    found = video_vectors(load_checkpoint(folder).model, frames, MixedPrecision(torch.device("cpu")))
    torch.testing.assert_close(found, mean_pool(theirs(folder, model, rgb, 0.5 / 0.26)[None]), atol=1e-4, rtol=1e-3)


def test_the_fingerprint_changes_with_the_mean(folder: Path) -> None:
    before = our_encoder(folder).fingerprint
    (folder / "preprocessor_config.json").write_text(json.dumps(settings(SPEC.image_size)))
    assert our_encoder(folder).fingerprint == before
    (folder / "preprocessor_config.json").write_text(json.dumps(settings(SPEC.image_size, **HALF)))
    assert our_encoder(folder).fingerprint != before


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"size": {"height": 32, "width": 32}, "do_center_crop": False}, "do_center_crop false; size {'height': 32"),
        ({"size": {"shortest_edge": 40}}, "size {'shortest_edge': 40}"),
        ({"size": 40}, "size 40"),
        ({"crop_size": {"height": 24, "width": 32}}, "crop_size {'height': 24"),
        ({"do_resize": False}, "do_resize false"),
        ({"resample": 2}, r"resample 2, which is not bicubic \(3\)"),
        ({"do_pad": True}, "do_pad true"),
        ({"do_flip": True}, "do_flip true"),
        (
            {"image_processor_type": "SiglipImageProcessor"},
            "SiglipImageProcessor, which is not an image processor of CLIP",
        ),
        ({"rescale_factor": 0}, "a rescale_factor of 0"),
        ({"image_mean": [0.5, 0.5]}, "a mean or deviation"),
        ({"image_std": [0.5, 0.0, 0.5]}, "std above 0"),
    ],
)
def test_what_deltaclip_does_not_do_to_pictures_is_refused_by_name(
    folder: Path, change: dict[str, object], found: str
) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(settings(SPEC.image_size) | change))
    with pytest.raises(CheckpointError, match=found):
        load_checkpoint(folder)


@pytest.mark.parametrize("size", [32, {"shortest_edge": 32}])
@pytest.mark.parametrize("crop", [32, [32, 32], {"height": 32, "width": 32}])
def test_sizes_may_be_written_in_every_way_that_transformers_takes(size: object, crop: object) -> None:
    values = {"size": size, "crop_size": crop, "feature_extractor_type": "CLIPFeatureExtractor", "resample": 3, **HALF}
    assert of_transformers(values, 32, "file", CLIP) == Normalisation((0.5,) * 3, (0.5,) * 3)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, Normalisation()),
        ({"mean": None, "std": None, "interpolation": "bicubic", "resize_mode": "shortest"}, Normalisation()),
        ({"mean": 0.5, "std": [0.5, 0.5, 0.5], "size": [32, 32]}, Normalisation((0.5,) * 3, (0.5,) * 3)),
        ({"mean": [0.1, 0.2, 0.3], "size": 32, "mode": "RGB"}, Normalisation((0.1, 0.2, 0.3))),
    ],
)
def test_open_clips_preprocessing_is_read(values: dict[str, object], expected: Normalisation) -> None:
    assert of_open_clip(values, 32, "file").is_same(expected)


@pytest.mark.parametrize(
    "values", [{"resize_mode": "squash"}, {"resize_mode": "longest"}, {"interpolation": "bilinear"}, {"size": 40}]
)
def test_another_geometry_of_open_clip_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match="|".join(values)):
        of_open_clip(values, 32, "file")


def test_what_is_said_of_pictures_must_agree(folder: Path, tmp_path: Path) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(settings(SPEC.image_size, **HALF)))
    with pytest.raises(CheckpointError, match=r"mean 0.5,0.5,0.5, .* by preprocessor_config.json; mean 0.1"):
        convert(clip=folder, out=tmp_path / "out", said=Said(normalisation=Normalisation((0.1,) * 3, (0.5,) * 3)))


def test_where_no_file_says_it_the_option_does(folder: Path, model: CLIPModel, tmp_path: Path) -> None:
    (folder / "preprocessor_config.json").unlink()
    convert(clip=folder, out=tmp_path / "out", said=Said(normalisation=Normalisation((0.5,) * 3, (0.5,) * 3)))
    (folder / "preprocessor_config.json").write_text(json.dumps(settings(SPEC.image_size, **HALF)))
    torch.testing.assert_close(ours(tmp_path / "out", noise()), theirs(folder, model, noise()), atol=2e-4, rtol=1e-4)


def test_an_alpha_convolution_on_a_model_with_its_own_mean_stays_as_it_is(
    folder: Path, model: CLIPModel, tmp_path: Path
) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(settings(SPEC.image_size, **HALF)))
    convolution = torch.randn(128, 1, 8, 8)
    torch.save({"conv1_alpha.weight": convolution}, tmp_path / "alpha.pth")
    convert(clip=folder, alpha=tmp_path / "alpha.pth", out=tmp_path / "out")
    stored = load_file(tmp_path / "out" / "model.safetensors")[PATCH_EMBEDDING]
    assert torch.equal(stored[:, 3:], convolution)
    assert not torch.equal(stored[:, :3], model.state_dict()[PATCH_EMBEDDING][:, :3])


def test_weights_that_lack_the_patch_embedding_are_left_to_the_list_of_what_is_missing() -> None:
    assert normalised_as_clip({"logit_scale": torch.ones(1)}, Normalisation((0.5,) * 3)).keys() == {"logit_scale"}
