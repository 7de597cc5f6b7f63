"""From the name of a checkpoint to its model: a folder or the hub, of transformers' form or open_clip's."""

import os
from pathlib import Path

from deltaclip.model.any_source import Said, read_any
from deltaclip.model.checkpoint import Checkpoint, as_held, assembled, read_folder
from deltaclip.model.clip import assemble
from deltaclip.model.files import found_folder, kept_facts, open_clip_weights
from deltaclip.model.patches import normalised_as_clip
from deltaclip.model.token_ids import check_tokenizer

__all__ = ["load_checkpoint", "load_folder"]

NOTHING_SAID = Said()


def load_checkpoint(name: str | os.PathLike[str]) -> Checkpoint:
    """A checkpoint folder, any folder of transformers of a family in `FAMILIES`, one of open_clip, or a hub model.

    name: a folder (no network is touched), or owner/model, which is looked for in the hub's cache first.
    A model of colours alone gets motion channels of zeros. One that its preprocessor_config.json feeds with another
    mean or deviation than CLIP's gets weights that give the same for CLIP's. Weights are read from safetensors, or from
    a pytorch_model.bin as plain tensors only; those of open_clip only with the open_clip_config.json that tells their
    heads and activation. Raises CheckpointError if anything is missing or does not fit.
    """
    return load_folder(*found_folder(name))


def load_folder(folder: Path, hub: str | None) -> Checkpoint:
    """What a folder holds, whole. hub: its name if it is of the hub's cache. Raises CheckpointError as above."""
    if open_clip_weights(folder) is not None:
        return _of_open_clip(folder, hub)
    kept = kept_facts(folder, hub)
    parts = read_folder(folder, hub, None, kept)
    model = assembled(parts)
    check_tokenizer(model.config, parts.tokenizer, parts.what)
    return Checkpoint(model, parts.tokenizer, as_held(parts.record, model), kept, parts.token_weights)


def _of_open_clip(folder: Path, hub: str | None) -> Checkpoint:
    """Read and renamed anew at each time: `convert` makes a checkpoint that loads faster."""
    source, what = read_any(hub or folder, NOTHING_SAID, None), hub or str(folder)
    model = assemble(source.config, normalised_as_clip(source.state, source.normalisation), what)
    check_tokenizer(model.config, source.tokenizer, what)
    return Checkpoint(model, source.tokenizer, as_held(source.record, model))
