"""A digest of a model: it changes with anything that changes what features pictures and token rows get."""

import hashlib
from dataclasses import asdict

import numpy as np
from transformers import CLIPModel

from deltaclip.model.spec import model_spec
from deltaclip.provenance import digest

__all__ = ["model_digest"]


def model_digest(model: CLIPModel) -> str:
    """16 hexadecimal digits of all weights by name, sizes, token ids, activations and epsilons.

    Reads all weights: half a second and more for a ViT-B/32.
    """
    configs = (model.vision_model.config, model.text_model.config)
    parts = {
        "weights": _weights_digest(model),
        "sizes": asdict(model_spec(model)),
        "activation": [config.hidden_act for config in configs],
        "layer_norm_eps": [config.layer_norm_eps for config in configs],
    }
    return digest(parts, sort_keys=True)


def _weights_digest(model: CLIPModel) -> str:
    state = model.state_dict()
    made = hashlib.blake2b(digest_size=16)
    for key in sorted(state):
        made.update(key.encode())
        made.update(np.ascontiguousarray(state[key].detach().cpu().numpy()).data)
    return made.hexdigest()
