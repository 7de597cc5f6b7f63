"""Engines and precisions of the image encoder on this CPU, side by side in one run.

python bench/engines.py --data FOLDER [--rounds 5] [--frames 48] [--compile] [--shapes] [--json]

A random ViT-B/32 with four channels encodes the same frames of the clips of FOLDER in each way, by turns: every round
runs each way once, in a different order. Frames a second by the wall clock and by CPU time of the process, medians of
the rounds; and as ratios to torch in float32 of the same round, which other work on the machine disturbs less. Centred
cosine (without the mean over the frames) to torch in float32, mean and lowest, of frames that int8 was not calibrated
on. --compile also tries `torch.compile` in bfloat16, which needs a C++ compiler and a minute. --shapes: T2V R@1 of the
bundled encoder `shapes` on its fixed test set in each way; int8 is calibrated on other drawn clips.
Needs the extra cpu: pip install 'deltaclip[cpu]'.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deltaclip.encoder import Encoder, OpenVinoEngine, TorchEngine, calibrate, calibration_clips
from deltaclip.encoder.int8 import centred_cosines
from deltaclip.encoder.openvino_graph import versions
from deltaclip.evaluation import evaluate_shapes
from deltaclip.model import ModelSpec, image_features, new_model, normalised, this_processor
from deltaclip.shapes import ShapesSpec, make_world, write_world
from deltaclip.video.suffixes import VIDEO_SUFFIXES

Frames = NDArray[np.uint8]
Way = Callable[[Frames], NDArray[np.float32]]
EXACT = "torch fp32"
SIZES = ModelSpec(224, 32, 768, 12, 512, 12, 512, 49408, 77, 49406, 49407, 0)
CALIBRATION_SEED, CALIBRATION_CLIPS = 4711, 36
"""Of drawn clips; neither the seed of the test set nor that of the training clips of `shapes`."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of video clips")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=48, help="frames that each way encodes in a round")
    parser.add_argument("--compile", action="store_true", help="also torch.compile in bfloat16")
    parser.add_argument("--shapes", action="store_true", help="also R@1 of the bundled encoder")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ways, checked, made = _ways(given.data, Path(folder), given.compile)
        document: dict[str, Any] = {
            "processor": str(this_processor()),
            "threads": torch.get_num_threads(),
            "versions": {"torch": torch.__version__, **versions()},
            "rounds": given.rounds,
            "frames": given.frames,
            "calibration": made,
            "engines": _measured(ways, checked, given.rounds, given.frames),
        }
        if given.shapes:
            document["shapes"] = _shapes(Path(folder))
    print(json.dumps(document) if given.json else _tables(document))


