"""Checkpoint folders, read and written whole.

They hold config.json, model.safetensors, preprocessor_config.json, tokenizer.json and deltaclip.json.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from deltaclip.errors import CheckpointError
from deltaclip.model.architecture import WORDS
from deltaclip.model.clip import alpha_is_zero, assemble, check_numbers, without_counters
from deltaclip.model.configs import OPEN_CLIP_FILE, TRANSFORMERS_FILE, parse_config
from deltaclip.model.hub import fetch, is_hub_name
from deltaclip.model.preprocessing import (
    CLIP_NORMALISATION,
    PREPROCESSING_FILES,
    PREPROCESSOR_FILE,
    Normalisation,
    normalisation_words,
    normalised_as_clip,
    preprocessor_json,
    read_json,
    read_preprocessing,
)
from deltaclip.model.record import NORMALISATION, RECORD_FILE, UNKNOWN_LICENCE, CheckpointRecord, SourceFile
from deltaclip.model.spec import text_config, vision_config
from deltaclip.model.token_ids import check_tokenizer, name_token_ids
from deltaclip.model.tokenizer import TOKENIZER_FILES, Tokenizer
from deltaclip.model.weights import read_weights

CONFIG_FILE = TRANSFORMERS_FILE
WEIGHTS_FILE = "model.safetensors"
PICKLE_FILE = "pytorch_model.bin"
TOKENIZER_FILE = "tokenizer.json"
CARD_FILE = "README.md"
SHARDS = (
    "model-*-of-*.safetensors",
    "pytorch_model-*-of-*.bin",
    f"{WEIGHTS_FILE}.index.json",
    f"{PICKLE_FILE}.index.json",
)
OTHER_WEIGHTS = (PICKLE_FILE, "tf_model.h5", "flax_model.msgpack")
OWN_FILES = (CONFIG_FILE, WEIGHTS_FILE, RECORD_FILE, *TOKENIZER_FILES, *PREPROCESSING_FILES, *SHARDS, *OTHER_WEIGHTS)
"""Patterns of the names that make a checkpoint; a new one leaves none of the older one's behind."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model ready to use, and what belongs to it.

    model: four channels, float32, on the CPU, in eval mode.
    tokenizer: None where the checkpoint came without one; then texts cannot be encoded.
    record: where it comes from and how it wants to be fed.
    """

    model: CLIPModel
    tokenizer: Tokenizer | None
    record: CheckpointRecord

    def __repr__(self) -> str:
        return f"Checkpoint({self.record!r}, {self.model.num_parameters():,} weights, {self.tokenizer!r})"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a checkpoint folder holds, before it is put together.

    what: the folder or hub name, for errors. state: by transformers' names.
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
    A model of three channels gets an alpha channel of zeros. One that its preprocessor_config.json feeds with another
    mean or deviation than CLIP's gets weights that give the same for CLIP's. Weights are read from safetensors, or from
    a pytorch_model.bin as plain tensors only. Raises CheckpointError where anything is missing or does not fit.
    """
    parts = read_parts(name)
    normalisation, _ = parts.normalisation or (CLIP_NORMALISATION, "")
    model = assemble(parts.config, normalised_as_clip(parts.state, normalisation), parts.what)
    check_tokenizer(model.config, parts.tokenizer, parts.what)
    return Checkpoint(model, parts.tokenizer, as_held(parts.record, model))


def read_parts(name: str | os.PathLike[str], tokenizer: Tokenizer | None = None) -> Parts:
    """What `load_checkpoint` puts together. Raises CheckpointError as it does.

    tokenizer: the one to be used in place of the checkpoint's own.
    """
    if Path(name).expanduser().is_dir():
        return _read_folder(Path(name).expanduser(), None, tokenizer)
    if Path(name).exists():
        remedy = "Make a checkpoint of it: deltaclip convert --clip FILE --out FOLDER, and give the folder."
        raise CheckpointError(str(name), "a file, not the folder of a checkpoint", remedy)
    if not is_hub_name(str(name)):
        remedy = "Give a folder with config.json and model.safetensors, a hub name like owner/model, or shapes."
        raise CheckpointError(str(name), "neither a folder here nor a hub name", remedy)
    needed = (CONFIG_FILE, (WEIGHTS_FILE, PICKLE_FILE))
    wanted = (*TOKENIZER_FILES, *PREPROCESSING_FILES, RECORD_FILE, CARD_FILE)
    return _read_folder(fetch(str(name), needed, wanted), str(name), tokenizer)


def _read_folder(folder: Path, hub: str | None, tokenizer: Tokenizer | None) -> Parts:
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
        record = CheckpointRecord(
            (SourceFile.of(file),),
            hub,
            _card_licence(folder / CARD_FILE),
            max_words=text_config(config).max_position_embeddings,
            known_from=known,
        )
    return Parts(what, config, weights, tokenizer, record, normalisation)


def as_held(record: CheckpointRecord, model: CLIPModel) -> CheckpointRecord:
    """The record with `alpha` as the weights have it, and `max_words` no longer than the model's context.

    What a file says of alpha may be out of date: another program may have trained the weights since.
    """
    max_words = min(record.max_words, text_config(model.config).max_position_embeddings)
    return replace(record, alpha="zero" if alpha_is_zero(model) else "trained", max_words=max_words)


def _read_config(path: Path) -> CLIPConfig:
    if not path.exists():
        remedy = "Give the folder that holds config.json and model.safetensors."
        if (path.parent / OPEN_CLIP_FILE).exists():
            remedy = "It is one of open_clip's. Make a checkpoint of it: deltaclip convert --clip FOLDER --out FOLDER."
        raise CheckpointError(str(path.parent), "no config.json in this folder", remedy)
    return parse_config(path, read_json(path))


