"""The page of a run: figures, curves and masks, at every validation and whenever somebody asks for it."""

import base64
import html
import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from deltaclip.channels import ALPHA, COLOURS
from deltaclip.errors import TrainingError
from deltaclip.motion import Tile, encode_png, overlay, strip
from deltaclip.training.journal import read_rows
from deltaclip.training.recipe import Recipe
from deltaclip.training.report import Outcome, read_outcome
from deltaclip.training.run_folder import MASKS_FILE, REPORT_FILE, RUN_FOLDER, read_run, save_whole
from deltaclip.training.source import TrainingData

__all__ = ["write_report", "write_report_again"]

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


Shown = list[tuple[str, str]]
"""Pictures of clips: a caption, and a PNG in base64."""


def write_report(recipe: Recipe, data: TrainingData, outcome: Outcome) -> Path:
    """Writes OUT/training/report.html from the run's journal and a few of its clips, and returns its path.

    The pictures of the clips are made once a run, and kept for the next page.
    """
    folder = outcome.out / RUN_FOLDER
    shown = _kept(folder)
    if not shown:
        shown = _strips(recipe, data)
        text = json.dumps(shown)
        save_whole(folder / MASKS_FILE, lambda stream: stream.write(text.encode()))
    return _write_page({**recipe.facts(), "clips": dict(data.facts)}, shown, outcome)


def write_report_again(out: Path) -> Path:
    """The same from the files in OUT/training alone, of a run that is finished, in progress or was cut off.

    Pictures of clips are there if a page was written during the run. Raises TrainingError if OUT has no run, or one
    that has not logged a step yet.
    """
    facts = read_run(out)
    if facts is None:
        raise TrainingError(str(out), "no training run in it", "Give the folder that `deltaclip train --out` wrote.")
    return _write_page({**facts["recipe"], "clips": facts["clips"]}, _kept(out / RUN_FOLDER), read_outcome(out))


def _kept(folder: Path) -> Shown:
    """Pictures of an earlier page, none if there are none."""
    file = folder / MASKS_FILE
    return [(words, png) for words, png in json.loads(file.read_text("utf-8"))] if file.is_file() else []


def _write_page(recipe: dict[str, Any], shown: Shown, outcome: Outcome) -> Path:  # Any: a json document
    """recipe: `Recipe.facts`, with the clips."""
    folder, name, motion = outcome.out / RUN_FOLDER, html.escape(recipe["name"]), html.escape(recipe["data"]["motion"])
    masks = [
        "<h2>Masks</h2>",
        f"<p>Alpha of some clips, by {motion}: what moves is bright, the rest is dim.</p>",
        *(_picture(png, words) for words, png in shown),
    ]
    parts = [
        f"<h1>Training {name}</h1>",
        _figures(outcome),
        "<h2>Curves</h2>",
        _picture(_in_base64(_curves(read_rows(folder))), "Curves of the run"),
        *(masks if shown else []),
        "<h2>Recipe</h2>",
        f"<pre>{html.escape(json.dumps(recipe, indent=2))}</pre>",
    ]
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>Training {name}</title><style>{STYLE}</style>{''.join(parts)}</html>\n"
    )
    path = folder / REPORT_FILE
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


def _strips(recipe: Recipe, data: TrainingData) -> Shown:
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
        made.append((f"{source.video_ids[video]}: {caption}", _in_base64(encode_png(strip(tiles)))))
    return made


def _in_base64(png: bytes) -> str:
    return base64.b64encode(png).decode()


def _picture(png: str, caption: str) -> str:
    """png: in base64."""
    words = html.escape(caption)
    image = f'<img alt="{words}" src="data:image/png;base64,{png}">'
    return f"<figure>{image}<figcaption>{words}</figcaption></figure>"
