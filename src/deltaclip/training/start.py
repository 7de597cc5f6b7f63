"""What a run starts with: its model, loaded or new, and the optimiser, schedule and running mean of its weights."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from deltaclip.channels import COLOURS
from deltaclip.encoder import locate
from deltaclip.errors import CheckpointError
from deltaclip.model import (
    Checkpoint,
    CheckpointRecord,
    DualEncoder,
    HeadSizes,
    ModelSpec,
    Tokenizer,
    alpha_is_zero,
    channel_extras,
    family_of,
    head_facts,
    head_parameters,
    load_checkpoint,
    model_spec,
    new_model,
    transformers_claim,
    widened,
    with_temporal_head,
)
from deltaclip.motion import MotionSpec
from deltaclip.provenance import digest
from deltaclip.training.dataset import TokenRows
from deltaclip.training.recipe import FRESH, ModelRecipe, OptimRecipe, Recipe
from deltaclip.training.source import TrainingData
from deltaclip.training.tuning import lora_parameters, merged

__all__ = [
    "FRESH",
    "RunningMean",
    "Start",
    "alpha_parts",
    "make_optimiser",
    "plain_weights",
    "recompute_layers",
    "set_rates",
    "split_alpha",
    "start_model",
    "start_side",
    "trained",
]


class Start:
    """A model with float32 weights on the CPU, its tokenizer, and the record of the checkpoint to be.

    facts: what a loaded checkpoint has besides its weights, as a json document; empty for a fresh model, which follows
        from the recipe. States contain weights only, so a run is resumed only with the same facts.
    """

    def __init__(
        self, model: DualEncoder, tokenizer: Tokenizer, record: CheckpointRecord, facts: Mapping[str, Any] | None = None
    ) -> None:
        self.model, self.tokenizer, self.record, self.facts = model, tokenizer, record, dict(facts or {})
        self.sizes = model_spec(model)

    @property
    def rows(self) -> TokenRows:
        """Turns captions into token rows for this model."""
        return TokenRows(self.tokenizer, self.sizes, self.record.max_words, whole=family_of(self.model).whole_rows)


def start_model(recipe: Recipe, data: TrainingData) -> Start:
    """The start of a run, with channels of zeros for what its mask adds and the weights lack, and its temporal head.

    Raises CheckpointError if `model.init` cannot be loaded, has no tokenizer, takes channels that the mask lacks, or
    has a temporal head that the recipe does not describe.
    """
    extras = MotionSpec.parse(recipe.data.motion).extras
    settings = {"motion": recipe.data.motion, "num_frames": recipe.data.test_frames}
    if recipe.model.init == FRESH:
        tokenizer = Tokenizer.from_words(data.words)
        model = new_model(_sizes(recipe.model, tokenizer), recipe.seed, recipe.model.alpha, extras)
        # Drawn clips are ours; the licence of other clips is unknown.
        licence = {"licence": "Apache-2.0"} if recipe.data.dataset == "shapes" else {}
        record = CheckpointRecord(max_words=recipe.model.max_words, **licence, **settings)  # type: ignore[arg-type]
        return Start(_with_head(model, recipe), tokenizer, record)
    loaded, tokenizer = _loaded(recipe.model.init)
    max_words = min(recipe.model.max_words, model_spec(loaded.model).context_length)
    record = replace(loaded.record, max_words=max_words, **settings)  # type: ignore[arg-type]
    unfed = [extra for extra in channel_extras(loaded.model) if extra not in extras]
    if unfed:
        found = f"a model with channels for {' and '.join(unfed)}, which the mask {recipe.data.motion} does not have"
        raise CheckpointError(recipe.model.init, found, f"Train with the mask {loaded.record.motion}.")
    _refuse_other_head(loaded.model, recipe)
    return Start(_with_head(widened(loaded.model, extras), recipe), tokenizer, record, _facts(loaded, tokenizer))


def _with_head(model: DualEncoder, recipe: Recipe) -> DualEncoder:
    """The model with a fresh temporal head if the recipe wants one and the model has none."""
    layers = recipe.model.temporal_layers
    if not layers or head_facts(model) is not None:
        return model
    return with_temporal_head(model, HeadSizes(layers, recipe.data.test_frames), recipe.seed)


def _refuse_other_head(model: DualEncoder, recipe: Recipe) -> None:
    """CheckpointError if a loaded model has a temporal head of another size than the recipe's."""
    has, layers, frames = head_facts(model), recipe.model.temporal_layers, recipe.data.test_frames
    if has is None:
        return
    if has["layers"] != layers:
        found = f"a temporal head of {has['layers']} layers, the recipe one of {layers}"
        remedy = f"Set model.temporal_layers={has['layers']}."
        raise CheckpointError(recipe.model.init, found, remedy)
    if has["positions"] < frames:
        found = f"a temporal head with {has['positions']} positions, but clips of {frames} frames"
        remedy = f"Set data.frames and data.test_frames to at most {has['positions']}."
        raise CheckpointError(recipe.model.init, found, remedy)


