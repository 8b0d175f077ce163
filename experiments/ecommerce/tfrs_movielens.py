"""Rating and retrieval: python -m experiments.ecommerce.tfrs_movielens runs/STUDY PAGE.

Writes the table of a study of experiment=ecommerce/tfrs_movielens, beside the figures
of TensorFlow Recommenders' tutorial, between two marks of a page written by hand.
"""

import sys
from pathlib import Path

import pandas as pd

from experiments.study_page import (
    describe_study,
    fill_page,
    page_command,
)
from mtlx.results.markdown import markdown_table
from mtlx.results.statistics import mean_interval
from mtlx.results.store import Study

# model.read -> what was trained, published top-100 accuracy and RMSE.
VARIANTS = {
    "[next_item]": ("rating alone", 0.060, 1.113),
    "[rating]": ("retrieval alone", 0.233, 3.688),
    "[]": ("both", 0.235, 1.110),
}
HEADINGS = ("trained", "accuracy@100, published", "RMSE, published") + (
    "accuracy@100",
    "RMSE",
    "accuracy@10",
    "MRR",
)
METRICS = (
    ("next_item", "accuracy@100"),
    ("rating", "rmse"),
    ("next_item", "accuracy@10"),
    ("next_item", "mrr"),
)


def write_page(study: Study, page: Path) -> None:
    """Replaces what stands between the marks.

    Raises:
        FileNotFoundError: no such page.
        ValueError: a page without the marks, or a study that lacks a variant.
    """
    fill_page(page, [table(study), f"{describe_study(study)}; published: one run."])


def table(study: Study) -> str:
    """Published and our figures, one row for each set of tasks that was trained.

    Raises:
        ValueError: a variant without runs.
    """
    rows = []
    tests = study.runs[study.runs["split"] == "test"]
    read = {run: _read(record) for run, record in study.records.items()}
    for value, (name, accuracy, rmse) in VARIANTS.items():
        runs = [run for run, found in read.items() if found == value]
        if not runs:
            raise ValueError(
                f"Expected runs with model.read={value} in {study.path}, found "
                f"{sorted(set(read.values()))}. Run "
                f"experiment=ecommerce/tfrs_movielens."
            )
        chosen = tests[tests["run"].isin(runs)]
        cells = [_cell(chosen, *metric) for metric in METRICS]
        rows.append([name, f"{accuracy:.3f}", f"{rmse:.3f}", *cells])
    return markdown_table(HEADINGS, rows)


def _read(record: dict) -> str:
    """The override `model.read` of a run."""
    pairs = (override.split("=", 1) for override in record["overrides"])
    return dict(pairs).get("model.read", "[]")


def _cell(rows: pd.DataFrame, task: str, metric: str) -> str:
    values = rows[(rows["task"] == task) & (rows["metric"] == metric)]["value"]
    interval = mean_interval(values)
    return f"{interval.mean:.4f} ± {interval.half_width:.4f}"


main = page_command(
    "ecommerce.tfrs_movielens",
    "Write the table of rating and retrieval of films into a page.",
    "runs/tfrs_movielens docs/results/tfrs_movielens.md",
    write_page,
)


if __name__ == "__main__":
    sys.exit(main())
