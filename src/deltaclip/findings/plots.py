"""Pictures of studies. The only place that knows matplotlib; it draws into memory, without a window."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from deltaclip.findings.study import Curve, Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MASK_COLOURS", "draw_panels"]

LINE_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's, which people with any colour vision can tell apart."""
CONTROL = "#777777"
MASK_COLOURS = {
    "full": CONTROL,
    "subject": "#0072b2",
    "difference": "#d55e00",
    "subject+flow": "#009e73",
    "random": "#cc79a7",
    "inverted": "#e69f00",
    "centre": "#56b4e9",
    "subject+flow+time": "#000000",
}
"""The colour of each mask in every study. How it is fed (`subject:binary`) or trained does not change it."""
DASHES, CONTROL_DASHES = ("-", "--", ":", "-."), ("--", ":", "-.", (0, (8, 2)))
"""Lines of one colour in one panel, in their order; likewise of controls."""
MARKERS = ("o", "s", "^", "D")
HATCHES = ("", "///", "...", "xxx")
WIDTH, HEIGHT = 4.4, 3.3
DOTS_PER_INCH = 90
LETTERS_PER_INCH, LEGEND_HANDLE = 14, 8
"""How much of a legend's line a name takes, with the sample before it in letters."""


@dataclass(frozen=True, slots=True)
class _Look:
    """How a curve is drawn. number: how many curves before it in its panel have its colour."""

    colour: str
    number: int

    @property
    def dash(self) -> object:
        """As matplotlib takes it."""
        dashes: tuple[object, ...] = CONTROL_DASHES if self.colour == CONTROL else DASHES
        return dashes[self.number % len(dashes)]

    @property
    def hatch(self) -> str:
        return HATCHES[self.number % len(HATCHES)]


def _looks_of(curves: Sequence[Curve]) -> list[_Look]:
    """A look for each curve of a panel, all different.

    A mask has the colour of MASK_COLOURS. Controls are grey, but "T2V, no mask" after "T2V" has the colour of that.
    """
    free = list(LINE_COLOURS)
    seen: Counter[str] = Counter()
    colours: dict[str, str] = {}
    looks = []
    for curve in curves:
        mask = re.split(r"[:,]", curve.label)[0].strip()
        whose = colours.get(curve.label.rpartition(",")[0])
        if curve.control:
            colour = whose or CONTROL
        elif mask in MASK_COLOURS:
            colour = MASK_COLOURS[mask]
        else:
            colour = free[0]
            free = [*free[1:], free[0]]
        colours[curve.label] = colour
        looks.append(_Look(colour, seen[colour]))
        seen[colour] += 1
    return looks


def draw_panels(panels: Sequence[Panel]) -> dict[str, bytes]:
    """Panels side by side, four a row if that comes out even, else three, as files: {"png": ..., "pdf": ...}.

    A legend that several panels have stands below all of them, once.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(len(panels), 4 if len(panels) % 4 == 0 else 3)
    rows = -(-len(panels) // columns)
    figure = Figure((WIDTH * columns, HEIGHT * rows), dpi=DOTS_PER_INCH, layout="constrained")
    for number, panel in enumerate(panels, 1):
        _draw(figure.add_subplot(rows, columns, number), panel)
    legends = [axes.get_legend_handles_labels() for axes in figure.axes]
    names = max((labels for _, labels in legends), key=[labels for _, labels in legends].count)
    shared = [handles for handles, labels in legends if labels == names]
    below = len(names) > 1 and (len(shared) > 1 or len(panels) == 1)
    if below:
        fitting = int(WIDTH * columns * LETTERS_PER_INCH / (max(map(len, names)) + LEGEND_HANDLE))
        ncols = max(min(len(names), fitting), 1)
        figure.legend(shared[0], names, loc="outside lower center", ncols=ncols, fontsize=8, handlelength=3)
    for axes, (_, labels) in zip(figure.axes, legends, strict=True):
        if len(labels) > 1 and not (below and labels == names):
            axes.legend(fontsize=7, framealpha=0.7, handlelength=3)
    FigureCanvasAgg(figure)
    files = {}
    for suffix in ("png", "pdf"):
        file = BytesIO()
        # Without a date the same study gives the same bytes.
        figure.savefig(file, format=suffix, metadata={"CreationDate": None} if suffix == "pdf" else None)
        files[suffix] = file.getvalue()
    return files


def _draw(axes: "Axes", panel: Panel) -> None:
    axes.set_title(panel.title, fontsize=10)
    axes.set_xlabel(panel.x_label, fontsize=9)
    axes.set_ylabel(panel.y_label, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    axes.set_axisbelow(True)
    if panel.kind == "bars":
        _bars(axes, panel.curves)
    else:
        for curve, look in zip(panel.curves, _looks_of(panel.curves), strict=True):
            _line(axes, curve, look, equal_steps=panel.kind == "steps")
    if panel.kind == "steps":
        names = panel.curves[0].x
        axes.set_xticks(range(len(names)), [f"{name:g}" if isinstance(name, float) else str(name) for name in names])
    if panel.log:
        axes.set_xscale("log", base=2)
        axes.set_xticks([float(x) for x in panel.curves[0].x], [f"{x:g}" for x in panel.curves[0].x])
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))


def _line(axes: "Axes", curve: Curve, look: _Look, *, equal_steps: bool) -> None:
    x = list(range(len(curve.x))) if equal_steps else [float(value) for value in curve.x]
    [line] = axes.plot(x, curve.y, color=look.colour, markersize=3, linewidth=1.4, label=curve.label)
    line.set(linestyle=look.dash, marker=MARKERS[look.number % len(MARKERS)])
    if curve.low is not None and curve.high is not None:
        axes.fill_between(x, curve.low, curve.high, color=look.colour, alpha=0.15, linewidth=0)


def _bars(axes: "Axes", curves: Sequence[Curve]) -> None:
    names = curves[0].x
    width = 0.8 / len(curves)
    for number, (curve, look) in enumerate(zip(curves, _looks_of(curves), strict=True)):
        places = [place + width * (number - (len(curves) - 1) / 2) for place in range(len(names))]
        errors = None
        if curve.low is not None and curve.high is not None:
            below = [max(y - low, 0) for y, low in zip(curve.y, curve.low, strict=True)]
            errors = [below, [max(high - y, 0) for y, high in zip(curve.y, curve.high, strict=True)]]
        bars = axes.bar(places, curve.y, width, yerr=errors, color=look.colour, ecolor="#333333", capsize=2)
        bars.set_label(curve.label)
        for bar in bars if look.hatch else ():
            bar.set(hatch=look.hatch, edgecolor="white")
    slanted = max(len(str(name)) for name in names) * len(names) > 40
    axes.set_xticks(range(len(names)), [str(name) for name in names])
    if slanted:
        axes.tick_params(axis="x", rotation=40)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right")
