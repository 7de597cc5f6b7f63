"""`compare`: whether one encoder is better than another on the same queries, and on which ones."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deltaclip.cli.encoders import load_with
from deltaclip.cli.files import require_writable, writable
from deltaclip.cli.material import found_videos, split_material
from deltaclip.cli.options import EngineOption, GalleryOptions, JsonOption, PrecisionOption, StallLimitOption
from deltaclip.cli.output import Progress, emit, note, print_lines, shown
from deltaclip.durable import write_bytes_whole
from deltaclip.errors import CaptionError

if TYPE_CHECKING:  # torch is imported by the commands that need it
    from deltaclip.encoder import Encoder, EncoderSpec
    from deltaclip.evaluation import Compared, Material, SavedRanks

__all__ = ["compare"]

RANK_ENDINGS = (".ranks", ".jsonl", ".json")
SAME_OPTIONS = "Use the same --dataset, --split and other options as for the file."


def compare(
    *,
    systems: Annotated[
        list[str],
        typer.Argument(
            help="Systems to compare: encoders, as NAME or NAME@MASK, or files written by `evaluate --ranks`.",
            metavar="A B",
        ),
    ],
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a page (.html) that shows the queries won and lost."),
    ] = None,
    clips: Annotated[
        int | None,
        typer.Option(min=6, metavar="N", help="Number of clips to draw, in groups of three twins (default: 300)."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Random seed of the drawn clips (default: the fixed test set)."),
    ] = None,
    gallery: GalleryOptions,
    precision: PrecisionOption = "auto",
    engine: EngineOption = "auto",
    stall_limit: StallLimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare encoders or saved ranks query by query.

    The first system is compared with each of the others. If only files of ranks are given, --videos is used for the
    pictures in the report alone.

    \b
    Examples:
      deltaclip compare shapes shapes@full --report compare.html
      deltaclip compare ours.ranks theirs.ranks --videos clips --report compare.html
    """
    if len(systems) < 2:
        raise typer.BadParameter("give at least two systems to compare.", param_hint="'A B'")
    if len(set(systems)) < len(systems):
        raise typer.BadParameter("the same system is given twice.", param_hint="'A B'")
    _refuse_absent(systems)
    if report is not None:
        require_writable(report)  # before minutes of work
    only_files = all(Path(name).is_file() for name in systems)
    drawn = gallery.dataset == "shapes"
    if only_files and (not drawn or gallery.annotations is not None or clips or seed is not None):
        raise typer.BadParameter("files of ranks contain their queries: leave out the data set.")
    if only_files and (precision, engine) != ("auto", "auto"):
        raise typer.BadParameter("files of ranks were measured before: leave out --precision and --engine.")
    if clips is not None and not drawn:
        raise typer.BadParameter("it only applies to drawn clips; a data set has its own.", param_hint="'--clips'")
    from deltaclip.encoder import EncoderSpec
    from deltaclip.evaluation import compare_saved

    spec = EncoderSpec(precision=precision, engine=engine)
    with tempfile.TemporaryDirectory(prefix="deltaclip-compare-") as folder:
        saved, paths = _ranks(systems, spec, gallery, Path(folder), clips, seed)
        first, *others = systems
        compared = [compare_saved((first, other), saved[first], saved[other]) for other in others]
        if report is not None:
            from deltaclip.evaluation import comparison_page

            page = comparison_page(compared, paths)
            with writable(report):
                write_bytes_whole(report, page.encode())
    if as_json:
        comparisons = [one.to_json() for one in compared]
        emit({"comparisons": comparisons, "protocols": _protocols(systems, saved), "report": report})
        return
    _show(compared)
    _show_protocols(systems, saved)
    if report is not None:
        note(f"wrote {shown(report)}")


def _ranks(
    systems: Sequence[str],
    spec: "EncoderSpec",
    gallery: GalleryOptions,
    folder: Path,
    clips: int | None,
    seed: int | None,
) -> "tuple[dict[str, SavedRanks], dict[str, Path]]":
    """The ranks of every system, read or measured, and the files of the videos, as far as they are known.

    spec: how encoders run. folder: drawn clips are written to it.
    """
    from deltaclip.evaluation import read_ranks

    saved = {name: read_ranks(Path(name)) for name in systems if Path(name).is_file()}
    if len(saved) == len(systems):
        ids = {video for ranks in saved.values() for video in ranks.videos}
        return saved, {} if gallery.videos is None else dict(found_videos(gallery.videos, ids).found)
    _check_options(systems, saved, gallery.dataset, gallery.split, seed)
    encoders = {name: _encoder(name, spec) for name in systems if name not in saved}
    material = split_material(gallery) or _drawn(folder, clips, seed)
    for name, ranks in saved.items():
        _check_queries(name, ranks, material, gallery.allow_missing)
    measured = _rank(encoders, material, gallery.allow_missing)
    return saved | measured, dict(zip(material.videos, material.paths, strict=True))


def _refuse_absent(systems: Sequence[str]) -> None:
    """Raises CaptionError for a name that can only be a file of ranks and does not exist.

    Such a name has a suffix that files of ranks have, or is a path with any suffix. ORG/NAME may be a hub name, which
    may contain dots too (openai/clip-2.1), unless there is a folder ORG here.
    """
    for name in systems:
        base = name.rpartition("@")[0] or name
        if any(Path(part).expanduser().exists() for part in (name, base)):
            continue
        path = Path(base).expanduser()
        hub = base.count("/") == 1 and not base.startswith((".", "/", "~")) and not path.parent.is_dir()
        a_path = len(path.parts) > 1 and bool(path.suffix) and not hub
        if a_path or any(part.endswith(RANK_ENDINGS) for part in (name, base)):
            raise CaptionError(
                name, "no such file", "Give a file written by `deltaclip evaluate --ranks`, or the name of an encoder."
            )


