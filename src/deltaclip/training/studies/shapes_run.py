"""One run of the study `shapes`: clips drawn, a small CLIP trained and measured, and the results kept beside it.

It is measured on mp4 files that are written once and read like any other video.
"""

import os
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.ranking import any_true_ranks, compute_metrics, rank_blocks, similarity_blocks
from deltaclip.reader import Clip, read_video
from deltaclip.shapes import TEST_SEED, ShapesClip, ShapesSpec, ask, make_world, write_world
from deltaclip.training.journal import read_rows
from deltaclip.training.loop import train
from deltaclip.training.recipe import Recipe
from deltaclip.training.run_folder import RUN_FOLDER
from deltaclip.training.shapes_data import draw_shapes, drawn_file
from deltaclip.training.studies.runner import Document, keep_figures, kept_figures

__all__ = ["ShapesGallery", "ShapesRun"]


@dataclass(frozen=True, slots=True)
class ShapesGallery:
    """Twins of one camera, as in `evaluate shapes`, and a clip of each group's objects in which nothing moves.

    camera: of `ShapesSpec`. clips: number of twins, in groups of three. folder: of the files of all cameras.
    """

    camera: str
    clips: int
    folder: Path

    def __post_init__(self) -> None:
        _ = self._spec  # raises ValueError for a camera that does not exist

    def facts(self) -> Document:
        """What the figures depend on besides the encoder."""
        return {"camera": self.camera, "clips": self.clips, "seed": TEST_SEED}

    @property
    def moving(self) -> list[ShapesClip]:
        return make_world(TEST_SEED, self.clips, self._spec)

    @property
    def still(self) -> list[ShapesClip]:
        groups = len({clip.group for clip in self.moving})
        return make_world(TEST_SEED, groups, replace(self._spec, static_only=True))

    def write(self) -> None:
        """Writes the files unless they exist; the folder is written whole or not at all."""
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

    def measure(self, encoder: Encoder) -> Document:
        """{"t2v": {"R1", ...}, "v2t", "right_group", "questions": {kind: {"R1", "right_things_R1"}}, "coverage", ...}.

        t2v, v2t, right_group: of the twins alone, as in `evaluate shapes`. questions: over the gallery of twins and
        still clips, see `shapes.ask`; right_things_R1 is among the clips of the query's own group.
        coverage: share of the picture in the masks. without_mask: share of the frames whose mask is all ones.
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


FIGURES_FILE = "figures.json"


@dataclass(frozen=True, slots=True)
class ShapesRun:
    """A run and how it is measured.

    recipe: with its mask, seed and one camera. variant: name of the mask in the table. gallery: the test clips.
    folder: of all runs of the study. device: as in torch, or auto. deadline: see `StudyPlan`.
    """

    recipe: Recipe
    variant: str
    gallery: ShapesGallery
    folder: Path
    device: str
    deadline: float | None

    @property
    def out(self) -> Path:
        """The run's checkpoint."""
        name = f"{self.gallery.camera}-{self.variant}-{self.recipe.seed}"
        return self.folder / "runs" / re.sub(r"[^\w.=-]+", "-", name)

    @property
    def drawn(self) -> Path:
        """The file of its clips and masks, shared by all seeds."""
        return drawn_file(self.recipe, self._clips)

    @property
    def steps_done(self) -> int:
        """By its journal, which is written at least every hundredth of the run."""
        rows = read_rows(self.out / RUN_FOLDER)
        return int(rows[-1]["step"]) if rows else 0

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.time() > self.deadline

    def draw(self) -> None:
        """Draws and stores the clips and masks, unless they exist or the deadline has passed."""
        if not self.late and not self.drawn.is_file():
            draw_shapes(self.recipe, workers=0, cache=self._clips)

    def perform(self) -> Document | None:
        """Continues training and measures on the written gallery; None if the deadline came first."""
        if (kept := self.figures()) is not None:
            return kept
        if self.late:
            return None
        data = draw_shapes(self.recipe, workers=0, cache=self._clips)
        limit = None if self.deadline is None else max(self.deadline - time.time(), 0.0)
        outcome = train(self.recipe, data, self.out, resume=True, time_limit=limit, device=self.device, workers=0)
        if not outcome.finished:
            return None
        encoder = Encoder.load(self.out, EncoderSpec(device=self.device))
        record = encoder.record.training or {}
        figures = {
            **self.gallery.measure(encoder),
            "validation": [[row["step"], row["t2v"]["R1"]] for row in read_rows(self.out / RUN_FOLDER) if "t2v" in row],
            "fingerprint": encoder.fingerprint,
            "seconds": outcome.seconds,
            **{name: record.get(name) for name in ("machine", "commit", "torch")},
        }
        keep_figures(self._file, self._settings(), figures)
        return figures

    def figures(self) -> Document | None:
        """The figures of the finished run, None before. Raises TrainingError if its settings were different."""
        return kept_figures(self._file, self._settings(), self.out, "Give the same settings, or a different --out.")

    @property
    def _file(self) -> Path:
        return self.out / RUN_FOLDER / FIGURES_FILE

    @property
    def _clips(self) -> Path:
        return self.folder / "clips"

    def _settings(self) -> Document:
        return {"recipe": self.recipe.facts(), "test": self.gallery.facts()}
