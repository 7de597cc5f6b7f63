"""One run of the study `actions`: a small CLIP trained from scratch on some clips and measured on the others.

Metrics of classes and clips: the caption of a class retrieves clips, and a clip is classified by its nearest caption.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from deltaclip.captions import ActionSet
from deltaclip.model import Checkpoint, family_of, load_checkpoint, model_spec
from deltaclip.provenance import digest
from deltaclip.ranking import any_true_ranks, average_precision
from deltaclip.training.dataset import TokenRows, video_batches
from deltaclip.training.devices import MixedPrecision
from deltaclip.training.journal import read_rows
from deltaclip.training.loop import train
from deltaclip.training.loss import text_vectors, video_vectors
from deltaclip.training.recipe import Recipe
from deltaclip.training.run_folder import RUN_FOLDER
from deltaclip.training.source import TrainingData
from deltaclip.training.studies.actions_clips import ActionClips, SeenActions
from deltaclip.training.studies.actions_controls import changed, controls_of
from deltaclip.training.studies.runner import Document, is_late, keep_figures, kept_figures, seconds_left

__all__ = ["MERGED", "TEMPORAL", "ActionRun", "class_figures", "merged_classes"]


CLIPS_AT_ONCE = 32
MERGED = {
    "swipe_left": "swipe sideways",
    "swipe_right": "swipe sideways",
    "swipe_up": "swipe up or down",
    "swipe_down": "swipe up or down",
}
"""Classes that differ only in the order of their frames: mean pooling of unsigned masks cannot distinguish them."""


TEMPORAL = ", temporal head"
"""What follows the mask in the name of an arm whose encoder has one."""


def merged_classes(labels: Sequence[str]) -> NDArray[np.int64]:
    """(C,) int64: number of each label's class after merging; 0, 1, 2 and so on if nothing is merged."""
    names = [MERGED.get(label, label) for label in labels]
    order = list(dict.fromkeys(names))
    return np.array([order.index(name) for name in names], np.int64)


def class_figures(
    similarity: NDArray[np.float32], truth: NDArray[np.int64], classes: NDArray[np.int64]
) -> dict[str, float]:
    """{"T2V mAP", "T2V R@1", "V2T R@1"} in percent; ties count against the query.

    similarity: (C, V) of captions and clips. truth: (V,) caption of each clip. classes: (C,) class of each caption,
    from 0; a class scores a clip as the best of its captions does.
    T2V: each class with clips here is a query for them: mAP, and R@1, the share of classes whose first clip is right.
    V2T R@1: the share of clips whose own class scores higher than every other.
    """
    number = int(classes.max()) + 1
    # (C, V) -> (classes, V)
    scores = np.stack([similarity[classes == each].max(axis=0) for each in range(number)])
    right = np.arange(number)[:, None] == classes[truth][None, :]
    asking = right.any(axis=1)
    first, named = any_true_ranks(scores[asking], right[asking]), any_true_ranks(scores.T, right.T)
    return {
        "T2V mAP": float(average_precision(scores[asking], right[asking]).mean()),
        "T2V R@1": 100 * float(np.mean(first == 1)),
        "V2T R@1": 100 * float(np.mean(named == 1)),
    }


