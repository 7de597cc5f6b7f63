"""Token pruning: how fast and how good an encoder is that sees only some of the patches of a frame, in one run.

python bench/keep.py speed --data FOLDER [--rounds 5] [--json]
python bench/keep.py retrieval --checkpoint FOLDER... [--clips 300] [--json]

speed: a random ViT-B/32 with four channels encodes the same clips of FOLDER, with masks of `subject`, keeping each
share of the patches by turns, in torch in fp32 and bf16 and, if it is installed, in OpenVINO in bf16 and int8. Frames a
second by the wall clock and by CPU time of the process, medians of the rounds, and their ratio to all patches in the
same engine and round. int8 is calibrated on frames of the same clips.
retrieval: T2V and V2T R@1 of checkpoints on the fixed test set of Moving Shapes (`deltaclip evaluate shapes`), fp32, if
patches are chosen by motion as `index --keep` does, at random, or from the centre outwards, as many in each case.
Random: the patches of "random" (seed 0).
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deltaclip.encoder import Encoder, OpenVinoEngine, TorchEngine, calibration_clips
from deltaclip.encoder.openvino_graph import is_installed
from deltaclip.evaluation import evaluate_shapes
from deltaclip.model import ModelSpec, new_model, this_processor
from deltaclip.model.pruning import kept_patches, number_kept
from deltaclip.video.suffixes import VIDEO_SUFFIXES

KEEPS = (1.0, 0.75, 0.5, 0.35, 0.25)
SIZES = ModelSpec(224, 32, 768, 12, 512, 12, 512, 49408, 77, 49406, 49407, 0)
CLIPS = 4
"""Clips of 12 frames that are encoded in a round."""
Choice = Callable[[Tensor, Sequence[int], int, float], Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "retrieval"])
    parser.add_argument("--data", type=Path, help="folder of video clips")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--checkpoint", type=Path, nargs="+", default=[])
    parser.add_argument("--clips", type=int, default=300, help="drawn clips, in groups of three twins")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.what == "speed":
        if given.data is None:
            parser.error("speed needs --data")
        rows = _speed(given.data, given.rounds)
    else:
        if not given.checkpoint:
            parser.error("retrieval needs --checkpoint")
        rows = [row for folder in given.checkpoint for row in _retrieval(folder, given.clips)]
    document = {"processor": str(this_processor()), "threads": torch.get_num_threads(), "rows": rows}
    print(json.dumps(document) if given.json else _table(rows))


def _speed(data: Path, rounds: int) -> list[dict[str, Any]]:
    model = new_model(SIZES, seed=0)
    files = sorted(path for path in data.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    with tempfile.TemporaryDirectory() as folder:
        reader = Encoder("random", TorchEngine(model, "cpu", "float32"), motion="subject", num_frames=12)
        clips, _ = calibration_clips(reader, files)
        engines: dict[str, TorchEngine | OpenVinoEngine] = {
            "torch fp32": TorchEngine(model, "cpu", "float32"),
            "torch bf16": TorchEngine(model, "cpu", "bfloat16"),
        }
        if is_installed():
            _tell("calibrating")
            int8 = OpenVinoEngine(model, "int8", own_folder=Path(folder))
            int8.calibrate([clip.frames for clip in clips])
            engines |= {"OpenVINO bf16": OpenVinoEngine(model, "bfloat16"), "OpenVINO int8": int8}
        frames = np.concatenate([clip.frames for clip in clips[:CLIPS]])
        lengths = [len(clip.frames) for clip in clips[:CLIPS]]
        ways = [(name, keep) for name in engines for keep in KEEPS]
        seconds: dict[tuple[str, float], list[tuple[float, float]]] = {way: [] for way in ways}
        for number in range(rounds + 1):  # the first warms up
            _tell(f"round {number} of {rounds}")
            for name, keep in ways[:: 1 if number % 2 else -1]:
                began = time.perf_counter(), time.process_time()
                engines[name].video_vectors(frames, lengths, keep)
                taken = time.perf_counter() - began[0], time.process_time() - began[1]
                if number:
                    seconds[name, keep].append(taken)
    rows = []
    for (name, keep), taken in seconds.items():
        wall, used = np.array(taken).T
        whole = np.array(seconds[name, 1.0])[:, 0]
        rows.append(
            {
                "engine": name,
                "keep": keep,
                "frames_per_second": round(float(np.median(len(frames) / wall)), 1),
                "frames_per_cpu_second": round(float(np.median(len(frames) / used)), 1),
                "ratio": round(float(np.median(whole / wall)), 2),
            }
        )
    return rows


def _retrieval(folder: Path, num_clips: int) -> list[dict[str, Any]]:
    rows = []
    choices: dict[str, Choice] = {"motion": kept_patches, "random": _random, "centre": _centre}
    for keep in KEEPS:
        for name, choice in choices.items():
            if keep == 1 and name != "motion":
                continue
            _tell(f"{folder.name}: {keep} by {name}")
            encoder = Encoder.load(folder, device="cpu", precision="fp32", engine="torch", keep=keep)
            with mock.patch("deltaclip.encoder.torch_engine.kept_patches", choice):
                found = evaluate_shapes(encoder, num_clips=num_clips).retrieval
            figures = {"t2v_R1": round(found.t2v.R1, 2), "v2t_R1": round(found.v2t.R1, 2)}
            rows.append({"checkpoint": folder.name, "keep": keep, "by": name, **figures})
    return rows


def _random(frames: Tensor, lengths: Sequence[int], patch_size: int, keep: float) -> Tensor:
    """As `kept_patches`, whatever moves."""
    patches = (frames.shape[-1] // patch_size) ** 2
    places = np.random.default_rng(0).random((len(frames), patches)).argsort(axis=1)
    return torch.from_numpy(np.sort(places[:, : number_kept(patches, keep)], axis=1))


def _centre(frames: Tensor, lengths: Sequence[int], patch_size: int, keep: float) -> Tensor:
    """As `kept_patches`, those nearest the middle."""
    side = frames.shape[-1] // patch_size
    rows, columns = np.divmod(np.arange(side**2), side)
    apart: NDArray[np.float64] = np.hypot(rows - (side - 1) / 2, columns - (side - 1) / 2)
    nearest = np.sort(apart.argsort(kind="stable")[: number_kept(side**2, keep)])
    return torch.from_numpy(np.tile(nearest, (len(frames), 1)))


def _table(rows: Sequence[dict[str, Any]]) -> str:
    names = list(rows[0])
    lines = [f"| {' | '.join(map(str, values))} |" for values in (names, ["---"] * len(names))]
    return "\n".join([*lines, *(f"| {' | '.join(str(row[name]) for name in names)} |" for row in rows)])


def _tell(what: str) -> None:
    print(what, file=sys.stderr)


if __name__ == "__main__":
    main()
