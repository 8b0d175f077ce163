"""The comparisons with the baseline, laid out for a report."""

import numpy as np
import pandas as pd

from mtlx.results.comparisons import compare_methods, compare_tasks
from mtlx.results.store import Study
from mtlx.results.summary import GROUP, SIGNIFICANCE
from mtlx.results.tables import Cell, Grid

CAPTION = [
    "Gain over the single-task runs of the same seeds in each task's headline metric, "
    "positive where it is better; in brackets its 95 % bootstrap interval (BCa). *: "
    f"p < {SIGNIFICANCE} by Student's paired t-test after Holm's correction over all "
    "rows and tasks of this table. comparisons.csv has all p-values, Wilcoxon's too.",
    "Likely better: the probability that a run beats a single-task run, mean over "
    "tasks, with its 95 % bootstrap interval (Agarwal et al. 2021); 0.5: neither. IQM: "
    "interquartile mean over runs and tasks of the relative gain. Bootstrap intervals "
    "of fewer than some ten runs are too short.",
]


def lay_out_comparisons(study: Study, data: str) -> Grid | None:
    """One row a (model, method); None without a baseline or another row."""
    tasks, methods = compare_tasks(study, data), compare_methods(study, data)
    if methods.empty:
        return None
    names = [*GROUP[:3]] if methods["settings"].any() else [*GROUP[:2]]
    headings = [
        (task, metric)
        for task, metric in tasks[["task", "metric"]].drop_duplicates().to_numpy()
    ]
    header = [(name, "") for name in names] + headings
    header += [("pairs", ""), ("likely better", ""), ("IQM %", "")]
    gains, rows = dict(tuple(tasks.groupby(GROUP, sort=False))), []
    for method in methods.itertuples():
        own = gains[tuple(getattr(method, name) for name in GROUP)]
        row = [Cell(str(getattr(method, name))) for name in names]
        row += [Cell(_gain(gain)) for gain in own.itertuples()]
        row += [Cell(str(own["n"].max())), Cell(_likely(method)), Cell(_iqm(method))]
        rows.append(row)
    return Grid(header, rows, len(names))


def comparisons_to_csv(study: Study) -> str:
    """Every figure of every data set in full precision; see `compare_tasks`."""
    parts = [compare_tasks(study, d).assign(data=d) for d in study.tasks]
    table = pd.concat(parts)
    table = table[["data", *table.columns.drop(["data", "method"])]]
    return table.to_csv(index=False, lineterminator="\n")


def _gain(row) -> str:
    if np.isnan(row.gain):
        return "n/a"
    interval = "" if np.isnan(row.low) else f" [{row.low:+.4f}, {row.high:+.4f}]"
    return f"{row.gain:+.4f}{interval}{' *' if row.p_t_holm < SIGNIFICANCE else ''}"


def _likely(row) -> str:
    if np.isnan(row.improvement):
        return "n/a"
    interval = "" if np.isnan(row.low) else f" [{row.low:.2f}, {row.high:.2f}]"
    return f"{row.improvement:.2f}{interval}"


def _iqm(row) -> str:
    return "n/a" if np.isnan(row.iqm) else f"{row.iqm:+.2f}"
