"""The encoder: device, precision, batches; videos and texts to vectors of one space."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from deltaclip.errors import CheckpointError
from deltaclip.model import (
    Checkpoint,
    CheckpointRecord,
    Tokenizer,
    alpha_is_zero,
    image_features,
    load_checkpoint,
    mean_pool,
    model_spec,
    normalised,
    text_features,
)
from deltaclip.model.placement import Placement, Precision, choose_placement
from deltaclip.model.self_check import checked_placement
from deltaclip.model.spec import DEFAULT_EPS
from deltaclip.provenance import VECTOR_VERSION, digest
from deltaclip.reader import Clip, ReaderSpec, read_video

__all__ = [
    "DEFAULT_ENCODER",
    "ChoiceError",
    "Encoder",
    "EncoderSpec",
    "Placement",
    "Precision",
    "choose_placement",
    "locate",
]

DEFAULT_MOTION = "subject"
"""For checkpoints that were not trained with another mask: right under a moving camera, where the paper's is not."""
DEFAULT_ENCODER = "openai/clip-vit-base-patch32"
BUNDLED = {"shapes": "checkpoints/shapes"}
"""Encoders that come with the package: name -> folder inside it."""
CLIPS_PER_BATCH = 8


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """What the user may choose about an encoder; None takes what the checkpoint remembers.

    motion: a mask in the word of `motion.MotionSpec`. num_frames: frames of a clip. device: auto, cpu, cuda, cuda:1,
    mps.
    precision: of the matrix products; vectors are pooled and scored in float32 always. A lower one is compared with
    float32 at load: where it gives wrong numbers, auto takes float32 and says so, and bfloat16 is refused.
    sampling: a name in `video.SAMPLINGS`: where a clip's frames are taken from.
    max_words: longest row of token ids, begin and end among them; longer texts are cut. No longer than the model's
    context.
    """

    motion: str | None = None
    num_frames: int | None = None
    device: str = "auto"
    precision: Precision = "auto"
    sampling: str = "uniform"
    max_words: int | None = None


class ChoiceError(ValueError):
    """Something in an EncoderSpec that does not exist, or not here; what it says begins with its name."""


