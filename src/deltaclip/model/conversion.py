"""Makes a checkpoint folder of the weights that others publish."""

import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from deltaclip.errors import CheckpointError
from deltaclip.model.any_source import Said, SourceKind, SourceModel, read_any
from deltaclip.model.architecture import Architecture
from deltaclip.model.checkpoint import as_held
from deltaclip.model.clip import assemble, listed_keys
from deltaclip.model.cost import IMAGE_ENCODER
from deltaclip.model.families import CLIP
from deltaclip.model.families.wiring import family_of
from deltaclip.model.keys import ALPHA_CONVOLUTION, replace_alpha, to_transformers
from deltaclip.model.normalisation import CLIP_NORMALISATION
from deltaclip.model.patches import PATCH_EMBEDDING, normalised_as_clip
from deltaclip.model.record import NORMALISATION, CheckpointRecord, SourceFile
from deltaclip.model.saving import check_place, save_checkpoint
from deltaclip.model.sizes import HEAD_WIDTH, OPENAI_ACTIVATION
from deltaclip.model.sources import ALPHA_LICENCE, AlphaFile, read_alpha
from deltaclip.model.tokenizer import Tokenizer
from deltaclip.wording import count

__all__ = ["ConversionReport", "convert"]

NOTHING_SAID = Said()
AlphaFrom = Literal["file", "convolution", "clip", "zero"]


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """What a conversion read and wrote.

    out: the checkpoint folder. kind: the program whose layout the CLIP had.
    architecture: heads and activation, and who says so.
    record: what was written into `deltaclip.json`, licence and sources among it.
    alpha_from: "file" (a whole vision tower), "convolution" (the alpha convolution alone), "clip" (the CLIP had
        alpha weights itself), or "zero" (none: masks change nothing until they are trained).
    left_out: names of weights in the file that a CLIP has no place for.
    has_tokenizer: whether a tokenizer.json was written.
    num_weights: numbers in the model, the alpha channel's included.
    remarks: sentences about what was taken from the files and what nobody said.
    token_layers: of the weights of token-wise interaction that were kept, 0 without any.
    """

    out: Path
    kind: SourceKind
    architecture: Architecture = field(repr=False)
    record: CheckpointRecord = field(repr=False)
    alpha_from: AlphaFrom
    left_out: tuple[str, ...] = field(repr=False)
    has_tokenizer: bool
    num_weights: int
    remarks: tuple[str, ...] = field(default=(), repr=False)
    token_layers: int = field(default=0, repr=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about the result, a sentence each."""
        found, known = self.architecture, self.record.known_from
        notes = [
            f"Image encoder: {found.vision_heads} heads (by {known['vision_heads']}), "
            f"{found.vision_activation} (by {known['vision_activation']}).",
            f"Text encoder: {found.text_heads} heads (by {known['text_heads']}), "
            f"{found.text_activation} (by {known['text_activation']}).",
            f"Mean and deviation of pictures: {known[NORMALISATION]}.",
            *self.remarks,
            f"Licence of the weights: {self.record.licence}.",
        ]
        if self.record.temporal_layers:
            origin = " (CLIP4Clip's seqTransf)" if self.kind == "clip4clip" else ""
            notes.append(
                f"Its temporal head of {count(self.record.temporal_layers, 'layer')}{origin} is kept as it is."
            )
        if self.token_layers:
            notes.append(
                f"Its weights of token-wise interaction (DRL's WTI, {count(self.token_layers, 'layer')}) are kept for "
                "`evaluate --interaction weighted-token`; vectors do not depend on them."
            )
        if self.alpha_from == "zero":
            notes.append("No alpha weights: that channel starts at zero, so masks change nothing until it is trained.")
        if self.alpha_from == "convolution":
            notes.append("Only the alpha convolution was in the alpha file; all other weights are the CLIP's own.")
        if self.left_out:
            heads = sorted({name.partition(".")[0] for name in self.left_out})
            notes.append(
                f"Left out, as vectors are made without them: {len(self.left_out)} weights of {', '.join(heads)}."
            )
        if not self.has_tokenizer:
            notes.append(
                "No tokenizer was given: the checkpoint encodes videos but no texts. Give one (--tokenizer FILE)."
            )
        return tuple(notes)

    def lines(self) -> tuple[str, ...]:
        """The report for a person, a sentence a line."""
        return (f"Wrote {self.out}: {self.num_weights:,} weights, read as {self.kind}.", *self.notes)

    def to_json(self) -> dict[str, object]:
        """The report for a program."""
        return {
            "out": str(self.out),
            "kind": self.kind,
            "alpha": self.record.alpha,
            "alpha_from": self.alpha_from,
            "heads": {"vision": self.architecture.vision_heads, "text": self.architecture.text_heads},
            "activation": {
                "vision": self.architecture.vision_activation,
                "text": self.architecture.text_activation,
            },
            "known_from": dict(self.record.known_from),
            "licence": self.record.licence,
            "source": [asdict(file) for file in self.record.source],
            "left_out": list(self.left_out),
            "tokenizer": self.has_tokenizer,
            "weights": self.num_weights,
            "notes": list(self.notes),
        }


def convert(
    *,
    clip: str | os.PathLike[str],
    out: str | os.PathLike[str],
    alpha: str | os.PathLike[str] | None = None,
    tokenizer: str | os.PathLike[str] | None = None,
    said: Said = NOTHING_SAID,
) -> ConversionReport:
    """Writes the checkpoint folder `out` from a CLIP, and an Alpha-CLIP vision tower on top of it.

    clip: OpenAI's CLIP (TorchScript archive or state dict), open_clip's with its configuration, a CLIP4Clip .bin, a
        PE-Core, a transformers folder or a hub name.
    alpha: Alpha-CLIP's visual .pth, or a file with its alpha convolution alone; None keeps the CLIP's own, or zero.
    tokenizer: anything Tokenizer.from_source takes; None keeps the folder's or hub model's own, if it has one.
    said: what the user says of the CLIP. Weights do not tell their heads and activation: these are known of OpenAI's
        files, of programs that have the same and of PE-Core, else read from a configuration, else from `said`; never
        guessed.
    Raises CheckpointError if a file is not what it should be, a weight is missing or unknown, what has to be known is
    not said or said differently, or `out` is taken.
    """
    target = Path(out).expanduser()
    check_place(target)
    source = read_any(clip, said, None if tokenizer is None else Tokenizer.from_source(tokenizer))
    state, record, what, remarks = dict(source.state), source.record, str(clip), source.notes
    alpha_from: AlphaFrom = "clip"
    if alpha is not None:
        _refuse_other_family(source, what)
        path, what = Path(alpha).expanduser(), f"{clip} with {alpha}"
        file = read_alpha(path)
        alpha_from = _put_alpha(state, file, source, what)
        record, remarks = _with_alpha_file(record, path), (*remarks, *file.notes)
    model = assemble(source.config, normalised_as_clip(state, source.normalisation), what)
    record = as_held(record, model)
    save_checkpoint(target, model, source.tokenizer, record, source.token_weights)
    return ConversionReport(
        out=target,
        kind=source.kind,
        architecture=source.architecture,
        record=record,
        alpha_from="zero" if record.alpha == "zero" else alpha_from,
        left_out=source.left_out,
        has_tokenizer=source.tokenizer is not None,
        num_weights=model.num_parameters(),
        remarks=remarks,
        token_layers=0 if source.token_weights is None else source.token_weights.layers,
    )


def _put_alpha(state: dict[str, Tensor], alpha: AlphaFile, clip: SourceModel, what: str) -> AlphaFrom:
    """Replaces the vision tower in `state`, or its alpha channel alone, by Alpha-CLIP's, and says which."""
    if PATCH_EMBEDDING not in state:  # of a damaged transformers folder; `assemble` lists what is missing
        return "clip"
    patches = replace_alpha(state[PATCH_EMBEDDING], alpha.weights[ALPHA_CONVOLUTION], what)
    if alpha.program is not None:
        _refuse_other_blocks(clip, patches.shape[0], alpha.program, what)
    if len(alpha.weights) == 1:
        state[PATCH_EMBEDDING] = patches
        return "convolution"
    tower = to_transformers(alpha.weights, what)
    missing = [name for name in state if name.startswith(IMAGE_ENCODER) and name not in tower]
    if missing:  # they would stay the CLIP's: half of each model
        found = f"{len(missing)} missing weights, which the CLIP has and the alpha file has not: {listed_keys(missing)}"
        raise CheckpointError(what, found, "Give the CLIP that the alpha weights were trained from.")
    state.update(tower)
    return "file"


def _refuse_other_family(source: SourceModel, what: str) -> None:
    """CheckpointError for alpha weights beside a model of which none were ever trained."""
    if (family := family_of(source.config)) is not CLIP:
        remedy = "Leave out alpha (--alpha), and train its alpha channel: deltaclip train --init."
        raise CheckpointError(what, f"a {family.title}, but alpha weights are those of a CLIP", remedy)


def _refuse_other_blocks(clip: SourceModel, width: int, program: str, what: str) -> None:
    """CheckpointError if a tower of Alpha-CLIP's program, which has OpenAI's blocks, would get other ones."""
    found, heads = clip.architecture, width // HEAD_WIDTH
    unlike = []
    if (found.vision_heads, found.vision_activation) != (heads, OPENAI_ACTIVATION):
        own = f"{found.vision_heads} heads and {found.vision_activation}"
        unlike.append(f"the CLIP's image encoder has {own}, the alpha file's {heads} and {OPENAI_ACTIVATION}")
    if not clip.normalisation.is_same(CLIP_NORMALISATION):
        unlike.append(f"the CLIP's pictures have {clip.normalisation}, the alpha file's CLIP's own")
    if unlike:
        remedy = "Give the CLIP that the alpha weights were trained from."
        raise CheckpointError(what, f"two models that differ ({program}): {'; '.join(unlike)}", remedy)


def _with_alpha_file(record: CheckpointRecord, path: Path) -> CheckpointRecord:
    licence = f"{record.licence}; alpha: {ALPHA_LICENCE}"
    return replace(record, source=(*record.source, SourceFile.of(path)), licence=licence)
