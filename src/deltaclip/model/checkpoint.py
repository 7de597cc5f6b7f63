"""Reading checkpoint folders.

They hold config.json, model.safetensors, preprocessor_config.json, tokenizer.json and deltaclip.json, and
temporal_head.safetensors if the model has a temporal head.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from deltaclip.errors import CheckpointError
from deltaclip.model.architecture import WORDS
from deltaclip.model.clip import alpha_is_zero, assemble, check_numbers, listed_keys, without_counters
from deltaclip.model.configs import OPEN_CLIP_FILE, TRANSFORMERS_FILE, parse_config
from deltaclip.model.hub import cached_folder, fetch, is_hub_name
from deltaclip.model.kept import KeptFacts
from deltaclip.model.preprocessing import (
    CLIP_NORMALISATION,
    PREPROCESSING_FILES,
    Normalisation,
    normalisation_words,
    normalised_as_clip,
    read_json,
    read_preprocessing,
)
from deltaclip.model.record import NORMALISATION, RECORD_FILE, UNKNOWN_LICENCE, CheckpointRecord, SourceFile
from deltaclip.model.spec import text_config, vision_config
from deltaclip.model.temporal import PREFIX, head_sizes, temporal_head
from deltaclip.model.token_ids import check_tokenizer, name_token_ids
from deltaclip.model.tokenizer import TOKENIZER_FILES, Tokenizer
from deltaclip.model.weights import read_weights

CONFIG_FILE = TRANSFORMERS_FILE
WEIGHTS_FILE = "model.safetensors"
PICKLE_FILE = "pytorch_model.bin"
HEAD_FILE = "temporal_head.safetensors"
"""The weights of a temporal head, apart from transformers' own, so that plain transformers loads the rest."""
CARD_FILE = "README.md"
RESTORE = "Fetch or copy the whole checkpoint again: without its temporal head it would give other vectors."
FILE_HASH = "sha256"
"""Name of the kept fact that is the hash of the file of weights."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model ready to use, and what belongs to it.

    model: all channels, float32, on the CPU, in eval mode.
    tokenizer: None if the checkpoint came without one; then texts cannot be encoded.
    record: where it comes from and how it wants to be fed.
    kept: what is known of its files without reading them; None if it was not loaded.
    """

    model: CLIPModel
    tokenizer: Tokenizer | None
    record: CheckpointRecord
    kept: KeptFacts | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"Checkpoint({self.record!r}, {self.model.num_parameters():,} weights, {self.tokenizer!r})"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a checkpoint folder holds, before it is put together.

    what: the folder or hub name, for errors. state: by transformers' names, a temporal head's weights among them.
    normalisation: of the pictures that the weights are for, and the file that says it; None if none does.
    """

    what: str
    config: CLIPConfig
    state: Mapping[str, Tensor]
    tokenizer: Tokenizer | None
    record: CheckpointRecord
    normalisation: tuple[Normalisation, str] | None


def load_checkpoint(name: str | os.PathLike[str]) -> Checkpoint:
    """A checkpoint folder, any transformers CLIP folder, or a model of the hub.

    name: a folder (no network is touched), or owner/model, which is looked for in the hub's cache first.
    A model of colours alone gets motion channels of zeros. One that its preprocessor_config.json feeds with another
    mean or deviation than CLIP's gets weights that give the same for CLIP's. Weights are read from safetensors, or from
    a pytorch_model.bin as plain tensors only. Raises CheckpointError if anything is missing or does not fit.
    """
    folder, hub = _found(name)
    kept = kept_facts(folder, hub)
    parts = read_folder(folder, hub, None, kept)
    model = assembled(parts)
    check_tokenizer(model.config, parts.tokenizer, parts.what)
    return Checkpoint(model, parts.tokenizer, as_held(parts.record, model), kept)


def assembled(parts: Parts) -> CLIPModel:
    """The model of the parts, fed with CLIP's own normalisation."""
    normalisation, _ = parts.normalisation or (CLIP_NORMALISATION, "")
    return assemble(parts.config, normalised_as_clip(parts.state, normalisation), parts.what)


def read_parts(name: str | os.PathLike[str], tokenizer: Tokenizer | None = None) -> Parts:
    """What `load_checkpoint` puts together. Raises CheckpointError as it does.

    tokenizer: the one to be used in place of the checkpoint's own.
    """
    return read_folder(*_found(name), tokenizer, None)


