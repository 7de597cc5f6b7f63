"""Reading checkpoint folders.

They hold config.json, model.safetensors, preprocessor_config.json, tokenizer.json and deltaclip.json, and
temporal_head.safetensors if the model has a temporal head; token_weights.safetensors if it came with weights of
token-wise interaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from deltaclip.errors import CheckpointError
from deltaclip.model.clip import alpha_is_zero, assemble, check_numbers, listed_keys, without_counters
from deltaclip.model.configs import parse_config
from deltaclip.model.families.wiring import DualConfig, DualEncoder, family_of, wiring
from deltaclip.model.files import CONFIG_FILE, HEAD_FILE, OPEN_CLIP_FILE, read_record, weights_file
from deltaclip.model.kept import KeptFacts
from deltaclip.model.normalisation import CLIP_NORMALISATION, Normalisation
from deltaclip.model.patches import normalised_as_clip
from deltaclip.model.preprocessing import read_json
from deltaclip.model.record import RECORD_FILE, CheckpointRecord
from deltaclip.model.spec import text_config, vision_config
from deltaclip.model.temporal import PREFIX, head_sizes, temporal_head
from deltaclip.model.token_ids import name_token_ids
from deltaclip.model.token_weights import TokenWeights, read_token_weights
from deltaclip.model.tokenizer import TOKENIZER_FILES, Tokenizer
from deltaclip.model.weights import read_weights

__all__ = ["Checkpoint", "Parts", "as_held", "assembled", "read_folder"]

RESTORE = "Fetch or copy the whole checkpoint again: without its temporal head it would give other vectors."


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model ready to use, and what belongs to it.

    model: all channels, float32, on the CPU, in eval mode.
    tokenizer: None if the checkpoint came without one; then texts cannot be encoded.
    record: where it comes from and how it wants to be fed.
    kept: what is known of its files without reading them; None if it was not loaded.
    token_weights: of token-wise interaction, None without any.
    """

    model: DualEncoder
    tokenizer: Tokenizer | None
    record: CheckpointRecord
    kept: KeptFacts | None = field(default=None, compare=False)
    token_weights: TokenWeights | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"Checkpoint({self.record!r}, {self.model.num_parameters():,} weights, {self.tokenizer!r})"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a checkpoint folder holds, before it is put together.

    what: the folder or hub name, for errors. state: by transformers' names, a temporal head's weights among them.
    normalisation: of the pictures that the weights are for, and the file that says it; None if none does.
    token_weights: as of `Checkpoint`.
    """

    what: str
    config: DualConfig
    state: Mapping[str, Tensor]
    tokenizer: Tokenizer | None
    record: CheckpointRecord
    normalisation: tuple[Normalisation, str] | None
    token_weights: TokenWeights | None = None


def assembled(parts: Parts) -> DualEncoder:
    """The model of the parts, fed with CLIP's own normalisation."""
    normalisation, _ = parts.normalisation or (CLIP_NORMALISATION, "")
    return assemble(parts.config, normalised_as_clip(parts.state, normalisation), parts.what)


def read_folder(folder: Path, hub: str | None, tokenizer: Tokenizer | None, kept: KeptFacts | None) -> Parts:
    """What a folder holds. kept: where the hash of its weights may be cached; None computes it."""
    what = hub or str(folder)
    config = _read_config(folder / CONFIG_FILE)
    file, weights = _read_weights(folder, what)
    if tokenizer is None and any((folder / name).exists() for name in TOKENIZER_FILES):
        tokenizer = Tokenizer.from_source(folder)
    name_token_ids(config, tokenizer, what)
    record, normalisation = read_record(
        folder,
        hub,
        file,
        kept,
        vision_config(config).image_size,
        text_config(config).max_position_embeddings,
        family_of(config),
    )
    weights = {**weights, **_read_head(folder, what, weights, record)}
    token_weights = read_token_weights(folder, wiring(family_of(config)).configured_dimension(config))
    return Parts(what, config, weights, tokenizer, record, normalisation, token_weights)


def as_held(record: CheckpointRecord, model: DualEncoder) -> CheckpointRecord:
    """The record as a model has it, see `CheckpointRecord.held_by`."""
    head = temporal_head(model)
    return record.held_by(
        "zero" if alpha_is_zero(model) else "trained",
        text_config(model.config).max_position_embeddings,
        0 if head is None else head.sizes.layers,
    )


def _read_config(path: Path) -> DualConfig:
    if not path.exists():
        remedy = "Give the folder that holds config.json and model.safetensors."
        if (path.parent / OPEN_CLIP_FILE).exists():
            remedy = "Fetch open_clip_model.safetensors or open_clip_pytorch_model.bin into it."
        raise CheckpointError(str(path.parent), "no config.json in this folder", remedy)
    return parse_config(path, read_json(path))


def _read_weights(folder: Path, what: str) -> tuple[Path, Mapping[str, Tensor]]:
    """The file of weights in a folder and what it holds."""
    path = weights_file(folder, what)
    weights = without_counters(read_weights(path).alone(str(path)))
    check_numbers(weights, str(path))  # before pictures' normalisation or an alpha file is worked into them
    return path, weights


def _read_head(
    folder: Path, what: str, weights: Mapping[str, Tensor], record: CheckpointRecord
) -> Mapping[str, Tensor]:
    """The weights of the temporal head in a folder; none without one. CheckpointError unless the record agrees."""
    path = folder / HEAD_FILE
    found: Mapping[str, Tensor] = {}
    if path.exists():
        found = read_weights(path).alone(str(path))
        check_numbers(found, str(path))
    if astray := [name for name in found if not name.startswith(PREFIX)]:
        remedy = f"Fetch the file that belongs to this checkpoint: its names begin with {PREFIX}"
        raise CheckpointError(str(path), f"weights of no temporal head: {listed_keys(astray)}", remedy)
    if inside := [name for name in weights if name.startswith(PREFIX)]:
        raise CheckpointError(
            what, f"weights of a temporal head outside of {HEAD_FILE}: {listed_keys(inside)}", RESTORE
        )
    sizes = head_sizes(found)
    layers = 0 if sizes is None else sizes.layers
    if layers != record.temporal_layers:
        said = f"temporal_layers {record.temporal_layers}" if record.temporal_layers else "no temporal head"
        there = f"{layers} in {HEAD_FILE}" if layers else f"no {HEAD_FILE}"
        raise CheckpointError(what, f"{said} in its {RECORD_FILE}, but {there}", RESTORE)
    return found
