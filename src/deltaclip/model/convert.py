"""Makes a checkpoint folder of the weights that others publish."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from torch import Tensor
from transformers import CLIPConfig

from deltaclip.errors import CheckpointError
from deltaclip.model.checkpoint import as_held, check_place, load_checkpoint, save_checkpoint
from deltaclip.model.clip import PATCH_EMBEDDING, assemble
from deltaclip.model.hub import is_hub_name
from deltaclip.model.keys import ALPHA_CONVOLUTION, replace_alpha, spec_of, to_transformers
from deltaclip.model.record import CheckpointRecord, SourceFile
from deltaclip.model.sources import ALPHA_LICENCE, read_alpha, read_clip
from deltaclip.model.spec import clip_config
from deltaclip.model.tokenizer import Tokenizer

# CLIP4Clip's --max_words: its text tower never saw longer rows in training.
CLIP4CLIP_MAX_WORDS = 32

Kind = Literal["openai", "clip4clip", "transformers"]
AlphaFrom = Literal["file", "convolution", "clip", "zero"]


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """What a conversion read and wrote.

    out: the checkpoint folder. kind: the program whose layout the CLIP had.
    record: what was written into `deltaclip.json`, licence and sources among it.
    alpha_from: "file" (a whole vision tower), "convolution" (the alpha convolution alone), "clip" (the CLIP had
        alpha weights itself), or "zero" (none: masks change nothing until they are trained).
    left_out: names of weights in the file that a CLIP has no place for.
    has_tokenizer: whether a tokenizer.json was written.
    num_weights: numbers in the model, the alpha channel's included.
    """

    out: Path
    kind: Kind
    record: CheckpointRecord
    alpha_from: AlphaFrom
    left_out: tuple[str, ...]
    has_tokenizer: bool
    num_weights: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about the result, a sentence each."""
        notes = [f"Licence of the weights: {self.record.licence}."]
        if self.alpha_from == "zero":
            notes.append("No alpha weights: that channel starts at zero, so masks change nothing until it is trained.")
        if self.alpha_from == "convolution":
            notes.append("Only the alpha convolution was in the alpha file; all other weights are the CLIP's own.")
        if self.left_out:
            heads = sorted({name.partition(".")[0] for name in self.left_out})
            notes.append(
                f"Left out, as mean pooling does not use them: {len(self.left_out)} weights of {', '.join(heads)}."
            )
        if not self.has_tokenizer:
            notes.append("No tokenizer was given: the checkpoint encodes videos but no texts. Give --tokenizer FILE.")
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
            "licence": self.record.licence,
            "source": [asdict(file) for file in self.record.source],
            "left_out": list(self.left_out),
            "tokenizer": self.has_tokenizer,
            "weights": self.num_weights,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class _Clip:
    """A CLIP by transformers' names, wherever it came from."""

    kind: Kind
    config: CLIPConfig
    state: Mapping[str, Tensor]
    tokenizer: Tokenizer | None
    record: CheckpointRecord
    left_out: tuple[str, ...]


def convert(
    *,
    clip: str | os.PathLike[str],
    out: str | os.PathLike[str],
    alpha: str | os.PathLike[str] | None = None,
    tokenizer: str | os.PathLike[str] | None = None,
) -> ConversionReport:
    """Writes the checkpoint folder `out` from a CLIP, and an Alpha-CLIP vision tower on top of it.

    clip: OpenAI's CLIP (TorchScript archive or state dict), a CLIP4Clip .bin, a transformers folder or a hub name.
    alpha: Alpha-CLIP's visual .pth, or a file with its alpha convolution alone; None keeps the CLIP's own, or zero.
    tokenizer: anything Tokenizer.from_source takes; None keeps the folder's or hub model's own, if it has one.
    Raises CheckpointError if a file is not what it should be, a weight is missing or unknown, or `out` is taken.
    """
    target = Path(out).expanduser()
    check_place(target)
    source = _read_clip(clip)
    state, record, what = dict(source.state), source.record, str(clip)
    alpha_from: AlphaFrom = "clip"
    if alpha is not None:
        what = f"{clip} with {alpha}"
        alpha_from = _put_alpha(state, read_alpha(Path(alpha).expanduser()), what)
        record = _with_alpha_file(record, Path(alpha).expanduser())
    model = assemble(source.config, state, what)
    record = as_held(record, model)
    words = Tokenizer.from_source(tokenizer) if tokenizer is not None else source.tokenizer
    save_checkpoint(target, model, words, record)
    return ConversionReport(
        out=target,
        kind=source.kind,
        record=record,
        alpha_from="zero" if record.alpha == "zero" else alpha_from,
        left_out=source.left_out,
        has_tokenizer=words is not None,
        num_weights=model.num_parameters(),
    )


def _read_clip(clip: str | os.PathLike[str]) -> _Clip:
    """The CLIP of a file, a folder or the hub."""
    path = Path(clip).expanduser()
    if not path.exists() and not is_hub_name(str(clip)):
        remedy = (
            "Give a file of weights, a folder with config.json and model.safetensors, or a hub name like owner/model."
        )
        raise CheckpointError(str(clip), "neither a file or folder here nor a hub name", remedy)
    if not path.is_file():
        loaded = load_checkpoint(clip)
        state = loaded.model.state_dict()
        return _Clip("transformers", loaded.model.config, state, loaded.tokenizer, loaded.record, ())
    file = read_clip(path)
    spec = spec_of(file.weights, str(path))
    record = CheckpointRecord(source=(file.file,), licence=file.licence)
    if file.kind == "clip4clip":
        record = replace(record, max_words=CLIP4CLIP_MAX_WORDS)
    return _Clip(file.kind, clip_config(spec), to_transformers(file.weights), None, record, file.left_out)


def _put_alpha(state: dict[str, Tensor], alpha: Mapping[str, Tensor], what: str) -> AlphaFrom:
    """Replaces the vision tower in `state`, or its alpha channel alone, by Alpha-CLIP's, and says which."""
    width, _, *patch = state[PATCH_EMBEDDING].shape
    convolution = alpha[ALPHA_CONVOLUTION]
    if convolution.shape != (width, 1, *patch):
        found = f"an alpha convolution {tuple(convolution.shape)} where the CLIP needs {(width, 1, *patch)}"
        raise CheckpointError(
            what, found, "Give the CLIP the alpha weights were trained from (B/16, L/14 or L/14@336)."
        )
    if len(alpha) == 1:
        state[PATCH_EMBEDDING] = replace_alpha(state[PATCH_EMBEDDING], convolution)
        return "convolution"
    state.update(to_transformers(alpha))
    return "file"


def _with_alpha_file(record: CheckpointRecord, path: Path) -> CheckpointRecord:
    licence = f"{record.licence}; alpha: {ALPHA_LICENCE}"
    return replace(record, source=(*record.source, SourceFile.of(path)), licence=licence)
