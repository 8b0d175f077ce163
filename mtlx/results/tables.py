"""One summary, three renderings: terminal, Markdown, CSV."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from mtlx.results.markdown import markdown_table
from mtlx.results.store import Study
from mtlx.results.summary import GROUP, QUANTITY, summarise

LABELS = {
    "delta_m": "Δm %",
    "delta_p": "Δp %",
    "num_parameters": "parameters",
    "train_seconds": "train s",
}
ARROWS = {True: " ↑", False: " ↓", None: ""}


class Cell(NamedTuple):
    """Text of a cell, and how it stands in its column."""

    text: str
    best: bool = False
    tied: bool = False


class Grid(NamedTuple):
    """A table ready to render.

    Headings come in (upper, lower) halves; the first `names` columns are words, the
    rest are figures.
    """

    header: list[tuple[str, str]]
    rows: list[list[Cell]]
    names: int


def lay_out(summary: pd.DataFrame) -> Grid:
    """`summarise`'s long form as a grid; settings only where they differ."""
    names = [*GROUP[:3], "runs"]
    if not summary["settings"].any():
        names.remove("settings")
    rows = [
        [Cell(str(group[name].iloc[0])) for name in names]
        + [_cell(row) for row in group.itertuples()]
        for _, group in summary.groupby(GROUP, sort=False)
    ]
    columns = summary.drop_duplicates(QUANTITY)
    headings = [_heading(row) for row in columns.itertuples()]
    return Grid([(name, "") for name in names] + headings, rows, names.index("runs"))


def to_rich(summary: pd.DataFrame, title: str, styled: bool = True) -> Table:
    """For the terminal: best bold, tied underlined; or as in Markdown, for a log."""
    grid = lay_out(summary)
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    table.collapse_padding, table.pad_edge = True, False
    for place, (upper, lower) in enumerate(grid.header):
        justify = "left" if place < grid.names else "right"
        # A line below the upper half also where it is empty keeps headings level.
        table.add_column(f"{upper}\n{lower}", justify=justify, no_wrap=True)
    previous = None
    for row in grid.rows:
        if previous not in (None, row[0].text):
            table.add_section()
        previous = row[0].text
        texts = (Text(c.text, _style(c)) if styled else Text(_mark(c)) for c in row)
        table.add_row(*texts)
    return table


def to_markdown(summary: pd.DataFrame) -> str:
    """For GitHub: best in bold, tied with a dagger."""
    return grid_to_markdown(lay_out(summary))


def grid_to_markdown(grid: Grid) -> str:
    """A grid for GitHub, by the same marks."""
    header = [" ".join(filter(None, halves)) for halves in grid.header]
    rows = [[_mark(cell) for cell in row] for row in grid.rows]
    return markdown_table(header, rows, words=grid.names) + "\n"


def to_csv(study: Study) -> str:
    """Raw figures in full precision: every metric, and each delta both ways.

    Long form: data, model, balancer, settings, runs, quantity, task, metric,
    higher_is_better, mean, ci95 (half-width), n. For the deltas `metric` says what they
    span.
    """
    parts = []
    for data in study.tasks:
        deltas = summarise(study, data).query("quantity in ('delta_m', 'delta_p')")
        whole = pd.concat([summarise(study, data, "all"), deltas])
        parts.append(whole.assign(data=data))
    table = pd.concat(parts).drop(columns=["method", "best", "tied"])
    table = table[["data", *table.columns.drop("data")]]
    return table.to_csv(index=False, lineterminator="\n")


def _heading(row) -> tuple[str, str]:
    if row.quantity == "metric":
        return row.task, row.metric + ARROWS[row.higher_is_better]
    return LABELS[row.quantity] + ARROWS[row.higher_is_better], ""


def _cell(row) -> Cell:
    return Cell(_text(row), bool(row.best), bool(row.tied))


def _text(row) -> str:
    if np.isnan(row.mean):
        return "n/a"
    if row.quantity == "num_parameters":
        return f"{row.mean:,.0f}"
    if row.quantity == "train_seconds":
        return f"{row.mean:.1f}"
    if row.quantity == "metric":
        digits = 4 if abs(row.mean) < 10 else 2
        text = f"{row.mean:.{digits}f}"
    else:
        digits = 2
        text = f"{round(row.mean, digits) + 0.0:+.{digits}f}"  # + 0.0: no "-0.00"
    spread = "n/a" if np.isnan(row.ci95) else f"{row.ci95:.{digits}f}"
    short = f" (n={row.n})" if row.n < row.runs else ""
    return f"{text} ± {spread}{short}"


def _style(cell: Cell) -> str:
    return "bold" if cell.best else "underline" if cell.tied else ""


def _mark(cell: Cell) -> str:
    if cell.best:
        return f"**{cell.text}**"
    return f"{cell.text} †" if cell.tied else cell.text
