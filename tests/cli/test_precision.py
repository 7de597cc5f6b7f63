"""What the commands say of a precision: which one runs and why, and that a wrong one is not used."""

from pathlib import Path

import pytest

from tests.cli.calls import Call
from tests.faults import FaultyInBfloat16, plain_products
from tests.helpers import small_checkpoint, write_square

REFUSED = "bf16 is not used: it gives wrong numbers on this machine (relative error of bfloat16 to float32: patch"


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small encoder on a processor that multiplies bf16, whichever runs the test."""
    monkeypatch.setattr("deltaclip.model.placement._native_bfloat16", lambda device: (True, "it has amx_bf16"))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    return small_checkpoint(tmp_path / "encoder")


def test_info_tells_the_precision_its_reason_and_the_result_of_the_check(checkpoint: Path, deltaclip: Call) -> None:
    _, facts, _ = deltaclip("info", "--encoder", checkpoint, "--json")
    assert (facts["precision"], facts["precision_reason"]) == ("bfloat16", "it has amx_bf16")
    assert facts["self_check"]["passed"] is True
    assert facts["self_check"]["relative_errors"].keys() >= {
        "patch embedding",
        "image encoder",
        "text encoder",
        "image vectors",
    }
    assert facts["processor"]["name"]
    _, told, _ = deltaclip("info", "--encoder", checkpoint)
    assert "precision    bfloat16: it has amx_bf16" in told
    assert "self_check   passed in " in told
    assert f"processor    {facts['processor']['name']}" in told


def test_info_tells_that_a_wrong_precision_is_not_used(checkpoint: Path, deltaclip: Call) -> None:
    with FaultyInBfloat16(plain_products):
        _, facts, _ = deltaclip("info", "--encoder", checkpoint, "--json")
        _, told, _ = deltaclip("info", "--encoder", checkpoint)
    assert (facts["precision"], facts["self_check"]["passed"]) == ("float32", False)
    assert facts["self_check"]["relative_errors"]["patch embedding"] > 1
    assert f"precision    float32: {REFUSED}" in told
    assert "self_check   FAILED in " in told


def test_index_and_search_say_so_too(checkpoint: Path, tmp_path: Path, deltaclip: Call) -> None:
    video, library = write_square(tmp_path / "square.mp4"), tmp_path / "library"
    with FaultyInBfloat16(plain_products):
        code, _, indexed = deltaclip("index", video, "--library", library, "--encoder", checkpoint)
        assert (code, REFUSED in indexed) == (0, True)
        code, _, searched = deltaclip("search", "a red square", "--library", library)
        assert (code, REFUSED in searched) == (0, True)


def test_a_wrong_precision_that_is_asked_for_is_refused(checkpoint: Path, deltaclip: Call) -> None:
    with FaultyInBfloat16(plain_products):
        words = ("evaluate", "shapes", "--encoder", checkpoint, "--clips", 6, "--precision", "bfloat16", "--json")
        code, answer, _ = deltaclip(*words)
    assert code == 1
    assert answer["error"]["what"] == "bfloat16 on cpu"
    assert "Choose the precision float32, or auto" in answer["error"]["remedy"]
