"""What `evaluate` does with a data set as people download it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deltaclip.cli.encoders import load_with
from deltaclip.cli.output import Progress, emit, note, print_lines, shown

if TYPE_CHECKING:  # torch is imported when the command runs
    from deltaclip.captions import CaptionSet
    from deltaclip.encoder import EncoderSpec
    from deltaclip.evaluation.benchmark import Evaluation
    from deltaclip.evaluation.material import Material
    from deltaclip.evaluation.vector_cache import VectorCache

__all__ = ["Asked", "evaluate_dataset"]


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
    form: str
    ranks: Path | None
    trec: Path | None
    as_json: bool


def evaluate_dataset(asked: Asked, spec: "EncoderSpec") -> None:
    """Evaluates and shows one data set. Of several encoders the best on the split is shown, and marked as chosen."""
    _check_choice(asked)
    from deltaclip.captions import find_videos, load_captions
    from deltaclip.evaluation.benchmark import best_of, save_ranks, save_trec
    from deltaclip.evaluation.material import material_of_split
    from deltaclip.evaluation.tables import FORMATS
    from deltaclip.evaluation.vector_cache import VectorCache, default_cache_path

    cache = None
    if not asked.no_cache:
        cache = VectorCache(asked.cache or default_cache_path(), lambda text: note(shown(text)))
    captions = load_captions(asked.dataset, asked.annotations)
    for text in captions.notes:
        note(shown(text))
    if asked.split not in captions.splits:
        raise typer.BadParameter(f"found here: {', '.join(captions.splits)}.", param_hint="'--split'")
    split = captions.splits[asked.split]
    files = find_videos(asked.videos, split.videos)
    material = material_of_split(asked.dataset, asked.split, split, files, allow_missing=asked.allow_missing)
    best = best_of([_evaluate_one(name, asked, spec, cache, captions, material) for name in asked.encoders])
    if asked.ranks is not None:
        save_ranks(asked.ranks, best)
    if asked.trec is not None:
        judgements = save_trec(asked.trec, best)
        note(f"judgements for trec_eval are in {shown(judgements)}")
    if asked.as_json:
        emit(best.to_json())
        return
    print_lines(*(shown(line) for line in FORMATS[asked.form](best)))
    if best.retrieval.optimistic:
        note(
            "some scores are equal: ties count against the query; --json and the table's rows `best` count them for it"
        )


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
