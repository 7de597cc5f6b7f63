"""Plain CLIP as transformers runs it, Pillow's scaling and all, to hold our reader and encoder against."""

from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import CLIPConfig, CLIPModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from deltaclip.channels import COLOURS
from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.model import normalised
from deltaclip.reader import Clip
from deltaclip.video import Video, uniform_seconds

SIDE = 224
MAX_GREY, MIN_COSINE = 2.0, 0.99
MEAN, STD = (
    np.array([getattr(colour, name) for colour in COLOURS], np.float32)[:, None, None] for name in ("mean", "std")
)


def normalised_colours(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, S, S, 3) to (N, 3, S, S): as CLIP's own programs normalise pictures."""
    return np.asarray((np.moveaxis(rgb, -1, 1) / np.float32(255) - MEAN) / STD, np.float32)


def fed_colours(clip: Clip) -> NDArray[np.float32]:
    """(T, 3, S, S): the colours of a clip as our model is fed them."""
    return cast("NDArray[np.float32]", normalised(torch.from_numpy(clip.frames))[:, : len(COLOURS)].numpy())


def plain_clip(folder: Path) -> CLIPModel:
    """A small random CLIP of three channels, saved in `folder` as transformers saves it."""
    sizes = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**sizes, "vocab_size": 64, "bos_token_id": 62, "eos_token_id": 63},
        vision_config={**sizes, "image_size": SIDE, "patch_size": 32},
        projection_dim=64,
    )
    torch.manual_seed(0)
    model = CLIPModel(config)
    model.train(False)
    model.save_pretrained(folder)
    return model


def our_encoder(folder: Path) -> Encoder:
    """The same weights in ours; one frame a video, so that a vector is the feature of that frame."""
    return Encoder.load(folder, EncoderSpec(num_frames=1, device="cpu", precision="float32"))


def middle_frame(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3): the frame that our encoder looks at, in the video's own size, as RGB without any scaling."""
    with Video.open(path) as video:
        seconds = uniform_seconds(video.whole.start, video.whole.end, 1)
        frame: NDArray[np.uint8] = video.frames_at(seconds, min(video.info.width, video.info.height)).rgb[0]
    return frame


def processed(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(3, 224, 224): what transformers' processor makes of a frame."""
    return cast("NDArray[np.float32]", CLIPImageProcessorPil()(frame, return_tensors="np")["pixel_values"][0])


def processed_with_openai_crop(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The same with the crop of openai/CLIP and CLIP4Clip, whose odd margins are rounded to even halves, not down."""
    scale = CLIPImageProcessorPil(do_center_crop=False, do_rescale=False, do_normalize=False)
    scaled = np.moveaxis(np.asarray(scale(frame, return_tensors="np")["pixel_values"][0], np.uint8), 0, -1)
    top, left = openai_margins(scaled.shape)
    return normalised_colours(scaled[None, top : top + SIDE, left : left + SIDE]).squeeze(0)


def openai_margins(shape: tuple[int, ...]) -> tuple[int, int]:
    """torchvision's CenterCrop: int(round((side - 224) / 2)), in Python's rounding."""
    return round((shape[0] - SIDE) / 2), round((shape[1] - SIDE) / 2)


def crops_agree(frame: NDArray[np.uint8]) -> bool:
    """Whether transformers, which rounds margins down, cuts the same square out of a frame."""
    height, width = frame.shape[:2]
    scaled = (SIDE * height // min(height, width), SIDE * width // min(height, width))
    return openai_margins(scaled) == ((scaled[0] - SIDE) // 2, (scaled[1] - SIDE) // 2)


def features(model: CLIPModel, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 3, 224, 224) -> (N, D) unit rows, by transformers' model."""
    with torch.inference_mode():
        raw = model.get_image_features(pixel_values=torch.from_numpy(np.ascontiguousarray(pixels))).pooler_output
    return cast("NDArray[np.float32]", torch.nn.functional.normalize(raw, dim=-1).numpy())


def scaled_by_opencv(frame: NDArray[np.uint8], interpolation: int) -> NDArray[np.float32]:
    """(3, 224, 224): the same geometry, but a filter of OpenCV, which do not antialias."""
    height, width = frame.shape[:2]
    short = min(height, width)
    scaled = cv2.resize(frame, (width * SIDE // short, height * SIDE // short), interpolation=interpolation)
    top, left = openai_margins(scaled.shape)
    return normalised_colours(np.asarray(scaled[None, top : top + SIDE, left : left + SIDE], np.uint8)).squeeze(0)


def grey_levels(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) mean difference of normalised pixels (N, 3, S, S), in levels of 255."""
    levels = np.abs(ours - theirs).astype(np.float64) * STD * 255
    return np.asarray(levels.mean(axis=(1, 2, 3)))


def centred_cosines(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) cosines of (N, D) after the mean of `theirs` is taken off: what all pictures share says nothing."""
    mean = theirs.mean(axis=0, dtype=np.float64)
    mine, truth = ours - mean, theirs - mean
    return np.asarray((mine * truth).sum(axis=1) / np.linalg.norm(mine, axis=1) / np.linalg.norm(truth, axis=1))
