"""Results as lines of text: a table for the terminal, a row for Markdown, a row for LaTeX. All carry their protocol."""

from collections.abc import Callable, Mapping
from typing import Any

from deltaclip.evaluation.cost import COST_COLUMNS, NO_COST
from deltaclip.evaluation.evaluation import Evaluation
from deltaclip.evaluation.interaction import InteractionEvaluation
from deltaclip.evaluation.segments import SegmentEvaluation
from deltaclip.evaluation.similarity import ScoresEvaluation
from deltaclip.ranking import Metrics

__all__ = ["TABLE_FORMATS", "figure_lines", "latex_lines", "markdown_lines", "table_lines"]

Tabled = Evaluation | ScoresEvaluation | SegmentEvaluation | InteractionEvaluation

WAYS = ("t2v", "v2t")
HEADER = "          R@1    R@5   R@10   R@50  nDCG@10    MdR     MnR  queries"


def figure_lines(document: Mapping[str, Any]) -> list[str]:  # Any: json
    """The figures of `RetrievalResult.to_json` in columns, and `best` rows if there are ties."""
    rows = {name: document[name] for name in ("t2v", "v2t", "v2t_plain")}
    rows |= {f"{name} best": figures for name, figures in document.get("optimistic", {}).items()}
    lines = [HEADER]
    lines += [
        f"{name:9} {row['R1']:5.1f}  {row['R5']:5.1f}  {row['R10']:5.1f}  {row['R50']:5.1f}"
        f"  {row['nDCG10']:7.1f}  {row['MdR']:5.1f}  {row['MnR']:6.2f}  {row['queries']:7d}"
        for name, row in rows.items()
    ]
    return [*lines, f"sum of recalls: {document['sum_of_recalls']:.1f}"]


def table_lines(evaluation: Tabled) -> list[str]:
    """All figures, the intervals of the recalls, and the protocol."""
    lines = figure_lines(evaluation.retrieval.to_json())
    level = evaluation.intervals.level
    drawn = "videos" if evaluation.intervals.groups is None else "groups of videos"
    for way in WAYS:
        pairs = getattr(evaluation.intervals, way)
        words = ", ".join(f"R@{k} {pairs[f'R{k}'][0]:.1f} to {pairs[f'R{k}'][1]:.1f}" for k in (1, 5, 10))
        lines.append(f"{level:.0%} over {drawn}, {way}: {words}")
    return [*lines, *_lines_below(evaluation)]


def markdown_lines(evaluation: Tabled) -> list[str]:
    """Head, one row and the protocol. The intervals are those of R@1."""
    columns = ["R@1", "R@5", "R@10", "MdR", "MnR"]
    figures = (f"{way.upper()} {column}" for way in WAYS for column in columns)
    head = ["encoder", "mask", *figures, *COST_COLUMNS, "notes"]
    found = (*_names(evaluation), *_figures(evaluation, " [{0:.1f}, {1:.1f}]"), *_cost_cells(evaluation))
    cells = [_markdown(cell) for cell in found]
    notes = _markdown("; ".join(evaluation.protocol.marks))
    right = ["---", "---", *["---:"] * (len(head) - 3), "---"]
    rows = [f"| {' | '.join(row)} |" for row in (head, right, [*cells, notes])]
    return [*rows, "", *(f"- {_markdown(line)}" for line in _lines_below(evaluation))]


def latex_lines(evaluation: Tabled) -> list[str]:
    """The protocol as comments, and one row: encoder, mask, T2V, V2T (R@1, R@5, R@10, MdR, MnR each), cost, notes.

    The recalls have intervals. The encoder is the last part of its name; the comments have all of it.
    """
    comments = [f"% {line}" for line in _lines_below(evaluation)]
    encoder, mask = _names(evaluation)
    names = [_latex(encoder.rstrip("/\\").replace("\\", "/").rpartition("/")[2] or encoder), _latex(mask)]
    figures = _figures(evaluation, " {{\\scriptsize [{0:.1f}, {1:.1f}]}}", ("R1", "R5", "R10"))
    notes = _latex("; ".join(evaluation.protocol.marks))
    ways = "T2V R@1 & R@5 & R@10 & MdR & MnR & V2T R@1 & R@5 & R@10 & MdR & MnR"
    head = f"% encoder & mask & {ways} & {' & '.join(COST_COLUMNS)} & notes"
    return [*comments, head, " & ".join([*names, *figures, *_cost_cells(evaluation), notes]) + " \\\\"]


TABLE_FORMATS: Mapping[str, Callable[[Tabled], list[str]]] = {
    "table": table_lines,
    "markdown": markdown_lines,
    "latex": latex_lines,
}


def _names(evaluation: Tabled) -> tuple[str, str]:
    return evaluation.protocol.encoder, evaluation.protocol.motion or "none"


def _figures(evaluation: Tabled, interval: str, with_interval: tuple[str, ...] = ("R1",)) -> list[str]:
    """The ten cells of both directions; interval: how it is written behind those that have one."""
    cells = []
    for way in WAYS:
        metrics: Metrics = getattr(evaluation.retrieval, way)
        pairs = getattr(evaluation.intervals, way)
        for name in ("R1", "R5", "R10"):
            shown = interval.format(*pairs[name]) if name in with_interval else ""
            cells.append(f"{getattr(metrics, name):.1f}{shown}")
        cells += [f"{metrics.MdR:.1f}", f"{metrics.MnR:.1f}"]
    return cells


def _cost_cells(evaluation: Tabled) -> tuple[str, ...]:
    """The cells of COST_COLUMNS."""
    cost = None if isinstance(evaluation, ScoresEvaluation) else evaluation.cost
    return NO_COST if cost is None else cost.cells()


def _cost_lines(evaluation: Tabled) -> list[str]:
    if isinstance(evaluation, ScoresEvaluation):
        return ["cost: not known of a file of scores"]
    return [] if evaluation.cost is None else [evaluation.cost.line()]


def _lines_below(evaluation: Tabled) -> list[str]:
    """What drawn clips tell beside, encoders that were tried for the best of several, few videos, and the protocol."""
    lines = [] if evaluation.intervals.warning is None else [evaluation.intervals.warning]
    if isinstance(evaluation, Evaluation):
        if evaluation.right_group is not None:
            lines.insert(0, f"right objects, whichever moves: {evaluation.right_group:.1f}")
        lines += [f"tried: {name}, fingerprint {digits}, R@1 {r1:.1f}" for name, digits, r1 in evaluation.others]
    if isinstance(evaluation, SegmentEvaluation | InteractionEvaluation):
        lines += evaluation.lines()
    lines += _cost_lines(evaluation)
    return [*(line.replace("\n", " ") for line in lines), *evaluation.protocol.lines()]


def _markdown(text: str) -> str:
    """Text that does not end a cell or begin markup."""
    return "".join(f"\\{letter}" if letter in "\\|*_`<" else letter for letter in text.replace("\n", " "))


def _latex(text: str) -> str:
    words = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    words |= {letter: f"\\{letter}" for letter in "&%$#_{}"}
    return "".join(words.get(letter, letter) for letter in text.replace("\n", " "))
