"""`evaluate` on a data set, and how any evaluation is printed and written to files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from deltaclip.cli.encoders import load_with
from deltaclip.cli.files import require_writable, writable
from deltaclip.cli.indexing import number_of
from deltaclip.cli.material import found_videos, split_captions
from deltaclip.cli.options import DatasetOptions
from deltaclip.cli.output import Progress, emit, note, print_lines, shown
from deltaclip.wording import listed

if TYPE_CHECKING:  # torch is imported when the command runs
    from deltaclip.captions import CaptionSet
    from deltaclip.encoder import EncoderSpec
    from deltaclip.evaluation import Evaluation, Material, VectorCache

__all__ = ["DatasetRun", "ScoringOptions", "Targets", "evaluate_dataset"]

MAX_NOTES_SHOWN = 10
NAMED_MISSING = 5
"""Missing files named on stderr; the rest is counted. --json lists all."""


@dataclass(frozen=True, slots=True)
class ScoringOptions:
    """How scores are post-processed, kept, and used to choose an encoder."""

    PANEL: ClassVar = "Scores"

    post: Annotated[
        Literal["none", "dsl", "qbnorm"],
        typer.Option(
            help="Post-processing of the scores, which every table names: dsl (dual softmax) uses all queries of the "
            "split at once, qbnorm the training captions."
        ),
    ] = "none"
    select_on_test: Annotated[
        bool,
        typer.Option(
            "--select-on-test",
            help="Allow the best of several encoders to be chosen on the test split; every table says so (default: "
            "refuse).",
        ),
    ] = False
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder in which vectors are kept between runs (default: DELTACLIP_CACHE if it is set, else a folder "
            "in your user cache directory).",
        ),
    ] = None
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Encode everything again, and neither read nor write the vector cache.")
    ] = False


@dataclass(frozen=True, slots=True)
class Targets:
    """How a result is printed, and which files are written."""

    PANEL: ClassVar = "Output"

    output: Annotated[
        Literal["table", "markdown", "latex"], typer.Option("--format", help="Format of the printed table.")
    ] = "table"
    ranks: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also write the rank of the right video for every caption; `compare` reads this file."
        ),
    ] = None
    trec: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a TREC run, and its relevance judgments to FILE.qrels."),
    ] = None

    def check(self) -> None:
        """Before any work. Raises BadParameter for a folder, DeltaclipError if the folder of a file cannot be made."""
        for option, path in (("--ranks", self.ranks), ("--trec", self.trec)):
            if path is None:
                continue
            files = (path, path.with_name(path.name + ".qrels")) if option == "--trec" else (path,)
            for file in files:
                if file.is_dir():
                    raise typer.BadParameter(f"{file} is a folder; give a file.", param_hint=f"'{option}'")
                require_writable(file)

    def give(self, evaluation: "Evaluation", as_json: bool) -> None:
        """Write the files and print the result."""
        for name, texts in list(evaluation.vectors.notes.items())[:MAX_NOTES_SHOWN]:
            note(shown(f"{name}: {'; '.join(texts)}"))
        if (more := len(evaluation.vectors.notes) - MAX_NOTES_SHOWN) > 0:
            note(f"... {more:,} more notes (use --json to list all)")
        from deltaclip.evaluation import TABLE_FORMATS, save_ranks, save_trec

        if self.ranks is not None:
            with writable(self.ranks):
                save_ranks(self.ranks, evaluation)
        if self.trec is not None:
            with writable(self.trec):
                judgements = save_trec(self.trec, evaluation)
            note(f"wrote relevance judgments for trec_eval to {shown(judgements)}")
        if as_json:
            emit(evaluation.to_json())
            return
        print_lines(*(shown(line) for line in TABLE_FORMATS[self.output](evaluation)))
        if evaluation.retrieval.optimistic:
            note(
                "some scores are tied: ranks count ties against the query; the rows `best` (`optimistic` in --json) "
                "count them in its favour"
            )


@dataclass(frozen=True, slots=True)
class DatasetRun:
    """An evaluation on a data set, as requested. encoders: names; of several the best is reported."""

    dataset: str
    encoders: tuple[str, ...]
    spec: "EncoderSpec"
    data: DatasetOptions
    scoring: ScoringOptions
    targets: Targets


def evaluate_dataset(run: DatasetRun, as_json: bool) -> None:
    """Evaluate on one data set. Of several encoders the best on the split is reported, and marked as chosen."""
    data, scoring = run.data, run.scoring
    if data.annotations is None or data.videos is None:
        raise typer.BadParameter(f"{run.dataset} needs --annotations DIR and --videos DIR.")
    _check_choice(run)
    if scoring.no_cache and scoring.cache is not None:
        raise typer.BadParameter("--cache and --no-cache are mutually exclusive.")
    workers = number_of(run.data.workers)
    run.targets.check()
    from deltaclip.evaluation import VectorCache, best_of, material_of_split
    from deltaclip.folders import default_cache_path

    cache = None
    if not scoring.no_cache:
        cache = VectorCache(scoring.cache or default_cache_path(), lambda text: note(shown(text)))
    captions, split = split_captions(run.dataset, data.annotations, data.split)
    files = found_videos(data.videos, split.videos)
    material = material_of_split(run.dataset, data.split, split, files, allow_missing=data.allow_missing)
    if material.missing:
        note(shown(f"missing: {listed(material.missing, most=NAMED_MISSING)}"))
    best = best_of([_evaluate_one(name, workers, run, cache, captions, material) for name in run.encoders])
    run.targets.give(best, as_json)


def _check_choice(run: DatasetRun) -> None:
    """Refuse to choose a checkpoint by the metrics that are then reported, unless that is asked for."""
    several = len(run.encoders) > 1
    if several and run.data.split == "test" and not run.scoring.select_on_test:
        raise typer.BadParameter(
            "only the best of several encoders is reported: choose it with --split val, or allow a choice on the test "
            "split with --select-on-test, which the table then says."
        )
    if run.scoring.select_on_test and not (several and run.data.split == "test"):
        raise typer.BadParameter("it is for several encoders on the test split.", param_hint="'--select-on-test'")


def _evaluate_one(
    name: str,
    workers: int | None,
    run: DatasetRun,
    cache: "VectorCache | None",
    captions: "CaptionSet",
    material: "Material",
) -> "Evaluation":
    from deltaclip.evaluation import encode_material, evaluate_material, post_processing

    encoder = load_with(name, run.spec)
    note(encoder.describe())
    with Progress() as line:
        vectors = encode_material(
            encoder,
            material,
            cache=cache,
            allow_missing=run.data.allow_missing,
            workers=workers,
            progress=lambda done, total: line.show(f"{done}/{total} videos", done, total),
        )
    for video, reason in vectors.broken.items():
        note(shown(f"{video}: {reason}"))
    post = post_processing(run.scoring.post, encoder, captions, material.split, cache)
    return evaluate_material(encoder, vectors, post)
