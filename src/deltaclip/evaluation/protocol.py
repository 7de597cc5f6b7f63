"""The protocol of an evaluation as a record, and the marks that no form of a result may lose."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import deltaclip
from deltaclip.encoder import Encoder
from deltaclip.evaluation.encoding import MaterialVectors
from deltaclip.evaluation.material import Material
from deltaclip.evaluation.postprocess import PostProcessing
from deltaclip.evaluation.recorded import in_words
from deltaclip.provenance import running_checkout

__all__ = ["Protocol", "protocol_of", "protocol_of_material"]

PREPROCESSING = {"crop": "clip", "squash": "squash"}
"""How a picture becomes a square, a name in `reader.FITS` -> in words. clip: CLIP's own, and CLIP4Clip's, short side to
the model's, then the centre crop; squash: all of it, as SigLIP sees."""
POOLING = "mean"
"""CLIP4Clip's meanP: unit frame features, their mean, and that to unit length."""
WITH_HEAD = "temporal head, then mean"
"""CLIP4Clip's seqTransf: the same after the temporal head."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a result was made.

    dataset, split: their names. videos, captions: how many were ranked. missing, missing_captions: how many of the
    split were not, because a file is not here or cannot be read. broken: how many of the missing are here, but cannot
    be read. cut_captions: how many are longer than max_words.
    max_words: longest row of token ids, begin and end included. num_frames, sampling: frames of a video and their rule.
    preprocessing: a value of PREPROCESSING. motion: the mask, None if the alpha weights are zero. keep: share of the
    patches that were encoded, None for all of them. pooling: POOLING, WITH_HEAD, or another in words.
    precision, device: of the encoder, with the engine if it is not torch.
    post: how scores were re-weighed, None for not at all ("none" in json).
    encoder, fingerprint: its name, and what its vectors depend on. version, commit: of this program; the commit is None
    if it is not known, and ends in "-dirty" if files were changed since.
    seed: of drawn clips, else None. world: how these were drawn, by name of the option, else None.
    interaction: how tokens and frames were compared: "name", "vectors_a_video", and "weights", a digest, if they were
    weighed; None for one vector a video. With it pooling is "none".
    chosen_on: the split on which the encoder was chosen among `chosen_among`.
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
    broken: int = 0
    world: Mapping[str, Any] | None = None  # Any: json
    chosen_on: str | None = None
    chosen_among: int = 1
    keep: float | None = None
    interaction: Mapping[str, Any] | None = None  # Any: json

    def chosen(self, split: str, among: int) -> "Protocol":
        """The same, of an encoder that was chosen on a split among several."""
        return replace(self, chosen_on=split, chosen_among=among)

    @property
    def marks(self) -> tuple[str, ...]:
        """What makes the figures incomparable with plain ones of the whole set; part of every row that shows them."""
        marks = []
        if self.interaction is not None:
            vectors = self.interaction["vectors_a_video"]
            marks.append(f"{self.interaction['name']} interaction, not indexable: {vectors:,.3g} vectors a video")
        if self.post is not None:
            marks.append(f"post-processing {in_words(self.post)}")
        if self.missing:
            whole = self.videos + self.missing
            captions = self.captions + self.missing_captions
            left_out = f"{self.missing:,} of {whole:,} videos"
            if self.broken == 0:
                left_out += " missing"
            elif self.broken == self.missing:
                left_out += " broken"
            else:
                left_out += f" left out ({self._left_out_words()})"
            marks.append(f"{left_out}, with {self.missing_captions:,} of {captions:,} captions")
        if self.chosen_on is not None:
            marks.append(f"best of {self.chosen_among} encoders on {self.chosen_on}")
        return tuple(marks)

    def to_json(self) -> dict[str, Any]:  # Any: json
        """The fields by name, and "marks"; of drawn clips also "clips", how many. "post" is an object or "none"."""
        interaction = self.interaction and dict(self.interaction)
        post = "none" if self.post is None else dict(self.post)
        document = {**asdict(self), "post": post, "interaction": interaction, "marks": list(self.marks)}
        return document if self.world is None else {**document, "clips": self.videos}

    def lines(self) -> tuple[str, ...]:
        """For people, to be printed under a table; no line holds a line feed, whatever the names are."""
        mask = "no mask (alpha weights are zero)" if self.motion is None else f"mask {self.motion}"
        kept = "" if self.keep is None else f", {100 * self.keep:.3g}% of the patches"
        cut = f", {self.cut_captions:,} of them cut" if self.cut_captions else ""
        seed = "" if self.seed is None else f", seed {self.seed}"
        post = "none" if self.post is None else in_words(self.post)
        compared = "" if self.interaction is None else f", interaction {in_words(self.interaction)}"
        code = f"deltaclip {self.version}" + ("" if self.commit is None else f" at {self.commit}")
        lines = (
            f"{self.dataset}, split {self.split}{seed}: {self.videos:,} videos ({self._left_out_words()}), "
            f"{self.captions:,} captions of at most {self.max_words} tokens{cut}",
            f"{self.num_frames} frames ({self.sampling}), preprocessing {self.preprocessing}, {mask}{kept}, pooling "
            f"{self.pooling}{compared}, post-processing {post}",
            f"encoder {self.encoder}, fingerprint {self.fingerprint}, {self.precision} on {self.device}; {code}",
            *(f"note: {mark}" for mark in self.marks),
        )
        if self.world is not None:
            drawn = ", ".join(f"{name.replace('_', ' ')} {_world_word(value)}" for name, value in self.world.items())
            lines = (lines[0], f"drawn with {drawn}", *lines[1:])
        return tuple(line.replace("\n", " ") for line in lines)

    def _left_out_words(self) -> str:
        """`1 missing, 3 broken`: files that are not here, and files that cannot be read."""
        missing = f"{self.missing - self.broken:,} missing"
        return f"{missing}, {self.broken:,} broken" if self.broken else missing


def protocol_of(encoder: Encoder, vectors: MaterialVectors, post: PostProcessing | None = None) -> Protocol:
    """The protocol of ranking these vectors, made by this encoder."""
    return protocol_of_material(encoder, vectors.material, len(vectors.broken), vectors.cut_texts, post)


def protocol_of_material(
    encoder: Encoder, material: Material, broken: int, cut_texts: int, post: PostProcessing | None = None
) -> Protocol:
    """The same without vectors.

    broken: how many of the missing videos cannot be read. cut_texts: see `MaterialVectors`.
    """
    spec = encoder.reader_spec
    return Protocol(
        dataset=material.dataset,
        split=material.split,
        videos=len(material.videos),
        captions=len(material.texts),
        missing=len(material.missing),
        missing_captions=material.missing_texts,
        cut_captions=cut_texts,
        max_words=encoder.max_words,
        num_frames=spec.num_frames,
        sampling=spec.sampling,
        preprocessing=PREPROCESSING[spec.fit],
        motion=spec.motion_word,
        pooling=POOLING if encoder.engine.inputs.max_frames is None else WITH_HEAD,
        precision=encoder.rounding,
        device=encoder.device,
        post=None if post is None else post.to_json(),
        encoder=encoder.name,
        fingerprint=encoder.fingerprint,
        version=deltaclip.__version__,
        commit=_commit(),
        seed=material.seed,
        broken=broken,
        keep=encoder.keep if encoder.keep < 1 else None,
    )


def _commit() -> str | None:
    """That of the checkout that runs, marked if files were changed since."""
    checkout = running_checkout()
    return None if checkout is None else checkout.commit + ("-dirty" if checkout.changed else "")


def _world_word(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
