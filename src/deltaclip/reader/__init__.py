"""The one place where video and motion meet: from a file to the arrays that an image encoder takes.

Frame and mask pass through one geometry: decoded and differenced uncropped, then scaled and cropped alike
(Alpha-CLIP's own example crops the picture but squashes the mask; theirs do not match on pictures that are not square).
"""

from typing import TYPE_CHECKING

from deltaclip.fronts import fetched

if TYPE_CHECKING:
    from deltaclip.reader.fitting import fit_extras, fit_to_model, join_channels, measure_alpha
    from deltaclip.reader.geometry import fitted
    from deltaclip.reader.reading import (
        Call,
        guarded_calls,
        read_both_ways,
        read_moment_motion,
        read_moment_pictures,
        read_moments,
        read_motion,
        read_variants,
        read_video,
        read_whole,
    )
    from deltaclip.reader.types import FITS, MOTION_SIDE, Clip, ReaderSpec
    from deltaclip.reader.video_masks import Masks, masks
    from deltaclip.video import SEGMENT_SECONDS
else:
    __getattr__, __dir__ = fetched(
        __name__,
        "deltaclip.reader.types",
        "deltaclip.video",
        "deltaclip.reader.geometry",
        "deltaclip.reader.fitting",
        "deltaclip.reader.reading",
        "deltaclip.reader.video_masks",
    )

__all__ = [
    "FITS",
    "MOTION_SIDE",
    "SEGMENT_SECONDS",
    "Call",
    "Clip",
    "Masks",
    "ReaderSpec",
    "fit_extras",
    "fit_to_model",
    "fitted",
    "guarded_calls",
    "join_channels",
    "masks",
    "measure_alpha",
    "read_both_ways",
    "read_moment_motion",
    "read_moment_pictures",
    "read_moments",
    "read_motion",
    "read_variants",
    "read_video",
    "read_whole",
]
