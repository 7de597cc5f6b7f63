"""The encoder: videos and texts to vectors of one space, over an engine that runs the model."""

from deltaclip.encoder.calibrating import Calibrated, calibrate, calibration_clips, needs_calibration
from deltaclip.encoder.encoder import DEFAULT_MOTION, Encoder
from deltaclip.encoder.engine import Engine, Inputs
from deltaclip.encoder.locating import BUNDLED, DEFAULT_ENCODER, checkpoint_problem, locate
from deltaclip.encoder.motion_encoder import (
    BUNDLED_MOTION,
    MotionEncoder,
    MotionQuestion,
    is_motion_encoder,
    motion_encoder_problem,
    save_motion_encoder,
)
from deltaclip.encoder.motion_network import FRAME_COLUMNS, MotionNetwork, MotionSizes, TrackBatch, track_batch
from deltaclip.encoder.openvino_engine import OpenVinoEngine
from deltaclip.encoder.spec import ChoiceError, EncoderSpec, EngineWord, PrecisionWord
from deltaclip.encoder.torch_engine import TorchEngine
from deltaclip.model import Placement, choose_placement

__all__ = [
    "BUNDLED",
    "BUNDLED_MOTION",
    "DEFAULT_ENCODER",
    "DEFAULT_MOTION",
    "FRAME_COLUMNS",
    "Calibrated",
    "ChoiceError",
    "Encoder",
    "EncoderSpec",
    "Engine",
    "EngineWord",
    "Inputs",
    "MotionEncoder",
    "MotionNetwork",
    "MotionQuestion",
    "MotionSizes",
    "OpenVinoEngine",
    "Placement",
    "PrecisionWord",
    "TorchEngine",
    "TrackBatch",
    "calibrate",
    "calibration_clips",
    "checkpoint_problem",
    "choose_placement",
    "is_motion_encoder",
    "locate",
    "motion_encoder_problem",
    "needs_calibration",
    "save_motion_encoder",
    "track_batch",
]
