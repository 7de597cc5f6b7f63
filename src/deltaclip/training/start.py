"""The model that a run starts with: loaded, or small and fresh."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from transformers import CLIPModel

from deltaclip.encoder import locate
from deltaclip.errors import CheckpointError
from deltaclip.model import Checkpoint, CheckpointRecord, ModelSpec, Tokenizer, load_checkpoint, model_spec, new_model
from deltaclip.model.configs import transformers_claim
from deltaclip.provenance import digest
from deltaclip.training.dataset import TokenRows
from deltaclip.training.recipe import ModelRecipe, Recipe
from deltaclip.training.source import TrainingData

__all__ = ["FRESH", "Start", "recompute_layers", "start_model", "start_side"]

FRESH = "fresh"


class Start:
    """A model with float32 weights on the CPU, its tokenizer, and the record of the checkpoint to be.

    facts: what a loaded start is beside its weights, as a json document; empty for a fresh one, which follows from the
        recipe. A state keeps the weights alone, so that a run goes on only with the same facts.
    """

    def __init__(
        self, model: CLIPModel, tokenizer: Tokenizer, record: CheckpointRecord, facts: Mapping[str, Any] | None = None
    ) -> None:
        self.model, self.tokenizer, self.record, self.facts = model, tokenizer, record, dict(facts or {})
        self.sizes = model_spec(model)

    @property
    def rows(self) -> TokenRows:
        """Captions to token rows for this model."""
        return TokenRows(self.tokenizer, self.sizes, self.record.max_words)


def start_model(recipe: Recipe, data: TrainingData) -> Start:
    """The start of a run. Raises CheckpointError where `model.init` cannot be had, or has no tokenizer."""
    settings = {"motion": recipe.data.motion, "num_frames": recipe.data.test_frames}
    if recipe.model.init == FRESH:
        tokenizer = Tokenizer.from_words(data.words)
        model = new_model(_sizes(recipe.model, tokenizer), recipe.seed, recipe.model.alpha)
        # Drawn clips are ours; of other clips' rights we know nothing.
        licence = {"licence": "Apache-2.0"} if recipe.data.dataset == "shapes" else {}
        record = CheckpointRecord(max_words=recipe.model.max_words, **licence, **settings)  # type: ignore[arg-type]
        return Start(model, tokenizer, record)
    loaded, tokenizer = _loaded(recipe.model.init)
    max_words = min(recipe.model.max_words, model_spec(loaded.model).context_length)
    record = replace(loaded.record, max_words=max_words, **settings)  # type: ignore[arg-type]
    return Start(loaded.model, tokenizer, record, _facts(loaded, tokenizer))


def start_side(recipe: Recipe) -> int:
    """Pixels of a side that the model of a run takes, known before there is data. Raises as `start_model` does."""
    if recipe.model.init == FRESH:
        return recipe.model.image_size
    return model_spec(_loaded(recipe.model.init)[0].model).image_size


def _loaded(init: str) -> tuple[Checkpoint, Tokenizer]:
    loaded = load_checkpoint(locate(init))
    if loaded.tokenizer is None:
        remedy = "Convert it again with --tokenizer (a tokenizer.json, a hub name or bpe_simple_vocab_16e6.txt.gz)."
        raise CheckpointError(init, "this checkpoint has no tokenizer, so captions cannot be read", remedy)
    return loaded, loaded.tokenizer


def _facts(loaded: Checkpoint, tokenizer: Tokenizer) -> dict[str, Any]:
    """All of a checkpoint but its weights: configuration, tokenizer and record, of whose training a digest will do."""
    config, sizes = loaded.model.config, model_spec(loaded.model)
    ids = {"begin": sizes.begin, "end": sizes.end, "pad": sizes.pad}
    return {
        "config": asdict(transformers_claim(config, "config.json")) | ids,
        "tokenizer": tokenizer.digest(),
        "record": asdict(loaded.record) | {"training": digest(loaded.record.training, sort_keys=True)},
    }


def recompute_layers(model: CLIPModel) -> None:
    """Gradient checkpointing: each layer is computed again on the way back instead of being kept."""
    # transformers 5 renamed it on the way, and warns of the older name.
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})


def _sizes(recipe: ModelRecipe, tokenizer: Tokenizer) -> ModelSpec:
    return ModelSpec(
        image_size=recipe.image_size,
        patch_size=recipe.patch_size,
        vision_width=recipe.width,
        vision_layers=recipe.layers,
        vision_heads=recipe.heads,
        text_width=recipe.width,
        text_layers=recipe.text_layers,
        text_heads=recipe.heads,
        projection_dim=recipe.width,
        vocab_size=tokenizer.vocab_size,
        context_length=recipe.max_words,
        begin=tokenizer.vocab_size - 2,
        end=tokenizer.vocab_size - 1,
        pad=0,
    )
