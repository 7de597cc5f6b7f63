"""The clips that the runs of the study `shapes` are measured on: mp4 files, written once, read as any file is."""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deltaclip.encoder import Encoder
from deltaclip.ranking import any_true_ranks, compute_metrics, rank_blocks, similarity_blocks
from deltaclip.reader import Clip, read_video
from deltaclip.shapes import TEST_SEED, ShapesClip, ShapesSpec, ask, make_world, write_world

__all__ = ["ShapesGallery"]

Figures = dict[str, Any]  # Any: a json document


@dataclass(frozen=True, slots=True)
class ShapesGallery:
    """Twins of one camera, as `evaluate shapes` draws them, and a clip of each group's things in which nothing moves.

    camera: of `ShapesSpec`. clips: twins, in groups of three. folder: where the files of all cameras lie.
    """

    camera: str
    clips: int
    folder: Path

    def __post_init__(self) -> None:
        _ = self._spec  # refuses a camera that does not exist

    def facts(self) -> Figures:
        """What the figures depend on beside the encoder."""
        return {"camera": self.camera, "clips": self.clips, "seed": TEST_SEED}

    @property
    def moving(self) -> list[ShapesClip]:
        return make_world(TEST_SEED, self.clips, self._spec)

    @property
    def still(self) -> list[ShapesClip]:
        groups = len({clip.group for clip in self.moving})
        return make_world(TEST_SEED, groups, replace(self._spec, static_only=True))

    def write(self) -> None:
        """Writes the files, unless they are there: a folder is whole or not there."""
        home = self._home
        if home.is_dir():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=self.folder, suffix=".partial"))
        try:
            write_world(made / "moving", self.moving)
            write_world(made / "still", self.still)
            os.replace(made, home)
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def measure(self, encoder: Encoder) -> Figures:
        """{"t2v": {"R1", ...}, "v2t", "right_group", "questions": {kind: {"R1", "right_things_R1"}}, "coverage", ...}.

        t2v, v2t, right_group: of the twins alone, as `evaluate shapes` measures them. questions: over the gallery of
        twins and still clips, see `shapes.ask`; right_things_R1 among the clips of the query's own group.
        coverage: share of the picture in the masks. without_mask: share of the frames that got the whole picture.
        """
        moving, still = self.moving, self.still
        reasons: Counter[str | None] = Counter()
        coverage: list[float] = []

        def seen(paths: Sequence[Path]) -> Iterator[Clip]:
            for path in paths:
                clip = read_video(path, encoder.reader_spec)
                reasons.update(clip.fallback)
                coverage.append(float(clip.coverage.mean()))
                yield clip

        videos = encoder.encode_clips(seen(self._files("moving", len(moving))))
        texts = encoder.encode_texts([clip.caption for clip in moving])
        owner = np.arange(len(moving))
        ranking = rank_blocks(similarity_blocks(texts, videos, owner), owner, len(videos))
        groups = np.array([clip.group for clip in moving])
        figures = {
            "t2v": asdict(compute_metrics(ranking.t2v.pessimistic)),
            "v2t": asdict(compute_metrics(ranking.v2t.pessimistic)),
            "right_group": float(np.mean(groups[np.argmax(texts @ videos.T, axis=1)] == groups) * 100),
            "coverage": float(np.mean(coverage)),
            "without_mask": (reasons.total() - reasons[None]) / reasons.total(),
        }
        without_motion = encoder.encode_videos(self._files("still", len(still)))
        gallery = np.concatenate([videos, without_motion])
        questions = {}
        for kind, asked in ask(moving, still).items():
            scores = encoder.encode_texts(asked.texts) @ gallery.T
            own = np.where(asked.same_things, scores, -np.inf)
            ranks = any_true_ranks(scores, asked.true), any_true_ranks(own, asked.true & asked.same_things)
            names = ("R1", "right_things_R1")
            questions[kind] = {name: compute_metrics(each).R1 for name, each in zip(names, ranks, strict=True)}
        return {**figures, "questions": questions}

    @property
    def _spec(self) -> ShapesSpec:
        return ShapesSpec(camera=self.camera)  # type: ignore[arg-type]  # checked there

    @property
    def _home(self) -> Path:
        return self.folder / f"{self.camera}-{self.clips}"

    def _files(self, part: str, count: int) -> list[Path]:
        return [self._home / part / f"shapes_{number:04d}.mp4" for number in range(count)]
