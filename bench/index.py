"""Indexing side by side with the ways that people usually take: the same files, frames, kind of model and run.

    python bench/index.py --data DIR [--rounds 3] [--files N] [--ffmpeg PROGRAM] [--json]

DIR holds video clips, of each of which 12 evenly spaced frames are encoded by a ViT-B/32 with random weights (quality
plays no part), ours with four channels, and averaged to a vector. Every round runs each way once, in a different order;
models, and the child processes of ours, are made ready before.

    ours ...    `pipeline` and `Encoder` as `index` uses them: engine and precision, with and without the mask subject
    naive       OpenCV VideoCapture, seeking to each frame, and transformers' CLIP in float32, a video at a time
    clip4clip   an ffmpeg process that gives a frame a second, of these 12 spread evenly, and the same model
    torchcodec  torchcodec's exact seeking, and transformers' CLIP in bfloat16

videos_per_second is of wall time, videos_per_cpu_second of the CPU time of all processes of a way, which other work on
the machine disturbs less (with OMP_NUM_THREADS=1; two threads that wait for each other count as busy); medians of the
rounds. null is what is not installed, and why is told on stderr.
ratios are medians of those in a round; pruned_vs_naive is of the fastest of ours that keeps half of the patches.
decode_vs_limit is CPU time of our decoding (without neighbours) over that of its bound: demuxing, decoding the groups
of pictures that are needed up to the last wanted frame, converting the wanted frames. mask_share is CPU time of the
mask subject over that of encoding in torch float32. cpu_seconds are of all files, one core. peak_mb is of this process
and its children while ours runs in torch float32 with masks, before any other is loaded. reindex_seconds is of an
`index` run over --unchanged files that have not changed.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from index_ways import FRAMES, Way, clip4clip, naive, torchcodec_way
from index_work import cpu_seconds, decoding_bound, decoding_ours, peak_mb, plans_of, reindex_seconds

from deltaclip.encoder import Encoder, OpenVinoEngine, TorchEngine, calibrate, calibration_clips
from deltaclip.errors import DeltaclipError
from deltaclip.model import ModelSpec, new_model
from deltaclip.motion import MotionSpec, see
from deltaclip.pipeline import Job, Pipeline, single, usual_workers
from deltaclip.reader import Clip, read_video
from deltaclip.video import VIDEO_SUFFIXES, Video, uniform_seconds

CLIPS_AT_ONCE = 8
"""As `index` encodes them."""
SIZES = ModelSpec(224, 32, 768, 12, 512, 12, 512, 49408, 77, 49406, 49407, 0)
ENGINES = (("torch", "fp32"), ("torch", "bf16"), ("openvino", "fp32"), ("openvino", "bf16"), ("openvino", "int8"))
NAMES = {"fp32": "float32", "bf16": "bfloat16", "int8": "int8"}
PLAIN, EXACT = "naive", "ours torch fp32"
PRUNED = " subject, half of the patches"
"""The end of a way's name; only of the engines that are not float32."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of video clips")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, help="only so many of them")
    parser.add_argument("--unchanged", type=int, default=10_000, help="files of the second index run")
    parser.add_argument("--ffmpeg", default="ffmpeg", help="the ffmpeg program")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    suffixes = {*VIDEO_SUFFIXES, ".gif"}
    paths = sorted(path for path in given.data.rglob("*") if path.suffix.lower() in suffixes)[: given.files]
    if not paths:
        raise SystemExit(f"{given.data}: no videos in it; give a folder of clips with --data")
    cv2.setNumThreads(1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        reading: Pipeline[Clip] = stack.enter_context(Pipeline(single(read_video), usual_workers()))
        ways, peak = ours(paths, folder, reading)
        for name, make in {PLAIN: naive, "clip4clip": clip4clip, "torchcodec": torchcodec_way}.items():
            ways[name] = _made(name, lambda make=make: make(paths, given.ffmpeg))
        seconds, processor = rounds_of({name: way for name, way in ways.items() if way is not None}, given.rounds)
    document = {
        "videos_per_second": {
            name: round(len(paths) / statistics.median(seconds[name]), 3) if name in seconds else None for name in ways
        },
        "videos_per_cpu_second": {
            name: round(len(paths) / statistics.median(processor[name]), 3) if name in processor else None
            for name in ways
        },
        "ratios": ratios(seconds),
        "cpu_ratios": ratios(processor),
        "peak_mb": peak,
        "files": len(paths),
        "cpu_seconds": work(paths, given.rounds),
        "reindex_seconds": reindex_seconds(given.unchanged),
    }
    own = document["cpu_seconds"]
    document["ratios"] |= {
        "decode_vs_limit": round(own.pop("decode_vs_limit"), 3),
        "mask_share": round(own["mask"] / statistics.median(processor[EXACT + " encoding"]), 3),
    }
    own["encode_torch_fp32"] = round(statistics.median(processor[EXACT + " encoding"]), 2)
    print(json.dumps(document) if given.json else json.dumps(document, indent=2))


def ours(paths: list[Path], folder: Path, reading: Pipeline[Clip]) -> tuple[dict[str, Way | None], int | None]:
    """Our ways by name, and the memory that the first of them takes, which nobody else uses yet.

    `EXACT encoding` encodes alone, from clips that are in memory.
    """
    model = new_model(SIZES, seed=0)
    ways: dict[str, Way | None] = {}
    first = Encoder("random", TorchEngine(model, "cpu", "float32"), motion="subject")
    _ours(first, paths, reading)()
    peak = peak_mb()
    for engine, precision in ENGINES:
        made = _made(f"{engine} {precision}", lambda e=engine, p=precision: _engine(model, e, p, folder, paths))
        for mask, suffix in (("full", ""), ("subject", " subject")):
            name = f"ours {engine} {precision}{suffix}"
            ways[name] = None if made is None else _ours(Encoder("random", made, motion=mask), paths, reading)
        if precision != "fp32":
            pruned = (
                None if made is None else _ours(Encoder("random", made, motion="subject", keep=0.5), paths, reading)
            )
            ways[f"ours {engine} {precision}{PRUNED}"] = pruned
    encoder = Encoder("random", TorchEngine(model, "cpu", "float32"), motion="full")
    clips = [read_video(path, encoder.reader_spec) for path in paths]
    ways[EXACT + " encoding"] = lambda: encode(encoder, iter(clips))
    return ways, peak


def _engine(model: Any, engine: str, precision: str, folder: Path, paths: list[Path]) -> TorchEngine | OpenVinoEngine:
    if engine == "torch":
        return TorchEngine(model, "cpu", NAMES[precision])  # type: ignore[arg-type]  # a name of the table
    made = OpenVinoEngine(model, NAMES[precision], own_folder=folder)  # type: ignore[arg-type]
    encoder = Encoder("random", made, motion="subject")
    if precision == "int8":
        calibrate(encoder, calibration_clips(encoder, paths)[0])
    encoder.encode_clips([read_video(paths[0], encoder.reader_spec)])  # it is made ready when it is first needed
    return made


def _made(name: str, make: Callable[[], Any]) -> Any:
    """What `make` makes, None if something that it needs is not installed."""
    try:
        return make()
    except (ImportError, OSError, RuntimeError, ValueError, DeltaclipError) as error:
        print(f"{name}: null, since {type(error).__name__}: {str(error).splitlines()[0]}", file=sys.stderr)
        return None


def _ours(encoder: Encoder, paths: list[Path], reading: Pipeline[Clip]) -> Way:
    def clips() -> Iterator[Clip]:
        for _, found in reading.read(Job(path, path, (encoder.reader_spec,)) for path in paths):
            yield from found

    return lambda: encode(encoder, clips())


def encode(encoder: Encoder, clips: Iterator[Clip]) -> None:
    """In the batches of `index`."""
    batch: list[Clip] = []
    for clip in clips:
        batch.append(clip)
        if len(batch) == CLIPS_AT_ONCE:
            encoder.encode_clips(batch)
            batch = []
    encoder.encode_clips(batch)


def rounds_of(ways: dict[str, Way], rounds: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of wall time of each way, and of CPU time of all processes, in each round."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    rng = np.random.default_rng(0)
    for number in range(rounds):
        for name in rng.permutation(list(ways)):
            begun, used = time.perf_counter(), cpu_seconds()
            ways[name]()
            seconds[name].append(time.perf_counter() - begun)
            processor[name].append(cpu_seconds() - used)
            told = f"{seconds[name][-1]:.2f} s, CPU time {processor[name][-1]:.2f} s"
            print(f"round {number + 1}: {name} {told}", file=sys.stderr, flush=True)
    return seconds, processor


def ratios(seconds: dict[str, list[float]]) -> dict[str, float | None]:
    """How many times as fast as the usual loop: in float32, and the fastest of ours with masks."""
    plain = np.array(seconds[PLAIN])
    times = {name: float(np.median(plain / np.array(taken))) for name, taken in seconds.items()}
    told: dict[str, float | None] = {name: round(value, 3) for name, value in times.items() if name.startswith("ours")}
    told.pop(EXACT + " encoding", None)
    best = max(value for name, value in times.items() if name.startswith("ours") and name.endswith("subject"))
    pruned = max(value for name, value in times.items() if name.endswith(PRUNED))
    return {
        "fp32_vs_naive": round(times[EXACT], 3),
        "best_vs_naive": round(best, 3),
        "pruned_vs_naive": round(pruned, 3),
        **told,
    }


def work(paths: list[Path], rounds: int) -> dict[str, float]:
    """CPU seconds of one core for all files, medians: decoding alone, its bound, neighbours, and the mask subject."""
    plans, subject = plans_of(paths), MotionSpec("subject")
    taken: dict[str, list[float]] = {name: [] for name in ("decode", "bound", "with_neighbours", "mask")}
    for _ in range(rounds):
        for name, run in (
            ("decode", lambda: decoding_ours(paths)),
            ("bound", lambda: decoding_bound(plans)),
            ("with_neighbours", lambda: decoding_ours(paths, with_neighbours=True)),
        ):
            begun = time.process_time()
            run()
            taken[name].append(time.process_time() - begun)
        spent = 0.0
        for path in paths:
            with Video.open(path) as video:
                seconds = uniform_seconds(video.whole.start, video.whole.end, FRAMES)
                frames = video.frames_at(seconds, 224, with_neighbours=True)
            begun = time.process_time()
            see(subject, frames.rgb, frames.before, frames.after, frames.step_seconds)
            spent += time.process_time() - begun
        taken["mask"].append(spent)
    told = {name: round(statistics.median(values), 2) for name, values in taken.items()}
    over = [ours / bound for ours, bound in zip(taken["decode"], taken["bound"], strict=True)]
    return told | {"decode_vs_limit": statistics.median(over)}


if __name__ == "__main__":
    main()