def start_side(recipe: Recipe) -> int:
    """Side of the model's input in pixels, known before there is data. Raises as `start_model` does."""
    if recipe.model.init == FRESH:
        return recipe.model.image_size
    return model_spec(_loaded(recipe.model.init)[0].model).image_size


def _loaded(init: str) -> tuple[Checkpoint, Tokenizer]:
    loaded = load_checkpoint(locate(init))
    if loaded.tokenizer is None:
        remedy = (
            "Convert it again with a tokenizer (--tokenizer: a tokenizer.json, a hub name or "
            "bpe_simple_vocab_16e6.txt.gz)."
        )
        raise CheckpointError(init, "this checkpoint has no tokenizer, so captions cannot be read", remedy)
    return loaded, loaded.tokenizer


def _facts(loaded: Checkpoint, tokenizer: Tokenizer) -> dict[str, Any]:
    """A checkpoint without its weights: configuration, tokenizer and record, with a digest of the record's training."""
    config, sizes = loaded.model.config, model_spec(loaded.model)
    ids = {"begin": sizes.begin, "end": sizes.end, "pad": sizes.pad}
    head = head_facts(loaded.model)
    return {
        "config": asdict(transformers_claim(config, "config.json")) | ids,
        "tokenizer": tokenizer.digest(),
        "record": loaded.record.facts() | {"training": digest(loaded.record.training, sort_keys=True)},
        **({} if head is None else {"temporal_head": head}),
    }


def recompute_layers(model: DualEncoder) -> None:
    """Gradient checkpointing: layers are recomputed in the backward pass instead of being kept."""
    # Renamed within transformers 5, which warns of the older name.
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


_SPLIT = "vision_model.embeddings.patch_embedding.parametrizations.weight.original"
_WHOLE = "vision_model.embeddings.patch_embedding.weight"


class _RgbAndAlpha(torch.nn.Module):
    """The patch embedding (W, C, P, P) as two parameters, so that motion channels can have a rate of their own."""

    def forward(self, rgb: Tensor, alpha: Tensor) -> Tensor:
        return torch.cat([rgb, alpha], dim=1)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return weight[:, : len(COLOURS)].clone(), weight[:, len(COLOURS) :].clone()


def split_alpha(model: DualEncoder) -> None:
    """Splits the patch embedding for training. `plain_weights` reverses it."""
    parametrize.register_parametrization(model.vision_model.embeddings.patch_embedding, "weight", _RgbAndAlpha())


def alpha_parts(model: DualEncoder) -> tuple[Tensor, Tensor]:
    """The two parts of a split patch embedding: colours (W, 3, P, P) and motion channels (W, C - 3, P, P)."""
    parts = dict(model.named_parameters())
    return parts[f"{_SPLIT}0"], parts[f"{_SPLIT}1"]


