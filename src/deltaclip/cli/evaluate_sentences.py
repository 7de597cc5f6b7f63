"""`evaluate actions` and `evaluate moments`: sentences asked of a folder's own videos, by appearance and by motion."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Protocol

import typer

from deltaclip.cli.encoders import load_motion, load_with, motion_and_others
from deltaclip.cli.indexing import number_of
from deltaclip.cli.material import found_videos, split_captions
from deltaclip.cli.options import DatasetOptions
from deltaclip.cli.output import Progress, emit, note, print_lines, shown
from deltaclip.errors import CaptionError
from deltaclip.wording import listed

if TYPE_CHECKING:  # torch is imported when the command runs
    from collections.abc import Callable
    from typing import Any

    from deltaclip.captions import MomentSet
    from deltaclip.encoder import EncoderSpec

__all__ = ["SENTENCE_SETS", "SentenceOptions", "evaluate_action_folder", "evaluate_moment_dataset"]
__all__ += ["evaluate_moment_folder", "evaluate_reversed_dataset"]

SENTENCE_SETS = ("actions", "moments")


@dataclass(frozen=True, slots=True)
class SentenceOptions:
    """Which folder, and what of it."""

    PANEL: ClassVar = "Actions, moments and directions"

    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the videos, with captions.csv and classes.json (actions) or moments.csv (moments).",
        ),
    ] = None
    folds: Annotated[
        str | None,
        typer.Option(metavar="N,N", help="Folds of the set of actions to measure, such as 1,2,3 (default: all clips)."),
    ] = None
    by: Annotated[
        Literal["appearance", "motion", "both"],
        typer.Option(help="What ranks moments, as in `search`. For appearance and both, give --encoder NAME."),
    ] = "both"
    moments: Annotated[
        bool,
        typer.Option(
            "--moments",
            help="Look for the moments that the captions of a data set describe (qvhighlights, charades-sta, "
            "didemo-moments), not for whole videos.",
        ),
    ] = False
    reversed: Annotated[
        bool,
        typer.Option(
            "--reversed",
            help="Show each video backwards too, and ask its captions with their opposites ('to the left', 'to the "
            "right'): which fits which? Captions without an opposite are not asked.",
        ),
    ] = False
    opposites: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Pairs of opposite phrases for --reversed, as TOML (default: a list in English). rtime has its own.",
        ),
    ] = None
    moment_seconds: Annotated[
        float | None,
        typer.Option(
            min=0.5,
            max=86_400,
            metavar="SECONDS",
            help="Length at which videos are cut (default: 15, as `index` does).",
        ),
    ] = None


class _Result(Protocol):
    def to_json(self) -> "dict[str, Any]": ...

    def lines(self) -> list[str]: ...


def evaluate_action_folder(names: Sequence[str], spec: "EncoderSpec", options: SentenceOptions, as_json: bool) -> None:
    """One encoder on one set of labelled actions."""
    from deltaclip.captions import find_action_sets, load_actions
    from deltaclip.evaluation import by_appearance, by_motion, evaluate_actions

    folder = _folder("actions", options)
    folds = _numbers(options.folds)
    if len(names) != 1:
        raise typer.BadParameter("give one encoder, such as --encoder motion.", param_hint="'--encoder'")
    found = find_action_sets(folder)
    if len(found) > 1:
        remedy = f"Give the folder of one of them, such as {next(iter(found.values()))}."
        raise CaptionError(str(folder), f"{len(found)} sets below it ({listed(list(found))})", remedy)
    [actions] = map(load_actions, found.values())
    motion, others = motion_and_others(names)
    encoder = by_motion(load_motion(motion[0])) if motion else by_appearance(load_with(others[0], spec))
    note(shown(f"encoder {encoder.name}, by {'motion' if motion else 'appearance'}"))
    with Progress() as line:
        result = evaluate_actions(
            encoder, actions, folds, progress=lambda done, total: line.show(f"{done}/{total} clips", done, total)
        )
    _give(result, as_json)


def evaluate_moment_folder(names: Sequence[str], spec: "EncoderSpec", options: SentenceOptions, as_json: bool) -> None:
    """Appearance, motion or both on one table of moments."""
    from deltaclip.captions import load_moments

    folder = _folder("moments", options)
    _evaluate_moments(names, spec, options, lambda: load_moments(folder), as_json)


def evaluate_moment_dataset(
    dataset: str,
    data: DatasetOptions,
    names: Sequence[str],
    spec: "EncoderSpec",
    options: SentenceOptions,
    as_json: bool,
) -> None:
    """The same on the moments that the captions of a data set describe."""
    if data.annotations is None or data.videos is None:
        raise typer.BadParameter(f"{dataset} needs --annotations DIR and --videos DIR.")
    annotations, videos, workers = data.annotations, data.videos, number_of(data.workers)

    def load() -> "MomentSet":
        from deltaclip.captions import moments_of_split

        _, split = split_captions(dataset, annotations, data.split)
        files = found_videos(videos, split.videos)
        return moments_of_split(dataset, data.split, split, files, allow_missing=data.allow_missing)

    _evaluate_moments(names, spec, options, load, as_json, workers)


def evaluate_reversed_dataset(
    dataset: str,
    data: DatasetOptions,
    names: Sequence[str],
    spec: "EncoderSpec",
    options: SentenceOptions,
    as_json: bool,
) -> None:
    """One encoder on the videos of a data set, forwards and backwards."""
    if data.annotations is None or data.videos is None:
        raise typer.BadParameter(f"{dataset} needs --annotations DIR and --videos DIR.")
    if len(names) != 1:
        raise typer.BadParameter("give one encoder, such as --encoder motion.", param_hint="'--encoder'")
    workers = number_of(data.workers)
    from deltaclip.evaluation import Opposites, by_appearance, by_motion, evaluate_reversed, material_of_split

    opposites = None if options.opposites is None else Opposites.load(options.opposites)
    _, split = split_captions(dataset, data.annotations, data.split)
    files = found_videos(data.videos, split.videos)
    material = material_of_split(dataset, data.split, split, files, allow_missing=data.allow_missing)
    if material.opposites is not None and opposites is not None:
        raise typer.BadParameter(f"{dataset} has its own opposites.", param_hint="'--opposites'")
    motion, others = motion_and_others(names)
    encoder = by_motion(load_motion(motion[0])) if motion else by_appearance(load_with(others[0], spec))
    with Progress() as line:
        result = evaluate_reversed(
            encoder,
            material,
            opposites,
            allow_missing=data.allow_missing,
            workers=workers,
            progress=lambda done, total: line.show(f"{done}/{total} videos", done, total),
        )
    _give(result, as_json)


def _evaluate_moments(
    names: Sequence[str],
    spec: "EncoderSpec",
    options: SentenceOptions,
    load: "Callable[[], MomentSet]",
    as_json: bool,
    workers: int | None = None,
) -> None:
    from deltaclip.evaluation import MomentEncoders, evaluate_moments
    from deltaclip.reader import SEGMENT_SECONDS

    motion, others = motion_and_others(names)
    if len(motion) > 1 or len(others) > 1:
        raise typer.BadParameter("give at most one encoder of each kind.", param_hint="'--encoder'")
    if options.by != "motion" and not others:
        raise typer.BadParameter(f"--by {options.by} needs an encoder of appearance: --encoder NAME.")
    if (options.by == "motion" and others) or (options.by == "appearance" and motion):
        raise typer.BadParameter(f"{listed([*others, *motion])} would not be used with --by {options.by}.")
    moments = load()
    encoders = MomentEncoders(
        appearance=None if options.by == "motion" else load_with(others[0], spec),
        motion=None if options.by == "appearance" else load_motion(motion[0] if motion else "motion"),
    )
    with Progress() as line:
        result = evaluate_moments(
            encoders,
            moments,
            options.moment_seconds or SEGMENT_SECONDS,
            workers=workers,
            progress=lambda done, total: line.show(f"{done}/{total} videos", done, total),
        )
    _give(result, as_json)


def _folder(dataset: str, options: SentenceOptions) -> Path:
    if options.data is None:
        raise typer.BadParameter(f"{dataset} needs --data DIR.")
    return options.data


def _numbers(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < 10 for part in parts) or len(set(parts)) < len(parts):
        raise typer.BadParameter(f"{text!r} is not a list of folds such as 1,2,3.", param_hint="'--folds'")
    return tuple(map(int, parts))


def _give(result: _Result, as_json: bool) -> None:
    if as_json:
        emit(result.to_json())
        return
    print_lines(*(shown(line) for line in result.lines()))
