"""What the commands say of engines, with and without OpenVINO."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from deltaclip.shapes import ShapesSpec, make_world, write_world
from tests.cli.calls import Call
from tests.helpers import small_checkpoint, write_square

needs_extra = pytest.mark.skipif(
    find_spec("openvino") is None or find_spec("nncf") is None, reason="needs OpenVINO and NNCF, of the extra cpu"
)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return small_checkpoint(tmp_path / "encoder")


def test_index_and_info_say_that_torch_runs_and_why(checkpoint: Path, tmp_path: Path, deltaclip: Call) -> None:
    choices = ("--encoder", checkpoint, "--engine", "torch", "--precision", "fp32")
    code, report, told = deltaclip(
        "index", write_square(tmp_path / "a.mp4"), "--library", tmp_path / "library", *choices, "--json"
    )
    assert (code, "on cpu (fp32, " in told) == (0, True)
    assert report["encoder"]["engine"] == "torch"
    assert report["encoder"]["precision_reason"] == "as asked"
    _, facts, _ = deltaclip("info", *choices, "--json")
    assert (facts["engine"], facts["engine_reason"], facts["precision"]) == ("torch", "as asked", "float32")
    _, told, _ = deltaclip("info", *choices)
    assert "engine       torch: as asked" in told


def test_a_library_of_some_patches_remembers_that_and_refuses_others(
    checkpoint: Path, tmp_path: Path, deltaclip: Call
) -> None:
    video = write_square(tmp_path / "a.mp4")
    words = ("index", video, "--library", tmp_path / "library", "--json")
    code, _, told = deltaclip(*words, "--encoder", checkpoint, "--keep", 1 / 3)
    assert (code, "33.3% of the patches" in told) == (0, True)
    code, report, told = deltaclip(*words)
    assert (code, report["unchanged"], "33.3% of the patches" in told) == (0, 1, True)
    code, answer, _ = deltaclip("search", "--video", video, "--library", tmp_path / "library", "--json")
    assert (code, answer["hits"][0]["score"]) == (0, pytest.approx(1, abs=1e-5))
    code, answer, _ = deltaclip(*words, "--keep", 1)
    assert (code, "4 frames, 33.3% of the patches" in answer["error"]["found"]) == (1, True)
    code, answer, _ = deltaclip(*words, "--keep", 0)
    assert (code, "keep is 0.0: a share above 0 and at most 1" in answer["error"]["found"]) == (2, True)


def test_an_engine_without_its_package_is_wrong_usage(
    checkpoint: Path, deltaclip: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deltaclip.encoder.choosing.is_installed", lambda: False)
    code, answer, _ = deltaclip("info", "--encoder", checkpoint, "--engine", "openvino", "--json")
    assert code == 2
    assert "OpenVINO is not installed. Install it with: pip install 'deltaclip[cpu]'." in answer["error"]["found"]


@needs_extra
def test_index_in_int8_calibrates_once_and_the_library_stays_in_int8(
    checkpoint: Path, tmp_path: Path, deltaclip: Call
) -> None:
    write_world(tmp_path / "drawn", make_world(5, 9, ShapesSpec(size=96)))
    words = ("index", tmp_path / "drawn", "--library", tmp_path / "library", "--json")
    code, report, told = deltaclip(*words, "--encoder", checkpoint, "--precision", "int8")
    assert (code, "calibrated on 36 frames of 9 videos" in told) == (0, True)
    assert (report["indexed"], report["encoder"]["precision"], report["encoder"]["engine"]) == (9, "int8", "openvino")
    assert (checkpoint / "openvino-int8.zip").exists()
    code, report, told = deltaclip(*words)
    assert (code, report["unchanged"], report["encoder"]["precision"]) == (0, 9, "int8")
    assert "calibrated on" not in told
    code, answer, _ = deltaclip("search", "the red circle moves", "--library", tmp_path / "library", "--json")
    assert (code, len(answer["hits"])) == (0, 9)
    code, answer, _ = deltaclip(*words, "--precision", "bf16")
    assert (code, "in int8" in answer["error"]["found"]) == (1, True)
