"""A judged table as a picture: ours with its interval beside the printed value."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import stats

from mtlx.results import style
from mtlx.results.reproduction.judge import Record
from mtlx.results.reproduction.verdict import (
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    OURS_ALONE,
    REPRODUCED,
)
from mtlx.results.statistics import CONFIDENCE

LINE, HEAD, ACROSS = 0.26, 1.5, 4  # inch; panels in a line
COLOR = {
    REPRODUCED: "#14703a",
    NOT_REPRODUCED: "#a8241c",
    NOT_COMPARABLE: "#666666",
    OURS_ALONE: "#3f5fa8",
}


def draw_table(record: Record) -> Figure | None:
    """One panel a column, one line a row; None where nothing was run.

    Bars are 95 % intervals; a printed value has one where the paper gives its spread.
    """
    names = list(dict.fromkeys(cell["row"] for cell in record["cells"]))
    shown = {
        column["name"]: [c for c in record["cells"] if c["column"] == column["name"]]
        for column in record["columns"]
    }
    shown = {
        name: cells
        for name, cells in shown.items()
        if any(cell["ours"]["mean"] is not None for cell in cells)
    }
    if not shown:
        return None
    across = min(ACROSS, len(shown))
    down = -(-len(shown) // across)
    size = (3.0 + 2.9 * across, HEAD + (LINE * len(names) + 0.5) * down - 0.5)
    figure, axes = style.panels(down, across, size, sharey=True)
    for axis in axes.flat[len(shown) :]:
        axis.remove()
    for axis, (name, cells) in zip(axes.flat, shown.items(), strict=False):
        for cell in cells:
            _draw_cell(axis, cell, names.index(cell["row"]))
        axis.set_title(name, loc="left")
        axis.xaxis.get_major_locator().set_params(nbins=4)
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    style.head(figure, record["title"])
    _legend(figure, {cell["verdict"] for cells in shown.values() for cell in cells})
    return figure


def _draw_cell(axis: Axes, cell: Record, place: int) -> None:
    ours, printed = cell["ours"], cell["published"]
    if ours["mean"] is not None:
        color = COLOR[cell["verdict"]]
        look = {"fmt": "o", "color": color, "ms": 5, "capsize": 2}
        axis.errorbar(ours["mean"], place - 0.12, xerr=ours["ci95"], **look)
    if printed is not None:
        look = {"fmt": "D", "color": "#222222", "mfc": "white", "ms": 4, "capsize": 2}
        axis.errorbar(printed["mean"], place + 0.16, xerr=_spread(printed), **look)


def _label(verdict: str) -> str:
    return "ours: nothing is printed" if verdict == OURS_ALONE else f"ours: {verdict}"


def _spread(printed: Record) -> float | None:
    """Half-width of the printed mean's interval."""
    if printed["std"] is None:
        return printed["ci95"]
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, printed["n"] - 1)
    return float(quantile * printed["std"] / printed["n"] ** 0.5)


def _legend(figure: Figure, verdicts: set[str]) -> None:
    handles = [
        Line2D([], [], marker="o", linestyle="", color=color, label=_label(verdict))
        for verdict, color in COLOR.items()
        if verdict in verdicts
    ]
    look = {"marker": "D", "linestyle": "", "color": "#222222", "mfc": "white"}
    handles.append(Line2D([], [], label="published", **look))
    columns = int(figure.get_figwidth() / 2.0)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
