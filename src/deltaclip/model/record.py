"""What a checkpoint says about itself: `deltaclip.json` beside the weights."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from deltaclip.errors import CheckpointError

__all__ = ["NORMALISATION", "RECORD_FILE", "UNKNOWN_LICENCE", "WORDS", "CheckpointRecord", "SourceFile"]

RECORD_FILE = "deltaclip.json"
UNKNOWN_LICENCE = "unknown"
NORMALISATION = "normalisation"
"""The key of `known_from` for how pictures are normalised; the others are those of WORDS."""
WORDS = {
    "vision_heads": "attention heads of the image encoder",
    "text_heads": "attention heads of the text encoder",
    "vision_activation": "activation of the image encoder",
    "text_activation": "activation of the text encoder",
}
"""What weights do not tell -> in words."""
HASH_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file the weights came from: its name without folders, and the sha256 of its bytes in hex."""

    name: str
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "SourceFile":
        """The name and hash of a file on disk; CheckpointError if it cannot be read."""
        digest = hashlib.sha256()
        try:
            with path.open("rb") as stream:
                while block := stream.read(HASH_BLOCK_BYTES):
                    digest.update(block)
        except OSError as err:
            raise CheckpointError(
                str(path), f"cannot be read ({err.strerror})", "Check the path and its permissions."
            ) from err
        return cls(path.name, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """Where a checkpoint comes from and how it wants to be fed.

    source: the files its weights were read from; none for a model trained from scratch.
    hub: the hub name they were fetched under, or None.
    licence: of the weights, "unknown" if nothing says it.
    alpha: "zero" while all alpha weights are zero, else "trained"; what the weights hold, whoever writes it.
    motion: the mask it was trained with, in the word of `motion.MotionSpec`, or None for none.
    num_frames: frames of a segment at search time.
    max_words: the longest row of token ids, begin and end included.
    temporal_layers: of the temporal head, whose weights are in a file of their own; 0 without one.
    known_from: who said what the weights do not tell: heads, activation and normalisation of pictures -> file, option
        or hash in words; empty for a model made here.
    training: recipe, seed and figures of the run that made it, as the training writes them; None if not ours.
    """

    source: tuple[SourceFile, ...] = ()
    hub: str | None = None
    licence: str = UNKNOWN_LICENCE
    alpha: Literal["zero", "trained"] = "zero"
    motion: str | None = None
    num_frames: int = 12
    max_words: int = 77
    temporal_layers: int = 0
    known_from: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, Any] | None = field(default=None)  # Any: whatever json holds

    def __post_init__(self) -> None:
        if self.alpha not in ("zero", "trained"):
            raise ValueError(f"alpha must be 'zero' or 'trained', not {self.alpha!r}")
        for name, least in (("num_frames", 1), ("max_words", 2), ("temporal_layers", 0)):
            number = getattr(self, name)
            if not isinstance(number, int) or isinstance(number, bool) or number < least:
                raise ValueError(f"{name} must be a whole number from {least} on, not {number!r}")
        if not isinstance(self.known_from, Mapping) or not isinstance(self.training, Mapping | None):
            raise ValueError("known_from and training must be objects")

    def held_by(
        self, alpha: Literal["zero", "trained"], context_length: int, temporal_layers: int
    ) -> "CheckpointRecord":
        """The record with `alpha` and `temporal_layers` as the weights have them, `max_words` within the model's
        context.

        What a file says of alpha may be out of date: another program may have trained the weights since.
        """
        max_words = min(self.max_words, context_length)
        return replace(self, alpha=alpha, max_words=max_words, temporal_layers=temporal_layers)

    def facts(self) -> dict[str, Any]:  # Any: a json document
        """The record as a json document; without `temporal_layers` if there are none, as older records are."""
        facts = asdict(self)
        if not self.temporal_layers:
            del facts["temporal_layers"]
        return facts

    def to_json(self) -> str:
        """The text of `deltaclip.json`."""
        return json.dumps(self.facts(), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> "CheckpointRecord":
        """The record in a `deltaclip.json`; CheckpointError if it is not one."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            unknown = values.keys() - {entry.name for entry in fields(cls)}
            if unknown:
                raise ValueError(f"unknown entries {', '.join(sorted(unknown))}")
            source = tuple(SourceFile(**entry) for entry in values.pop("source", ()))
            return cls(source=source, **values)
        except (OSError, ValueError, TypeError, AttributeError) as err:
            remedy = "Check its permissions, or restore the file from a copy; the weights beside it are untouched."
            raise CheckpointError(str(path), f"not the record of a checkpoint ({err})", remedy) from err