@dataclass(frozen=True, slots=True)
class ActionRun:
    """A run and what it is measured on.

    recipe: with its mask and seed. actions: the set. contents: a digest of each clip's file, in order.
    fold: the fold to hold out, None for the set's own split. folder: of all runs of the study. device, deadline: see
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
    def arm(self) -> str:
        """What distinguishes it from the runs it is compared with: its mask, and whether it has a temporal head."""
        return self.recipe.data.motion + (TEMPORAL if self.recipe.model.temporal_layers else "")

    @property
    def name(self) -> str:
        """Its name among the runs of a study."""
        held = "split" if self.fold is None else f"fold{self.fold}"
        return re.sub(r"[^\w.=-]+", "-", f"{self.actions.name}-{self.arm}-{held}-{self.recipe.seed}")

    @property
    def steps_done(self) -> int:
        """By its figures or its journal, which is written at least every hundredth of the run."""
        if self._file.is_file():
            return self.recipe.optim.steps or 0
        rows = read_rows(self._out / RUN_FOLDER)
        return int(rows[-1]["step"]) if rows else 0

    @property
    def parts(self) -> tuple[list[int], list[int]]:
        """Numbers of the clips to train on and of those to test on.

        Without folds, it trains on train and tests on test. Val is not used: nothing is chosen by it, and its groups
        may overlap with those of test.
        """
        clips = self.actions.clips
        held = [clip.split == "test" if self.fold is None else clip.fold == self.fold for clip in clips]
        known = [clip.split == "train" if self.fold is None else clip.fold != self.fold for clip in clips]
        return [number for number, own in enumerate(known) if own], [number for number, own in enumerate(held) if own]

    def perform(self, seen: SeenActions) -> Document | None:
        """Continues training and measures the result; None if the deadline came first.

        Only the figures are kept: no weights, and no picture of a clip.
        """
        if (kept := self.figures()) is not None:
            return kept
        if is_late(self.deadline):
            return None
        limit = seconds_left(self.deadline)
        learnt, tested = (ActionClips(seen, numbers, self.recipe.data.motion) for numbers in self.parts)
        words = [text for wordings in self.actions.wordings.values() for text in wordings]
        facts = {"dataset": self.actions.name, "clips": self._files(self.parts[0]), "wordings": words}
        data = TrainingData(learnt, None, words, facts)
        outcome = train(self.recipe, data, self._out, resume=True, time_limit=limit, device=self.device, workers=0)
        if not outcome.finished:
            return None
        trained = load_checkpoint(self._out)
        rows = [row for row in read_rows(self._out / RUN_FOLDER) if "loss" in row]
        record = trained.record.training or {}
        figures = {
            "test": self._measure(trained, tested),
            "controls": {name: self._measure(trained, tested, name) for name in controls_of(self.recipe)},
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

    def figures(self) -> Document | None:
        """The figures of the finished run, None before. Raises TrainingError if its settings were different."""
        remedy = "Give the same settings and clips, or a different --out."
        kept = kept_figures(self._file, self._settings(), self._file, remedy)
        if kept is not None:
            shutil.rmtree(self._out, ignore_errors=True)  # left if it was killed between writing and removing
        return kept

    @property
    def _out(self) -> Path:
        return self.folder / "runs" / self.name

    @property
    def _file(self) -> Path:
        return self.folder / "runs" / f"{self.name}.json"

    def _settings(self) -> Document:
        learnt, tested = (self._files(numbers) for numbers in self.parts)
        clips = {"train": digest(learnt), "test": digest(tested), "wordings": digest(dict(self.actions.wordings))}
        return {"recipe": self.recipe.facts(), "clips": clips}

    def _files(self, numbers: Sequence[int]) -> list[list[str]]:
        """Name and content of clips: a file may have different content next time."""
        return [[self.actions.clips[number].path, self.contents[number]] for number in numbers]

    @torch.no_grad()
    def _measure(
        self, trained: Checkpoint, clips: ActionClips, control: str | None = None
    ) -> dict[str, dict[str, float]]:
        """Number of classes -> metrics, before merging classes and after, if the set has classes to merge.

        control: what is done to the clips before they are encoded; None for the clips as they are.
        """
        precision = MixedPrecision.choose(self.device, "float32")
        model, sizes = trained.model.to(precision.device).eval(), model_spec(trained.model)  # type: ignore[arg-type]
        made = torch.cat(
            [
                video_vectors(model, frames.to(precision.device), precision)
                for frames in _batches(clips, self.recipe, sizes.image_size, family_of(model).fit, control)
            ]
        )
        assert trained.tokenizer is not None  # every run writes one
        family = family_of(model)
        rows = TokenRows(trained.tokenizer, sizes, self.recipe.model.max_words, whole=family.whole_rows)
        first = rows([wordings[0] for wordings in self.actions.wordings.values()]).to(precision.device)
        similarity = (text_vectors(model, first, precision) @ made.T).cpu().numpy()
        labels = list(self.actions.wordings)
        ways = (np.arange(len(labels)), merged_classes(labels))
        return {str(int(classes.max()) + 1): class_figures(similarity, clips.labels, classes) for classes in ways}


def _batches(clips: ActionClips, recipe: Recipe, side: int, fit: str, control: str | None) -> Iterator[torch.Tensor]:
    """All clips in order, some at a time: uint8 (n, T, C, S, S)."""
    start = 0
    for frames in video_batches(clips, recipe, side, range(len(clips.video_ids)), CLIPS_AT_ONCE, fit=fit):
        paths = clips.video_ids[start : start + len(frames)]
        start += len(frames)
        yield frames if control is None else torch.from_numpy(changed(frames.numpy(), control, paths))
