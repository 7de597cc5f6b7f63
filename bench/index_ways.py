"""The ways to vectors of videos that `bench/index.py` compares ours with. Each raises if it lacks something."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["FRAMES", "Way", "clip4clip", "naive", "torchcodec_way"]

Way = Callable[[], object]
FRAMES = 12
SIDE = 224


def _clip(precision: torch.dtype) -> Callable[[list[Any]], Any]:
    """transformers' CLIP with random weights and its own preprocessing: pictures to one vector."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    torch.manual_seed(0)
    config = CLIPConfig(vision_config={"patch_size": 32}, text_config={"num_hidden_layers": 1})
    model, prepared = CLIPModel(config).eval(), CLIPImageProcessorPil()

    def encode(pictures: list[Any]) -> Any:
        pixels = prepared(images=pictures, return_tensors="pt")["pixel_values"]
        with torch.inference_mode(), torch.autocast("cpu", precision, enabled=precision != torch.float32):
            vectors = model.get_image_features(pixel_values=pixels).pooler_output.float()
        return torch.nn.functional.normalize(torch.nn.functional.normalize(vectors, dim=-1).mean(0), dim=-1)

    return encode


def naive(paths: list[Path], _: str) -> Way:
    """The loop that everybody writes: seek to each frame with OpenCV, a video at a time."""
    encode = _clip(torch.float32)

    def frames(path: Path) -> list[NDArray[np.uint8]]:
        video = cv2.VideoCapture(str(path))
        count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        pictures = []
        for index in ((np.arange(FRAMES) + 0.5) * count / FRAMES).astype(int).tolist():
            video.set(cv2.CAP_PROP_POS_FRAMES, index)
            is_there, picture = video.read()
            if is_there:
                pictures.append(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8))
        video.release()
        return pictures

    return lambda: [encode(pictures) for path in paths if (pictures := frames(path))]


def clip4clip(paths: list[Path], program: str) -> Way:
    """An ffmpeg process for each video: a frame a second, of which 12 at most are spread evenly."""
    found = shutil.which(program)
    if found is None:
        raise FileNotFoundError(f"no program {program}")
    encode = _clip(torch.float32)
    scale = f"fps=1,scale={SIDE}:{SIDE}:force_original_aspect_ratio=increase,crop={SIDE}:{SIDE}"

    def frames(path: Path) -> list[NDArray[np.uint8]]:
        command = [found, "-v", "error", "-i", str(path), "-vf", scale, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
        bytes_ = subprocess.run(command, capture_output=True, check=False).stdout
        pictures = np.frombuffer(bytes_, np.uint8).reshape(-1, SIDE, SIDE, 3)
        kept = np.linspace(0, len(pictures) - 1, min(FRAMES, len(pictures)), dtype=int)
        return [np.asarray(pictures[index], np.uint8) for index in kept]

    return lambda: [encode(pictures) for path in paths if (pictures := frames(path))]


def torchcodec_way(paths: list[Path], _: str) -> Way:
    """torchcodec's exact seeking, in bfloat16. Files that it cannot read are left out, which helps it."""
    from torchcodec.decoders import VideoDecoder

    encode = _clip(torch.bfloat16)

    def frames(path: Path) -> list[Any]:
        try:
            video = VideoDecoder(str(path), dimension_order="NHWC", num_ffmpeg_threads=1)
            start, end = video.metadata.begin_stream_seconds, video.metadata.end_stream_seconds
            seconds = start + (np.arange(FRAMES) + 0.5) * (end - start) / FRAMES
            return list(video.get_frames_played_at(seconds.tolist()).data.numpy())
        except (RuntimeError, ValueError, TypeError, IndexError):
            return []

    return lambda: [encode(pictures) for path in paths if (pictures := frames(path))]
