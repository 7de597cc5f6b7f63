"""What several tests draw or make: small clips, and a small random encoder on disk."""

import csv
import json
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray

from deltaclip.model import CheckpointRecord, ModelSpec, Tokenizer, new_model, save_checkpoint
from deltaclip.video import write_mp4

WORDS = "a the red blue square circle moves stays left right"


def moving_square(num_frames: int = 24, size: int = 64, step: int = 1) -> NDArray[np.uint8]:
    """(T, size, size, 3) uint8: a bright square that goes right over a dark ground."""
    frames = np.full((num_frames, size, size, 3), 40, np.uint8)
    for number, frame in enumerate(frames):
        left = 4 + number * step
        frame[20:36, left : left + 16] = (220, 60, 60)
    return frames


def write_square(path: Path, *, num_frames: int = 24, step: int = 1, rate: int = 12) -> Path:
    """The moving square as an mp4."""
    write_mp4(path, moving_square(num_frames, step=step), rate)
    return path


def write_wide(path: Path, *, width: int = 640, num_frames: int = 12) -> Path:
    """A film of extreme shape, 4 pixels high, in which a bright piece goes right."""
    frames = np.full((num_frames, 4, width, 3), 40, np.uint8)
    for number, frame in enumerate(frames):
        frame[:, 40 * number : 40 * number + 40] = (220, 60, 60)
    write_mp4(path, frames, 12)
    return path


def centred_cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine of each row of one with that of the other, both (N, D), without what all rows share: (N,).

    Vectors of one encoder are alike as a whole, so that even wrong ones have a plain cosine near 1.
    """
    rows = [each - each.mean(axis=0) for each in (one, other)]
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in rows]
    return np.asarray((unit[0] * unit[1]).sum(axis=1))


def with_alpha(pixels: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """Normalised colours (N, 3, S, S) and alpha (N, 1, S, S) as `image_features` takes them."""
    return torch.cat([pixels, alpha], dim=1)


def small_checkpoint(
    folder: Path, *, alpha: str = "rgb", motion: str | None = None, num_frames: int = 4, seed: int = 0
) -> Path:
    """A random four-channel CLIP of 32 pixels with a word tokenizer, as a checkpoint folder."""
    tokenizer = Tokenizer.from_words([WORDS])
    spec = ModelSpec(
        image_size=32,
        patch_size=8,
        vision_width=32,
        vision_layers=1,
        text_width=32,
        text_layers=1,
        projection_dim=16,
        vocab_size=tokenizer.vocab_size,
        context_length=12,
        begin=tokenizer.vocab_size - 2,
        end=tokenizer.vocab_size - 1,
        pad=0,
    )
    model = new_model(spec, seed, alpha_init=alpha)  # type: ignore[arg-type]  # a literal of two
    save_checkpoint(folder, model, tokenizer, CheckpointRecord(motion=motion, num_frames=num_frames, max_words=12))
    return folder


def write_actions(
    folder: Path,
    *,
    folds: tuple[int, ...] | None = (0, 1),
    labels: tuple[str, ...] = ("swipe_left", "swipe_right", "stay"),
) -> Path:
    """A set of drawn action clips in `folder`: two of each label in each fold; without folds, of each split."""
    (folder / "clips").mkdir(parents=True)
    columns = ["path", "caption", "label", "group", "split", *([] if folds is None else ["fold"])]
    rows = []
    for number, part in enumerate(("train", "val", "test") if folds is None else folds):
        for step, label in zip((-2, 2, 0, 1), labels, strict=False):
            for take in range(2):
                path = f"clips/{label}_{part}_{take}.mp4"
                frames = moving_square(12, step=abs(step) + (take if step else 0))
                write_mp4(folder / path, frames[::-1] if step < 0 else frames, 6)
                split = part if folds is None else ("test" if number == 0 else "train")
                rows.append([path, f"it does {label}", label, f"scene {part}", str(split), str(part)][: len(columns)])
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([columns, *rows])
    wordings = {label: [f"it does {label}", f"one sees {label}"] for label in labels}
    (folder / "classes.json").write_text(json.dumps(wordings), encoding="utf-8")
    return folder


def films_of_one_sample(folder: Path, names: str = "abc") -> list[Path]:
    """Uncompressed films that differ in what is shown and only between the blocks that a content key samples."""
    plain = folder / "plain.avi"
    with av.open(str(plain), "w", format="avi") as container:
        stream = container.add_stream("rawvideo", rate=12)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "bgr24"
        for _ in range(24):
            frame = av.VideoFrame.from_ndarray(np.full((240, 320, 3), 128, np.uint8), "bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    content = plain.read_bytes()
    plain.unlink()
    offsets = [(len(content) - 65_536) * number // 15 for number in range(16)]
    paths = []
    for number, name in enumerate(names):
        film = bytearray(content)
        for place in range(number, 15, len(names)):
            gap = slice(offsets[place] + 65_536, offsets[place + 1])
            film[gap] = film[gap].replace(b"\x80" * 4096, bytes([40, 40, 230, 40]) * 1024)
        paths.append(folder / f"{name}.avi")
        paths[-1].write_bytes(film)
    return paths
