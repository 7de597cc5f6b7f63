"""Lower precision against float32 on the processor at hand: the patch embedding, and whole vectors of real clips.

python bench/precision.py --data FOLDER [--frames 6] [--json]

"convolution" is the patch embedding as transformers computes it, "product" as we do. Per number of channels and patch
size: the relative error of both in bfloat16 to float64. For random ViT-B/32 and B/16 of full size: the least and the
median centred cosine (without the mean over the clips) of bfloat16 vectors to float32 ones, over the clips of FOLDER;
milliseconds of the patch embedding for 12 frames; and what the self-check at load says, in how many milliseconds.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deltaclip.encoder import Encoder, TorchEngine
from deltaclip.model import ModelSpec, new_model
from deltaclip.model.patches import PatchEmbedding
from deltaclip.model.placement import this_processor
from deltaclip.model.self_check import check_precision
from deltaclip.reader import Clip, read_video
from deltaclip.video.suffixes import VIDEO_SUFFIXES

PATCH_SIZES, CHANNELS = (8, 14, 16, 32), range(3, 9)
RUNS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of video clips")
    parser.add_argument("--frames", type=int, default=6, help="frames of a clip")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    document = {
        "processor": str(this_processor()),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "patch_embedding": [_patch_errors(size, channels) for size in PATCH_SIZES for channels in CHANNELS],
        "models": [_model_row(size, given.data, given.frames) for size in (32, 16)],
    }
    print(json.dumps(document) if given.json else _tables(document))


@torch.inference_mode()
def _patch_errors(size: int, channels: int) -> dict[str, float]:
    """Relative errors in bfloat16 of both ways, for 12 pictures of 7 x 7 patches."""
    product, convolution = _both(channels, 768, size)
    pictures = torch.randn(12, channels, 7 * size, 7 * size)
    exact = torch.nn.functional.conv2d(pictures.double(), product.weight.double(), stride=size)
    row: dict[str, float] = {"patch": size, "channels": channels}
    with torch.autocast("cpu", torch.bfloat16):
        for name, way in (("convolution", convolution), ("product", product)):
            row[name] = float((way(pictures).double() - exact).norm() / exact.norm())
    return row


def _both(channels: int, width: int, size: int) -> tuple[PatchEmbedding, torch.nn.Conv2d]:
    torch.manual_seed(0)
    product = PatchEmbedding(channels, width, size)
    convolution = torch.nn.Conv2d(channels, width, size, size, bias=False)
    convolution.load_state_dict(product.state_dict())
    return product, convolution


def _model_row(size: int, data: Path, num_frames: int) -> dict[str, Any]:
    """What a random ViT-B with that patch size makes of the clips."""
    spec = ModelSpec(224, size, 768, 12, 512, 12, 512, 49408, 77, 49406, 49407, 0)
    model = new_model(spec, seed=0)

    def encoder(precision: Any) -> Encoder:
        return Encoder("random", TorchEngine(model, "cpu", precision), motion="difference", num_frames=num_frames)

    exact, rounded = encoder("float32"), encoder("bfloat16")
    clips = _clips(data, exact)
    vectors = exact.encode_clips(clips)
    found = {"product": rounded.encode_clips(clips)}
    product, convolution = model.vision_model.embeddings.patch_embedding, _both(4, 768, size)[1]
    convolution.load_state_dict(product.state_dict())
    model.vision_model.embeddings.patch_embedding = convolution
    found["convolution"] = rounded.encode_clips(clips)
    model.vision_model.embeddings.patch_embedding = product
    check = check_precision(model, torch.device("cpu"), torch.bfloat16)
    row: dict[str, Any] = {"model": f"B/{size}", "clips": len(clips), "self_check": check.to_json()}
    for name, way in (("convolution", convolution), ("product", product)):
        cosines = _centred_cosines(vectors, found[name])
        row[name] = {"least": float(cosines.min()), "median": float(np.median(cosines)), **_milliseconds(way)}
    return row


def _clips(data: Path, encoder: Encoder) -> list[Clip]:
    paths = sorted(path for path in data.iterdir() if path.name.lower().endswith(VIDEO_SUFFIXES))
    return [read_video(path, encoder.reader_spec) for path in paths]


def _centred_cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = [each - each.mean(axis=0) for each in (one, other)]
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in rows]
    return np.asarray((unit[0] * unit[1]).sum(axis=1))


def _milliseconds(way: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, float]:
    """CPU time of 12 frames of 224 pixels, the median of some runs, in both precisions."""
    pictures = torch.randn(12, 4, 224, 224)
    found = {}
    for name, lower in (("ms_float32", False), ("ms_bfloat16", True)):
        times = []
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=lower):
            for _ in range(RUNS + 3):
                begun = time.process_time()
                way(pictures)
                times.append(1000 * (time.process_time() - begun))
        found[name] = float(np.median(times[3:]))
    return found


def _tables(document: dict[str, Any]) -> str:
    lines = [f"{document['processor']}, torch {document['torch']}, {document['threads']} threads", ""]
    lines += ["patch  channels  convolution  product"]
    for row in document["patch_embedding"]:
        lines.append(f"{row['patch']:5}  {row['channels']:8}  {row['convolution']:11.4f}  {row['product']:7.4f}")
    for row in document["models"]:
        check = row["self_check"]
        worst = max(check["relative_errors"].values())
        lines += ["", f"{row['model']}, {row['clips']} clips; self-check {worst:.4f} in {check['milliseconds']:.0f} ms"]
        for name in ("convolution", "product"):
            way = row[name]
            lines.append(
                f"  {name:11}  centred cosine {way['least']:.4f} at least, {way['median']:.4f} median; 12 frames "
                f"{way['ms_float32']:.1f} ms in float32, {way['ms_bfloat16']:.1f} in bfloat16"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
