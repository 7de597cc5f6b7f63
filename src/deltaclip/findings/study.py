"""What a study is: measured rows, pictures of them, and the words that go with both."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

__all__ = ["Curve", "Estimate", "Figures", "Panel", "Plain", "Row", "Spread", "StudyResult"]

Plain = str | int | float | bool | None
Figures = dict[str, "Estimate | Spread | Plain"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure in percent with its 95% bootstrap interval. value, low, high: percent. queries: how many made it."""

    value: float
    low: float
    high: float
    queries: int

    def __str__(self) -> str:
        return f"{self.value:.1f} [{self.low:.1f}, {self.high:.1f}]"


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure of several runs that differ in their seed alone, in the unit of its name.

    value: their mean. low, high: the lowest and the highest. runs: the figure of each, by seed.
    """

    value: float
    low: float
    high: float
    runs: tuple[float, ...]

    @classmethod
    def of(cls, runs: Sequence[float]) -> "Spread":
        """From the figure of each run, by seed."""
        return cls(float(np.mean(runs)), float(min(runs)), float(max(runs)), tuple(float(run) for run in runs))

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f} to {self.high:.1f})"


@dataclass(frozen=True, slots=True)
class Row:
    """One setting and what came out.

    setting: what was chosen, by name. figures: what was measured, by name, with interval, with the spread of runs, or
    plain. All rows of a study have the same names. fingerprint: of the encoder with this setting, None if no vector
    was made or several encoders made them.
    """

    setting: Mapping[str, Plain]
    figures: Mapping[str, Estimate | Spread | Plain]
    fingerprint: str | None = None

    def estimate(self, name: str) -> Estimate:
        """The figure of that name, which has an interval."""
        figure = self.figures[name]
        if not isinstance(figure, Estimate):
            raise TypeError(f"{name} has no interval")
        return figure

    def spread(self, name: str) -> Spread:
        """The figure of that name, which several runs made."""
        figure = self.figures[name]
        if not isinstance(figure, Spread):
            raise TypeError(f"{name} is not of several runs")
        return figure


@dataclass(frozen=True, slots=True)
class Curve:
    """A line, or a group of bars, of a picture.

    label: its name in the legend. x: numbers, or names for bars. y: as many. low, high: ends of the intervals, or
    None. control: drawn in grey, dashed.
    """

    label: str
    x: tuple[float | str, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    control: bool = False

    @classmethod
    def of(
        cls, label: str, x: tuple[float | str, ...], points: Sequence[Estimate | Spread], *, control: bool = False
    ) -> "Curve":
        """From estimates with their intervals, or figures of several runs with the lowest and the highest."""
        low, high = tuple(point.low for point in points), tuple(point.high for point in points)
        return cls(label, x, tuple(point.value for point in points), low, high, control)


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes.

    kind: `lines` over numbers; `steps`, lines over numbers in equal distances; `bars` over names.
    log: a logarithmic x axis to the base 2.
    """

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    kind: Literal["lines", "steps", "bars"] = "lines"
    log: bool = False


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a study found.

    name: its key in STUDIES. question: one sentence. about: how it was measured, what is random, what the words mean.
    notes: sentences that follow from what was measured, such as verdicts. protocol: dataset, encoder, seed and so on.
    """

    name: str
    question: str
    about: str
    protocol: Mapping[str, Plain]
    rows: tuple[Row, ...]
    panels: tuple[Panel, ...]
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:  # Any: a json document
        """{"study", "question", "about", "protocol", "notes", "rows": [{"setting", "figures", "fingerprint"}]}.

        A figure with an interval is {"value", "low", "high", "queries"}, one of several runs {"value", "low", "high",
        "runs"}.
        """
        rows = [
            {
                "setting": dict(row.setting),
                "figures": {
                    name: asdict(figure) if isinstance(figure, Estimate | Spread) else figure
                    for name, figure in row.figures.items()
                },
                "fingerprint": row.fingerprint,
            }
            for row in self.rows
        ]
        return {
            "study": self.name,
            "question": self.question,
            "about": self.about,
            "protocol": dict(self.protocol),
            "notes": list(self.notes),
            "rows": rows,
        }
