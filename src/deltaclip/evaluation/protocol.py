"""The protocol of an evaluation as a record, and the marks that no form of a result may lose."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import deltaclip
from deltaclip.encoder import Encoder
from deltaclip.evaluation.encoding import Vectors
from deltaclip.evaluation.postprocess import PostProcessing
from deltaclip.provenance import running_checkout

__all__ = ["PREPROCESSING", "Protocol", "protocol_of"]

PREPROCESSING = "clip"
"""CLIP's own, and CLIP4Clip's: short side to the model's by bicubic with antialiasing, then the centre crop."""
POOLING = "mean"
"""CLIP4Clip's meanP: unit frame features, their mean, and that to unit length."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a result was made.

    dataset, split: their names. videos, captions: how many were ranked. missing, missing_captions: how many of the
    split were not, because a file is not here or cannot be read. cut_captions: how many are longer than max_words.
    max_words: longest row of token ids, begin and end included. num_frames, sampling: frames of a video and their rule.
    preprocessing: see PREPROCESSING. motion: the mask, None where the alpha weights are zero. pooling: see POOLING.
    precision, device: of the encoder. post: how scores were re-weighed, None for not at all.
    encoder, fingerprint: its name, and what its vectors depend on. version, commit: of this program; the commit is None
    where it is not known, and ends in "-dirty" where files were changed since.
    seed: of drawn clips, else None. chosen_on: the split on which the encoder was chosen among `chosen_among`.
    """

    dataset: str
    split: str
    videos: int
    captions: int
    missing: int
    missing_captions: int
    cut_captions: int
    max_words: int
    num_frames: int
    sampling: str
    preprocessing: str
    motion: str | None
    pooling: str
    precision: str
    device: str
    post: Mapping[str, Any] | None  # Any: json
    encoder: str
    fingerprint: str
    version: str
    commit: str | None
    seed: int | None = None
    chosen_on: str | None = None
    chosen_among: int = 1

    def chosen(self, split: str, among: int) -> "Protocol":
        """The same, of an encoder that was chosen on a split among several."""
        return replace(self, chosen_on=split, chosen_among=among)

    @property
    def marks(self) -> tuple[str, ...]:
        """What makes the figures incomparable with plain ones of the whole set; part of every row that shows them."""
        marks = []
        if self.post is not None:
            marks.append(f"post-processing {_post_words(self.post)}")
        if self.missing:
            whole = self.videos + self.missing
            captions = self.captions + self.missing_captions
            marks.append(
                f"{self.missing:,} of {whole:,} videos missing, with {self.missing_captions:,} of {captions:,} captions"
            )
        if self.chosen_on is not None:
            marks.append(f"best of {self.chosen_among} encoders on {self.chosen_on}")
        return tuple(marks)

    def to_json(self) -> dict[str, Any]:  # Any: json
        """The fields by name, and "marks"."""
        return {**asdict(self), "marks": list(self.marks)}

    def lines(self) -> tuple[str, ...]:
        """For people, to stand under a table; no line holds a line feed, whatever the names are."""
        mask = "no mask (alpha weights are zero)" if self.motion is None else f"mask {self.motion}"
        cut = f", {self.cut_captions:,} of them cut" if self.cut_captions else ""
        seed = "" if self.seed is None else f", seed {self.seed}"
        post = "none" if self.post is None else _post_words(self.post)
        code = f"deltaclip {self.version}" + ("" if self.commit is None else f" at {self.commit}")
        lines = (
            f"{self.dataset}, split {self.split}{seed}: {self.videos:,} videos ({self.missing:,} missing), "
            f"{self.captions:,} captions of at most {self.max_words} tokens{cut}",
            f"{self.num_frames} frames ({self.sampling}), preprocessing {self.preprocessing}, {mask}, pooling "
            f"{self.pooling}, post-processing {post}",
            f"encoder {self.encoder}, fingerprint {self.fingerprint}, {self.precision} on {self.device}; {code}",
            *(f"note: {mark}" for mark in self.marks),
        )
        return tuple(line.replace("\n", " ") for line in lines)


def protocol_of(encoder: Encoder, vectors: Vectors, post: PostProcessing | None = None) -> Protocol:
    """The protocol of ranking these vectors, made by this encoder."""
    material = vectors.material
    spec = encoder.reader_spec
    return Protocol(
        dataset=material.dataset,
        split=material.split,
        videos=len(material.videos),
        captions=len(material.texts),
        missing=len(material.missing),
        missing_captions=material.missing_texts,
        cut_captions=vectors.cut_texts,
        max_words=encoder.max_words,
        num_frames=spec.num_frames,
        sampling=spec.sampling,
        preprocessing=PREPROCESSING,
        motion=spec.motion,
        pooling=POOLING,
        precision=str(encoder.placement.dtype).removeprefix("torch."),
        device=str(encoder.placement.device),
        post=None if post is None else post.to_json(),
        encoder=encoder.name,
        fingerprint=encoder.fingerprint,
        version=deltaclip.__version__,
        commit=_commit(),
        seed=material.seed,
    )


def _commit() -> str | None:
    """That of the checkout that runs, marked where files were changed since."""
    checkout = running_checkout()
    return None if checkout is None else checkout.commit + ("-dirty" if checkout.changed else "")


def _post_words(post: Mapping[str, Any]) -> str:  # Any: json
    """`dsl (temperature 100)`"""
    details = ", ".join(f"{name.replace('_', ' ')} {value:,g}" for name, value in post.items() if name != "name")
    return f"{post['name']} ({details})" if details else str(post["name"])
