"""CLIP with motion channels: the model, its checkpoints and their conversion, its tokenizer."""

from deltaclip.model.any_source import Said
from deltaclip.model.checkpoint import Checkpoint, is_cached, load_checkpoint
from deltaclip.model.clip import (
    alpha_is_zero,
    assemble,
    channel_extras,
    channel_moments,
    image_features,
    mean_pool,
    normalised,
    pool_frames,
    text_features,
    widened,
    with_temporal_head,
)
from deltaclip.model.configs import transformers_claim
from deltaclip.model.conversion import ConversionReport, convert
from deltaclip.model.digest import kept_problem, loaded_digest, model_digest, weights_digest
from deltaclip.model.fresh import new_model
from deltaclip.model.placement import Placement, Precision, choose_placement, this_processor
from deltaclip.model.preprocessing import Normalisation
from deltaclip.model.record import UNKNOWN_LICENCE, CheckpointRecord, SourceFile
from deltaclip.model.saving import check_place, replace_files, save_checkpoint
from deltaclip.model.self_check import ROW_LIMIT, SelfCheck, checked_placement, image_check
from deltaclip.model.spec import ModelSpec, architecture_of, model_spec
from deltaclip.model.temporal import HeadSizes, head_facts, head_parameters
from deltaclip.model.tokenizer import Tokenizer

__all__ = [
    "ROW_LIMIT",
    "UNKNOWN_LICENCE",
    "Checkpoint",
    "CheckpointRecord",
    "ConversionReport",
    "HeadSizes",
    "ModelSpec",
    "Normalisation",
    "Placement",
    "Precision",
    "Said",
    "SelfCheck",
    "SourceFile",
    "Tokenizer",
    "alpha_is_zero",
    "architecture_of",
    "assemble",
    "channel_extras",
    "channel_moments",
    "check_place",
    "checked_placement",
    "choose_placement",
    "convert",
    "head_facts",
    "head_parameters",
    "image_check",
    "image_features",
    "is_cached",
    "kept_problem",
    "load_checkpoint",
    "loaded_digest",
    "mean_pool",
    "model_digest",
    "model_spec",
    "new_model",
    "normalised",
    "pool_frames",
    "replace_files",
    "save_checkpoint",
    "text_features",
    "this_processor",
    "transformers_claim",
    "weights_digest",
    "widened",
    "with_temporal_head",
]
