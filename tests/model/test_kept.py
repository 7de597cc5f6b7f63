"""The digest of a checkpoint: kept beside it, never trusted for other files, and checked on demand."""

import json
import os
import time
from pathlib import Path

import pytest
from transformers import CLIPModel

import deltaclip.model.digest as room
from deltaclip.model import CheckpointRecord, load_checkpoint, loaded_digest, model_digest, new_model, save_checkpoint
from deltaclip.model.digest import kept_problem
from deltaclip.model.kept import KEPT_FILE, KeptFacts
from deltaclip.model.record import SourceFile

from .conftest import SPEC, make_plain

YESTERDAY = time.time() - 86_400


def settle(folder: Path, when: float = YESTERDAY) -> None:
    """Gives all files a time that no later change can share."""
    for path in folder.iterdir():
        os.utime(path, (when, when))


@pytest.fixture
def settled(folder: Path) -> Path:
    settle(folder)
    return folder


def forbid_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "model_digest", None)
    monkeypatch.setattr(SourceFile, "of", None)


def put_other_weights(folder: Path) -> None:
    """A different checkpoint of the same sizes, all files with the times that they had."""
    kept = (folder / KEPT_FILE).read_bytes()
    save_checkpoint(folder, new_model(SPEC, seed=99), load_checkpoint(folder).tokenizer, CheckpointRecord())
    (folder / KEPT_FILE).write_bytes(kept)


def test_a_second_loading_hashes_nothing_and_gives_the_same_digest(
    settled: Path, model: CLIPModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = loaded_digest(load_checkpoint(settled))
    assert first == model_digest(model)
    forbid_hashing(monkeypatch)
    assert loaded_digest(load_checkpoint(settled)) == first


def test_the_hash_of_a_plain_checkpoints_file_is_kept_too(settled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_plain(settled)
    settle(settled)
    first = load_checkpoint(settled)
    loaded_digest(first)
    assert first.record.source == (SourceFile.of(settled / "model.safetensors"),)
    forbid_hashing(monkeypatch)
    second = load_checkpoint(settled)
    assert (second.record.source, loaded_digest(second)) == (first.record.source, loaded_digest(first))


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_file_with_another_time_is_read_again(settled: Path, file: str) -> None:
    loaded_digest(load_checkpoint(settled))
    put_other_weights(settled)
    settle(settled)
    os.utime(settled / file, (YESTERDAY + 1, YESTERDAY + 1))
    loaded = load_checkpoint(settled)
    assert loaded_digest(loaded) == model_digest(loaded.model)


def test_a_file_that_is_new_counts_as_a_change(settled: Path) -> None:
    loaded_digest(load_checkpoint(settled))
    (settled / "processor_config.json").write_text("{}")
    assert load_checkpoint(settled).kept.read() == {}  # type: ignore[union-attr]  # it was loaded from files


def test_weights_changed_behind_an_old_time_are_found_by_the_check(settled: Path) -> None:
    loaded_digest(load_checkpoint(settled))
    assert kept_problem(str(settled)) is None
    put_other_weights(settled)
    settle(settled)
    problem = kept_problem(str(settled))
    assert problem is not None
    assert problem.startswith(f"{settled}: its weights are not those whose digest is kept in {settled / KEPT_FILE}")


def test_nothing_kept_and_nothing_on_this_machine_are_no_problem(settled: Path) -> None:
    assert kept_problem(str(settled)) is None
    assert kept_problem("owner/model-that-nobody-fetched") is None


def test_files_that_may_still_change_within_one_time_stamp_keep_nothing(folder: Path) -> None:
    settle(folder, time.time())
    loaded_digest(load_checkpoint(folder))
    assert not (folder / KEPT_FILE).exists()


def test_files_that_change_while_they_are_read_keep_nothing(settled: Path) -> None:
    facts = KeptFacts(settled, ("model.safetensors",), is_ours=True)

    def changed_meanwhile() -> str:
        os.utime(settled / "model.safetensors", (YESTERDAY + 1, YESTERDAY + 1))
        return "of one of both"

    assert facts.value("digest", changed_meanwhile) == "of one of both"
    assert not (settled / KEPT_FILE).exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1, "files": null, "facts": {}}'])
def test_a_damaged_file_is_made_again(settled: Path, text: str) -> None:
    (settled / KEPT_FILE).write_text(text)
    loaded = load_checkpoint(settled)
    assert loaded_digest(loaded) == model_digest(loaded.model)
    assert json.loads((settled / KEPT_FILE).read_text())["facts"]["model_digest"] == loaded_digest(loaded)


def test_where_the_folder_cannot_be_written_the_users_cache_holds_it(
    settled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELTACLIP_CACHE", str(tmp_path / "cache"))
    (settled / KEPT_FILE).mkdir()  # for root, too, nothing can be written there
    first = loaded_digest(load_checkpoint(settled))
    [kept] = (tmp_path / "cache" / "checkpoints").iterdir()
    assert json.loads(kept.read_text())["facts"]["model_digest"] == first
    forbid_hashing(monkeypatch)
    assert loaded_digest(load_checkpoint(settled)) == first


def test_folders_of_other_programs_get_no_file(settled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTACLIP_CACHE", str(tmp_path / "cache"))
    KeptFacts(settled, ("model.safetensors",), is_ours=False).value("digest", lambda: "1")
    assert not (settled / KEPT_FILE).exists()
    assert len(list((tmp_path / "cache" / "checkpoints").iterdir())) == 1


def test_a_link_counts_as_the_file_that_it_leads_to(settled: Path, tmp_path: Path) -> None:
    (settled / "model.safetensors").rename(tmp_path / "blob")
    (settled / "model.safetensors").symlink_to(tmp_path / "blob")
    status = (tmp_path / "blob").stat()
    facts = KeptFacts(settled, ("model.safetensors",), is_ours=False)
    assert facts.files == {"model.safetensors": [status.st_size, status.st_mtime_ns]}


def test_a_new_checkpoint_in_the_same_folder_leaves_no_older_digest(settled: Path, model: CLIPModel) -> None:
    loaded_digest(load_checkpoint(settled))
    assert (settled / KEPT_FILE).exists()
    save_checkpoint(settled, model, None, CheckpointRecord())
    assert not (settled / KEPT_FILE).exists()