def _ways(data: Path, folder: Path, compiles: bool) -> tuple[dict[str, Way], Frames, dict[str, Any]]:
    """The ways by name, the frames to compare them on, and how int8 was made."""
    model = new_model(SIZES, seed=0)
    int8 = OpenVinoEngine(model, "int8", own_folder=folder)
    files = sorted(path for path in data.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    clips, _ = calibration_clips(Encoder("random", int8, motion="subject", num_frames=12), files)
    _tell("calibrating")
    made, _ = int8.calibrate([clip.frames for clip in clips])
    ways: dict[str, Way] = {EXACT: _of_torch(model, "float32"), "torch bf16": _of_torch(model, "bfloat16")}
    if compiles:
        ways["torch bf16 compiled"] = _compiled(model)
    for name, precision in (("fp32", "float32"), ("bf16", "bfloat16")):
        ways[f"OpenVINO {name}"] = _of_openvino(OpenVinoEngine(model, precision))  # type: ignore[arg-type]
    ways["OpenVINO int8"] = _of_openvino(int8)
    return ways, made.frames, made.facts


def _of_torch(model: Any, precision: Any) -> Way:
    engine = TorchEngine(model, "cpu", precision)
    return lambda frames: engine.frame_features(frames).numpy()


def _of_openvino(engine: OpenVinoEngine) -> Way:
    return lambda frames: engine.frame_features(frames).numpy()


def _compiled(model: Any) -> Way:
    run = torch.compile(lambda frames: image_features(model, normalised(frames)))

    def features(frames: Frames) -> NDArray[np.float32]:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            return run(torch.from_numpy(frames)).float().numpy()

    return features


def _measured(ways: Mapping[str, Way], checked: Frames, rounds: int, num_frames: int) -> dict[str, dict[str, float]]:
    frames = np.concatenate([checked] * (num_frames // len(checked) + 1))[:num_frames]
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    exact = ways[EXACT](checked)
    rows: dict[str, dict[str, float]] = {}
    for name, way in ways.items():
        cosines = centred_cosines(way(checked), exact)
        rows[name] = {"cosine": float(cosines.mean()), "lowest": float(cosines.min())}
        way(frames)
        _tell(f"{name} is ready: {rows[name]}")
    rng = np.random.default_rng(0)
    for number in range(rounds):
        _tell(f"round {number + 1} of {rounds}")
        for name in rng.permutation(list(ways)):
            wall, used = time.perf_counter(), time.process_time()
            ways[name](frames)
            times[name].append((time.perf_counter() - wall, time.process_time() - used))
    base = np.array(times[EXACT])
    for name, taken in times.items():
        both = np.array(taken)
        wall, used = num_frames / np.median(both, axis=0)
        ratio, cpu_ratio = np.median(base / both, axis=0)
        rows[name] |= {"frames_per_second": wall, "frames_per_cpu_second": used, "ratio": ratio, "cpu_ratio": cpu_ratio}
    return {name: {key: round(float(value), 4) for key, value in row.items()} for name, row in rows.items()}


def _shapes(folder: Path) -> dict[str, float]:
    """T2V R@1 of the bundled encoder in each way."""
    write_world(folder / "drawn", make_world(CALIBRATION_SEED, CALIBRATION_CLIPS, ShapesSpec()))
    found = {}
    with _own_cache(folder):
        for engine, precision in (
            ("torch", "fp32"),
            ("torch", "bf16"),
            ("openvino", "fp32"),
            ("openvino", "bf16"),
            ("openvino", "int8"),
        ):
            encoder = Encoder.load("shapes", engine=engine, precision=precision, device="cpu")  # type: ignore[arg-type]
            if precision == "int8":
                files = sorted((folder / "drawn").rglob("*.mp4"))
                calibrate(encoder, calibration_clips(encoder, files)[0])
            result = evaluate_shapes(encoder, progress=lambda done, total: None)
            found[f"{engine} {precision}"] = result.retrieval.t2v.R1
            _tell(f"shapes in {engine} {precision}: {found[f'{engine} {precision}']}")
    return found


@contextmanager
def _own_cache(folder: Path) -> Iterator[None]:
    """With the calibration of the bundled encoder in a folder that is thrown away."""
    before = os.environ.get("DELTACLIP_CACHE")
    os.environ["DELTACLIP_CACHE"] = str(folder / "cache")
    try:
        yield
    finally:
        os.environ.pop("DELTACLIP_CACHE")
        if before is not None:
            os.environ["DELTACLIP_CACHE"] = before


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _tables(document: Mapping[str, Any]) -> str:
    lines = [f"{document['processor']}, {document['threads']} threads, {document['versions']}", ""]
    lines += [f"{'':22}{'frames/s':>9}{'ratio':>7}{'of CPU time':>12}{'ratio':>7}{'cosine':>9}{'lowest':>8}"]
    for name, row in document["engines"].items():
        lines.append(
            f"{name:22}{row['frames_per_second']:9.1f}{row['ratio']:7.2f}{row['frames_per_cpu_second']:12.1f}"
            f"{row['cpu_ratio']:7.2f}{row['cosine']:9.4f}{row['lowest']:8.4f}"
        )
    lines += [f"shapes, T2V R@1, {name}: {value}" for name, value in document.get("shapes", {}).items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
