"""Files of weights: every format people have, and everything they have by mistake; nothing in them is run."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from deltaclip.errors import CheckpointError
from deltaclip.model.weights import read_weights

from .archives import call_pickle, edit_archive, write_archive

WEIGHTS = {"visual.proj": torch.arange(6.0).reshape(2, 3), "logit_scale": torch.tensor(2.5, dtype=torch.float16)}


def assert_same(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name].dtype == expected[name].dtype
        assert torch.equal(found[name], expected[name])


def test_a_state_dict_saved_by_torch_is_read(tmp_path: Path) -> None:
    torch.save(WEIGHTS, tmp_path / "clip.pt")
    assert_same(read_weights(tmp_path / "clip.pt").tensors, WEIGHTS)


def test_the_older_format_of_torch_save_is_read(tmp_path: Path) -> None:
    torch.save(WEIGHTS, tmp_path / "clip.bin", _use_new_zipfile_serialization=False)
    assert_same(read_weights(tmp_path / "clip.bin").tensors, WEIGHTS)


def test_safetensors_are_read_whatever_the_name(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "clip.bin")
    assert_same(read_weights(tmp_path / "clip.bin").tensors, WEIGHTS)


def test_safetensors_whose_length_begins_as_a_pickle_does_are_read(tmp_path: Path) -> None:
    # one file in 32 begins with byte 0x80, a pickle's first, and was refused as a damaged one
    for letters in range(0, 256, 8):
        save_file(WEIGHTS, tmp_path / "clip.safetensors", metadata={"name": "x" * letters})
        if (tmp_path / "clip.safetensors").read_bytes()[:1] == b"\x80":
            break
    else:
        raise AssertionError("no length began so")
    assert_same(read_weights(tmp_path / "clip.safetensors").tensors, WEIGHTS)


def test_a_torch_file_that_is_called_safetensors_is_read(tmp_path: Path) -> None:
    # torch.load goes by that name, and hands the file to safetensors.
    torch.save(WEIGHTS, tmp_path / "clip.safetensors")
    assert_same(read_weights(tmp_path / "clip.safetensors").tensors, WEIGHTS)


def test_arrays_of_an_npz_are_read(tmp_path: Path) -> None:
    stored = {name: weight.numpy() for name, weight in WEIGHTS.items()}
    np.savez(tmp_path / "alpha.npz", allow_pickle=False, **stored)
    assert_same(read_weights(tmp_path / "alpha.npz").tensors, WEIGHTS)


def test_an_archive_is_read_as_torch_itself_reads_it(tmp_path: Path) -> None:
    weights = WEIGHTS | {"input_resolution": torch.tensor(32), "a.b.0.weight": torch.rand(3, 4).T}
    write_archive(tmp_path / "clip.pt", weights)
    assert_same(read_weights(tmp_path / "clip.pt").tensors, weights)


def test_an_archive_of_an_older_torch_does_not_name_its_byte_order(tmp_path: Path) -> None:
    write_archive(tmp_path / "clip.pt", WEIGHTS)
    edit_archive(tmp_path / "clip.pt", {"/byteorder": None})
    assert_same(read_weights(tmp_path / "clip.pt").tensors, WEIGHTS)


def test_weights_that_share_one_storage_are_read_apart(tmp_path: Path) -> None:
    both = torch.arange(8.0)
    torch.save({"a": both[:4], "b": both[4:]}, tmp_path / "clip.pt")
    assert_same(read_weights(tmp_path / "clip.pt").tensors, {"a": both[:4], "b": both[4:]})


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"\n <!DOCTYPE html><html><title>Google Drive - Virus scan warning</title>", "a web page"),
        (b"<HTML><body>sign in", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:40d365\nsize 353976522\n", "a Git LFS pointer"),
        (b"PK\x03\x04 and no more", "cut short or damaged"),
        (b"\x80\x02 and no more", "not plain weights|cut short or damaged"),
        (b"GIF89a\x01\x00\x01\x00", "not a file of weights"),
    ],
)
def test_what_people_save_in_place_of_weights_is_named(tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "clip.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=found):
        read_weights(tmp_path / "clip.pt")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("kind", ["state dict", "archive", "safetensors", "old"])
def test_a_file_cut_short_is_said_to_be_so(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / "clip.pt"
    weights = {"a.weight": torch.rand(100, 7)}
    if kind == "archive":
        write_archive(path, weights)
    elif kind == "safetensors":
        save_file(weights, path)
    else:
        torch.save(weights, path, _use_new_zipfile_serialization=kind == "state dict")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError):
        read_weights(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"clip.pt: cannot be read \(No such file"):
        read_weights(tmp_path / "clip.pt")


@pytest.mark.parametrize("kept", [{"epoch": 3, "args": {"lr": torch.ones(1)}}, [torch.ones(2)], {1: torch.ones(2)}])
def test_a_file_that_holds_no_tensors_by_name_is_named(tmp_path: Path, kept: object) -> None:
    torch.save(kept, tmp_path / "clip.pt")
    with pytest.raises(CheckpointError, match="no tensors by name"):
        read_weights(tmp_path / "clip.pt")


def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "clip.pt").write_bytes(call_pickle("os", "mkdir", str(tmp_path / "was_run")))
    with pytest.raises(CheckpointError, match="not plain weights"):
        read_weights(tmp_path / "clip.pt")
    assert not (tmp_path / "was_run").exists()


def test_an_archive_that_would_run_code_is_refused_and_not_run(tmp_path: Path) -> None:
    write_archive(tmp_path / "clip.pt", WEIGHTS)
    edit_archive(tmp_path / "clip.pt", {"/data.pkl": call_pickle("os", "mkdir", str(tmp_path / "was_run"))})
    with pytest.raises(CheckpointError, match="mkdir, which is neither a module nor a tensor"):
        read_weights(tmp_path / "clip.pt")
    assert not (tmp_path / "was_run").exists()


def test_an_npz_of_pickled_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "alpha.npz", a=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(CheckpointError, match="not an npz of plain arrays"):
        read_weights(tmp_path / "alpha.npz")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"/data/0": b"\x00\x00\x00"}, "storage 0 has 3 bytes"),
        ({"/data/0": None}, "no item named"),
        ({"/data.pkl": b""}, "not a TorchScript archive"),
        ({"/data.pkl": b"\x80\x02]."}, "its top level is not a module"),
        ({"/data.pkl": None}, "0 files data.pkl"),
        ({"/byteorder": b"big"}, "not little-endian"),
    ],
)
def test_an_archive_that_does_not_fit_is_named(tmp_path: Path, changes: dict[str, bytes | None], found: str) -> None:
    write_archive(tmp_path / "clip.pt", WEIGHTS)
    edit_archive(tmp_path / "clip.pt", changes)
    with pytest.raises(CheckpointError, match=found):
        read_weights(tmp_path / "clip.pt")
