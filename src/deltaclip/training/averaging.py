"""WiSE-FT: weights averaged between a checkpoint and its fine-tuned version (Wortsman et al., "Robust fine-tuning").

Often better than both on clips unlike the training clips. It needs two checkpoints of one model: same sizes, same
tokens, and one trained from the other (or both from a common start); otherwise the average is noise.
"""

from dataclasses import asdict, replace
from pathlib import Path

from deltaclip.encoder import locate
from deltaclip.errors import CheckpointError
from deltaclip.model import (
    UNKNOWN_LICENCE,
    Checkpoint,
    assemble,
    check_place,
    head_facts,
    load_checkpoint,
    model_spec,
    save_checkpoint,
)

__all__ = ["average"]


def average(first: str, second: str, weight: int | float, out: Path) -> Checkpoint:
    """Writes the checkpoint (1 - weight) * first + weight * second, and returns it.

    first, second: encoders by folder or name, usually the start and the fine-tuned one. weight: 0 to 1. Mask, frames
    and tokens to search with are those of the second, which was trained for them.
    Raises CheckpointError if they do not fit together or `out` cannot be written, ValueError for any other weight.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight must be from 0 (all of the first) to 1 (all of the second), not {weight}")
    check_place(out.expanduser())  # before the weights are read
    one, two = (load_checkpoint(locate(name)) for name in (first, second))
    _refuse_unlike(first, one, second, two)
    ours, theirs = one.model.state_dict(), two.model.state_dict()
    mixed = {name: ours[name].lerp(theirs[name], weight) for name in ours}
    licences = {one.record.licence, two.record.licence}
    record = replace(
        two.record,
        licence=licences.pop() if len(licences) == 1 else UNKNOWN_LICENCE,
        training={"average": {"first": first, "second": second, "weight": weight}, "of_second": two.record.training},
    )
    made = Checkpoint(assemble(two.model.config, mixed, "the average"), two.tokenizer, record)
    save_checkpoint(out, made.model, made.tokenizer, made.record)
    return made


def _refuse_unlike(first: str, one: Checkpoint, second: str, two: Checkpoint) -> None:
    ours, theirs = asdict(model_spec(one.model)), asdict(model_spec(two.model))
    what, remedy = f"{first} and {second}", "Average two checkpoints of one model, such as a start and its fine-tuning."
    if ours != theirs:
        differing = ", ".join(f"{name} {ours[name]} and {theirs[name]}" for name in ours if ours[name] != theirs[name])
        raise CheckpointError(what, f"models of different sizes ({differing})", remedy)
    ours, theirs = _computed(one), _computed(two)
    if ours != theirs:
        differing = ", ".join(f"{name} {ours[name]} and {theirs[name]}" for name in ours if ours[name] != theirs[name])
        raise CheckpointError(what, f"models that compute differently ({differing})", remedy)
    digests = [None if each.tokenizer is None else each.tokenizer.digest() for each in (one, two)]
    if digests[0] != digests[1]:
        raise CheckpointError(what, "different tokenizers", remedy)


def _computed(checkpoint: Checkpoint) -> dict[str, object]:
    """How a model computes with its weights, besides their sizes."""
    towers = {"image": checkpoint.model.vision_model.config, "text": checkpoint.model.text_model.config}
    return {"temporal head": head_facts(checkpoint.model)} | {
        f"{name} encoder's {each}": getattr(config, each)
        for name, config in towers.items()
        for each in ("hidden_act", "layer_norm_eps")
    }
