"""Frames in, motion out: where each frame of a clip moves, by which rule, and a picture of it."""

from typing import TYPE_CHECKING

from deltaclip.fronts import fetched

if TYPE_CHECKING:
    from deltaclip.motion.arrows import camera_words, with_arrows
    from deltaclip.motion.controls import centre, full, inverted, random
    from deltaclip.motion.difference_spec import STUDIED_THRESHOLDS, DifferenceSpec
    from deltaclip.motion.draw import Tile, TileRow, encode_jpeg, encode_pixels, encode_png, overlay, sheet, strip
    from deltaclip.motion.frame_difference import absolute_difference, difference, grey
    from deltaclip.motion.masks import MOTIONS, Mask
    from deltaclip.motion.planes import extra_planes, masked_velocity
    from deltaclip.motion.seeing import see, see_each
    from deltaclip.motion.spec import MotionSpec, feed_alpha, needs_neighbours
    from deltaclip.motion.subject_mask import NEAR_SECONDS, Neighbours, Steps, subject
    from deltaclip.motion.tracks import TRACK_GRID, TRACK_MAPS, TRACK_NUMBERS, Track, track
    from deltaclip.motion.types import CAMERA, Flow, Motion
else:
    __getattr__, __dir__ = fetched(
        __name__,
        "deltaclip.motion.types",
        "deltaclip.motion.spec",
        "deltaclip.motion.masks",
        "deltaclip.motion.tracks",
        "deltaclip.motion.difference_spec",
        "deltaclip.motion.planes",
        "deltaclip.motion.frame_difference",
        "deltaclip.motion.controls",
        "deltaclip.motion.draw",
        "deltaclip.motion.arrows",
        "deltaclip.motion.subject_mask",
        "deltaclip.motion.seeing",
    )

__all__ = [
    "CAMERA",
    "MOTIONS",
    "NEAR_SECONDS",
    "STUDIED_THRESHOLDS",
    "TRACK_GRID",
    "TRACK_MAPS",
    "TRACK_NUMBERS",
    "DifferenceSpec",
    "Flow",
    "Mask",
    "Motion",
    "MotionSpec",
    "Neighbours",
    "Steps",
    "Tile",
    "TileRow",
    "Track",
    "absolute_difference",
    "camera_words",
    "centre",
    "difference",
    "encode_jpeg",
    "encode_pixels",
    "encode_png",
    "extra_planes",
    "feed_alpha",
    "full",
    "grey",
    "inverted",
    "masked_velocity",
    "needs_neighbours",
    "overlay",
    "random",
    "see",
    "see_each",
    "sheet",
    "strip",
    "subject",
    "track",
    "with_arrows",
]
