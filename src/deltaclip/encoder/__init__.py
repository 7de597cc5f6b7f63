"""The encoder: videos and texts to vectors of one space, over an engine that runs the model."""

from deltaclip.encoder.encoder import DEFAULT_MOTION, Encoder
from deltaclip.encoder.engine import Engine, Inputs
from deltaclip.encoder.locating import BUNDLED, DEFAULT_ENCODER, checkpoint_problem, locate
from deltaclip.encoder.spec import ChoiceError, EncoderSpec
from deltaclip.encoder.torch_engine import TorchEngine
from deltaclip.model import Placement, Precision, choose_placement

__all__ = [
    "BUNDLED",
    "DEFAULT_ENCODER",
    "DEFAULT_MOTION",
    "ChoiceError",
    "Encoder",
    "EncoderSpec",
    "Engine",
    "Inputs",
    "Placement",
    "Precision",
    "TorchEngine",
    "checkpoint_problem",
    "choose_placement",
    "locate",
]
