"""Checkpoints that torch has loaded whole before are known, and nothing else is."""

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from deltaclip.errors import CheckpointError
from deltaclip.model import (
    HeadSizes,
    KnownCheckpoint,
    known_checkpoint,
    load_checkpoint,
    loaded_digest,
    model_spec,
    save_checkpoint,
    texts_of,
    with_temporal_head,
)
from deltaclip.model.kept import KEPT_FILE, SHIPPED_FILE
from deltaclip.model.record import RECORD_FILE
from deltaclip.model.shipped import shipped_document

from .conftest import make_plain

YESTERDAY = time.time() - 86_400
WEIGHTS = "model.safetensors"


def settle(folder: Path) -> None:
    """Gives all files a time that no later change can share."""
    for path in folder.iterdir():
        os.utime(path, (YESTERDAY, YESTERDAY))


@pytest.fixture
def known_folder(folder: Path) -> Path:
    """A checkpoint that torch has loaded once."""
    settle(folder)
    loaded_digest(load_checkpoint(folder))
    return folder


def known(folder: Path) -> KnownCheckpoint:
    found = known_checkpoint(folder)
    assert found is not None
    return found


def test_a_checkpoint_is_known_once_it_was_loaded(folder: Path) -> None:
    settle(folder)
    assert known_checkpoint(folder) is None
    loaded_digest(load_checkpoint(folder))
    assert known_checkpoint(folder) is not None


@pytest.mark.parametrize("plain", [False, True])
def test_what_is_known_is_what_loading_gives(folder: Path, plain: bool) -> None:
    if plain:  # a folder of transformers, without our record
        make_plain(folder)
    settle(folder)
    loaded = load_checkpoint(folder)
    digest = loaded_digest(loaded)
    found, texts = known(folder), texts_of(loaded.model)
    assert (found.digest, found.record, found.facts.spec) == (digest, loaded.record, model_spec(loaded.model))
    assert found.tokenizer is not None
    assert loaded.tokenizer is not None
    assert found.tokenizer.digest() == loaded.tokenizer.digest()
    ids = found.tokenizer.rows(["the red circle moves"], 9, 10, 11, 0)
    assert texts is not None
    assert (found.texts.vectors(ids) == texts.vectors(ids)).all()
    assert loaded_digest(found.load()) == digest


def test_a_temporal_head_is_known_too(folder: Path) -> None:
    plain = load_checkpoint(folder)
    model = with_temporal_head(plain.model, HeadSizes(layers=2, positions=6), seed=0)
    save_checkpoint(folder, model, plain.tokenizer, plain.record)
    settle(folder)
    loaded = load_checkpoint(folder)
    loaded_digest(loaded)
    assert (known(folder).facts.max_frames, known(folder).record) == (6, loaded.record)


def change_time(folder: Path) -> None:
    os.utime(folder / WEIGHTS, (YESTERDAY + 1, YESTERDAY + 1))


def cut_short(folder: Path) -> None:
    os.truncate(folder / WEIGHTS, (folder / WEIGHTS).stat().st_size - 4)
    settle(folder)


def in_half_precision(folder: Path) -> None:
    save_file({name: weight.half() for name, weight in load_file(folder / WEIGHTS).items()}, folder / WEIGHTS)
    settle(folder)


def change_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text() + " ")
    settle(folder)


def remove_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def damage_record(folder: Path) -> None:
    (folder / RECORD_FILE).write_text("{")


def say_a_head(folder: Path) -> None:
    record = json.loads((folder / RECORD_FILE).read_text())
    (folder / RECORD_FILE).write_text(json.dumps(record | {"temporal_layers": 2}))


def damage_what_is_kept(folder: Path) -> None:
    kept = json.loads((folder / KEPT_FILE).read_text())
    kept["facts"]["model_facts"] = '{"spec": 1}'
    (folder / KEPT_FILE).write_text(json.dumps(kept))


def forget(folder: Path) -> None:
    (folder / KEPT_FILE).unlink()


def remove_the_weights(folder: Path) -> None:
    (folder / WEIGHTS).unlink()


def remove_all(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "change",
    [
        change_time,
        cut_short,
        in_half_precision,
        change_tokenizer,
        remove_tokenizer,
        damage_record,
        say_a_head,
        damage_what_is_kept,
        forget,
        remove_the_weights,
        remove_all,
    ],
)
def test_one_that_changed_is_unknown(known_folder: Path, change: Callable[[Path], None]) -> None:
    change(known_folder)
    assert known_checkpoint(known_folder) is None


def test_facts_that_were_damaged_are_kept_anew_by_the_next_loading(known_folder: Path) -> None:
    damage_what_is_kept(known_folder)
    loaded_digest(load_checkpoint(known_folder))
    assert known_checkpoint(known_folder) is not None


def test_a_weight_of_a_different_name_is_found_even_under_the_old_size_and_time(known_folder: Path) -> None:
    raw = (known_folder / WEIGHTS).read_bytes()
    (known_folder / WEIGHTS).write_bytes(raw.replace(b"text_projection", b"text_projectiom"))
    settle(known_folder)
    assert known_checkpoint(known_folder) is None
    with pytest.raises(CheckpointError, match="text_projectiom"):
        load_checkpoint(known_folder)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_one_in_half_precision_is_known_and_gives_what_torch_gives(folder: Path, dtype: torch.dtype) -> None:
    weights = {name: weight.to(dtype) for name, weight in load_file(folder / WEIGHTS).items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    settle(folder)
    loaded = load_checkpoint(folder)
    loaded_digest(loaded)
    ids, texts = np.array([[10, 3, 4, 11, 0, 0, 0, 0, 0]]), texts_of(loaded.model)
    assert texts is not None
    assert (known(folder).texts.vectors(ids) == texts.vectors(ids)).all()


def test_images_of_one_that_changed_in_use_are_refused(known_folder: Path) -> None:
    found = known(known_folder)
    plain = load_checkpoint(known_folder)
    weights = {name: weight * 2 for name, weight in plain.model.state_dict().items()}
    plain.model.load_state_dict(weights)
    save_checkpoint(known_folder, plain.model, plain.tokenizer, replace(plain.record, motion="difference"))
    with pytest.raises(CheckpointError, match=r"changed while it was in use. Load the encoder again"):
        found.load()


def test_what_comes_with_the_bundled_checkpoint_is_what_loading_it_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(str(files("deltaclip").joinpath("checkpoints/shapes")))
    told = json.loads((folder / SHIPPED_FILE).read_text())
    assert told == shipped_document(folder), f"run python -m deltaclip.model.shipped {folder}"
    monkeypatch.setenv("DELTACLIP_CACHE", str(tmp_path))  # nothing is kept there
    assert known_checkpoint(folder) is not None
    elsewhere = shutil.copytree(folder, tmp_path / "copy")
    assert known_checkpoint(elsewhere) is None
