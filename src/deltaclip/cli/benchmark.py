"""What `evaluate` does with a data set as people download it, and how any evaluation is shown and kept."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deltaclip.cli.encoders import load_with
from deltaclip.cli.files import writable
from deltaclip.cli.material import found_videos, split_captions
from deltaclip.cli.output import Progress, emit, note, print_lines, shown
from deltaclip.wording import listed

if TYPE_CHECKING:  # torch is imported when the command runs
    from deltaclip.captions import CaptionSet
    from deltaclip.encoder import EncoderSpec
    from deltaclip.evaluation.benchmark import Evaluation
    from deltaclip.evaluation.material import Material
    from deltaclip.evaluation.vector_cache import VectorCache

__all__ = ["Asked", "Targets", "evaluate_dataset"]

MAX_NOTES_SHOWN = 10
NAMED_MISSING = 5
"""Missing files that are named on stderr before the others are only counted; --json lists all."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What becomes of a result. form: key of FORMATS. ranks, trec: files to be written. as_json: one object instead."""

    form: str
    ranks: Path | None
    trec: Path | None
    as_json: bool

    def check(self) -> None:
        """Before the work: raises BadParameter for a folder, DeltaclipError where no folder for a file can be made."""
        for option, path in (("--ranks", self.ranks), ("--trec", self.trec)):
            if path is None:
                continue
            files = (path, path.with_name(path.name + ".qrels")) if option == "--trec" else (path,)
            for file in files:
                if file.is_dir():
                    raise typer.BadParameter(f"{file} is a folder; give a file.", param_hint=f"'{option}'")
                with writable(file):
                    pass

    def give(self, evaluation: "Evaluation") -> None:
        """Writes the files, and shows the result."""
        for name, texts in list(evaluation.vectors.notes.items())[:MAX_NOTES_SHOWN]:
            note(shown(f"{name}: {'; '.join(texts)}"))
        if (more := len(evaluation.vectors.notes) - MAX_NOTES_SHOWN) > 0:
            note(f"... {more:,} more notes: --json lists all")
        from deltaclip.evaluation.benchmark import save_ranks, save_trec
        from deltaclip.evaluation.tables import FORMATS

        if self.ranks is not None:
            with writable(self.ranks):
                save_ranks(self.ranks, evaluation)
        if self.trec is not None:
            with writable(self.trec):
                judgements = save_trec(self.trec, evaluation)
            note(f"judgements for trec_eval are in {shown(judgements)}")
        if self.as_json:
            emit(evaluation.to_json())
            return
        print_lines(*(shown(line) for line in FORMATS[self.form](evaluation)))
        if evaluation.retrieval.optimistic:
            note(
                "some scores are equal: ties count against the query; --json and the table's rows `best` count them "
                "for it"
            )


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of `evaluate` for a data set; see its help."""

    dataset: str
    annotations: Path
    videos: Path
    encoders: tuple[str, ...]
    split: str
    allow_missing: bool
    select_on_test: bool
    post: str
    cache: Path | None
    no_cache: bool
    targets: Targets


def evaluate_dataset(asked: Asked, spec: "EncoderSpec") -> None:
    """Evaluates and shows one data set. Of several encoders the best on the split is shown, and marked as chosen."""
    _check_choice(asked)
    if asked.no_cache and asked.cache is not None:
        raise typer.BadParameter("--cache and --no-cache exclude each other.")
    asked.targets.check()
    from deltaclip.evaluation.benchmark import best_of
    from deltaclip.evaluation.material import material_of_split
    from deltaclip.evaluation.vector_cache import VectorCache
    from deltaclip.folders import default_cache_path

    cache = None
    if not asked.no_cache:
        cache = VectorCache(asked.cache or default_cache_path(), lambda text: note(shown(text)))
    captions, split = split_captions(asked.dataset, asked.annotations, asked.split)
    files = found_videos(asked.videos, split.videos)
    material = material_of_split(asked.dataset, asked.split, split, files, allow_missing=asked.allow_missing)
    if material.missing:
        note(shown(f"missing: {listed(material.missing, most=NAMED_MISSING)}"))
    best = best_of([_evaluate_one(name, asked, spec, cache, captions, material) for name in asked.encoders])
    asked.targets.give(best)


def _check_choice(asked: Asked) -> None:
    """Choosing a checkpoint by the figures that are then reported is never done in silence."""
    several = len(asked.encoders) > 1
    if several and asked.split == "test" and not asked.select_on_test:
        raise typer.BadParameter(
            "the best of several encoders is shown: choose it with --split val, or accept a choice on the test set "
            "with --select-on-test, which marks the row."
        )
    if asked.select_on_test and not (several and asked.split == "test"):
        raise typer.BadParameter("it is for several encoders on the split test.", param_hint="'--select-on-test'")


def _evaluate_one(
    name: str,
    asked: Asked,
    spec: "EncoderSpec",
    cache: "VectorCache | None",
    captions: "CaptionSet",
    material: "Material",
) -> "Evaluation":
    from deltaclip.evaluation.benchmark import evaluate_material, post_processing
    from deltaclip.evaluation.encoding import encode_material

    encoder = load_with(name, spec)
    note(encoder.describe())
    with Progress() as line:
        vectors = encode_material(
            encoder,
            material,
            cache=cache,
            allow_missing=asked.allow_missing,
            progress=lambda done, total: line.show(f"{done}/{total} videos", done, total),
        )
    for video, reason in vectors.broken.items():
        note(shown(f"{video}: {reason}"))
    post = post_processing(asked.post, encoder, captions, material.split, cache)
    return evaluate_material(encoder, vectors, post)