class Encoder:
    """A four-channel CLIP with its reader and tokenizer.

    encoder = Encoder.load("shapes")
    videos = encoder.encode_videos(["a.mp4", "b.mp4"])   # float32 (2, D), unit rows
    texts = encoder.encode_texts(["the red circle moves"])
    similarity = texts @ videos.T
    """

    def __init__(self, name: str, checkpoint: Checkpoint, spec: EncoderSpec = EncoderSpec()) -> None:
        """Raises ChoiceError, a ValueError, for a choice that does not exist, PrecisionError for a precision that is
        wrong here, CheckpointError if the checkpoint's record asks for a mask that does not exist.
        """
        if not isinstance(spec, EncoderSpec):
            raise TypeError(f"spec is an EncoderSpec, not {type(spec).__name__}: EncoderSpec(motion=..., device=...)")
        record = checkpoint.record
        self.name = name
        self.record = record
        self.tokenizer = checkpoint.tokenizer
        self.alpha_acts = not alpha_is_zero(checkpoint.model)
        """False where all alpha weights are zero: then no mask can change a vector, and none is computed."""
        self._sizes = model_spec(checkpoint.model)
        remembered = _remembered(name, record, self._sizes.image_size)
        try:
            placement = choose_placement(spec.device, spec.precision)
            self.reader_spec = _reader_spec(remembered, spec, self.alpha_acts)
            self.max_words = _whole("max_words", spec.max_words, record.max_words)
            """Longest row of token ids, begin and end among them."""
            if not 2 <= self.max_words <= self._sizes.context_length:
                raise ValueError(f"max_words is {self.max_words}: from 2 to the model's {self._sizes.context_length}")
        except ValueError as error:
            raise ChoiceError(str(error)) from error
        self._weights_digest = _weights_digest(checkpoint.model.state_dict())
        self.model = checkpoint.model
        torch.nn.Module.to(self.model, placement.device)
        self.placement = checked_placement(placement, self.model, as_asked=spec.precision != "auto")

    @classmethod
    def load(cls, name: str | Path, spec: EncoderSpec = EncoderSpec()) -> "Encoder":
        """The bundled `shapes`, a checkpoint folder, or a hub name such as openai/clip-vit-base-patch32.

        Raises CheckpointError where it cannot be had or does not fit, with what to do, and as `Encoder` itself.
        """
        wanted = str(name)
        checkpoint = load_checkpoint(locate(wanted))
        # A library remembers this name and is opened from other folders later.
        is_folder = wanted not in BUNDLED and Path(wanted).expanduser().is_dir()
        return cls(str(Path(wanted).expanduser().resolve()) if is_folder else wanted, checkpoint, spec)

    @property
    def dimension(self) -> int:
        """D, length of a vector."""
        return self._sizes.projection_dim

    @property
    def architecture(self) -> dict[str, dict[str, int | str]]:
        """Heads and activation of the image and the text encoder; who said them is in `record.known_from`."""
        vision, text = self.model.vision_model.config, self.model.text_model.config
        return {
            "heads": {"vision": vision.num_attention_heads, "text": text.num_attention_heads},
            "activation": {"vision": vision.hidden_act, "text": text.hidden_act},
        }

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with anything that defines a vector: weights, tokens, frames, mask.

        Device and precision are not in it: they round a vector, they do not make another one.
        """
        parts = {
            "weights": self._weights_digest,
            "sizes": asdict(self._sizes),
            "activation": [self.model.vision_model.config.hidden_act, self.model.text_model.config.hidden_act],
            "tokenizer": None if self.tokenizer is None else self.tokenizer.digest(),
            "max_words": self.max_words,
            "num_frames": self.reader_spec.num_frames,
            "motion": self.reader_spec.motion,
            "version": VECTOR_VERSION,
        }
        if self.reader_spec.sampling != "uniform":  # named where it is not the rule: older fingerprints stay
            parts["sampling"] = self.reader_spec.sampling
        eps = [self.model.vision_model.config.layer_norm_eps, self.model.text_model.config.layer_norm_eps]
        if eps != [DEFAULT_EPS, DEFAULT_EPS]:  # likewise
            parts["layer_norm_eps"] = eps
        return digest(parts, sort_keys=True)

    def describe(self) -> str:
        """One line for people: what runs where, and whether masks matter."""
        if self.alpha_acts:
            masks = f"masks {self.reader_spec.motion}"
        else:
            masks = "alpha weights zero: masks change nothing (see `deltaclip info`)"
        return f"encoder {self.name} on {self.placement}, {masks}"

    def encode_videos(self, paths: Iterable[str | Path]) -> NDArray[np.float32]:
        """One vector for each video, sampled over the whole of it: float32 (V, D), unit rows, in the order given.

        A path may begin with ~. Raises VideoError for the first file that cannot be read: no row is ever left out or
        filled with zeros.
        """
        if isinstance(paths, str | bytes | os.PathLike):
            raise TypeError("encode_videos takes a list of paths, not one path")
        # Not Path.expanduser, which raises for a file whose name begins with ~.
        return self.encode_clips(read_video(Path(os.path.expanduser(path)), self.reader_spec) for path in paths)

    def encode_clips(self, clips: Iterable[Clip]) -> NDArray[np.float32]:
        """One vector for each clip: float32 (N, D), unit rows. Clips are taken in batches, few live at a time."""
        batches = [self._encode_batch(batch) for batch in _batches(clips, CLIPS_PER_BATCH)]
        return np.concatenate([np.empty((0, self.dimension), np.float32), *batches])

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector for each text: float32 (Q, D), unit rows. Raises CheckpointError without a tokenizer."""
        if isinstance(texts, str | bytes):
            raise TypeError("encode_texts takes a list of texts, not one string")
        vectors = [np.empty((0, self.dimension), np.float32)]
        for start in range(0, len(texts), 256):
            ids = torch.from_numpy(self.token_rows(texts[start : start + 256])).to(self.placement.device)
            with torch.inference_mode(), self._autocast():
                features = text_features(self.model, ids).float()
            vectors.append(torch.nn.functional.normalize(features, dim=-1).cpu().numpy())
        return np.concatenate(vectors)

    def token_rows(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """int64 (Q, max_words): begin, byte pairs, end, padding, as the text encoder takes them."""
        sizes = self._sizes
        return self.need_tokenizer().rows(texts, self.max_words, sizes.begin, sizes.end, sizes.pad)

    def cut_words(self, text: str) -> int:
        """How many tokens of a text are beyond `max_words` and not seen by the text encoder."""
        [ids] = self.need_tokenizer().encode([text])
        return max(len(ids) + 2 - self.max_words, 0)

    def need_tokenizer(self) -> Tokenizer:
        """The tokenizer. Raises CheckpointError where the checkpoint has none."""
        if self.tokenizer is None:
            remedy = "Convert it again with --tokenizer (a tokenizer.json, a hub name or bpe_simple_vocab_16e6.txt.gz)."
            raise CheckpointError(self.name, "this checkpoint has no tokenizer, so texts cannot be encoded", remedy)
        return self.tokenizer

    def _encode_batch(self, clips: Sequence[Clip]) -> NDArray[np.float32]:
        # B clips of T frames, which may differ -> (sum of T, C, S, S)
        frames = torch.from_numpy(np.concatenate([clip.frames for clip in clips])).to(self.placement.device)
        with torch.inference_mode(), self._autocast():
            features = image_features(self.model, normalised(frames)).float()
        lengths = [len(clip.frames) for clip in clips]
        if len(set(lengths)) == 1:
            # (B * T, D) -> (B, T, D) -> (B, D)
            pooled = mean_pool(features.reshape(len(clips), -1, features.shape[-1]))
        else:
            # Each over the frames that it has: zeros in the place of others would turn the mean.
            pooled = torch.cat([mean_pool(frames[None]) for frames in torch.split(features, lengths)])
        return pooled.cpu().numpy()

    def _autocast(self) -> torch.autocast:
        lower = self.placement.dtype != torch.float32
        return torch.autocast(self.placement.device.type, dtype=self.placement.dtype if lower else None, enabled=lower)


def _remembered(name: str, record: CheckpointRecord, image_size: int) -> ReaderSpec:
    """How the checkpoint itself wants videos to be read. Raises CheckpointError if no mask is called as it says."""
    try:
        return ReaderSpec(image_size, record.num_frames, DEFAULT_MOTION if record.motion is None else record.motion)
    except (ValueError, TypeError, AttributeError) as error:
        remedy = "Correct motion and num_frames in its deltaclip.json."
        raise CheckpointError(name, f"a record that asks for what does not exist ({error})", remedy) from error


def _reader_spec(remembered: ReaderSpec, spec: EncoderSpec, alpha_acts: bool) -> ReaderSpec:
    """How videos are read: as the user chose, else as the checkpoint remembers. Raises ValueError for a bad choice."""
    motion = remembered.motion if spec.motion is None else spec.motion
    if not isinstance(motion, str):
        raise ValueError(f"motion {motion!r} is no word")
    num_frames = _whole("num_frames", spec.num_frames, remembered.num_frames)
    chosen = ReaderSpec(remembered.image_size, num_frames, motion, spec.sampling)
    return chosen if alpha_acts else replace(chosen, motion=None)


def _whole(name: str, chosen: int | None, remembered: int) -> int:
    """The chosen number, the remembered one for None. Raises ValueError for what is no whole number from 1 on."""
    if chosen is None:
        return remembered
    if not isinstance(chosen, int) or isinstance(chosen, bool) or chosen < 1:
        raise ValueError(f"{name} is {chosen!r}: a whole number from 1 on")
    return chosen


def locate(name: str) -> str:
    """The folder of a bundled encoder, or the name itself. Raises CheckpointError where it is not to be had."""
    if name not in BUNDLED:
        return name
    folder = files("deltaclip").joinpath(BUNDLED[name])
    if not isinstance(folder, Path):
        raise CheckpointError(name, "the package lies in an archive", "Install deltaclip unpacked, with pip.")
    return str(folder)


def _weights_digest(state: dict[str, torch.Tensor]) -> str:
    """A digest of all weights, by name, so that one changed weight is another encoder."""
    made = hashlib.blake2b(digest_size=16)
    for key in sorted(state):
        made.update(key.encode())
        made.update(np.ascontiguousarray(state[key].detach().cpu().numpy()).data)
    return made.hexdigest()


def _batches(items: Iterable[Clip], size: int) -> Iterator[list[Clip]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
