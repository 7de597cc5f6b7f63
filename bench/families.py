"""Each family of encoders beside its reference program, transformers, with random weights; and how fast it is here.

python bench/families.py [--speed] [--open-clip] [--json]

For every family: the largest difference of any number in the unit vectors of 8 pictures with random masks, and of 8
rows of tokens, in float32: a folder that transformers wrote, loaded by deltaclip, against transformers itself. Once for
a small model, once for one of ViT-B/16's sizes. Each program normalises pictures with the mean and deviation of the
file. --speed: frames a second of the image encoder of the B/16, 12 at once, in turn for all: the median of 7 rounds.
--open-clip: the same of folders of open_clip's against open_clip, which has to be installed, with the widths of heads
and the activations that weights do not tell; and PE-Core, which transformers has not, and open_clip has from timm.
"""

import argparse
import importlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch.nn.functional import normalize

from deltaclip.encoder import TorchEngine
from deltaclip.model import FAMILIES, image_features, load_checkpoint, normalised, text_features
from deltaclip.model.placement import this_processor

SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4}
BASE = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
BASE_TEXT = {**BASE, "hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8}
SIZES: dict[str, tuple[dict[str, Any], dict[str, Any], int, int]] = {
    "small": (SMALL, SMALL, 32, 8),
    "B/16": (BASE, BASE_TEXT, 224, 16),
}
"""Name -> image encoder, text encoder, side of a picture, side of a patch."""
CLIPS = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
MEANS = {"clip": CLIPS, "metaclip_2": CLIPS}
HALF = ((0.5,) * 3, (0.5,) * 3)
CONTEXT = {"clip": 77, "siglip": 64}
OPEN_CLIPS = {
    "as H/14": (320, 80, 4.0, False),
    "as bigG": (208, 104, 4.9231, False),
    "as LAION's B/32": (128, 64, 4.0, False),
    "as MetaCLIP's": (128, 64, 4.0, True),
}
"""Name -> width of the image encoder, of a head, of its MLP over its own, QuickGELU."""
PE_CORES = ("PE-Core-T-16-384", "PE-Core-B-16")
ROWS, AT_ONCE, ROUNDS = 8, 12, 7
IN_TRANSFORMERS = [name for name, family in FAMILIES.items() if hasattr(transformers, family.model_class)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--open-clip", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as place:
        rows = [_difference(family, size, Path(place)) for family in IN_TRANSFORMERS for size in SIZES]
        if given.open_clip:
            rows += [_from_open_clip(name, Path(place)) for name in OPEN_CLIPS]
            rows += [_pe_core(name, Path(place)) for name in PE_CORES]
        speeds = _speeds(Path(place)) if given.speed else {}
    document = {
        "processor": str(this_processor()),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "differences": rows,
        "frames_a_second": speeds,
    }
    print(json.dumps(document) if given.json else _lines(document))


def _made(family: str, size: str, place: Path) -> Path:
    """A folder with random weights, as transformers writes it."""
    vision, text, side, patch = SIZES[size]
    if family == "siglip":
        text = {**vision, "pad_token_id": 1, "bos_token_id": None, "eos_token_id": 1}  # both are of one width
    elif family == "metaclip_2":
        text = {**text, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    else:
        text = {**text, "pad_token_id": 1, "bos_token_id": 998, "eos_token_id": 999}
    config_class = getattr(transformers, FAMILIES[family].model_class.replace("Model", "Config"))
    config = config_class(
        vision_config={**vision, "image_size": side, "patch_size": patch},
        text_config={**text, "vocab_size": 1000, "max_position_embeddings": CONTEXT.get(family, 77)},
    )
    torch.manual_seed(0)
    model = getattr(transformers, FAMILIES[family].model_class)(config)
    with torch.no_grad():  # biases and norms are at values that hide mistakes
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.02)
    folder = place / f"{family}-{size.replace('/', '')}"
    model.save_pretrained(folder)
    mean, std = MEANS.get(family, HALF)
    processor = FAMILIES[family].processors[0]
    square = {"height": side, "width": side}
    geometry = {"size": square} if family == "siglip" else {"size": {"shortest_edge": side}, "crop_size": square}
    settings = {"image_processor_type": processor, "image_mean": mean, "image_std": std, **geometry}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


@torch.inference_mode()
def _difference(family: str, size: str, place: Path) -> dict[str, object]:
    folder = _made(family, size, place)
    ours = load_checkpoint(folder).model
    theirs = getattr(transformers, FAMILIES[family].model_class).from_pretrained(folder).eval()
    side = SIZES[size][2]
    frames = torch.randint(0, 256, (ROWS, 4, side, side), dtype=torch.uint8, generator=torch.manual_seed(1))
    mean, std = (torch.tensor(each)[:, None, None] for each in MEANS.get(family, HALF))
    ids = torch.randint(2, 998, (ROWS, CONTEXT.get(family, 77)), generator=torch.manual_seed(2))
    ids[:, -1] = ours.config.text_config.eos_token_id
    seen = theirs.get_image_features(pixel_values=(frames[:, :3] / 255 - mean) / std).pooler_output
    read = theirs.get_text_features(input_ids=ids).pooler_output
    apart = {
        "pictures": _apart(image_features(ours, normalised(frames)), seen),
        "texts": _apart(text_features(ours, ids), read),
    }
    return {"family": family, "size": size, **apart}


def _apart(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((normalize(ours, dim=-1) - normalize(theirs, dim=-1)).abs().max())


@torch.inference_mode()
def _from_open_clip(name: str, place: Path) -> dict[str, object]:
    """The difference for a folder as open_clip's hub models are, with a random model of open_clip's own."""
    program = importlib.import_module("open_clip.model")
    width, head_width, ratio, quick = OPEN_CLIPS[name]
    vision = {"image_size": 64, "layers": 3, "patch_size": 16, "width": width, "head_width": head_width}
    vision["mlp_ratio"] = ratio
    text = {"vocab_size": 600, "layers": 3, "context_length": 77, "width": 128, "heads": 4}
    torch.manual_seed(0)
    towers = program.CLIPVisionCfg(**vision), program.CLIPTextCfg(**text)
    theirs = program.CLIP(64, *towers, quick_gelu=quick).eval()
    for key, weight in theirs.named_parameters():
        if weight.ndim >= 2 and "embedding" not in key:
            weight.mul_(3)  # activations are of some size, so that a different one shows
    folder = place / name.replace("/", "")
    folder.mkdir()
    torch.save(theirs.state_dict(), folder / "open_clip_pytorch_model.bin")
    config = {"embed_dim": 64, "quick_gelu": quick, "vision_cfg": vision, "text_cfg": text}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
    ours = load_checkpoint(folder).model
    pictures = torch.randn(ROWS, 4, 64, 64)
    ids = torch.randint(1, 597, (ROWS, 77))
    ids[:, 0], ids[:, 10], ids[:, 11:] = 598, 599, 0
    apart = {
        "pictures": _apart(image_features(ours, pictures), theirs.encode_image(pictures[:, :3])),
        "texts": _apart(text_features(ours, ids), theirs.encode_text(ids)),
    }
    return {"family": "open_clip", "size": name, **apart}


@torch.inference_mode()
def _pe_core(name: str, place: Path) -> dict[str, object]:
    """The same for a PE-Core as the hub has it: open_clip's, with timm's image encoder."""
    program = importlib.import_module("open_clip")
    config = {key: value for key, value in program.get_model_config(name).items() if key != "custom_text"}
    torch.manual_seed(0)
    theirs = program.model.CustomTextCLIP(**config).eval()
    for weight in theirs.parameters():  # biases and norms are at values that hide mistakes
        weight.add_(torch.randn_like(weight), alpha=0.02)
    theirs.visual.trunk.head.bias.zero_()
    folder = place / name
    folder.mkdir()
    torch.save(theirs.state_dict(), folder / "open_clip_pytorch_model.bin")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
    ours = load_checkpoint(folder).model
    side, length = config["vision_cfg"]["image_size"], config["text_cfg"]["context_length"]
    frames = torch.randint(0, 256, (ROWS, 4, side, side), dtype=torch.uint8, generator=torch.manual_seed(1))
    ids = torch.randint(1, 49405, (ROWS, length), generator=torch.manual_seed(2))
    ids[:, 0], ids[:, 10], ids[:, 11:] = 49406, 49407, 0
    apart = {
        "pictures": _apart(
            image_features(ours, normalised(frames)), theirs.encode_image((frames[:, :3] / 255 - 0.5) * 2)
        ),
        "texts": _apart(text_features(ours, ids), theirs.encode_text(ids)),
    }
    return {"family": "pe_core", "size": name, **apart}


def _speeds(place: Path) -> dict[str, dict[str, float]]:
    """Family and precision -> median and lowest frames a second, in turn."""
    frames = np.random.default_rng(0).integers(0, 256, (AT_ONCE, 4, 224, 224), np.uint8)
    engines = {
        f"{family} {precision}": TorchEngine(load_checkpoint(place / f"{family}-B16").model, "cpu", precision)
        for family in IN_TRANSFORMERS
        for precision in ("float32", "bfloat16")
    }
    taken: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(ROUNDS + 1):
        for name, engine in engines.items():
            seconds = _seconds(engine.video_vectors, frames)
            if turn:  # the first warms up
                taken[name].append(AT_ONCE / seconds)
    return {name: {"median": statistics.median(each), "lowest": min(each)} for name, each in taken.items()}


def _seconds(encode: Callable[..., NDArray[np.float32]], frames: NDArray[np.uint8]) -> float:
    begun = time.perf_counter()
    encode(frames, [len(frames)])
    return time.perf_counter() - begun


def _lines(document: dict[str, Any]) -> str:
    parts = ((row["family"], row["size"], row["pictures"], row["texts"]) for row in document["differences"])
    rows = [f"{family:10} {size:16} {pictures:.1e}  {texts:.1e}" for family, size, pictures, texts in parts]
    figures = document["frames_a_second"].items()
    speeds = [f"{name:18} {each['median']:.1f} ({each['lowest']:.1f}) frames/s" for name, each in figures]
    head = f"{document['processor']}, {document['threads']} threads, transformers {document['transformers']}"
    return "\n".join([head, "family     size             pictures texts", *rows, *speeds])


if __name__ == "__main__":
    main()
