"""How fast a training step is, with clips from a frame cache, beside the same step written the way CLIP4Clip does it.

    python bench/train.py [--json] [--models tiny,b32,b16] [--batch N] [--chunk N] [--steps N] [--videos N]

Ours: `training.Run` as `deltaclip train` steps it, masks `difference` made of the drawn frames, gradients of the whole
batch in pieces of --chunk, bfloat16 products on CUDA. Naive: float32, every clip decoded inside the step by our own
decoder, no masks, one piece. 6 frames a clip, drawn videos of 4 s at 320 pixels. Both in one run; the first steps of
each are not counted. Without CUDA only the tiny model runs, in float32 both ways.

data_wait: share of our time spent waiting for clips. memory_bytes: the most taken so far, on a CPU by the process.
mfu: model floating point operations (counted by torch on one clip, three times for the way back) over what the device
can do in bfloat16 by its data sheet; null where that is not known, as on CPUs. Top-level figures are of the last model.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from deltaclip.captions import Caption, CaptionSet, Split
from deltaclip.channels import CHANNELS
from deltaclip.frame_cache import CacheSettings, write_cache
from deltaclip.model import CheckpointRecord, ModelSpec, Tokenizer, new_model, save_checkpoint
from deltaclip.reader import ReaderSpec, read_video
from deltaclip.shapes import VOCABULARY, ShapesSpec, make_world, write_world
from deltaclip.training import RECIPES, Recipe, TrainingData, captioned_clips, open_cache, override
from deltaclip.training.dataset import Batch, batches, default_workers
from deltaclip.training.devices import ALONE, MixedPrecision, peak_memory
from deltaclip.training.loss import text_vectors, video_vectors
from deltaclip.training.losses import symmetric_cross_entropy
from deltaclip.training.run import Run

WARM_UP = 3
BFLOAT16_PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L4": 121e12, "RTX 4090": 165e12}
"""Dense operations a second, from the makers' data sheets."""
SIZES = {  # image, patch, width, layers, heads of vision; width, layers, heads of text
    "tiny": (64, 16, 192, 4, 3, 128, 2, 2),
    "b32": (224, 32, 768, 12, 12, 512, 12, 8),
    "b16": (224, 16, 768, 12, 12, 512, 12, 8),
}


