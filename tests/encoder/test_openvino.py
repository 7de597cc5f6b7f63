"""The OpenVINO engine: torch's vectors in other precisions, calibrated and checked int8, and what runs is said."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from deltaclip.encoder import ChoiceError, Encoder, OpenVinoEngine, TorchEngine, calibrate
from deltaclip.encoder import openvino_engine as engine_module
from deltaclip.encoder.int8 import Calibration, calibration_places, checked, keep, kept_calibration, split_frames
from deltaclip.encoder.openvino_graph import ImageGraph
from deltaclip.errors import EngineError, LibraryError, PrecisionError
from deltaclip.library import Library
from deltaclip.model import load_checkpoint, widened
from deltaclip.reader import Clip
from deltaclip.shapes import ShapesSpec, make_world, write_world
from tests.helpers import centred_cosines, small_checkpoint, write_square
from tests.siglip import SIDE, siglip_folder

EXTRA = "needs OpenVINO and NNCF, of the extra cpu"
needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason=EXTRA)
needs_nncf = pytest.mark.skipif(find_spec("openvino") is None or find_spec("nncf") is None, reason=EXTRA)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small checkpoint whose alpha weights act, with a cache of its own."""
    monkeypatch.setenv("DELTACLIP_CACHE", str(tmp_path / "cache"))
    return small_checkpoint(tmp_path / "small")


