"""`evaluate` on a data set, and how any evaluation is printed and written to files."""

from collections.abc import Callable
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
from deltaclip.wording import count, listed

if TYPE_CHECKING:  # torch is imported when the command runs
    from deltaclip.captions import CaptionSet
    from deltaclip.encoder import Encoder, EncoderSpec
    from deltaclip.evaluation import (
        Evaluation,
        InteractionEvaluation,
        Material,
        MaterialVectors,
        ScoresEvaluation,
        SegmentEvaluation,
        VectorCache,
    )

__all__ = ["DatasetRun", "ScoringOptions", "Targets", "evaluate_dataset", "evaluate_scores"]

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
    segments: Annotated[
        float | None,
        typer.Option(
            min=0.5,
            max=3600,
            metavar="SECONDS",
            help="Rank videos by the best of their segments, cut as `index` cuts, and compare that with one mean a "
            "video (default: one mean alone). Segments are encoded anew, whatever is cached.",
        ),
    ] = None
    interaction: Annotated[
        Literal["mean", "token", "weighted-token"],
        typer.Option(
            help="How a text is compared with a video: by one mean vector, or by all tokens and frames (DRL's TI; "
            "weighted: WTI, by the weights of the checkpoint). The latter are compared with one mean, and are not "
            "indexable: no library searches by them. Frames are encoded anew, whatever is cached."
        ),
    ] = "mean"
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
    frame_cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Frame cache, made by `cache --raw`, to read instead of decoding (default: decode). Videos it lacks "
            "are decoded; one that would change a vector is refused.",
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

    save_similarity: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write the scores of all captions and videos with their names (.npz, .csv or .tsv), before any "
            "post-processing; --similarity reads this file.",
        ),
    ] = None

    def check(self) -> None:
        """Before any work. Raises BadParameter for a folder, DeltaclipError if the folder of a file cannot be made."""
        if self.save_similarity is not None:
            from deltaclip.evaluation import SCORE_SUFFIXES

            if self.save_similarity.suffix.lower() not in SCORE_SUFFIXES:
                raise typer.BadParameter(
                    f"{shown(self.save_similarity)} must end in {listed(SCORE_SUFFIXES)}.",
                    param_hint="'--save-similarity'",
                )
        files = (("--ranks", self.ranks), ("--trec", self.trec), ("--save-similarity", self.save_similarity))
        for option, path in files:
            if path is None:
                continue
            written = (path, path.with_name(path.name + ".qrels")) if option == "--trec" else (path,)
            for file in written:
                if file.is_dir():
                    raise typer.BadParameter(f"{file} is a folder; give a file.", param_hint=f"'{option}'")
                require_writable(file)

    def give(
        self, evaluation: "Evaluation | ScoresEvaluation | SegmentEvaluation | InteractionEvaluation", as_json: bool
    ) -> None:
        """Write the files and print the result."""
        from deltaclip.evaluation import (
            TABLE_FORMATS,
            InteractionEvaluation,
            ScoresEvaluation,
            SegmentEvaluation,
            save_ranks,
            save_scores,
            save_trec,
        )

        encoded = evaluation.whole if isinstance(evaluation, SegmentEvaluation | InteractionEvaluation) else evaluation
        notes = {} if isinstance(encoded, ScoresEvaluation) else encoded.vectors.notes
        for name, texts in list(notes.items())[:MAX_NOTES_SHOWN]:
            note(shown(f"{name}: {'; '.join(texts)}"))
        if (more := len(notes) - MAX_NOTES_SHOWN) > 0:
            note(f"... {more:,} more notes (use --json to list all)")
        if self.ranks is not None:
            with writable(self.ranks):
                save_ranks(self.ranks, evaluation)
        if self.trec is not None:
            with writable(self.trec):
                judgements = save_trec(self.trec, evaluation)
            note(f"wrote relevance judgments for trec_eval to {shown(judgements)}")
        if self.save_similarity is not None:
            with writable(self.save_similarity):
                save_scores(self.save_similarity, evaluation)
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
    _check_beside_mean(run)
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
    evaluations: list[Evaluation] = []
    for name in run.encoders:
        encoder = load_with(name, run.spec)
        if scoring.interaction == "weighted-token":
            encoder.need_token_weights()  # before hours of decoding
        evaluations.append(_evaluate_one(encoder, workers, run, cache, captions, material))
    best = best_of(evaluations)
    run.targets.give(_beside_mean(encoder, best, workers, scoring), as_json)