def plain_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A split model's `state_dict` under the names of a stock model, copied, LoRA's products in the weights."""
    whole = merged({name: weight.detach().cpu() for name, weight in state.items() if not name.startswith(_SPLIT)})
    kept = {name: weight.clone() for name, weight in whole.items()}
    kept[_WHOLE] = torch.cat([state[f"{_SPLIT}0"], state[f"{_SPLIT}1"]], dim=1).detach().cpu()
    return kept


def make_optimiser(model: DualEncoder, recipe: OptimRecipe, *, fused: bool = False) -> torch.optim.AdamW:
    """AdamW over a model whose patch embedding is split: matrices, the rest without decay, the alpha channel.

    A temporal head has two more groups and LoRA one, at rates of their own. Weights that are not trained are left out.

    Position and word embeddings are matrices; norms, biases, the class embedding and the logit scale are not decayed
    (CLIP4Clip decays the scale, which starts at the edge of its clamp). fused: update all weights in one pass.
    """
    alpha = alpha_parts(model)[1]
    alpha_lr = recipe.lr
    if recipe.zero_alpha_lr is not None and alpha_is_zero(model):
        alpha_lr = recipe.zero_alpha_lr
    head, lora = head_parameters(model), lora_parameters(model)
    apart = {id(parameter) for parameter in (alpha, *head, *lora)}
    others = [each for each in model.parameters() if each.requires_grad and id(each) not in apart]
    head_lr, lora_lr = (recipe.lr if rate is None else rate for rate in (recipe.head_lr, recipe.lora_lr))
    groups = [
        *(_groups(others, recipe.weight_decay, recipe.lr) if others else ()),
        {"params": [alpha], "weight_decay": recipe.weight_decay, "peak": alpha_lr},
        *(_groups(head, recipe.weight_decay, head_lr) if head else ()),
        *([{"params": lora, "weight_decay": recipe.weight_decay, "peak": lora_lr}] if lora else ()),
    ]
    return torch.optim.AdamW(groups, lr=recipe.lr, betas=(0.9, 0.98), eps=1e-6, fused=fused)


def _groups(parameters: Sequence[Tensor], weight_decay: float, peak: float) -> list[dict[str, Any]]:
    """Matrices, and what is not decayed."""
    matrices = [parameter for parameter in parameters if parameter.ndim >= 2]
    vectors = [parameter for parameter in parameters if parameter.ndim < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay, "peak": peak},
        {"params": vectors, "weight_decay": 0.0, "peak": peak},
    ]


def set_rates(optimiser: torch.optim.Optimizer, step: int, steps: int, warm_up: float) -> float:
    """Sets each group's rate for a step (from 0): linear warm-up, then cosine to 0. Returns its share of the peak."""
    rising = max(int(steps * warm_up), 1)
    if step < rising:
        share = (step + 1) / rising
    else:
        share = 0.5 * (1 + math.cos(math.pi * (step - rising) / max(steps - rising, 1)))
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * share
    return share


def trained(model: DualEncoder) -> Iterator[tuple[str, Tensor]]:
    """Names and weights of what is trained."""
    return ((name, weight) for name, weight in model.named_parameters() if weight.requires_grad)


class RunningMean:
    """An exponential moving average of the weights (EMA). With a decay of 0 it is the weights themselves."""

    def __init__(self, model: DualEncoder, decay: float) -> None:
        self.decay = decay
        self.weights = {name: weight.detach().clone() for name, weight in trained(model)} if decay else {}

    @torch.no_grad()
    def update(self, model: DualEncoder) -> None:
        """Updates the mean after a step."""
        for name, weight in trained(model) if self.decay else ():
            self.weights[name].lerp_(weight, 1 - self.decay)

    @contextmanager
    def in_place(self, model: DualEncoder) -> Iterator[None]:
        """Gives the model the mean as its weights while the context lasts."""
        parameters = dict(trained(model)) if self.decay else {}
        own = {name: weight.detach().clone() for name, weight in parameters.items()}
        with torch.no_grad():
            for name, weight in parameters.items():
                weight.copy_(self.weights[name])
        try:
            yield
        finally:
            with torch.no_grad():
                for name, weight in parameters.items():
                    weight.copy_(own[name])