def _found(name: str | os.PathLike[str]) -> tuple[Path, str | None]:
    """The folder of that name, and its hub name if it comes from there."""
    if Path(name).expanduser().is_dir():
        return Path(name).expanduser(), None
    if Path(name).exists():
        remedy = "Make a checkpoint of it: deltaclip convert --clip FILE --out FOLDER, and give the folder."
        raise CheckpointError(str(name), "a file, not the folder of a checkpoint", remedy)
    if not is_hub_name(str(name)):
        remedy = "Give a folder with config.json and model.safetensors, a hub name like owner/model, or shapes."
        raise CheckpointError(str(name), "neither a folder here nor a hub name", remedy)
    needed = (CONFIG_FILE, (WEIGHTS_FILE, PICKLE_FILE))
    wanted = (*TOKENIZER_FILES, *PREPROCESSING_FILES, RECORD_FILE, CARD_FILE, HEAD_FILE)
    return fetch(str(name), needed, wanted), str(name)


def is_cached(name: str) -> bool:
    """Whether the weights of a hub model are in the hub's cache, so that loading it fetches nothing."""
    return any(cached_folder(name, file) is not None for file in (WEIGHTS_FILE, PICKLE_FILE))


def kept_facts(folder: Path, hub: str | None) -> KeptFacts:
    """What is kept of the files of a checkpoint; asked before they are read."""
    names = (CONFIG_FILE, WEIGHTS_FILE, PICKLE_FILE, HEAD_FILE, *PREPROCESSING_FILES, *TOKENIZER_FILES)
    return KeptFacts(folder, names, is_ours=hub is None)


def read_folder(folder: Path, hub: str | None, tokenizer: Tokenizer | None, kept: KeptFacts | None) -> Parts:
    """What a folder holds. kept: where the hash of its weights may be cached; None computes it."""
    what = hub or str(folder)
    config = _read_config(folder / CONFIG_FILE)
    file, weights = _read_weights(folder, what)
    if tokenizer is None and any((folder / name).exists() for name in TOKENIZER_FILES):
        tokenizer = Tokenizer.from_source(folder)
    name_token_ids(config, tokenizer, what)
    normalisation = read_preprocessing(folder, vision_config(config).image_size)
    if (folder / RECORD_FILE).exists():
        record = CheckpointRecord.read(folder / RECORD_FILE)
        if normalisation and not normalisation[0].is_same(CLIP_NORMALISATION):  # written since: ours say CLIP's
            record = replace(
                record, known_from={**record.known_from, NORMALISATION: normalisation_words(normalisation)}
            )
    else:
        known = dict.fromkeys(WORDS, CONFIG_FILE) | {NORMALISATION: normalisation_words(normalisation)}
        if kept is None:
            source = SourceFile.of(file)
        else:
            source = SourceFile(file.name, kept.value(FILE_HASH, lambda: SourceFile.of(file).sha256))
        record = CheckpointRecord(
            (source,),
            hub,
            _card_licence(folder / CARD_FILE),
            max_words=text_config(config).max_position_embeddings,
            known_from=known,
        )
    weights = {**weights, **_read_head(folder, what, weights, record)}
    return Parts(what, config, weights, tokenizer, record, normalisation)


def as_held(record: CheckpointRecord, model: CLIPModel) -> CheckpointRecord:
    """The record with `alpha` and `temporal_layers` as the weights have them, `max_words` within the model's context.

    What a file says of alpha may be out of date: another program may have trained the weights since.
    """
    max_words = min(record.max_words, text_config(model.config).max_position_embeddings)
    head = temporal_head(model)
    return replace(
        record,
        alpha="zero" if alpha_is_zero(model) else "trained",
        max_words=max_words,
        temporal_layers=0 if head is None else head.sizes.layers,
    )


def _read_config(path: Path) -> CLIPConfig:
    if not path.exists():
        remedy = "Give the folder that holds config.json and model.safetensors."
        if (path.parent / OPEN_CLIP_FILE).exists():
            remedy = "It is one of open_clip's. Make a checkpoint of it: deltaclip convert --clip FOLDER --out FOLDER."
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


def weights_file(folder: Path, what: str) -> Path:
    """The file of weights in a folder: safetensors if it exists."""
    for path in (folder / WEIGHTS_FILE, folder / PICKLE_FILE):
        if path.exists():
            return path
    remedy = f"Fetch {WEIGHTS_FILE} into it; weights in several files must be saved as one."
    raise CheckpointError(what, f"neither {WEIGHTS_FILE} nor {PICKLE_FILE} in this folder", remedy)


def _card_licence(path: Path) -> str:
    """The licence a model card names in its front matter, or "unknown"."""
    if not path.exists():
        return UNKNOWN_LICENCE
    front = re.match(r"---\s*\n(.*?)\n---", path.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
    entry = re.search(r"^license:[ \t]*['\"]?([^\s'\"#]+)", front.group(1), re.MULTILINE) if front else None
    return entry.group(1) if entry else UNKNOWN_LICENCE
