"""What `bench/motion_words.py` measures on, and how shares are told."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from davis import Native, read_native, sample
from davis_truth import Truth, true_motion
from tracks import Moving, of_davis

from deltaclip.captions import ActionClip
from deltaclip.encoder import MotionEncoder
from deltaclip.evaluation import ActionVectors, class_scores
from deltaclip.motion import Track

__all__ = ["Bed", "Json", "share"]

Json = dict[str, Any]


@dataclass
class Bed:
    """The data and the encoder, and what several benches need of them, measured once.

    clip: the name of an encoder of appearance. folds: of egogestar, () for all. page: an HTML file to write.
    """

    data: Path
    encoder: MotionEncoder
    clip: str | None = None
    folds: tuple[int, ...] = ()
    page: Path | None = None

    @cached_property
    def davis(self) -> list[tuple[Native, Truth, Moving]]:
        natives = [read_native(path) for path in sorted((self.data / "davis2016").glob("*.mp4"))]
        return [(each, true_motion(each), of_davis(sample(each), len(each.rgb))) for each in natives]

    @cached_property
    def captioned(self) -> list[Json]:
        """The clips of captioned/, with their captions."""
        entries: list[Json] = json.loads((self.data / "captioned" / "captions.json").read_text("utf-8"))
        return entries

    @property
    def captioned_paths(self) -> list[Path]:
        return [self.data / "captioned" / entry["file"] for entry in self.captioned]

    def scores(self, tracks: Sequence[Track], texts: Mapping[str, Sequence[str]]) -> np.ndarray[Any, Any]:
        """(N, C): by the rule of `evaluation.actions`, the mean over the wordings that are understood."""
        clips = [ActionClip(str(at), next(iter(texts)), str(at), "test", None) for at in range(len(tracks))]
        known = {name: [self.encoder.question(text).vector for text in own] for name, own in texts.items()}
        return class_scores(ActionVectors(clips, self.encoder.encode_tracks(tracks), texts, known))


def share(right: Iterable[bool]) -> Json:
    """n, right, percent, and Wilson's 95% interval in percent."""
    answers = [bool(each) for each in right]
    n, hits, z = len(answers), sum(answers), 1.96
    if not n:
        return {"n": 0, "right": 0}
    middle = (hits + z * z / 2) / (n + z * z)
    half = z * (hits * (n - hits) / n + z * z / 4) ** 0.5 / (n + z * z)
    return {
        "n": n,
        "right": hits,
        "percent": round(100 * hits / n, 1),
        "interval": _percent(middle - half, middle + half),
    }


def _percent(*shares: float) -> list[float]:
    return [round(100 * min(max(each, 0), 1), 1) for each in shares]
