"""From a checkpoint's name and what was chosen to an engine; torch is not imported unless it has to be."""

import os
from dataclasses import dataclass

from deltaclip.encoder.deferred_engine import DeferredEngine
from deltaclip.encoder.engine import Engine, Inputs, SlowEngine
from deltaclip.encoder.spec import EncoderSpec
from deltaclip.model import CheckpointRecord, KnownCheckpoint, Tokenizer, TokenWeights, known_checkpoint

__all__ = ["LoadedEngine", "load_engine"]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedEngine:
    """An engine, with the tokenizer, the record and the token weights of its checkpoint."""

    engine: SlowEngine | Engine
    tokenizer: Tokenizer | None
    record: CheckpointRecord
    token_weights: TokenWeights | None = None


def load_engine(name: str | os.PathLike[str], spec: EncoderSpec) -> LoadedEngine:
    """The engine of a checkpoint, as chosen.

    If nothing is chosen of device, precision and engine, it is one that encodes few texts in numpy, and of a checkpoint
    that is known it loads no more than that. Raises as `load_checkpoint` and `choosing.chosen_engine`.
    """
    nothing_chosen = (spec.device, spec.precision, spec.engine) == ("auto", "auto", "auto")
    if nothing_chosen and (known := known_checkpoint(name)) is not None:
        return LoadedEngine(_deferred(known, spec), known.tokenizer, known.record, known.token_weights)
    from deltaclip.encoder.choosing import chosen_engine
    from deltaclip.model import load_checkpoint, model_facts, texts_of

    checkpoint = load_checkpoint(name)
    engine = chosen_engine(checkpoint, spec)
    if not nothing_chosen or (texts := texts_of(checkpoint.model)) is None:
        return LoadedEngine(engine, checkpoint.tokenizer, checkpoint.record, checkpoint.token_weights)
    inputs = Inputs.of(model_facts(checkpoint.model))
    deferred = DeferredEngine(texts, inputs, engine.digest, made=engine)
    return LoadedEngine(deferred, checkpoint.tokenizer, checkpoint.record, checkpoint.token_weights)


def _deferred(known: KnownCheckpoint, spec: EncoderSpec) -> DeferredEngine:
    def make() -> object:
        from deltaclip.encoder.choosing import chosen_engine

        return chosen_engine(known.load(), spec)

    return DeferredEngine(known.texts, Inputs.of(known.facts), known.digest, make=make)
