"""Dual encoders with motion channels: families, text encoder in numpy, checkpoints, conversion, tokenizers."""

from typing import TYPE_CHECKING

from deltaclip.fronts import fetched

if TYPE_CHECKING:
    from deltaclip.model.any_source import Said
    from deltaclip.model.arithmetic import Affine, NumpyBlock, layer_norm, one_blas_thread, unit_rows
    from deltaclip.model.checkpoint import Checkpoint
    from deltaclip.model.clip import (
        alpha_is_zero,
        assemble,
        channel_extras,
        channel_moments,
        clip_frames,
        image_features,
        mean_pool,
        normalised,
        pool_frames,
        text_features,
        token_features,
        widened,
        with_temporal_head,
    )
    from deltaclip.model.configs import transformers_claim
    from deltaclip.model.conversion import ConversionReport, convert
    from deltaclip.model.cost import ParameterCounts, parameter_counts, video_flops
    from deltaclip.model.digest import kept_problem, loaded_digest, model_digest, model_facts, texts_of, weights_digest
    from deltaclip.model.families import FAMILIES, Family
    from deltaclip.model.families.wiring import DualEncoder, family_of
    from deltaclip.model.files import is_cached
    from deltaclip.model.fresh import new_model
    from deltaclip.model.known import KnownCheckpoint, ModelFacts, known_checkpoint
    from deltaclip.model.loading import load_checkpoint
    from deltaclip.model.normalisation import Normalisation
    from deltaclip.model.placement import Placement, Precision, choose_placement, device_facts, this_processor
    from deltaclip.model.pruning import kept_or_all, kept_patches
    from deltaclip.model.record import UNKNOWN_LICENCE, CheckpointRecord, SourceFile
    from deltaclip.model.rows import HeldRows, MappedRows, WeightRows, digest_of_weights
    from deltaclip.model.saving import check_place, replace_files, save_checkpoint
    from deltaclip.model.self_check import ROW_LIMIT, SelfCheck, checked_placement, image_check
    from deltaclip.model.sizes import ModelSpec
    from deltaclip.model.spec import architecture_of, model_spec
    from deltaclip.model.temporal import HeadSizes, head_facts, head_parameters
    from deltaclip.model.text_tower import TextTower
    from deltaclip.model.token_weights import TOKEN_WEIGHTS_FILE, TokenWeights, read_token_weights
    from deltaclip.model.tokenizer import Tokenizer
else:
    __getattr__, __dir__ = fetched(
        __name__,
        "deltaclip.model.record",
        "deltaclip.model.sizes",
        "deltaclip.model.tokenizer",
        "deltaclip.model.token_weights",
        "deltaclip.model.normalisation",
        "deltaclip.model.families",
        "deltaclip.model.rows",
        "deltaclip.model.arithmetic",
        "deltaclip.model.text_tower",
        "deltaclip.model.files",
        "deltaclip.model.known",
        "deltaclip.model.placement",
        "deltaclip.model.families.wiring",
        "deltaclip.model.spec",
        "deltaclip.model.temporal",
        "deltaclip.model.clip",
        "deltaclip.model.checkpoint",
        "deltaclip.model.pruning",
        "deltaclip.model.digest",
        "deltaclip.model.saving",
        "deltaclip.model.self_check",
        "deltaclip.model.fresh",
        "deltaclip.model.configs",
        "deltaclip.model.cost",
        "deltaclip.model.conversion",
        "deltaclip.model.any_source",
        "deltaclip.model.loading",
    )

__all__ = [
    "FAMILIES",
    "ROW_LIMIT",
    "TOKEN_WEIGHTS_FILE",
    "UNKNOWN_LICENCE",
    "Affine",
    "Checkpoint",
    "CheckpointRecord",
    "ConversionReport",
    "DualEncoder",
    "Family",
    "HeadSizes",
    "HeldRows",
    "KnownCheckpoint",
    "MappedRows",
    "ModelFacts",
    "ModelSpec",
    "Normalisation",
    "NumpyBlock",
    "ParameterCounts",
    "Placement",
    "Precision",
    "Said",
    "SelfCheck",
    "SourceFile",
    "TextTower",
    "TokenWeights",
    "Tokenizer",
    "WeightRows",
    "alpha_is_zero",
    "architecture_of",
    "assemble",
    "channel_extras",
    "channel_moments",
    "check_place",
    "checked_placement",
    "choose_placement",
    "clip_frames",
    "convert",
    "device_facts",
    "digest_of_weights",
    "family_of",
    "head_facts",
    "head_parameters",
    "image_check",
    "image_features",
    "is_cached",
    "kept_or_all",
    "kept_patches",
    "kept_problem",
    "known_checkpoint",
    "layer_norm",
    "load_checkpoint",
    "loaded_digest",
    "mean_pool",
    "model_digest",
    "model_facts",
    "model_spec",
    "new_model",
    "normalised",
    "one_blas_thread",
    "parameter_counts",
    "pool_frames",
    "read_token_weights",
    "replace_files",
    "save_checkpoint",
    "text_features",
    "texts_of",
    "this_processor",
    "token_features",
    "transformers_claim",
    "unit_rows",
    "video_flops",
    "weights_digest",
    "widened",
    "with_temporal_head",
]