def _read_weights(folder: Path, what: str) -> tuple[Path, Mapping[str, Tensor]]:
    """The file of weights in a folder and what it holds: safetensors where it exists."""
    for path in (folder / WEIGHTS_FILE, folder / PICKLE_FILE):
        if path.exists():
            weights = without_counters(read_weights(path).alone(str(path)))
            check_numbers(weights, str(path))  # before pictures' normalisation or an alpha file is worked into them
            return path, weights
    remedy = f"Fetch {WEIGHTS_FILE} into it; weights in several files must be saved as one."
    raise CheckpointError(what, f"neither {WEIGHTS_FILE} nor {PICKLE_FILE} in this folder", remedy)


def _card_licence(path: Path) -> str:
    """The licence a model card names in its front matter, or "unknown"."""
    if not path.exists():
        return UNKNOWN_LICENCE
    front = re.match(r"---\s*\n(.*?)\n---", path.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
    entry = re.search(r"^license:[ \t]*['\"]?([^\s'\"#]+)", front.group(1), re.MULTILINE) if front else None
    return entry.group(1) if entry else UNKNOWN_LICENCE


def save_checkpoint(
    folder: str | os.PathLike[str], model: CLIPModel, tokenizer: Tokenizer | None, record: CheckpointRecord
) -> None:
    """Writes a checkpoint folder that plain `transformers.CLIPModel.from_pretrained` loads too.

    Everything is written into a folder beside first. A new checkpoint then appears by one renaming, whole or not at
    all. Of an older one in its place the checkpoint's own files are replaced, the weights of other programs and
    tokenizers that would be loaded with it among them; whatever else lies in the folder stays untouched. A file system
    cannot swap several files at once: while they are (a few renamings), and after a kill just then, the folder has no
    config.json, so that nobody loads half of each; the older files are kept beside as .NAME.*.old until the new ones
    stand, and saving again completes the folder. A reader that had opened config.json before may meet the new weights.
    Raises CheckpointError where something else lies there or it cannot be written; what was there is left as it was.
    """
    target = Path(folder).expanduser()
    check_place(target)
    check_tokenizer(model.config, tokenizer, str(target))
    place = target.resolve()  # where a link leads: renaming does not cross file systems
    beside = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".partial", dir=place.parent))
        _write(beside, model, tokenizer, record)
        if place.is_dir():
            replace_files(beside, place, place.parent)
        else:
            beside.rename(place)
    except (OSError, SafetensorError) as err:  # safetensors makes its own error of a full disk
        reason = (err.strerror if isinstance(err, OSError) else None) or str(err)
        remedy = "Make room or permissions there, or choose another folder."
        raise CheckpointError(str(target), f"cannot be written ({reason})", remedy) from err
    finally:
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)


def check_place(target: Path) -> None:
    """CheckpointError if there is anything else in a checkpoint's place than an empty folder or an older checkpoint."""
    if target.is_dir() and (not any(target.iterdir()) or (target / RECORD_FILE).is_file()):
        return
    if target.exists() or target.is_symlink():
        remedy = "Choose a new folder, or move what is there elsewhere."
        raise CheckpointError(str(target), "exists and is no checkpoint of deltaclip; it is left as it is", remedy)


def _write(folder: Path, model: CLIPModel, tokenizer: Tokenizer | None, record: CheckpointRecord) -> None:
    # mkdtemp and safetensors write for the owner alone; a checkpoint is as readable as any new folder.
    umask = os.umask(0)
    os.umask(umask)
    folder.chmod(0o777 & ~umask)
    config = model.config.to_dict() | {"architectures": ["CLIPModel"], "dtype": "float32"}
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    weights = {name: weight.detach().float().cpu().contiguous() for name, weight in model.state_dict().items()}
    save_file(weights, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    (folder / WEIGHTS_FILE).chmod(0o666 & ~umask)
    if tokenizer is not None:
        tokenizer.save(folder / TOKENIZER_FILE)
    side = vision_config(model.config).image_size
    (folder / PREPROCESSOR_FILE).write_text(preprocessor_json(side), encoding="utf-8")
    (folder / RECORD_FILE).write_text(as_held(record, model).to_json(), encoding="utf-8")


def replace_files(new: Path, target: Path, aside: Path) -> None:
    """Puts the files of the folder `new` in the place of an older checkpoint's; on an error the older ones come back.

    aside: folder on the same disk, where the older ones wait meanwhile.
    config.json goes first and comes last, without it nothing is loaded. The record is replaced and never away: it marks
    the folder as a checkpoint, so that after a kill another can be saved there.
    """
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=aside))
    own = sorted((path for path in target.iterdir() if _is_own(path)), key=lambda path: path.name != CONFIG_FILE)
    try:
        for path in own:
            if path.name == RECORD_FILE:
                shutil.copy2(path, old)
            else:
                path.rename(old / path.name)
        for path in sorted(new.iterdir(), key=lambda path: path.name == CONFIG_FILE):
            path.replace(target / path.name)
    except BaseException:
        _put_back(old, target, own)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _put_back(old: Path, target: Path, own: Sequence[Path]) -> None:
    """Undoes a replacing that failed. own: what the checkpoint in `target` consisted of."""
    for path in target.iterdir():
        if _is_own(path) and path not in own:
            path.unlink()
    for path in sorted(old.iterdir(), key=lambda path: path.name == CONFIG_FILE):
        path.replace(target / path.name)
    old.rmdir()


def _is_own(path: Path) -> bool:
    """Whether a file belongs to the checkpoint in its folder: it is loaded from there, by us or by transformers."""
    return path.is_file() and any(fnmatch(path.name, pattern) for pattern in OWN_FILES)
