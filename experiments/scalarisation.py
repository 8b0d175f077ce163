"""Tuned weights against balancers: python -m experiments.scalarisation runs/pub PAGE.

Writes, between two marks of a page written by hand, a table and a picture of a study of
balancers, of which `constant` was swept over its weights (experiment=pub); beside the
page, in a folder of its name, the table's runs.
"""

import sys
from pathlib import Path

import pandas as pd

from experiments.study_page import (
    describe_study,
    fill_page,
    folder_of_page,
    only_data_set,
    page_command,
)
from mtlx.metrics import METRICS
from mtlx.results import style
from mtlx.results.markdown import markdown_table
from mtlx.results.paired import holm
from mtlx.results.pareto_plot import draw_pareto
from mtlx.results.scalarisation import TUNED, choose_weights, signs, with_tuned
from mtlx.results.statistics import mean_interval, welch_p_value
from mtlx.results.store import Study
from mtlx.results.summary import SIGNIFICANCE


def write_page(study: Study, page: Path) -> None:
    """Replaces what stands between the marks; writes runs.csv and the picture.

    Raises:
        FileNotFoundError: no such page.
        ValueError: a page without the marks, a model without fixed weights, a study of
            other than two tasks or one data set.
    """
    data = only_data_set(study)
    rows, chosen = with_tuned(study, data), choose_weights(study, data)
    folder = folder_of_page(page)
    rows.to_csv(folder / "runs.csv", index=False, float_format="%.6g")
    with style.look():
        picture = draw_pareto(study, data, "Fixed weights and balancers")
        picture.savefig(folder / "pareto.png")
    parts = []
    for model, found in rows.groupby("model", sort=False):
        weights = f"Tuned weights: {chosen[model]}."
        parts += [f"### {model}", table(study, data, found), weights]
    link = f"![Fixed weights and balancers]({folder.name}/pareto.png)"
    fill_page(page, [*parts, link, _facts(study)])


def table(study: Study, data: str, rows: pd.DataFrame) -> str:
    """A line a method: mean and interval of each task, against the tuned weights."""
    tasks = list(study.tasks[data])
    methods = list(rows["method"].unique())
    values = {m: rows[rows["method"] == m][tasks] for m in methods}
    marks = {task: _marks(values, task, sign) for task, sign in _each(study, data)}
    heads = [_head(task, study.tasks[data][task][0]) for task in tasks]
    lines = []
    for method in methods:
        cells = [
            _interval(values[method][task]) + marks[task][method] for task in tasks
        ]
        lines.append([method, str(len(values[method])), *cells])
    return markdown_table(["balancer", "seeds", *heads], lines)


def _marks(values: dict[str, pd.DataFrame], task: str, sign: int) -> dict[str, str]:
    """▲ or ▼ where Welch's test with Holm's correction tells it from tuned weights."""
    others = [method for method in values if method != TUNED]
    tuned = values[TUNED][task]
    corrected = holm([welch_p_value(values[m][task], tuned) for m in others])
    marks = {TUNED: ""}
    for method, p in zip(others, corrected, strict=True):
        better = sign * (values[method][task].mean() - tuned.mean()) > 0
        marks[method] = (" ▲" if better else " ▼") if p <= SIGNIFICANCE else ""
    return marks


def _each(study: Study, data: str) -> list[tuple[str, int]]:
    return list(zip(study.tasks[data], signs(study, data), strict=True))


def _head(task: str, metric: str) -> str:
    return f"{task} {metric} {'↑' if METRICS[metric].higher_is_better else '↓'}"


def _interval(values: pd.Series) -> str:
    mean, half_width, _ = mean_interval(values)
    return f"{mean:.4f} ± {half_width:.4f}"


def _facts(study: Study) -> str:
    return (
        f"{describe_study(study)}. ▲ better, ▼ worse than the tuned weights by Welch's "
        f"t-test with Holm's correction over the balancers of a model and task "
        f"(p < .05). Weights were chosen on validation, by the mean of both tasks over "
        f"all seeds."
    )


main = page_command(
    "scalarisation",
    "Write a table and a picture of tuned weights against balancers.",
    "runs/pub docs/results/pub.md",
    write_page,
)


if __name__ == "__main__":
    sys.exit(main())
