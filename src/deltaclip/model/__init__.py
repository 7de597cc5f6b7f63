"""Four-channel CLIP: the model, its checkpoints and their conversion, its tokenizer."""

from deltaclip.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from deltaclip.model.clip import (
    alpha_is_zero,
    image_features,
    mean_pool,
    normalised,
    text_features,
)
from deltaclip.model.clips import Said
from deltaclip.model.convert import ConversionReport, convert
from deltaclip.model.fresh import new_model
from deltaclip.model.preprocessing import Normalisation
from deltaclip.model.record import CheckpointRecord, SourceFile
from deltaclip.model.spec import ModelSpec, model_spec
from deltaclip.model.tokenizer import Tokenizer

__all__ = [
    "Checkpoint",
    "CheckpointRecord",
    "ConversionReport",
    "ModelSpec",
    "Normalisation",
    "Said",
    "SourceFile",
    "Tokenizer",
    "alpha_is_zero",
    "convert",
    "image_features",
    "load_checkpoint",
    "mean_pool",
    "model_spec",
    "new_model",
    "normalised",
    "save_checkpoint",
    "text_features",
]
