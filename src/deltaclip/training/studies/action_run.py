"""One run of the study `actions`: a small CLIP from scratch on some clips, measured on the others."""

import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from deltaclip.captions import ActionSet
from deltaclip.model import Checkpoint, load_checkpoint, model_spec
from deltaclip.provenance import digest
from deltaclip.training.dataset import TokenRows, video_batches
from deltaclip.training.forward import Precision, text_vectors, video_vectors
from deltaclip.training.journal import read_rows
from deltaclip.training.loop import train
from deltaclip.training.place import FOLDER
from deltaclip.training.recipe import Recipe
from deltaclip.training.source import TrainingData
from deltaclip.training.studies.action_clips import ActionClips, SeenActions
from deltaclip.training.studies.action_figures import class_figures, merged_classes
from deltaclip.training.studies.kept import Figures, keep_figures, kept_figures

__all__ = ["ActionRun"]


@dataclass(frozen=True, slots=True)
class ActionRun:
    """A run and what it is measured on.

    recipe: its mask and seed among it. actions: the set. contents: a digest of each clip's file, in their order.
    fold: what is held out, None for the set's own split. folder: of all runs of the study. device, deadline: see
    `StudyPlan`.
    """

    recipe: Recipe
    actions: ActionSet
    contents: tuple[str, ...]
    fold: int | None
    folder: Path
    device: str
    deadline: float | None

    @property
    def name(self) -> str:
        """What tells it from the others."""
        held = "split" if self.fold is None else f"fold{self.fold}"
        return re.sub(r"[^\w.=-]+", "-", f"{self.actions.name}-{self.recipe.data.motion}-{held}-{self.recipe.seed}")

    @property
    def steps_done(self) -> int:
        """By its figures or its journal; written at every hundredth of the run or more often."""
        if self._file.is_file():
            return self.recipe.optim.steps or 0
        rows = read_rows(self._out / FOLDER)
        return int(rows[-1]["step"]) if rows else 0

    @property
    def parts(self) -> tuple[list[int], list[int]]:
        """Numbers of the clips to train on and of those to test on.

        Without folds train stands against test. Val lies idle: nothing is chosen by it, and its groups need not be
        apart from those of test.
        """
        clips = self.actions.clips
        held = [clip.split == "test" if self.fold is None else clip.fold == self.fold for clip in clips]
        known = [clip.split == "train" if self.fold is None else clip.fold != self.fold for clip in clips]
        return [number for number, own in enumerate(known) if own], [number for number, own in enumerate(held) if own]

    def perform(self, seen: SeenActions) -> Figures | None:
        """Trains on from where the run is and measures; None where the deadline came first.

        Keeps the figures alone: no weights, and no picture of a clip.
        """
        if (kept := self.figures()) is not None:
            return kept
        if self.deadline is not None and time.time() > self.deadline:
            return None
        limit = None if self.deadline is None else max(self.deadline - time.time(), 0.0)
        learnt, tested = (ActionClips(seen, numbers, self.recipe.data.motion) for numbers in self.parts)
        words = [text for wordings in self.actions.wordings.values() for text in wordings]
        facts = {"dataset": self.actions.name, "clips": self._files(self.parts[0]), "wordings": words}
        data = TrainingData(learnt, None, words, facts)
        outcome = train(self.recipe, data, self._out, resume=True, time_limit=limit, device=self.device, workers=0)
        if not outcome.finished:
            return None
        trained = load_checkpoint(self._out)
        rows = [row for row in read_rows(self._out / FOLDER) if "loss" in row]
        record = trained.record.training or {}
        figures = {
            "test": self._measure(trained, tested),
            "train": self._measure(trained, learnt),
            "clips": len(learnt.video_ids),
            "test_clips": len(tested.video_ids),
            "loss": [[row["step"], round(row["loss"], 4)] for row in rows],
            "mask_cosine": rows[-1]["mask_cosine"],
            "frames_without_mask": seen.without_mask(self.recipe.data.motion),
            "seconds": outcome.seconds,
            **{name: record.get(name) for name in ("machine", "commit", "torch")},
        }
        keep_figures(self._file, self._settings(), figures)
        shutil.rmtree(self._out)
        return figures

    def figures(self) -> Figures | None:
        """The figures of the finished run, None before. Raises TrainingError where it was made with other settings."""
        remedy = "Give the same settings and clips, or a different --out."
        kept = kept_figures(self._file, self._settings(), self._file, remedy)
        if kept is not None:
            shutil.rmtree(self._out, ignore_errors=True)  # left by a kill between both
        return kept

    @property
    def _out(self) -> Path:
        return self.folder / "runs" / self.name

    @property
    def _file(self) -> Path:
        return self.folder / "runs" / f"{self.name}.json"

    def _settings(self) -> Figures:
        learnt, tested = (self._files(numbers) for numbers in self.parts)
        clips = {"train": digest(learnt), "test": digest(tested), "wordings": digest(dict(self.actions.wordings))}
        return {"recipe": self.recipe.facts(), "clips": clips}

    def _files(self, numbers: Sequence[int]) -> list[list[str]]:
        """Name and content of clips: a file of that name may be another one next time."""
        return [[self.actions.clips[number].path, self.contents[number]] for number in numbers]

    @torch.no_grad()
    def _measure(self, trained: Checkpoint, clips: ActionClips) -> dict[str, dict[str, float]]:
        """Number of classes -> figures, and by the number after merging where the set has classes to merge."""
        precision = Precision.choose(self.device, "float32")
        model, sizes = trained.model.to(precision.device).eval(), model_spec(trained.model)  # type: ignore[arg-type]
        batches = video_batches(clips, self.recipe, sizes.image_size, range(len(clips.video_ids)), 32)
        made = torch.cat([video_vectors(model, frames.to(precision.device), precision) for frames in batches])
        assert trained.tokenizer is not None  # a run writes one
        rows = TokenRows(trained.tokenizer, sizes, self.recipe.model.max_words)
        first = rows([wordings[0] for wordings in self.actions.wordings.values()]).to(precision.device)
        similarity = (text_vectors(model, first, precision) @ made.T).cpu().numpy()
        labels = list(self.actions.wordings)
        ways = (np.arange(len(labels)), merged_classes(labels))
        return {str(int(classes.max()) + 1): class_figures(similarity, clips.labels, classes) for classes in ways}
