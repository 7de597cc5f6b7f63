"""The training loop: thin, deterministic from its seed on one kind of machine."""

import math
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from transformers import CLIPModel

import deltaclip
from deltaclip.encoder import choose_placement
from deltaclip.model import (
    CheckpointRecord,
    ModelSpec,
    Tokenizer,
    image_features,
    mean_pool,
    model_spec,
    new_model,
    save_checkpoint,
    text_features,
)
from deltaclip.reader import ALPHA_MEAN, ALPHA_STD, CLIP_MEAN, CLIP_STD
from deltaclip.shapes import VOCABULARY, ShapesSpec
from deltaclip.training.loss import symmetric_cross_entropy
from deltaclip.training.recipe import ShapesRecipe
from deltaclip.training.shapes_data import Batch, Pool, batches, draw_pool

__all__ = ["Progress", "train_shapes"]

Progress = Callable[[str, float, float | None], None]
"""Called while clips are drawn with ("draw", share done, None), and after every step with ("train", share, loss)."""
MAX_LOGIT_SCALE = math.log(100)


def train_shapes(
    recipe: ShapesRecipe, out: Path, progress: Progress, *, device: str = "auto", workers: int | None = None
) -> dict[str, float]:
    """Train the small CLIP on still-camera Moving Shapes and write a checkpoint folder.

    Returns {"loss", "seconds", "clips_per_second"} of the run. Raises CheckpointError where `out` cannot be written,
    FloatingPointError where the loss is not finite.
    """
    placement = choose_placement(device, "auto" if device != "cpu" else "float32")
    # bf16 pays only where the model is large enough; the small one is faster in fp32 on a CPU.
    dtype = placement.dtype if placement.device.type == "cuda" else torch.float32
    torch.manual_seed(recipe.seed)
    tokenizer = Tokenizer.from_words(VOCABULARY)
    model = new_model(_model_spec(recipe, tokenizer), recipe.seed)
    torch.nn.Module.to(model, placement.device)
    model.train()
    optimiser = _optimiser(model, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, recipe.steps))
    pool = _drawn(recipe, progress, workers)
    commit = _commit()  # before the run: files may change while it goes on
    started = time.perf_counter()
    loss_value = math.nan
    for step, batch in zip(range(1, recipe.steps + 1), batches(pool, recipe), strict=False):
        with torch.autocast(placement.device.type, dtype=dtype, enabled=dtype != torch.float32):
            loss = _loss(model, tokenizer, batch, recipe, placement.device)
        loss_value = loss.item()
        if not math.isfinite(loss_value):
            raise FloatingPointError(f"the loss is {loss_value} at step {step}: lower the learning rate")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_norm)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, MAX_LOGIT_SCALE)
        progress("train", step / recipe.steps, loss_value)
    seconds = time.perf_counter() - started
    summary = {
        "loss": loss_value,
        "seconds": round(seconds, 1),
        "clips_per_second": round(recipe.steps * len(batch.captions) / seconds, 1),
    }
    where = (
        torch.cuda.get_device_name()
        if placement.device.type == "cuda"
        else f"{placement.device}, {os.cpu_count()} cores"
    )
    record = CheckpointRecord(
        licence="Apache-2.0",
        alpha="trained",
        motion=recipe.motion,
        num_frames=recipe.test_frames,
        max_words=recipe.max_words,
        training={**asdict(recipe), **summary, "commit": commit, "machine": where, "torch": str(torch.__version__)},
    )
    save_checkpoint(out, model.cpu(), tokenizer, record)
    return summary


def _drawn(recipe: ShapesRecipe, progress: Progress, workers: int | None) -> Pool:
    for state in draw_pool(recipe, ShapesSpec(), workers):
        if isinstance(state, Pool):
            return state
        progress("draw", state, None)
    raise AssertionError("draw_pool ends with the pool")


def _model_spec(recipe: ShapesRecipe, tokenizer: Tokenizer) -> ModelSpec:
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


def _loss(
    model: CLIPModel, tokenizer: Tokenizer, batch: Batch, recipe: ShapesRecipe, device: torch.device
) -> torch.Tensor:
    # (B, T, 4, S, S) -> (B * T, 4, S, S)
    frames = torch.from_numpy(batch.frames).to(device).flatten(0, 1).float() / 255
    mean, std = (torch.from_numpy(values).to(device)[:, None, None] for values in (CLIP_MEAN, CLIP_STD))
    features = image_features(model, (frames[:, :3] - mean) / std, (frames[:, 3:] - ALPHA_MEAN) / ALPHA_STD)
    # (B * T, D) -> (B, T, D) -> (B, D)
    videos = mean_pool(features.reshape(len(batch.captions), -1, features.shape[-1]))
    sizes = model_spec(model)
    rows = tokenizer.rows(batch.captions, recipe.max_words, sizes.begin, sizes.end, sizes.pad)
    texts = text_features(model, torch.from_numpy(rows).to(device))
    return symmetric_cross_entropy(torch.nn.functional.normalize(texts, dim=-1), videos, model.logit_scale)


def _optimiser(model: CLIPModel, recipe: ShapesRecipe) -> torch.optim.AdamW:
    """AdamW (CLIP's betas and epsilon); decay on matrices only, neither on norms, biases nor the logit scale."""
    matrices = [weight for weight in model.parameters() if weight.ndim >= 2]
    others = [weight for weight in model.parameters() if weight.ndim < 2]
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.98), eps=1e-6)


def _rate(step: int, steps: int) -> float:
    """Share of the peak rate at a step from 0: linear over the first tenth, then half a cosine to 0."""
    warm_up = max(steps // 10, 1)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1)))


def _commit() -> str:
    """The commit of the code that ran, with a plus where files differ from it; the version outside a checkout."""
    folder = Path(deltaclip.__file__).parent
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
        changes = subprocess.run(["git", "status", "--porcelain", "."], cwd=folder, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return f"version {deltaclip.__version__}"
    return head.stdout.strip()[:12] + ("+" if changes.stdout.strip() else "")
