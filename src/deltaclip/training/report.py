"""The end of a run: the reported weights become the checkpoint, and a page of HTML shows what was measured."""

import base64
import html
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from deltaclip.channels import ALPHA, COLOURS
from deltaclip.model import replace_files
from deltaclip.motion import Tile, encode_png, overlay, strip
from deltaclip.training.journal import read_rows
from deltaclip.training.recipe import Recipe
from deltaclip.training.run import Run
from deltaclip.training.run_folder import RUN_FOLDER, save_whole
from deltaclip.training.source import TrainingData
from deltaclip.training.validation import ValidationMetrics

__all__ = ["Outcome", "Speed", "report_weights", "write_report"]


@dataclass(frozen=True, slots=True)
class Speed:
    """clips_per_second, data_wait: over this part of the run, without validation. memory_bytes: the peak."""

    clips_per_second: float
    data_wait: float
    memory_bytes: int


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """The result of a run.

    finished: False if a time limit stopped it. step, steps: done, and in total. loss: of the last step.
    reported_step: the step whose weights the checkpoint has, None before the end. validation: their metrics, None
    without held-out clips. seconds: over all parts of the run. speed: of the last part.
    """

    out: Path
    finished: bool
    step: int
    steps: int
    loss: float
    reported_step: int | None
    validation: ValidationMetrics | None
    seconds: float
    speed: Speed

    def __repr__(self) -> str:
        r1 = "" if self.validation is None else f", validation R@1 {self.validation['t2v']['R1']:.1f}"
        return f"Outcome({self.out}, step {self.step} of {self.steps}, loss={self.loss:.3f}{r1})"


def report_weights(run: Run, last: ValidationMetrics | None, speed: Speed, finished: bool) -> Outcome:
    """Writes a finished run's checkpoint into OUT, and OUT/training/results.json. last: metrics at its last step."""
    step, figures = (run.step, last) if finished else (None, None)
    if finished and run.recipe.loop.report == "best" and run.best is not None:
        step, figures = run.best
    outcome = Outcome(
        out=run.out,
        finished=finished,
        step=run.step,
        steps=run.steps,
        loss=run.loss,
        reported_step=step,
        validation=figures,
        seconds=round(run.seconds, 1),
        speed=speed,
    )
    if finished and run.peers.leads:
        _write_checkpoint(run, step or 0, figures)
        text = json.dumps({**asdict(outcome), "out": str(run.out), "recipe": run.recipe.facts()}, indent=2)
        save_whole(run.out / RUN_FOLDER / "results.json", lambda stream: stream.write(text.encode()))
    return outcome


def _write_checkpoint(run: Run, step: int, figures: ValidationMetrics | None) -> None:
    """File by file: OUT also contains the run, so it cannot be replaced as a whole."""
    made = run.out / RUN_FOLDER / "reported"
    if step == run.step:
        with run.mean.in_place(run.model):
            run.save_weights(made, figures)
    else:
        shutil.copytree(run.states.best_folder(step), made, dirs_exist_ok=True)
    aside = run.out / RUN_FOLDER / "replaced"
    shutil.rmtree(aside, ignore_errors=True)  # left by a run that was killed here
    aside.mkdir()
    replace_files(made, run.out, aside)
    shutil.rmtree(aside, ignore_errors=True)
    made.rmdir()


SHOWN_CLIPS = 6
STRIP_SIDE = 112
CURVES = (
    ("loss", "Loss of the batch", False),
    ("t2v.R1", "Validation R@1, percent", False),
    ("rate", "Learning rate, as a share of its peak", False),
    ("gradient_norm", "Gradient norm before clipping", True),
    ("alpha_norm", "Norm of the alpha weights", False),
    ("mask_cosine", "Cosine of vectors with and without masks", False),
    ("clips_per_second", "Clips per second", False),
    ("data_wait", "Share of time spent waiting for clips", False),
)
"""Name in a row of the journal, title, whether the axis is logarithmic."""
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "img{max-width:100%}figure{margin:1rem 0}table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:left}"
    "tr:nth-child(even){background:#f4f4f4}pre{background:#f4f4f4;padding:1rem;overflow:auto}"
)