def _check_beside_mean(run: DatasetRun) -> None:
    """Refuse to compare more than one encoder, or what has no single vectors, with one mean a video."""
    scoring = run.scoring
    if scoring.segments is not None and scoring.interaction != "mean":
        raise typer.BadParameter("--segments and --interaction are mutually exclusive.")
    option = "--segments" if scoring.segments is not None else "--interaction"
    beside_mean = scoring.segments is not None or scoring.interaction != "mean"
    if beside_mean and (len(run.encoders) > 1 or scoring.post == "qbnorm"):
        raise typer.BadParameter("it takes one encoder at a time, and no qbnorm.", param_hint=f"'{option}'")


def _beside_mean(
    encoder: "Encoder", whole: "Evaluation", workers: int | None, scoring: ScoringOptions
) -> "Evaluation | SegmentEvaluation | InteractionEvaluation":
    """The same videos by their best segments or by all of their frames, if one of these is asked for."""
    from deltaclip.evaluation import DualSoftmax, by_interaction, by_segments

    post = DualSoftmax() if scoring.post == "dsl" else None
    with Progress() as line:

        def show(unit: str) -> Callable[[int, int], None]:
            return lambda done, total: line.show(f"{done}/{total} videos {unit}", done, total)

        if scoring.segments is not None:
            return by_segments(encoder, whole, scoring.segments, post, workers=workers, progress=show("in segments"))
        if scoring.interaction != "mean":
            word = scoring.interaction
            return by_interaction(encoder, whole, word, post, workers=workers, progress=show("by frames"))
    return whole


def evaluate_scores(
    file: Path, dataset: str | None, data: DatasetOptions, scoring: ScoringOptions, targets: Targets, as_json: bool
) -> None:
    """Evaluate a file of scores that any program has made, of the split of a data set or by itself."""
    if scoring.post == "qbnorm":
        raise typer.BadParameter(
            "qbnorm needs vectors of training captions: use dsl, or an encoder.", param_hint="'--post'"
        )
    if dataset is not None and data.annotations is None:
        raise typer.BadParameter(f"{dataset} needs --annotations DIR.")
    targets.check()
    from deltaclip.evaluation import DualSoftmax, SplitToRank, evaluate_similarity

    split = None
    if dataset is not None and data.annotations is not None:
        _, found = split_captions(dataset, data.annotations, data.split)
        split = SplitToRank(dataset, data.split, found, data.allow_missing)
    result = evaluate_similarity(file, split, DualSoftmax() if scoring.post == "dsl" else None)
    if result.missing:
        note(shown(f"missing: {listed(result.missing, most=NAMED_MISSING)}"))
    targets.give(result, as_json)


def _where_from(vectors: "MaterialVectors", folder: Path) -> str:
    """How many videos came from the frame cache, and what became of the others."""
    said = f"{folder}: frames of {count(vectors.from_frames, 'video')} read"
    if vectors.decoded:
        why = "not in it, or cached from a different file or by a different version"
        said += f"; {count(vectors.decoded, 'video')} decoded ({why})"
    known = len(vectors.videos) - vectors.from_frames - vectors.decoded
    return said + (f"; {count(known, 'vector')} known already" if known else "")


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
    encoder: "Encoder",
    workers: int | None,
    run: DatasetRun,
    cache: "VectorCache | None",
    captions: "CaptionSet",
    material: "Material",
) -> "Evaluation":
    from deltaclip.evaluation import encode_material, evaluate_material, post_processing

    note(encoder.describe())
    with Progress() as line:
        vectors = encode_material(
            encoder,
            material,
            cache=cache,
            frame_cache=run.scoring.frame_cache,
            allow_missing=run.data.allow_missing,
            workers=workers,
            progress=lambda done, total: line.show(f"{done}/{total} videos", done, total),
        )
    if run.scoring.frame_cache is not None:
        note(shown(_where_from(vectors, run.scoring.frame_cache)))
    for video, reason in vectors.broken.items():
        note(shown(f"{video}: {reason}"))
    post = post_processing(run.scoring.post, encoder, captions, material.split, cache)
    return evaluate_material(encoder, vectors, post)
