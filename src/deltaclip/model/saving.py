"""Writing a checkpoint folder, whole or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from deltaclip.errors import CheckpointError
from deltaclip.model.checkpoint import as_held
from deltaclip.model.families.wiring import DualEncoder, family_of
from deltaclip.model.files import CONFIG_FILE, HEAD_FILE, PICKLE_FILE, WEIGHTS_FILE
from deltaclip.model.kept import KEPT_FILE
from deltaclip.model.preprocessing import PREPROCESSING_FILES, PREPROCESSOR_FILE, preprocessor_json
from deltaclip.model.record import RECORD_FILE, CheckpointRecord
from deltaclip.model.spec import vision_config
from deltaclip.model.temporal import PREFIX
from deltaclip.model.token_ids import check_tokenizer
from deltaclip.model.token_weights import TOKEN_WEIGHTS_FILE, TokenWeights
from deltaclip.model.tokenizer import TOKENIZER_FILES, Tokenizer

__all__ = ["check_place", "replace_files", "save_checkpoint"]

TOKENIZER_FILE = "tokenizer.json"
SHARDS = (
    "model-*-of-*.safetensors",
    "pytorch_model-*-of-*.bin",
    f"{WEIGHTS_FILE}.index.json",
    f"{PICKLE_FILE}.index.json",
)
OTHER_WEIGHTS = (PICKLE_FILE, "tf_model.h5", "flax_model.msgpack")
OWN_FILES = (
    CONFIG_FILE,
    WEIGHTS_FILE,
    HEAD_FILE,
    TOKEN_WEIGHTS_FILE,
    RECORD_FILE,
    KEPT_FILE,
    *TOKENIZER_FILES,
    *PREPROCESSING_FILES,
    *SHARDS,
    *OTHER_WEIGHTS,
)
"""Patterns of the names that make a checkpoint; a new one leaves none of the older one's behind."""


def save_checkpoint(
    folder: str | os.PathLike[str],
    model: DualEncoder,
    tokenizer: Tokenizer | None,
    record: CheckpointRecord,
    token_weights: TokenWeights | None = None,
) -> None:
    """Writes a checkpoint folder that plain transformers loads too (`CLIPModel.from_pretrained`), less a temporal head.

    Everything is written into a folder beside first. A new checkpoint then appears by one renaming, whole or not at
    all. Of an older one in its place the checkpoint's own files are replaced, the weights of other programs and
    tokenizers that would be loaded with it among them; any other file in the folder is left as it is. A file system
    cannot swap several files at once: while they are (a few renamings), and after a kill just then, the folder has no
    config.json, so that nobody loads half of each; the older files are kept beside as .NAME.*.old until the new ones
    stand, and saving again completes the folder. A reader that had opened config.json before may meet the new weights.
    Raises CheckpointError if something else is there or it cannot be written; what was there is left as it was.
    """
    target = Path(folder).expanduser()
    check_place(target)
    check_tokenizer(model.config, tokenizer, str(target))
    place = target.resolve()  # where a link leads: renaming does not cross file systems
    beside = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".partial", dir=place.parent))
        _write(beside, model, tokenizer, record, token_weights)
        if place.is_dir():
            replace_files(beside, place, place.parent)
        else:
            beside.rename(place)
    except (OSError, SafetensorError) as err:  # safetensors makes its own error of a full disk
        reason = (err.strerror if isinstance(err, OSError) else None) or str(err)
        remedy = "Free some space or change the permissions there, or choose a different folder."
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
        raise CheckpointError(
            str(target), "exists and is not a deltaclip checkpoint; nothing in it was changed", remedy
        )


def _write(
    folder: Path,
    model: DualEncoder,
    tokenizer: Tokenizer | None,
    record: CheckpointRecord,
    token_weights: TokenWeights | None,
) -> None:
    # mkdtemp and safetensors write for the owner alone; a checkpoint is as readable as any new folder.
    umask = os.umask(0)
    os.umask(umask)
    folder.chmod(0o777 & ~umask)
    config = model.config.to_dict() | {"architectures": [family_of(model).model_class], "dtype": "float32"}
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    weights = {name: weight.detach().float().cpu().contiguous() for name, weight in model.state_dict().items()}
    head = {name: weights.pop(name) for name in list(weights) if name.startswith(PREFIX)}
    of_tokens = {} if token_weights is None else token_weights.arrays
    tokens = {name: torch.from_numpy(np.array(array)) for name, array in of_tokens.items()}
    for name, state in ((WEIGHTS_FILE, weights), (HEAD_FILE, head), (TOKEN_WEIGHTS_FILE, tokens)):
        if state:
            save_file(state, folder / name, metadata={"format": "pt"})
            (folder / name).chmod(0o666 & ~umask)
    if tokenizer is not None:
        tokenizer.save(folder / TOKENIZER_FILE)
    side = vision_config(model.config).image_size
    (folder / PREPROCESSOR_FILE).write_text(preprocessor_json(side, family_of(model)), encoding="utf-8")
    (folder / RECORD_FILE).write_text(as_held(record, model).to_json(), encoding="utf-8")


def replace_files(new: Path, target: Path, aside: Path) -> None:
    """Puts the files of the folder `new` in the place of an older checkpoint's; on an error the older ones come back.

    aside: folder on the same disk, where the older ones wait meanwhile.
    config.json goes first and comes last, without it nothing is loaded. The record is replaced and never away: it marks
    the folder as a checkpoint, so that after a kill a new one can be saved there.
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