def _check_options(
    systems: Sequence[str], saved: "dict[str, SavedRanks]", dataset: str, split: str, seed: int | None
) -> None:
    """Refuse ranks from a different data set than the encoders will be measured on, before an encoder is loaded."""
    from deltaclip.evaluation import check_same_material

    encoder = next(name for name in systems if name not in saved)
    asked = {"dataset": dataset, "split": split, "seed": seed}
    for name, ranks in saved.items():
        if ranks.direction != "t2v":
            raise CaptionError(name, f"{ranks.direction} ranks, but encoders are ranked as t2v", "Give t2v ranks.")
        check_same_material((name, encoder), ranks.protocol, asked, SAME_OPTIONS)


def _check_queries(name: str, ranks: "SavedRanks", material: "Material", allow_missing: bool) -> None:
    """Refuse ranks of other videos or queries than the encoders will be measured on, before any is encoded.

    If videos may be missing, those that cannot be read are only known later: then fewer queries are accepted here.
    """
    from deltaclip.evaluation import check_same_material, query_names

    what = f"{material.dataset}, split {material.split}"
    here = {"dataset": material.dataset, "split": material.split, "seed": material.seed}
    if not allow_missing:
        here["videos"] = len(material.videos)
    check_same_material((name, what), ranks.protocol, here, SAME_OPTIONS)
    theirs, ours = set(ranks.queries), set(query_names(material.videos, material.owner))
    unshared = theirs - ours if allow_missing else theirs ^ ours
    if unshared:
        found = f"{len(unshared)} queries are only in the file or only in {what}, such as {min(unshared)!r}"
        raise CaptionError(name, found, SAME_OPTIONS)


def _protocols(systems: Sequence[str], saved: "dict[str, SavedRanks]") -> list[dict[str, Any]]:  # Any: json
    """The protocol of each system, in the order given, with its name on the command line."""
    from deltaclip.evaluation import protocol_marks

    made = ((name, saved[name].protocol) for name in systems)
    return [{**protocol, "marks": protocol_marks(protocol), "system": name} for name, protocol in made]


def _encoder(name: str, spec: "EncoderSpec") -> "Encoder":
    """An encoder by name, with the mask that follows the last @, if any, run as the spec says."""
    base, at, motion = name.rpartition("@")
    if not at or Path(name).expanduser().is_dir():
        base, motion = name, ""
    hint = "'A B'" if (spec.precision, spec.engine) == ("auto", "auto") else None
    return load_with(base, replace(spec, motion=motion or None), param_hint=hint)


def _drawn(folder: Path, clips: int | None, seed: int | None) -> "Material":
    from deltaclip.evaluation import DEFAULT_CLIPS, DEFAULT_SEED, DEFAULT_WORLD, shapes_material

    return shapes_material(folder, DEFAULT_WORLD, DEFAULT_SEED if seed is None else seed, clips or DEFAULT_CLIPS)


def _rank(encoders: "dict[str, Encoder]", material: "Material", allow_missing: bool) -> "dict[str, SavedRanks]":
    """The T2V ranks of each encoder on the same videos and texts."""
    from deltaclip.evaluation import VectorCache, encode_material, evaluate_material, saved_ranks
    from deltaclip.folders import default_cache_path

    # Not for drawn clips: they are deleted at the end, and their vectors would never be used again.
    cache = VectorCache(default_cache_path(), lambda text: note(shown(text))) if material.seed is None else None
    saved = {}
    with Progress() as line:
        for name, encoder in encoders.items():
            note(encoder.describe())

            def progress(done: int, total: int, name: str = name) -> None:
                line.show(f"{name}: {done}/{total} videos", done, total)

            vectors = encode_material(encoder, material, cache=cache, allow_missing=allow_missing, progress=progress)
            for video, reason in vectors.broken.items():
                note(shown(f"{video}: {reason}"))
            saved[name] = saved_ranks(evaluate_material(encoder, vectors, with_cost=False))
    return saved


def _show_protocols(systems: Sequence[str], saved: "dict[str, SavedRanks]") -> None:
    from deltaclip.evaluation import protocol_lines

    for name in systems:
        lines = protocol_lines(saved[name].protocol)
        print_lines(f"{shown(name)}:", *(f"  {shown(line)}" for line in lines))


def _show(compared: "Sequence[Compared]") -> None:
    from deltaclip.evaluation import SHOWN_METRICS

    for one in compared:
        overall, (first, second) = one.overall, one.marked
        print_lines(
            f"{shown(first)} against {shown(second)}: {overall.wins} won, {overall.losses} lost, {overall.ties} tied; "
            f"intervals and p draw {one.drawn}"
        )
        for kind, part in (("all", overall), *one.by_kind.items()):
            for name in SHOWN_METRICS:
                row = part.metrics[name]
                print_lines(
                    f"  {kind:8} {name:4} {row.first:7.2f} {row.second:7.2f}  {row.difference:+7.2f} "
                    f"[{row.interval[0]:+.2f}, {row.interval[1]:+.2f}]  p {row.p_value:.4f}  {part.queries:6d} queries"
                )
