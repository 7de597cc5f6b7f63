"""Pictures of studies. The only place that knows matplotlib; it draws into memory, without a window."""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from deltaclip.findings.study import Curve, Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_panels"]

LINE_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's, which people with any colour vision can tell apart."""
CONTROL = "#777777"
WIDTH, HEIGHT = 4.4, 3.3
DOTS_PER_INCH = 90
LETTERS_PER_INCH, LEGEND_HANDLE = 14, 8
"""How much of a legend's line a name takes, with the sample before it in letters."""


def draw_panels(panels: Sequence[Panel]) -> bytes:
    """Panels side by side, four a row if that comes out even, else three, as a PNG file.

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
        figure.legend(shared[0], names, loc="outside lower center", ncols=ncols, fontsize=8)
    for axes, (_, labels) in zip(figure.axes, legends, strict=True):
        if len(labels) > 1 and not (below and labels == names):
            axes.legend(fontsize=7, framealpha=0.7)
    file = BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(file, format="png")
    return file.getvalue()


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
        for number, curve in enumerate(panel.curves):
            _line(axes, curve, LINE_COLOURS[number % len(LINE_COLOURS)], equal_steps=panel.kind == "steps")
    if panel.kind == "steps":
        names = panel.curves[0].x
        axes.set_xticks(range(len(names)), [f"{name:g}" if isinstance(name, float) else str(name) for name in names])
    if panel.log:
        axes.set_xscale("log", base=2)
        axes.set_xticks([float(x) for x in panel.curves[0].x], [f"{x:g}" for x in panel.curves[0].x])
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))


def _line(axes: "Axes", curve: Curve, colour: str, *, equal_steps: bool) -> None:
    x = list(range(len(curve.x))) if equal_steps else [float(value) for value in curve.x]
    colour, dash = (CONTROL, "--") if curve.control else (colour, "-")
    axes.plot(x, curve.y, dash, color=colour, marker="o", markersize=3, linewidth=1.4, label=curve.label)
    if curve.low is not None and curve.high is not None:
        axes.fill_between(x, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0)


def _bars(axes: "Axes", curves: Sequence[Curve]) -> None:
    names = curves[0].x
    width = 0.8 / len(curves)
    for number, curve in enumerate(curves):
        places = [place + width * (number - (len(curves) - 1) / 2) for place in range(len(names))]
        colour = CONTROL if curve.control else LINE_COLOURS[number % len(LINE_COLOURS)]
        errors = None
        if curve.low is not None and curve.high is not None:
            below = [max(y - low, 0) for y, low in zip(curve.y, curve.low, strict=True)]
            errors = [below, [max(high - y, 0) for y, high in zip(curve.y, curve.high, strict=True)]]
        axes.bar(places, curve.y, width, yerr=errors, color=colour, ecolor="#333333", capsize=2, label=curve.label)
    slanted = max(len(str(name)) for name in names) * len(names) > 40
    axes.set_xticks(range(len(names)), [str(name) for name in names])
    if slanted:
        axes.tick_params(axis="x", rotation=40)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right")
