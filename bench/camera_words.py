"""Words for the camera, on cameras drawn over real stills and on those of DAVIS 2016."""

from collections.abc import Sequence

import numpy as np
from davis_truth import Truth
from motion_bed import Bed, Json, share
from tracks import CAMERAS, drawn_camera, of_file

from deltaclip.motion import Track
from deltaclip.ranking import any_true_ranks

__all__ = ["camera"]

SENTENCES = {
    "pan_left": ("the camera pans to the left", "camera panning left", "a pan to the left across the scene"),
    "pan_right": ("the camera pans to the right", "camera panning right", "a pan to the right across the scene"),
    "tilt_up": ("the camera tilts up", "camera tilting upwards", "the camera looks up along the scene"),
    "tilt_down": ("the camera tilts down", "camera tilting downwards", "the camera looks down along the scene"),
    "zoom_in": ("the camera zooms in", "zoom in on the scene", "zooming in"),
    "zoom_out": ("the camera zooms out", "zoom out from the scene", "zooming out"),
    "still": ("the camera does not move", "a still shot from a fixed camera", "the camera stands still"),
}
"""Written once, before the encoder was seen."""
STILL_BELOW, MOVES_ABOVE, CLEARLY = 0.05, 0.1, 2.5
"""Of DAVIS's cameras: picture heights a second, and how many times the largest of pan, tilt and zoom is the next."""


def camera(bed: Bed) -> Json:
    stills = [(native.name, native.rgb[len(native.rgb) // 2]) for native, _, _ in bed.davis]
    for path in bed.captioned_paths:
        frames = of_file(path).frames
        stills.append((path.name, frames.rgb[len(frames.rgb) // 2]))
    labels: list[str] = []
    tracks: list[Track] = []
    for number, (name, picture) in enumerate(stills):
        for at, kind in enumerate(CAMERAS):
            labels.append(kind)
            tracks.append(drawn_camera(name, picture, kind, len(CAMERAS) * number + at).track)
    real = [(kind, moving.track) for _, truth, moving in bed.davis if (kind := camera_of(truth)) is not None]
    kinds, found = [kind for kind, _ in real], [track for _, track in real]
    return {
        "stills": len(stills),
        "drawn": _told_apart(bed, labels, tracks),
        "davis": _told_apart(bed, kinds, found),
    }


def camera_of(truth: Truth) -> str | None:
    """What the camera of a sequence does, None if it does several of them or hardly one."""
    # A zoom of 1 a second moves the middle of a half by a quarter of a height, as a pan of 0.25 does.
    parts = {"pan": truth.pan, "tilt": truth.tilt, "zoom": truth.zoom / 4}
    sizes = {name: abs(value) for name, value in parts.items()}
    if max(sizes.values()) < STILL_BELOW:
        return "still"
    first, second = sorted(sizes, key=lambda name: -sizes[name])[:2]
    if sizes[first] < max(MOVES_ABOVE, CLEARLY * sizes[second]):
        return None
    names = {"pan": ("pan_left", "pan_right"), "tilt": ("tilt_down", "tilt_up"), "zoom": ("zoom_out", "zoom_in")}
    return names[first][parts[first] > 0]


def _told_apart(bed: Bed, labels: Sequence[str], tracks: Sequence[Track]) -> Json:
    """Share of clips whose own camera scores best of all, and what the others were taken for."""
    scores, kinds = bed.scores(tracks, SENTENCES), list(SENTENCES)
    truth = np.array([kinds.index(label) for label in labels])
    right = any_true_ranks(scores, np.arange(len(kinds))[None] == truth[:, None]) == 1
    taken = [kinds[at] for at in scores.argmax(axis=1)]
    table = {kind: [name for label, name in zip(labels, taken, strict=True) if label == kind] for kind in kinds}
    return {
        **share(right),
        "confusion": {
            kind: {name: names.count(name) for name in kinds if name in names} for kind, names in table.items()
        },
    }
