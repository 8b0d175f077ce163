"""Balancers on 29 to 139 tasks: python -m experiments.many_tasks runs/STUDY PAGE.md.

Writes, between two marks of a page whose text is written by hand, a table a data set
and a picture; beside the page, in a folder of its name, every run of the tables.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import OmegaConf

from experiments.study_page import (
    describe_study,
    fill_page,
    folder_of_page,
    page_command,
)
from mtlx import compose
from mtlx.metrics import METRICS
from mtlx.results import style
from mtlx.results.markdown import markdown_table
from mtlx.results.statistics import mean_interval
from mtlx.results.store import Study
from mtlx.results.summary import BASELINE_MODEL
from mtlx.results.task_means import average_ranks, headline, task_means, task_values
from mtlx.results.task_means_plot import draw_task_means
from mtlx.types import Batch

POOLED = ("school",)  # whose papers print the explained variance of all rows


def write_page(study: Study, page: Path) -> None:
    """Replaces what stands between the marks; writes runs.csv and means.png.

    Raises:
        FileNotFoundError: no such page, or no data where School was run.
        ValueError: a page without the marks, or runs that `task_means` refuses.
    """
    found = {data: task_means(study, data) for data in study.tasks}
    for data in set(POOLED) & set(found):
        rows = found[data]
        labels = _test_rows(study, data)
        pooled = explained_variance(task_values(study, data), labels)
        rows["explained"] = rows["run"].map(pooled)
    folder = folder_of_page(page)
    every = pd.concat([rows.assign(data=data) for data, rows in found.items()])
    every.to_csv(folder / "runs.csv", index=False, float_format="%.6g")
    with style.look():
        metrics = {data: headline(study, data) for data in found}
        picture = draw_task_means(found, metrics, "Many tasks, one network")
        picture.savefig(folder / "means.png")
    parts = []
    for data, rows in found.items():
        tasks = task_values(study, data).shape[1]
        parts += [f"### {data}, {tasks} tasks", table(study, data, rows)]
    link = f"![Mean over tasks, by method]({folder.name}/means.png)"
    fill_page(page, [*parts, link, _facts(study)])


def explained_variance(rmse: pd.DataFrame, labels: Mapping[str, np.ndarray]):
    """1 - sum_t n_t RMSE_t^2 / sum_t sum_i (y_ti - y)^2 of each run, in per cent.

    Args:
        rmse: [runs, tasks].
        labels: task -> y_t [n_t], whose mean over all tasks is y.
    """
    pooled = np.concatenate([labels[task] for task in rmse])
    counts = np.array([len(labels[task]) for task in rmse])
    error = (rmse**2 * counts).sum(axis=1, skipna=False)
    return 100 * (1 - error / np.sum((pooled - pooled.mean()) ** 2))


def table(study: Study, data: str, rows: pd.DataFrame) -> str:
    """A line a method, the best mean over tasks on top."""
    metric, ranks = headline(study, data), average_ranks(study, data)
    higher = METRICS[metric].higher_is_better
    means = rows.groupby("method")["mean"].mean().sort_values(ascending=not higher)
    pooled = "explained" in rows
    heads = ["method", "runs", f"mean {metric} {'↑' if higher else '↓'}"]
    heads += ["explained variance % ↑"] * pooled
    heads += ["Δm % ↓", "average rank ↓", "ms / step"]
    lines = []
    for method in means.index:
        of = rows[rows["method"] == method]
        cells = [f"`{method}`", str(len(of)), _interval(of["mean"], ".4f")]
        cells += [_interval(of["explained"], ".2f")] if pooled else []
        alone = method == BASELINE_MODEL
        cells += ["0" if alone else _interval(of["delta_m"], "+.2f")]
        lines.append([*cells, f"{ranks[method]:.1f}", f"{of['step_ms'].mean():.1f}"])
    return markdown_table(heads, lines)


def _test_rows(study: Study, data: str) -> dict[str, np.ndarray]:
    """Task -> the labels that its test metric was taken over, as the runs had them."""
    run = study.costs[study.costs["data"] == data]["run"].iloc[0]
    cfg = OmegaConf.load(study.path / run / "config.yaml")
    rows: Batch = compose.build_dataset(cfg).test
    return {task: y[np.asarray(rows.where[task])] for task, y in rows.labels.items()}


def _interval(values: pd.Series, form: str) -> str:
    mean, half_width, _ = mean_interval(values)
    if np.isnan(mean):
        return "n/a"
    return f"{mean:{form}} ± {half_width:{form.lstrip('+')}}"


def _facts(study: Study) -> str:
    return (
        f"{describe_study(study)}. Mean: over the tasks that have the metric in the "
        f"test split. Δm: mean relative drop over tasks against the mean of "
        f"`{BASELINE_MODEL}`. Average rank: of the method's mean among those of the "
        f"table, over tasks. Milliseconds: training alone, a run's share of the "
        f"program that its seeds are in, as it was among other work: no benchmark."
    )


main = page_command(
    "many_tasks",
    "Write the tables of balancers on many tasks into a page.",
    "runs/many_tasks docs/results/many_tasks.md",
    write_page,
)


if __name__ == "__main__":
    sys.exit(main())
