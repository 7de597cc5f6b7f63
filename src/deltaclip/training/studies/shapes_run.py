"""One run of the study `shapes`: clips drawn, a small CLIP trained and measured, and the results kept beside it.

It is measured on mp4 files that are written once and read like any other video.
"""

import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deltaclip.encoder import Encoder, EncoderSpec
from deltaclip.ranking import any_true_ranks, compute_metrics, rank_blocks, similarity_blocks
from deltaclip.reader import Clip, read_video
from deltaclip.shapes import TEST_SEED, ShapesClip, ShapesSpec, Twins, ask, make_world, write_world
from deltaclip.training.journal import read_rows
from deltaclip.training.loop import train
from deltaclip.training.recipe import Recipe
from deltaclip.training.run_folder import RUN_FOLDER
from deltaclip.training.shapes_data import draw_shapes, drawn_file
from deltaclip.training.studies.runner import Document, is_late, keep_figures, kept_figures, seconds_left

__all__ = ["ShapesGallery", "ShapesRun"]


@dataclass(frozen=True, slots=True)
class ShapesGallery:
    """Twins of one camera; of `mover` those of `evaluate shapes`, and a clip of each group in which nothing moves.

    camera: of `ShapesSpec`. clips: number of twins, in groups of three, or in pairs. folder: of the files of all
    cameras. twins: what they differ in, as in `ShapesSpec`.
    """

    camera: str
    clips: int
    folder: Path
    twins: Twins = "mover"

    def __post_init__(self) -> None:
        _ = self._spec  # raises ValueError for a camera or twins that do not exist
        if self.twins != "mover" and self.clips % 2:
            raise ValueError(f"{self.clips} clips: twins of {self.twins} are pairs, so that their number is even")

    def facts(self) -> Document:
        """What the figures depend on besides the encoder. Twins are told as in `WorldRecipe.facts`."""
        kind = {} if self.twins == "mover" else {"twins": self.twins}
        return {"camera": self.camera, "clips": self.clips, "seed": TEST_SEED, **kind}

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
            if self.twins == "mover":
                write_world(made / "still", self.still)
            os.replace(made, home)
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def measure(self, encoder: Encoder) -> Document:
        """{"t2v": {"R1", ...}, "v2t", "right_group", "coverage", "without_mask", and "questions" or "among_twins"}.

        t2v, v2t, right_group: of the twins alone, as in `evaluate shapes`. questions, of twins of `mover`: {kind:
        {"R1", "right_things_R1"}} over the gallery of twins and still clips, see `shapes.ask`; right_things_R1 is among
        the clips of the query's own group. among_twins, of the others: {"t2v", "v2t"}, R@1 among the two clips or
        captions of the query's own pair, ties against it; 50 by chance.
        coverage: share of the picture in the masks. without_mask: share of the frames whose mask is all ones.
        """
        moving = self.moving
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
        if self.twins != "mover":
            return {**figures, "among_twins": _among_twins(texts @ videos.T, groups)}
        return {**figures, "questions": self._questions(encoder, moving, videos)}

    def _questions(self, encoder: Encoder, moving: list[ShapesClip], videos: NDArray[np.float32]) -> Document:
        """Over the gallery of the moving clips, whose vectors are given, and the still ones."""
        still = self.still
        gallery = np.concatenate([videos, encoder.encode_videos(self._files("still", len(still)))])
        questions = {}
        for kind, asked in ask(moving, still).items():
            scores = encoder.encode_texts(asked.texts) @ gallery.T
            own = np.where(asked.same_things, scores, -np.inf)
            ranks = any_true_ranks(scores, asked.true), any_true_ranks(own, asked.true & asked.same_things)
            names = ("R1", "right_things_R1")
            questions[kind] = {name: compute_metrics(each).R1 for name, each in zip(names, ranks, strict=True)}
        return questions

    @property
    def _spec(self) -> ShapesSpec:
        return ShapesSpec.of_twins(self.twins, self.camera)  # type: ignore[arg-type]  # checked there

    @property
    def name(self) -> str:
        """Of camera and twins, for folders; twins of `mover` are those without a name."""
        return self.camera if self.twins == "mover" else f"{self.twins}-{self.camera}"

    @property
    def _home(self) -> Path:
        return self.folder / f"{self.name}-{self.clips}"

    def _files(self, part: str, count: int) -> list[Path]:
        return [self._home / part / f"shapes_{number:04d}.mp4" for number in range(count)]


def _among_twins(scores: NDArray[np.float32], groups: NDArray[np.int64]) -> dict[str, float]:
    """R@1 of each text among the clips of its own group, and of each clip among their texts; ties count against.

    scores: (N, N), row = text, column = its clip's place. groups: (N,).
    """
    own = groups[:, None] == groups[None, :]
    right = np.eye(len(groups), dtype=np.bool_)
    ways = {"t2v": scores, "v2t": scores.T}
    return {way: compute_metrics(any_true_ranks(np.where(own, each, -np.inf), right)).R1 for way, each in ways.items()}


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
        name = f"{self.gallery.name}-{self.variant}-{self.recipe.seed}"
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

    def draw(self) -> None:
        """Draws and stores the clips and masks, unless they exist or the deadline has passed."""
        if not is_late(self.deadline) and not self.drawn.is_file():
            draw_shapes(self.recipe, workers=0, cache=self._clips)

    def perform(self) -> Document | None:
        """Continues training and measures on the written gallery; None if the deadline came first."""
        if (kept := self.figures()) is not None:
            return kept
        if is_late(self.deadline):
            return None
        data = draw_shapes(self.recipe, workers=0, cache=self._clips)
        limit = seconds_left(self.deadline)
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
