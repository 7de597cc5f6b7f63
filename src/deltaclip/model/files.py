"""The files of a checkpoint folder: where they are, and what is told of a checkpoint without its weights."""

import os
import re
from dataclasses import replace
from pathlib import Path

from deltaclip.errors import CheckpointError
from deltaclip.model.families import FAMILIES, OPEN_CLIP_FORMS, Family
from deltaclip.model.hub import cached_folder, fetch, is_hub_name
from deltaclip.model.kept import KeptFacts
from deltaclip.model.normalisation import CLIP_NORMALISATION, Normalisation, normalisation_words
from deltaclip.model.preprocessing import PREPROCESSING_FILES, PREPROCESSOR_FILE, read_json, read_preprocessing
from deltaclip.model.record import NORMALISATION, RECORD_FILE, UNKNOWN_LICENCE, WORDS, CheckpointRecord, SourceFile
from deltaclip.model.token_weights import TOKEN_WEIGHTS_FILE
from deltaclip.model.tokenizer import TOKENIZER_FILES

__all__ = [
    "CARD_FILE",
    "CONFIG_FILE",
    "FILE_HASH",
    "HEAD_FILE",
    "OPEN_CLIP_FILE",
    "PICKLE_FILE",
    "WEIGHTS_FILE",
    "card_licence",
    "found_folder",
    "is_cached",
    "kept_facts",
    "open_clip_weights",
    "read_record",
    "weights_file",
]

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
PICKLE_FILE = "pytorch_model.bin"
HEAD_FILE = "temporal_head.safetensors"
"""The weights of a temporal head, apart from transformers' own, so that plain transformers loads the rest."""
CARD_FILE = "README.md"
OPEN_CLIP_FILE = "open_clip_config.json"
OPEN_CLIP_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""Of open_clip's folders on the hub."""
RESTORE = "Copy the whole checkpoint again, with all of its files."
FILE_HASH = "sha256"
"""Name of the kept fact that is the hash of the file of weights."""


def found_folder(name: str | os.PathLike[str]) -> tuple[Path, str | None]:
    """The folder of that name, and its hub name if it comes from there."""
    if Path(name).expanduser().is_dir():
        return Path(name).expanduser(), None
    if Path(name).exists():
        remedy = "Make a checkpoint of it: deltaclip convert --clip FILE --out FOLDER, and give the folder."
        raise CheckpointError(str(name), "a file, not the folder of a checkpoint", remedy)
    if not is_hub_name(str(name)):
        remedy = "Give a folder with config.json and model.safetensors, a hub name like owner/model, or shapes."
        raise CheckpointError(str(name), "neither a folder here nor a hub name", remedy)
    if (form := OPEN_CLIP_FORMS.get(str(name))) is not None:
        found = "weights without a configuration, as Meta publishes them"
        raise CheckpointError(str(name), found, f"Give {form}: the same weights as open_clip has them.")
    wanted = (*TOKENIZER_FILES, *PREPROCESSING_FILES, RECORD_FILE, CARD_FILE, HEAD_FILE, TOKEN_WEIGHTS_FILE)
    folder = fetch(str(name), ((CONFIG_FILE, OPEN_CLIP_FILE),), ())
    if _is_of_transformers(folder):
        return fetch(str(name), (CONFIG_FILE, (WEIGHTS_FILE, PICKLE_FILE)), wanted), str(name)
    if fetch(str(name), ((CONFIG_FILE, OPEN_CLIP_FILE),), (OPEN_CLIP_FILE,)) and (folder / OPEN_CLIP_FILE).exists():
        return fetch(str(name), (OPEN_CLIP_FILE, OPEN_CLIP_WEIGHTS), wanted), str(name)
    return folder, str(name)  # of another kind, as whoever reads its config.json says


def _is_of_transformers(folder: Path) -> bool:
    """Whether its config.json is of a model that is here: timm's, beside open_clip's, is not."""
    path = folder / CONFIG_FILE
    return path.is_file() and read_json(path).get("model_type") in FAMILIES


def open_clip_weights(folder: Path) -> Path | None:
    """The weights in a folder of open_clip's; None if it is none, or has the same in transformers' form."""
    found = next((file for name in OPEN_CLIP_WEIGHTS if (file := folder / name).is_file()), None)
    in_transformers = any((folder / name).is_file() for name in (WEIGHTS_FILE, PICKLE_FILE))
    return None if in_transformers and _is_of_transformers(folder) else found


def is_cached(name: str) -> bool:
    """Whether the weights of a hub model are in the hub's cache, so that loading it fetches nothing."""
    return any(cached_folder(name, file) is not None for file in (WEIGHTS_FILE, PICKLE_FILE, *OPEN_CLIP_WEIGHTS))


def kept_facts(folder: Path, hub: str | None) -> KeptFacts:
    """What is kept of the files of a checkpoint; asked before they are read."""
    names = (CONFIG_FILE, WEIGHTS_FILE, PICKLE_FILE, HEAD_FILE, *PREPROCESSING_FILES, *TOKENIZER_FILES)
    return KeptFacts(folder, names, is_ours=hub is None)


def read_record(
    folder: Path,
    hub: str | None,
    file: Path,
    kept: KeptFacts | None,
    image_size: int,
    context_length: int,
    family: Family,
) -> tuple[CheckpointRecord, tuple[Normalisation, str] | None]:
    """The record of a checkpoint, and the normalisation of its pictures with who says it, None if nobody does: then it
    is CLIP's.

    file: its weights. kept: where the hash of its weights may be cached; None computes it.
    """
    normalisation = read_preprocessing(folder, image_size, family)
    if normalisation is None and not family.normalisation.is_same(CLIP_NORMALISATION):
        if (folder / RECORD_FILE).exists():  # whose weights are for CLIP's own, as that file said
            raise CheckpointError(hub or str(folder), f"no {PREPROCESSOR_FILE} in this folder", RESTORE)
        normalisation = family.normalisation, f"{family.title}'s habit"
    if (folder / RECORD_FILE).exists():
        record = CheckpointRecord.read(folder / RECORD_FILE)
        if normalisation and not normalisation[0].is_same(CLIP_NORMALISATION):  # written since: ours say CLIP's
            record = replace(
                record, known_from={**record.known_from, NORMALISATION: normalisation_words(normalisation)}
            )
        return record, normalisation
    known = dict.fromkeys(WORDS, CONFIG_FILE) | {NORMALISATION: normalisation_words(normalisation)}
    if kept is None:
        source = SourceFile.of(file)
    else:
        source = SourceFile(file.name, kept.value(FILE_HASH, lambda: SourceFile.of(file).sha256))
    licence = card_licence(folder / CARD_FILE)
    return CheckpointRecord((source,), hub, licence, max_words=context_length, known_from=known), normalisation


def weights_file(folder: Path, what: str) -> Path:
    """The file of weights in a folder: safetensors if it exists."""
    for path in (folder / WEIGHTS_FILE, folder / PICKLE_FILE):
        if path.exists():
            return path
    remedy = f"Fetch {WEIGHTS_FILE} into it; weights in several files must be saved as one."
    raise CheckpointError(what, f"neither {WEIGHTS_FILE} nor {PICKLE_FILE} in this folder", remedy)


def card_licence(path: Path) -> str:
    """The licence a model card names in its front matter, or "unknown"."""
    if not path.exists():
        return UNKNOWN_LICENCE
    front = re.match(r"---\s*\n(.*?)\n---", path.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
    entry = re.search(r"^license:[ \t]*['\"]?([^\s'\"#]+)", front.group(1), re.MULTILINE) if front else None
    return entry.group(1) if entry else UNKNOWN_LICENCE