def frames_of(num_frames: int, channels: int = 4, side: int = 32, seed: int = 0) -> NDArray[np.uint8]:
    """Pictures that differ as a whole, as frames of different videos do."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (num_frames, channels, 4, 4), np.uint8)
    return np.ascontiguousarray(coarse.repeat(side // 4, axis=2).repeat(side // 4, axis=3))


def clips_of(num_clips: int, num_frames: int = 4) -> list[Clip]:
    frames = frames_of(num_clips * num_frames).reshape(num_clips, num_frames, 4, 32, 32)
    seconds, coverage, fallback = np.arange(num_frames) / num_frames, np.ones(num_frames), (None,) * num_frames
    return [
        Clip(each, seconds, Path(f"{number}.mp4"), 0.0, 1.0, coverage, fallback) for number, each in enumerate(frames)
    ]


@needs_openvino
@pytest.mark.parametrize(("precision", "least"), [("float32", 0.9999), ("bfloat16", 0.98)])
def test_vectors_are_those_of_torch_for_clips_of_any_length(folder: Path, precision: Any, least: float) -> None:
    model = load_checkpoint(folder).model
    exact, other = TorchEngine(model, "cpu", "float32"), OpenVinoEngine(model, precision)
    lengths = [1, 5, 3, 60, 2]
    frames = frames_of(sum(lengths))
    vectors = other.video_vectors(frames, lengths)
    assert vectors.shape == (5, 16)
    assert (other.precision, other.device) == (precision, "cpu")
    assert centred_cosines(vectors, exact.video_vectors(frames, lengths)).min() > least
    assert other.digest == exact.digest
    assert (exact.rounding, other.rounding) == ("float32", f"openvino-{precision}")


@needs_openvino
def test_channels_of_motion_count_and_other_sizes_than_224_are_taken(folder: Path) -> None:
    model = widened(load_checkpoint(folder).model, ("flow", "time"))
    with torch.no_grad():
        weight = model.vision_model.embeddings.patch_embedding.weight
        weight[:, 4:] = torch.randn(weight[:, 4:].shape, generator=torch.Generator().manual_seed(0))
    frames = frames_of(6, channels=7)
    still = frames.copy()
    still[:, 4:] = 128
    engine = OpenVinoEngine(model, "float32")
    found = engine.video_vectors(np.concatenate([frames, still]), [6, 6])
    assert np.abs(found[0] - found[1]).max() > 1e-3
    assert found[:1] == pytest.approx(TorchEngine(model, "cpu", "float32").video_vectors(frames, [6]), abs=1e-5)


@needs_openvino
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_model_of_another_family_gives_what_torch_gives(tmp_path: Path, share: float) -> None:
    model = load_checkpoint(siglip_folder(tmp_path / "siglip")).model
    frames = np.random.default_rng(0).integers(0, 256, (6, 4, SIDE, SIDE), np.uint8)
    found = OpenVinoEngine(model, "float32").video_vectors(frames, [4, 2], share)
    exact = TorchEngine(model, "cpu", "float32").video_vectors(frames, [4, 2], share)
    assert found == pytest.approx(exact, abs=1e-5)


@needs_openvino
def test_patches_that_are_left_out_are_those_that_torch_leaves_out(folder: Path) -> None:
    model = load_checkpoint(folder).model
    exact, other = TorchEngine(model, "cpu", "float32"), OpenVinoEngine(model, "float32")
    frames = frames_of(60)
    for share in (0.5, 0.25, 1.0):
        lengths = [50, 10]
        expected = exact.video_vectors(frames, lengths, share)
        assert other.video_vectors(frames, lengths, share) == pytest.approx(expected, abs=1e-5)
    assert np.abs(expected - exact.video_vectors(frames, lengths, 0.25)).max() > 1e-3


@needs_openvino
def test_auto_takes_openvino_on_a_cpu_and_says_so(folder: Path) -> None:
    encoder = Encoder.load(folder, device="cpu", precision="fp32")
    assert "(fp32 in OpenVINO 2" in encoder.describe()
    facts = encoder.engine.facts
    assert (facts["engine"], facts["engine_reason"]) == ("openvino", "OpenVINO is faster on CPUs")
    assert facts["self_check"]["relative_errors"]["image vectors"] < 1e-4
    assert encoder.engine.notes == ()


@needs_openvino
def test_a_search_by_text_makes_no_graph(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "graph_of", failing)
    encoder = Encoder.load(folder, engine="openvino", device="cpu")
    exact = Encoder.load(folder, engine="torch", device="cpu")
    assert encoder.encode_texts(["a red square"]) == pytest.approx(exact.encode_texts(["a red square"]), abs=1e-6)
    assert encoder.fingerprint == exact.fingerprint


def failing(model: object) -> Any:
    raise EngineError("OpenVINO", "it cannot convert this encoder (RuntimeError: no)", "Choose the engine torch.")


@needs_openvino
def test_what_openvino_cannot_run_is_an_error_if_asked_for_and_else_left_to_torch_and_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "graph_of", failing)
    with pytest.raises(EngineError, match="cannot convert this encoder"):
        Encoder.load(folder, engine="openvino").encode_clips(clips_of(1))
    encoder = Encoder.load(folder, device="cpu", precision="fp32")
    exact = Encoder.load(folder, device="cpu", precision="fp32", engine="torch")
    assert np.array_equal(encoder.encode_clips(clips_of(2)), exact.encode_clips(clips_of(2)))
    assert "OpenVINO is not used: it cannot convert" in encoder.describe()
    assert encoder.engine.facts["engine"] == "torch"
    assert encoder.engine.notes[0].startswith("OpenVINO is not used: it cannot convert")
    assert encoder.rounding == exact.rounding


@needs_openvino
def test_a_graph_that_gives_other_vectors_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def turned(self: object, frames: NDArray[np.uint8], kept: object = None) -> torch.Tensor:
        return torch.randn(len(frames), 16, generator=torch.Generator().manual_seed(0))

    monkeypatch.setattr(ImageGraph, "features", turned)
    with pytest.raises(PrecisionError, match="image vectors that are not those of torch"):
        Encoder.load(folder, engine="openvino", precision="fp32").encode_clips(clips_of(1))
    auto = Encoder.load(folder, device="cpu")
    assert auto.engine.facts["engine"] == "torch"
    assert "OpenVINO is not used: gives image vectors" in auto.engine.notes[0]


@needs_nncf
def test_int8_is_calibrated_kept_beside_the_checkpoint_and_told_apart(folder: Path, tmp_path: Path) -> None:
    exact = Encoder.load(folder, device="cpu", precision="fp32", engine="torch")
    encoder = Encoder.load(folder, precision="int8")
    with pytest.raises(EngineError, match=r"not calibrated .*Run `deltaclip calibrate VIDEOS`"):
        encoder.encode_clips(clips_of(1))
    made = calibrate(encoder, clips_of(12))
    assert made.file == folder / "openvino-int8.zip"
    assert (made.calibration.num_frames, made.calibration.num_videos) == (48, 12)
    again = Encoder.load(folder, precision="int8")
    assert again.precision == again.kept_precision == "int8"
    assert again.fingerprint not in (exact.fingerprint, Encoder.load(folder, precision="bf16").fingerprint)
    clips = clips_of(12)
    assert centred_cosines(again.encode_clips(clips), exact.encode_clips(clips)).mean() > 0.98
    assert again.engine.facts["int8"]["cosine_here"] == pytest.approx(made.calibration.cosine, abs=0.02)
    assert again.rounding.startswith("openvino-int8-")


@needs_nncf
def test_a_library_in_int8_is_made_asked_and_continued_in_int8_only(folder: Path, tmp_path: Path) -> None:
    calibrate(Encoder.load(folder, precision="int8"), clips_of(12))
    (tmp_path / "videos").mkdir()
    write_square(tmp_path / "videos" / "a.mp4")
    with Library.open(tmp_path / "library", Encoder.load(folder, precision="int8"), create=True) as library:
        assert library.index([tmp_path / "videos"]).indexed == 1
    with Library.open(tmp_path / "library") as library:
        assert library.search("a red square")
        remembered = library.remembered_encoder()
        assert remembered is not None
        assert remembered.precision == remembered.load().precision == "int8"
    with pytest.raises(LibraryError, match=r"made by the encoder .* in int8 with"):
        Library.open(tmp_path / "library", Encoder.load(folder, precision="bf16"))


@needs_nncf
def test_calibrate_writes_one_line_to_stdout_and_nothing_to_the_home_folder(folder: Path, tmp_path: Path) -> None:
    write_world(tmp_path / "drawn", make_world(5, 9, ShapesSpec(size=96)))
    home = tmp_path / "home"
    home.mkdir()
    words = [sys.executable, "-m", "deltaclip", "calibrate", str(tmp_path / "drawn"), "--encoder", str(folder)]
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (0, f"wrote {folder / 'openvino-int8.zip'}\n"), done.stderr
    assert [line.partition(" calibrated on ")[0] for line in done.stderr.splitlines()] == [f"int8 of {folder}"]
    assert list(home.iterdir()) == []


def test_without_openvino_auto_is_torch_and_asking_for_it_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in ("choosing", "openvino_graph"):
        monkeypatch.setattr(f"deltaclip.encoder.{room}.is_installed", lambda: False)
    facts = Encoder.load(folder, device="cpu").engine.facts
    assert (facts["engine"], facts["engine_reason"]) == ("torch", "OpenVINO is not installed")
    with pytest.raises(ChoiceError, match=r"engine openvino: OpenVINO is not installed.*pip install"):
        Encoder.load(folder, engine="openvino")
    with pytest.raises(EngineError, match=r"not calibrated|not installed"):
        Encoder.load(folder, precision="int8").encode_clips(clips_of(1))


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"engine": "onnx"}, "engine 'onnx' is not one of auto, torch, openvino"),
        ({"engine": "torch", "precision": "int8"}, "precision int8: it runs in the engine openvino only"),
        ({"precision": "int4"}, "precision 'int4' is not one of auto, fp32, bf16, int8"),
    ],
)
def test_engines_and_precisions_that_do_not_go_together_are_refused(
    folder: Path, choice: dict[str, Any], said: str
) -> None:
    with pytest.raises(ChoiceError, match=said):
        Encoder.load(folder, **choice)


def test_short_and_long_names_are_one_precision(folder: Path) -> None:
    short, long = (Encoder.load(folder, precision=name, engine="torch") for name in ("bf16", "bfloat16"))
    assert short.precision == long.precision == "bfloat16"


def kept(folder: Path, digest: str = "0123") -> Calibration:
    frames = frames_of(2)
    graph, features = (b"<net/>", b"weights"), np.ones((2, 3), np.float32)
    made = Calibration(digest, 4, 2, 0.99, 0.98, {"openvino": "1"}, graph, frames, features)
    keep(made, [folder / "openvino-int8.zip"])
    return made


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = kept(tmp_path)
    read = kept_calibration([tmp_path / "openvino-int8.zip"], "0123")
    assert (read.facts, read.graph, read.mark) == (made.facts, made.graph, made.mark)
    assert np.array_equal(read.frames, made.frames)
    assert np.array_equal(read.features, made.features)


def test_a_calibration_of_other_weights_and_a_damaged_one_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "openvino-int8.zip"
    kept(tmp_path)
    with pytest.raises(EngineError, match="was calibrated for other weights"):
        kept_calibration([place], "4567")
    content = bytearray(place.read_bytes())
    content[content.index(b"weights")] ^= 1
    place.write_bytes(bytes(content))
    with pytest.raises(EngineError, match=r"no calibration that can be read .*calibrate VIDEOS"):
        kept_calibration([place], "0123")


def test_a_checkpoint_of_another_program_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTACLIP_CACHE", str(tmp_path))
    assert calibration_places(None, "0123") == (tmp_path / "int8" / "0123.zip",)
    assert calibration_places(tmp_path / "own", "0123")[0] == tmp_path / "own" / "openvino-int8.zip"
    engine = Encoder.load("shapes", precision="int8").engine
    assert isinstance(engine, OpenVinoEngine)
    assert engine._places == (tmp_path / "int8" / f"{engine._torch.digest}.zip",)


def test_frames_are_taken_by_turns_for_ranges_and_for_the_check() -> None:
    first, second = split_frames([frames_of(10), frames_of(10, seed=1)])
    assert (len(first), len(second)) == (10, 10)
    assert np.array_equal(first[0], frames_of(10)[0])
    assert np.array_equal(second[5], frames_of(10, seed=1)[1])
    first, second = split_frames([frames_of(1000)])
    assert (len(first), len(second)) == (128, 128)
    with pytest.raises(EngineError, match="15 frames to calibrate on, of at least 16"):
        split_frames([frames_of(15)])


def test_int8_far_from_float32_is_refused() -> None:
    rng = np.random.default_rng(0)
    exact = rng.normal(size=(50, 16)).astype(np.float32)
    near, far = (exact + size * rng.normal(size=exact.shape).astype(np.float32) for size in (0.1, 0.5))
    mean, lowest = checked(near, exact, "here")
    assert 0.98 < mean < 1
    assert 0.9 < lowest < mean
    with pytest.raises(EngineError, match=r"is 0\.\d+ here, below 0\.98.*bf16 or fp32"):
        checked(far, exact, "here")


def test_no_other_file_imports_openvino_or_nncf() -> None:
    home = Path(engine_module.__file__).parents[1]
    found = {
        path.name
        for path in home.rglob("*.py")
        if any(f"{word} {name}" in path.read_text() for word in ("import", "from") for name in ("openvino", "nncf"))
        or any(f'import_module("{name}' in path.read_text() for name in ("openvino", "nncf"))
    }
    assert found == {"openvino_graph.py"}


@needs_openvino
def test_frames_and_cost_are_those_of_the_torch_model(folder: Path) -> None:
    model = load_checkpoint(folder).model
    exact, other = TorchEngine(model, "cpu", "float32"), OpenVinoEngine(model, "float32")
    frames, ids = frames_of(7), np.zeros((2, 12), np.int64)
    for share in (1.0, 0.5):
        rows = other.frame_parts(frames, [5, 2], share)
        assert centred_cosines(rows, exact.frame_parts(frames, [5, 2], share)).min() > 0.9999
        assert other.costs(5, share) == exact.costs(5, share)
    np.testing.assert_array_equal(other.token_parts(ids), exact.token_parts(ids))
