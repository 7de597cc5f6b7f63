"""`subject`: what moves by itself under a moving camera, from residual flow, what still differs, and colours."""

from deltaclip.motion.subject_mask.neighbours import NEAR_SECONDS, Neighbours, Steps
from deltaclip.motion.subject_mask.network import (
    Network,
    Networks,
    networks_from_json,
    networks_to_json,
    shipped_networks,
)
from deltaclip.motion.subject_mask.whole import subject

__all__ = [
    "NEAR_SECONDS",
    "Neighbours",
    "Network",
    "Networks",
    "Steps",
    "networks_from_json",
    "networks_to_json",
    "shipped_networks",
    "subject",
]