def main() -> None:
    """Reads the options, measures each model and prints a table or json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    on_gpu = torch.cuda.is_available()
    parser.add_argument("--models", default="b32,b16" if on_gpu else "tiny")
    parser.add_argument("--batch", type=int, default=128 if on_gpu else 16)
    parser.add_argument("--chunk", type=int, default=64 if on_gpu else 16)
    parser.add_argument("--steps", type=int, default=20 if on_gpu else 6)
    parser.add_argument("--videos", type=int, default=128 if on_gpu else 16)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="deltaclip-bench-") as folder:
        models = {name: measure(name, options, Path(folder)) for name in options.models.split(",")}
    last = list(models.values())[-1]
    document = {key: last[key] for key in ("clips_per_second", "data_wait", "mfu", "ratio_to_naive")}
    document |= {"device": _device(), "batch": options.batch, "steps": options.steps, "models": models}
    print(json.dumps(document) if options.json else _table(document))


def measure(name: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:  # Any: json
    """Ours and the naive step for one model."""
    recipe, data, paths = prepare(name, options, folder)
    run = Run(recipe, data, folder / f"out-{name}", MixedPrecision.choose("auto", "auto"), ALONE)
    flops = flops_of_clip(run)
    ours = time_ours(run, options)
    memory = peak_memory(run.precision.device)
    naive = time_naive(recipe, data, paths, folder / f"naive-{name}", options)
    peak = next((peak for key, peak in BFLOAT16_PEAK.items() if key in _device()), None)
    return {
        "clips_per_second": round(ours[0], 2),
        "data_wait": round(ours[1], 4),
        "mfu": None if peak is None else round(flops * ours[0] / peak, 4),
        "ratio_to_naive": round(ours[0] / naive, 2),
        "naive_clips_per_second": round(naive, 2),
        "memory_bytes": memory,
        "flops_of_clip": flops,
    }


def prepare(name: str, options: argparse.Namespace, folder: Path) -> tuple[Recipe, TrainingData, dict[str, Path]]:
    """Videos, their cache and a random model of that name, as a recipe and its data."""
    world = ShapesSpec(size=320, num_frames=96)
    clips = make_world(0, options.videos, world)
    files = folder / "videos"
    made = sorted(files.glob("*.mp4")) if files.is_dir() else write_world(files, clips)
    paths = {path.stem: path for path in made}
    if not (folder / "cache").is_dir():
        write_cache(folder / "cache", paths, CacheSettings(motion=None))
    save_random(name, folder / name)
    batch = [f"optim.batch={options.batch}", f"optim.chunk={options.chunk}", f"model.init={folder / name}"]
    steps = f"optim.steps={WARM_UP + options.steps}"
    recipe = override(RECIPES["own"], [*batch, steps, "data.motion=difference", "optim.lr=1e-6"])
    captions = tuple(Caption(clip.caption, key) for key, clip in zip(paths, clips, strict=True))
    found = CaptionSet("folder", {"train": Split(tuple(paths), captions)}, ())
    return recipe, captioned_clips(found, open_cache(folder / "cache", recipe), recipe), paths


def save_random(name: str, folder: Path) -> None:
    """A checkpoint with random weights of that size."""
    image, patch, width, layers, heads, text_width, text_layers, text_heads = SIZES[name]
    tokenizer = Tokenizer.from_words(VOCABULARY)
    spec = ModelSpec(
        image_size=image,
        patch_size=patch,
        vision_width=width,
        vision_layers=layers,
        vision_heads=heads,
        text_width=text_width,
        text_layers=text_layers,
        text_heads=text_heads,
        projection_dim=text_width,
        vocab_size=tokenizer.vocab_size,
        context_length=77,
        begin=tokenizer.vocab_size - 2,
        end=tokenizer.vocab_size - 1,
        pad=0,
    )
    save_checkpoint(folder, new_model(spec, 0), tokenizer, CheckpointRecord())


def flops_of_clip(run: Run) -> int:
    """Operations of one clip and its caption, there and back (three times the way there)."""
    batch = _blank(run, 1)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        video_vectors(run.model, batch.frames, MixedPrecision(run.precision.device))
        text_vectors(run.model, batch.ids, MixedPrecision(run.precision.device))
    return 3 * int(counter.get_total_flops())


def time_ours(run: Run, options: argparse.Namespace) -> tuple[float, float]:
    """Clips a second, and the share of the time spent waiting for them."""
    workers = default_workers(run.data.train) if options.workers is None else options.workers
    stream = batches(run.data.train, run.recipe, run.side, run.start.rows, range(run.steps), run.order, workers=workers)
    clips, waited, began = 0, 0.0, time.perf_counter()
    for step in range(run.steps):
        if step == WARM_UP:
            clips, waited, began = 0, 0.0, time.perf_counter()
        asked = time.perf_counter()
        batch = next(stream)
        waited += time.perf_counter() - asked
        run.advance(batch)
        clips += len(batch)
    seconds = time.perf_counter() - began
    return clips / seconds, waited / seconds


def time_naive(
    recipe: Recipe, data: TrainingData, paths: dict[str, Path], out: Path, options: argparse.Namespace
) -> float:
    """Clips a second where each clip is decoded inside a float32 step over the whole batch at once."""
    plain = replace(recipe, optim=replace(recipe.optim, precision="float32"))
    run = Run(plain, data, out, MixedPrecision.choose("auto", "float32"), ALONE)
    spec = ReaderSpec(run.side, recipe.data.frames, None)
    steps = max(options.steps // 4, 2)
    clips, began = 0, time.perf_counter()
    for step in range(1 + steps):
        if step == 1:
            clips, began = 0, time.perf_counter()
        numbers = run.order.batch_of(step)
        names = [data.train.video_ids[data.train.owner[number]] for number in numbers]
        read = [read_video(paths[name], spec) for name in names]
        texts = run.start.rows([data.train.caption(int(number), None) for number in numbers])
        _naive_step(run, np.stack([clip.frames for clip in read]), texts)
        clips += len(numbers)
    return clips / (time.perf_counter() - began)


def _naive_step(run: Run, frames: NDArray[np.uint8], ids: torch.Tensor) -> None:
    from deltaclip.model import image_features, mean_pool, normalised

    device = run.precision.device
    features = image_features(run.model, normalised(torch.from_numpy(frames).to(device).flatten(0, 1)))
    videos = mean_pool(features.reshape(len(ids), -1, features.shape[-1]))
    loss = symmetric_cross_entropy(
        text_vectors(run.model, ids.to(device), run.precision), videos, run.model.logit_scale
    )
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    run.optimiser.step()
    loss.item()


def _blank(run: Run, size: int) -> Batch:
    frames = torch.zeros(size, run.recipe.data.frames, len(CHANNELS), run.side, run.side, dtype=torch.uint8)
    blank = Batch(frames, run.start.rows(["a"] * size), torch.arange(size), ["blank"] * size, ["a"] * size)
    return blank.to(run.precision.device)


def _device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"cpu, {torch.get_num_threads()} threads"


def _table(document: dict[str, Any]) -> str:
    lines = [f"{document['device']}, batch {document['batch']}", "model  clips/s  waiting    mfu  naive  ratio  memory"]
    for name, row in document["models"].items():
        mfu = "    -" if row["mfu"] is None else f"{100 * row['mfu']:4.1f}%"
        lines.append(
            f"{name:5}  {row['clips_per_second']:7.1f}  {100 * row['data_wait']:6.1f}%  {mfu}  "
            f"{row['naive_clips_per_second']:5.1f}  {row['ratio_to_naive']:5.1f}  {row['memory_bytes'] / 2**30:.1f} GiB"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
