"""A digest of a model: it changes with anything that changes what features pictures and token rows get."""

from dataclasses import asdict
from pathlib import Path

from torch import nn

from deltaclip.channels import channels_of
from deltaclip.model.checkpoint import Checkpoint, assembled, read_folder
from deltaclip.model.clip import alpha_is_zero, channel_extras
from deltaclip.model.families import CLIP
from deltaclip.model.families.wiring import DualEncoder, family_of
from deltaclip.model.files import CONFIG_FILE, FILE_HASH, kept_facts, weights_file
from deltaclip.model.hub import cached_folder
from deltaclip.model.kept import DIGEST
from deltaclip.model.known import MODEL_FACTS, ModelFacts
from deltaclip.model.record import SourceFile
from deltaclip.model.rows import HeldRows, digest_of_weights
from deltaclip.model.sizes import Blocks
from deltaclip.model.spec import model_spec, text_config
from deltaclip.model.temporal import temporal_head
from deltaclip.model.text_tower import TextTower, text_shapes
from deltaclip.provenance import digest

__all__ = ["kept_problem", "loaded_digest", "model_digest", "model_facts", "texts_of", "weights_digest"]


def model_digest(model: DualEncoder) -> str:
    """16 hexadecimal digits of all weights by name, sizes, token ids, activations and epsilons, and of the family.

    Reads all weights: half a second and more for a ViT-B/32.
    """
    configs = (model.vision_model.config, model.text_model.config)
    family = family_of(model)
    parts = {
        "weights": weights_digest(model),
        "sizes": asdict(model_spec(model)),
        "activation": [config.hidden_act for config in configs],
        "layer_norm_eps": [config.layer_norm_eps for config in configs],
    }
    if family is not CLIP:
        parts["family"] = [family.name, family.fit]
    return digest(parts, sort_keys=True)


def weights_digest(model: nn.Module) -> str:
    """32 hexadecimal digits of all weights of a module, by name."""
    state = model.state_dict()
    return digest_of_weights({key: weight.detach().cpu().numpy() for key, weight in state.items()})


def model_facts(model: DualEncoder) -> ModelFacts:
    """What a model is: all that is needed to encode texts with its weights."""
    head, text = temporal_head(model), text_config(model.config)
    return ModelFacts(
        spec=model_spec(model),
        text_blocks=Blocks(text.hidden_act, text.intermediate_size, text.layer_norm_eps),
        num_channels=len(channels_of(channel_extras(model))),
        alpha="zero" if alpha_is_zero(model) else "trained",
        temporal_layers=0 if head is None else head.sizes.layers,
        max_frames=None if head is None else head.sizes.positions,
        family=family_of(model).name,
    )


def texts_of(model: DualEncoder) -> TextTower | None:
    """The text encoder of a model in numpy, over the same weights; None for an activation that is not there."""
    facts, state, family = model_facts(model), model.state_dict(), family_of(model)
    held = {name: state[name].detach().cpu().numpy() for name in text_shapes(facts.spec, facts.text_blocks, family)}
    try:
        return TextTower(facts.spec, facts.text_blocks, HeldRows(held), family)
    except ValueError:
        return None


def loaded_digest(checkpoint: Checkpoint) -> str:
    """`model_digest` of a checkpoint whose weights are as they were loaded; they are not read if it is kept.

    It is kept now, and what `known_checkpoint` needs with it.
    """
    model, kept = checkpoint.model, checkpoint.kept
    if kept is None:
        return model_digest(model)
    kept.put(MODEL_FACTS, model_facts(model).to_json())
    return kept.value(DIGEST, lambda: model_digest(model))


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
    model = assembled(read_folder(folder, hub, None, None))
    now = {DIGEST: model_digest(model), MODEL_FACTS: model_facts(model).to_json()}
    if FILE_HASH in facts:
        now[FILE_HASH] = SourceFile.of(weights_file(folder, name)).sha256
    if all(facts[fact] == value for fact, value in now.items() if fact in facts):
        return None
    places = " or ".join(str(place) for place in kept.places if place.exists())
    return (
        f"{name}: its weights are not those whose digest is kept in {places}, though size and time are the same. Fetch "
        "or convert the checkpoint again; if the weights were changed on purpose, remove that file and index again."
    )
