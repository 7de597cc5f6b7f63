"""A digest of a model: it changes with anything that changes what features pictures and token rows get."""

import hashlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
from torch import nn
from transformers import CLIPModel

from deltaclip.model.checkpoint import (
    CONFIG_FILE,
    FILE_HASH,
    Checkpoint,
    assembled,
    kept_facts,
    read_folder,
    weights_file,
)
from deltaclip.model.hub import cached_folder
from deltaclip.model.record import SourceFile
from deltaclip.model.spec import model_spec
from deltaclip.provenance import digest

__all__ = ["kept_problem", "loaded_digest", "model_digest", "weights_digest"]

DIGEST = "model_digest"
"""Name of the kept fact that is the digest."""


def model_digest(model: CLIPModel) -> str:
    """16 hexadecimal digits of all weights by name, sizes, token ids, activations and epsilons.

    Reads all weights: half a second and more for a ViT-B/32.
    """
    configs = (model.vision_model.config, model.text_model.config)
    parts = {
        "weights": weights_digest(model),
        "sizes": asdict(model_spec(model)),
        "activation": [config.hidden_act for config in configs],
        "layer_norm_eps": [config.layer_norm_eps for config in configs],
    }
    return digest(parts, sort_keys=True)


def weights_digest(model: nn.Module) -> str:
    """32 hexadecimal digits of all weights of a module, by name."""
    state = model.state_dict()
    made = hashlib.blake2b(digest_size=16)
    for key in sorted(state):
        made.update(key.encode())
        made.update(np.ascontiguousarray(state[key].detach().cpu().numpy()).data)
    return made.hexdigest()


def loaded_digest(checkpoint: Checkpoint) -> str:
    """`model_digest` of a checkpoint whose weights are as they were loaded; they are not read if it is kept."""
    if checkpoint.kept is None:
        return model_digest(checkpoint.model)
    return checkpoint.kept.value(DIGEST, lambda: model_digest(checkpoint.model))


def kept_problem(name: str) -> str | None:
    """What is wrong with what is kept of a checkpoint, in a sentence; None if it is right or nothing is kept.

    Reads all weights. The network is not touched: a checkpoint that is not on this machine has no problem. Raises
    CheckpointError as `load_checkpoint` does.
    """
    folder, hub = Path(name).expanduser(), None
    if not folder.is_dir():
        cached = cached_folder(name, CONFIG_FILE)
        if cached is None:
            return None
        folder, hub = cached, name
    kept = kept_facts(folder, hub)
    facts = kept.read()
    if not facts:
        return None
    now = {DIGEST: model_digest(assembled(read_folder(folder, hub, None, None)))}
    if FILE_HASH in facts:
        now[FILE_HASH] = SourceFile.of(weights_file(folder, name)).sha256
    if all(facts[fact] == value for fact, value in now.items() if fact in facts):
        return None
    places = " or ".join(str(place) for place in kept.places if place.exists())
    return (
        f"{name}: its weights are not those whose digest is kept in {places}, though size and time are the same. Fetch "
        "or convert the checkpoint again; if the weights were changed on purpose, remove that file and index again."
    )
