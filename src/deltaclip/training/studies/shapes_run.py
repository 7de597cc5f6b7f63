"""One run of the study `shapes`: clips drawn, a small CLIP trained, measured, and the figures kept beside it."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.training.journal import read_rows
from deltaclip.training.loop import train
from deltaclip.training.place import FOLDER
from deltaclip.training.recipe import Recipe
from deltaclip.training.shapes_data import draw_shapes, drawn_file
from deltaclip.training.studies.kept import Figures, keep_figures, kept_figures
from deltaclip.training.studies.shapes_gallery import ShapesGallery

__all__ = ["ShapesRun"]

FIGURES_FILE = "figures.json"


@dataclass(frozen=True, slots=True)
class ShapesRun:
    """A run and how it is measured.

    recipe: its mask, seed and one camera among it. variant: what the mask is called in the table. gallery: to measure
    with. folder: of all runs of the study. device: as in torch, or auto. deadline: see `StudyPlan`.
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
        """By its journal; written at every hundredth of the run or more often."""
        rows = read_rows(self.out / FOLDER)
        return int(rows[-1]["step"]) if rows else 0

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.time() > self.deadline

    def draw(self) -> None:
        """Draws and keeps the clips and masks, unless they are there or the time is over."""
        if not self.late and not self.drawn.is_file():
            draw_shapes(self.recipe, workers=0, cache=self._clips)

    def perform(self) -> Figures | None:
        """Trains on from where the run is and measures with the written gallery; None where the deadline came first."""
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
            "validation": [[row["step"], row["t2v"]["R1"]] for row in read_rows(self.out / FOLDER) if "t2v" in row],
            "fingerprint": encoder.fingerprint,
            "seconds": outcome.seconds,
            **{name: record.get(name) for name in ("machine", "commit", "torch")},
        }
        keep_figures(self._file, self._settings(), figures)
        return figures

    def figures(self) -> Figures | None:
        """The figures of the finished run, None before. Raises TrainingError where it was made with other settings."""
        return kept_figures(self._file, self._settings(), self.out, "Give the same settings, or a different --out.")

    @property
    def _file(self) -> Path:
        return self.out / FOLDER / FIGURES_FILE

    @property
    def _clips(self) -> Path:
        return self.folder / "clips"

    def _settings(self) -> Figures:
        return {"recipe": self.recipe.facts(), "test": self.gallery.facts()}
