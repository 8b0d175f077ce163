"""Joint against alone: python -m experiments.ecommerce.joint runs/ecommerce PAGE.

Writes, between two marks of a page written by hand, tables and pictures of the studies
of experiment=ecommerce/movielens, retailrocket, products and search, or of
experiment=ecommerce/everything; beside the page, in a folder of its name, every run's
figures.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.ecommerce.joint_runs import ALONE, deltas, headlines, outcomes
from experiments.study_page import (
    describe_study,
    fill_page,
    folder_of_page,
    page_command,
)
from mtlx.metrics import METRICS
from mtlx.results import style
from mtlx.results.joint_dots import draw_joint
from mtlx.results.markdown import markdown_table
from mtlx.results.statistics import mean_interval, welch_p_value
from mtlx.results.store import Study
from mtlx.results.summary import SIGNIFICANCE

TITLES = {
    "movielens_100k_retrieval": "MovieLens-100K",
    "retailrocket_retrieval": "Retailrocket",
    "pricerunner_retrieval": "Products",
    "joint_search": "Search",
}
TOGETHER = {"joint_ecommerce": "Four data sets in one model"}


def write_page(study: Study, page: Path) -> None:
    """Replaces what stands between the marks; writes runs.csv and the pictures.

    Raises:
        FileNotFoundError: no such page.
        ValueError: a page without the marks, a study without runs of the joined data
            sets and without those of all the others, or see `outcomes`.
    """
    titles = TOGETHER if set(TOGETHER) & set(study.tasks) else TITLES
    missing = [data for data in titles if data not in study.tasks]
    if missing:
        raise ValueError(
            f"{study.path}: expected runs on {list(titles)}, found none on {missing}. "
            f"Run make ecommerce."
        )
    found = {data: outcomes(study, data) for data in titles}
    folder = folder_of_page(page)
    every = pd.concat([rows.assign(data=data) for data, rows in found.items()])
    every.to_csv(folder / "runs.csv", index=False, float_format="%.6g")
    parts = []
    for data, rows in found.items():
        heads, title = headlines(study, data, rows), titles[data]
        with style.look():
            draw_joint(heads, ALONE, title).savefig(folder / f"{data}.png")
        picture = f"![{title}: each task alone and jointly]({folder.name}/{data}.png)"
        others = rows.drop(heads.index)
        parts += [f"### {title}", main_table(heads), table(others), picture]
    fill_page(page, [*parts, _facts(study)])


def main_table(heads: pd.DataFrame) -> str:
    """The first metric of each task, delta_m and the seconds of training."""
    change = deltas(heads)
    ends = {}
    for method, rows in heads.groupby("method", sort=False):
        seconds = rows.groupby("seed")["train_seconds"].sum().mean()
        ends[method] = [_interval(change[method], "+.2f"), f"{seconds:.1f}"]
    return table(heads, ["Δm % ↓", "seconds"], ends)


def table(
    rows: pd.DataFrame,
    headings: Sequence[str] = (),
    ends: dict[str, list[str]] | None = None,
) -> str:
    """One Markdown row a method, one column a task and metric, and `ends` behind."""
    columns = list(rows[["task", "metric"]].drop_duplicates().itertuples(index=False))
    names = [f"{task} {metric} {_arrow(metric)}" for task, metric in columns]
    lines = []
    values = rows.groupby(["task", "metric", "method"])["value"].agg(list)
    for method in rows["method"].unique():
        cells = [
            _cell(values[task, metric, method], values[task, metric, ALONE], metric)
            for task, metric in columns
        ]
        lines.append([method, *cells, *(ends[method] if ends else ())])
    return markdown_table(["trained", *names, *headings], lines)


def _cell(values: list[float], alone: list[float], metric: str) -> str:
    """Mean and interval, and whether Welch's test tells them from the task alone."""
    text = _interval(values, ".4f")
    p = welch_p_value(values, alone)
    if values is alone or np.isnan(p) or p > SIGNIFICANCE:
        return text
    gain = np.mean(values) - np.mean(alone)
    better = (gain > 0) == METRICS[metric].higher_is_better
    return f"{text} {'▲' if better else '▼'}"


def _interval(values: Sequence[float], form: str) -> str:
    mean, half_width, _ = mean_interval(values)
    mean = round(mean, 9) + 0.0  # no -0.00
    return f"{mean:{form}} ± {half_width:{form.lstrip('+')}}"


def _arrow(metric: str) -> str:
    return "↑" if METRICS[metric].higher_is_better else "↓"


def _facts(study: Study) -> str:
    return (
        f"{describe_study(study)}. ▲ better, ▼ worse than the task alone by Welch's "
        f"t-test (p < .05, not corrected for the number of comparisons). Δm: mean "
        f"relative drop of the first metrics against the tasks alone, lower is better. "
        f"Seconds: of training, compilation apart; of runs that shared a program each "
        f"its part; for `{ALONE}` all tasks together."
    )


main = page_command(
    "ecommerce.joint",
    "Write tables and pictures of joint training against each task alone.",
    "runs/ecommerce docs/results/ecommerce.md",
    write_page,
)


if __name__ == "__main__":
    sys.exit(main())
