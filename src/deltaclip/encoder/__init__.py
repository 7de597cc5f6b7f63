"""The encoder: videos and texts to vectors of one space, over an engine that runs the model."""

from typing import TYPE_CHECKING

from deltaclip.fronts import fetched

if TYPE_CHECKING:
    from deltaclip.encoder.calibrating import Calibrated, calibrate, calibration_clips, needs_calibration
    from deltaclip.encoder.deferred_engine import FEW_TEXTS, DeferredEngine
    from deltaclip.encoder.encoder import DEFAULT_MOTION, Encoder
    from deltaclip.encoder.engine import Engine, EngineCosts, Inputs, SlowEngine, TokenEngine
    from deltaclip.encoder.locating import (
        BUNDLED,
        BUNDLED_MOTION,
        DEFAULT_ENCODER,
        checkpoint_problem,
        is_motion_encoder,
        locate,
    )
    from deltaclip.encoder.motion_encoder import MotionEncoder, MotionQuestion, motion_encoder_problem
    from deltaclip.encoder.motion_network import (
        FRAME_COLUMNS,
        MotionNetwork,
        TrackBatch,
        save_motion_encoder,
        track_batch,
        weights_of,
    )
    from deltaclip.encoder.motion_weights import MotionSizes, MotionWeights
    from deltaclip.encoder.openvino_engine import OpenVinoEngine
    from deltaclip.encoder.spec import ChoiceError, EncoderSpec, EngineWord, PrecisionWord
    from deltaclip.encoder.torch_engine import TorchEngine
    from deltaclip.model import Placement, TokenWeights, choose_placement, device_facts, unit_rows
else:
    __getattr__, __dir__ = fetched(
        __name__,
        "deltaclip.encoder.spec",
        "deltaclip.encoder.engine",
        "deltaclip.encoder.locating",
        "deltaclip.encoder.motion_weights",
        "deltaclip.encoder.deferred_engine",
        "deltaclip.encoder.encoder",
        "deltaclip.encoder.motion_encoder",
        "deltaclip.encoder.motion_network",
        "deltaclip.encoder.torch_engine",
        "deltaclip.encoder.openvino_engine",
        "deltaclip.encoder.calibrating",
        "deltaclip.model",
    )

__all__ = [
    "BUNDLED",
    "BUNDLED_MOTION",
    "DEFAULT_ENCODER",
    "DEFAULT_MOTION",
    "FEW_TEXTS",
    "FRAME_COLUMNS",
    "Calibrated",
    "ChoiceError",
    "DeferredEngine",
    "Encoder",
    "EncoderSpec",
    "Engine",
    "EngineCosts",
    "EngineWord",
    "Inputs",
    "MotionEncoder",
    "MotionNetwork",
    "MotionQuestion",
    "MotionSizes",
    "MotionWeights",
    "OpenVinoEngine",
    "Placement",
    "PrecisionWord",
    "SlowEngine",
    "TokenEngine",
    "TokenWeights",
    "TorchEngine",
    "TrackBatch",
    "calibrate",
    "calibration_clips",
    "checkpoint_problem",
    "choose_placement",
    "device_facts",
    "is_motion_encoder",
    "locate",
    "motion_encoder_problem",
    "needs_calibration",
    "save_motion_encoder",
    "track_batch",
    "unit_rows",
    "weights_of",
]
