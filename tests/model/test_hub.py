"""Names of the hub: found in the cache without a network, or an error that says what to do."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from transformers import CLIPModel

from deltaclip.errors import CheckpointError
from deltaclip.model import Tokenizer, convert, known_checkpoint, load_checkpoint, loaded_digest, model_digest
from deltaclip.model.sources import SCALARS

from .conftest import openai_weights
from .test_said import MODEL_CFG

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no way to the network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def put_into_cache(folder: Path, cache: Path) -> None:
    """Lays a folder into the cache as huggingface_hub does for owner/model."""
    repository = cache / "models--owner--model"
    shutil.copytree(folder, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)


def test_a_cached_model_is_loaded_offline_and_its_name_recorded(folder: Path, hub_cache: Path) -> None:
    (folder / "deltaclip.json").unlink()
    put_into_cache(folder, hub_cache)
    loaded = load_checkpoint("owner/model")
    assert loaded.record.hub == "owner/model"
    assert loaded.record.source[0].name == "model.safetensors"
    assert loaded.tokenizer is not None


def test_a_cached_model_is_known_once_it_was_loaded_and_keeps_its_name(folder: Path, hub_cache: Path) -> None:
    for path in folder.iterdir():
        os.utime(path, (time.time() - 3600,) * 2)
    put_into_cache(folder, hub_cache)
    assert known_checkpoint("owner/model") is None
    loaded = load_checkpoint("owner/model")
    digest, found = loaded_digest(loaded), known_checkpoint("owner/model")
    assert found is not None
    assert (found.digest, found.record, found.hub) == (digest, loaded.record, "owner/model")
    assert loaded_digest(found.load()) == digest
    assert known_checkpoint("owner/other") is None


def test_a_cached_model_of_open_clip_is_loaded_offline_with_the_licence_of_its_card(
    folder: Path, model: CLIPModel, hub_cache: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "open_clip"
    theirs.mkdir()
    weights = {name: weight for name, weight in openai_weights(model).items() if name not in SCALARS}
    torch.save(weights, theirs / "open_clip_pytorch_model.bin")
    (theirs / "open_clip_config.json").write_text(json.dumps({"model_cfg": MODEL_CFG}))
    (theirs / "README.md").write_text("---\nlicense: mit\n---\n")
    shutil.copy(folder / "tokenizer.json", theirs)
    put_into_cache(theirs, hub_cache)
    loaded = load_checkpoint("owner/model")
    assert (loaded.record.hub, loaded.record.licence) == ("owner/model", "mit")
    assert loaded.tokenizer is not None
    convert(clip="owner/model", out=tmp_path / "out")
    assert model_digest(load_checkpoint(tmp_path / "out").model) == model_digest(loaded.model)


def test_a_cached_tokenizer_is_loaded_offline(folder: Path, hub_cache: Path) -> None:
    put_into_cache(folder, hub_cache)
    assert Tokenizer.from_source("owner/model").vocab_size == 12


def test_offline_without_a_copy_the_error_says_what_to_run() -> None:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint("openai/clip-vit-base-patch32")
    message = str(caught.value)
    assert "HF_HUB_OFFLINE forbids" in message
    assert "hf download openai/clip-vit-base-patch32" in message
    assert "--encoder FOLDER" in message
    assert "--encoder shapes" in message


def test_a_copy_without_weights_is_named(folder: Path, hub_cache: Path) -> None:
    (folder / "model.safetensors").unlink()
    put_into_cache(folder, hub_cache)
    with pytest.raises(CheckpointError, match=r"model.safetensors or pytorch_model.bin in the cache"):
        load_checkpoint("owner/model")


@pytest.mark.parametrize(
    "name", ["nowhere", "/nowhere/model", "../model", "a/b/c", "owner/", "own er/model", "weights/clip.pt"]
)
def test_a_name_that_is_neither_folder_nor_hub_name_is_said_to_be_so(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(CheckpointError, match="neither a folder here nor a hub name"):
        load_checkpoint(name)