def write_report(recipe: Recipe, data: TrainingData, outcome: Outcome) -> Path:
    """Writes OUT/training/report.html from the run's journal and a few of its clips, and returns its path."""
    folder = outcome.out / RUN_FOLDER
    parts = [
        f"<h1>Training {html.escape(recipe.name)}</h1>",
        _figures(outcome),
        "<h2>Curves</h2>",
        _picture(_curves(read_rows(folder)), "Curves of the run"),
        "<h2>Masks</h2>",
        f"<p>Alpha of some clips, by {html.escape(recipe.data.motion)}: what moves is bright, the rest is dim.</p>",
        *_strips(recipe, data),
        "<h2>Recipe</h2>",
        f"<pre>{html.escape(json.dumps({**recipe.facts(), 'clips': dict(data.facts)}, indent=2))}</pre>",
    ]
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>Training {html.escape(recipe.name)}</title><style>{STYLE}</style>{''.join(parts)}</html>\n"
    )
    path = folder / "report.html"
    save_whole(path, lambda stream: stream.write(page.encode()))
    return path


def _figures(outcome: Outcome) -> str:
    rows = {
        "Steps": f"{outcome.step} of {outcome.steps}",
        "Loss of the last step": f"{outcome.loss:.4f}",
        "Weights reported": "none yet" if outcome.reported_step is None else f"of step {outcome.reported_step}",
        "Time": f"{outcome.seconds:.0f} s",
        "Speed of the last part": f"{outcome.speed.clips_per_second:.1f} clips/s",
        "Waiting for clips": f"{100 * outcome.speed.data_wait:.1f}% of the time",
        "Memory": f"{outcome.speed.memory_bytes / 2**30:.2f} GiB",
    }
    for side, found in (outcome.validation or {}).items():
        words = (f"{key} {found[key]:.1f}" for key in ("R1", "R5", "R10", "MdR", "MnR"))
        rows[f"Validation {side.upper()}"] = f"{', '.join(words)} ({found['queries']} queries)"
    cells = (f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in rows.items())
    return f"<table>{''.join(cells)}</table>"


def _curves(rows: Sequence[dict[str, Any]]) -> bytes:  # Any: rows of the journal
    """A PNG of all curves that have a point."""
    from matplotlib.figure import Figure  # the object, not pyplot: no window, no global state

    drawn = [(title, log, points) for name, title, log in CURVES if (points := _points(rows, name))]
    figure = Figure(figsize=(11, 2.4 * ((len(drawn) + 1) // 2)), layout="constrained")
    for place, (title, log, points) in enumerate(drawn, 1):
        axes = figure.add_subplot((len(drawn) + 1) // 2, 2, place)
        axes.plot(*zip(*points, strict=True), marker="." if len(points) < 60 else "")
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
        if log and any(value > 0 for _, value in points):  # a logarithmic axis cannot show anything else
            axes.set_yscale("log")
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=90)
    return stream.getvalue()


def _points(rows: Sequence[dict[str, Any]], name: str) -> list[tuple[int, float]]:
    """Step and value of a metric; "t2v.R1" is a nested one."""
    outer, _, inner = name.partition(".")
    found = [(row["step"], row[outer][inner] if inner else row[outer]) for row in rows if row.get(outer) is not None]
    return [(step, value) for step, value in found if value is not None]


def _strips(recipe: Recipe, data: TrainingData) -> list[str]:
    from deltaclip.training.dataset import model_frames

    made = []
    source = data.validation or data.train
    videos = list(dict.fromkeys(source.owner.tolist()))
    for video in videos[:: max(len(videos) // SHOWN_CLIPS, 1)][:SHOWN_CLIPS]:
        # (T, C, S, S) -> (T, S, S, C)
        frames = model_frames(source.pictures(video, recipe.data.frames, None), STRIP_SIDE, recipe.data, None)
        tiles = [
            Tile(overlay(frame[..., : len(COLOURS)].copy(), frame[..., ALPHA] / np.float32(255)))
            for frame in frames.transpose(0, 2, 3, 1)
        ]
        caption = source.caption(int((source.owner == video).argmax()), None)
        made.append(_picture(encode_png(strip(tiles)), f"{source.video_ids[video]}: {caption}"))
    return made


def _picture(png: bytes, caption: str) -> str:
    data, words = base64.b64encode(png).decode(), html.escape(caption)
    image = f'<img alt="{words}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{words}</figcaption></figure>"
