"""Accuracy, calibration: python -m experiments.ecommerce.calibration runs/STUDY PAGE.

Writes, between two marks of a page written by hand, the metrics of a study of binary
tasks on every split that its runs scored, epoch by epoch; beside the page, in a folder
of its name, those curves, and the reliability of the tested models: predicted
probability against the share of positives.
"""

import functools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import OmegaConf

from experiments.finished import load_finished
from experiments.study_page import (
    describe_study,
    fill_page,
    folder_of_page,
    only_data_set,
    page_command,
)
from mtlx import compose
from mtlx.calibration_metrics import ReliabilityCurve, reliability_curve
from mtlx.data.dataset import Dataset
from mtlx.results import style
from mtlx.results.markdown import markdown_table
from mtlx.results.reliability import draw_reliability
from mtlx.results.split_curves import SPLITS, draw_splits
from mtlx.results.statistics import mean_interval
from mtlx.results.store import Study
from mtlx.train.evaluate import make_apply, make_predict

BINS, ROWS = 15, 8192  # of a reliability curve; of a forward pass


def write_page(study: Study, page: Path) -> None:
    """Replaces what stands between the marks; writes the pictures.

    Raises:
        FileNotFoundError: no such page, or a run without its checkpoint.
        ValueError: a page without the marks, a study of several data sets, or of tasks
            that are not binary.
    """
    data = only_data_set(study)
    _check_kinds(study)
    folder = folder_of_page(page)
    with style.look():
        title = f"{data}: reliability on the test split"
        figure = draw_reliability(reliability(study), title)
        figure.savefig(folder / "reliability.png")
        for task in study.tasks[data]:
            draw_splits(study, data, task).savefig(folder / f"{task}_epochs.png")
    names = [f"{task}_epochs" for task in study.tasks[data]] + ["reliability"]
    pictures = [f"![{name}]({folder.name}/{name}.png)" for name in names]
    tables = [table(study, data, task) for task in study.tasks[data]]
    fill_page(page, [*tables, *pictures, f"{describe_study(study)}."])


def _check_kinds(study: Study) -> None:
    kinds = {
        task["kind"] for run in study.records.values() for task in run["tasks"].values()
    }
    if kinds != {"binary"}:
        raise ValueError(
            f"Expected binary tasks, whose probabilities can be calibrated, found "
            f"{sorted(kinds)} in {study.path}."
        )


def table(study: Study, data: str, task: str) -> str:
    """A row for each model and split, at the epoch that validation chose."""
    metrics = study.tasks[data][task]
    costs = study.costs.set_index("run")
    best = study.curves["run"].map(costs["best_epoch"]) == study.curves["epoch"]
    chosen = study.curves[best & (study.curves["task"] == task)]
    heads = ["model", "split", "parameters", "epoch", *(f"{task} {m}" for m in metrics)]
    lines = []
    for model in dict.fromkeys(study.costs["model"]):
        own = study.costs[study.costs["model"] == model]
        size, epochs = own["num_parameters"].iloc[0], own["best_epoch"]
        facts = [f"`{model}`", f"{size:,}", _listed(epochs)]
        for split in SPLITS:
            rows = chosen[(chosen["model"] == model) & (chosen["split"] == split)]
            if rows["metric"].isin(metrics).any():
                cells = (_cell(rows[rows["metric"] == m]["value"]) for m in metrics)
                lines.append([facts[0], split, *facts[1:], *cells])
                facts = ["", "", ""]
    return markdown_table(heads, lines, words=2)


def _listed(epochs: pd.Series) -> str:
    """The epochs that were chosen, each once."""
    return ", ".join(str(epoch) for epoch in sorted(set(epochs)))


def _cell(values: pd.Series) -> str:
    interval = mean_interval(values)
    return f"{interval.mean:.4f} ± {interval.half_width:.4f}"


def reliability(study: Study) -> dict[str, dict[str, ReliabilityCurve]]:
    """task -> model -> curve on the test rows, seeds put together, bins of equal size.

    Raises:
        FileNotFoundError: a run without its checkpoint.
    """
    found: dict[str, dict[str, list]] = {}
    for run, record in study.records.items():
        for task, pair in predictions(study.path / run).items():
            found.setdefault(task, {}).setdefault(record["model"], []).append(pair)
    return {
        task: {model: _curve(pairs) for model, pairs in models.items()}
        for task, models in found.items()
    }


def predictions(folder: Path) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
    """task -> probabilities and labels of the test rows that count for it."""
    run = load_finished(folder)
    config = OmegaConf.load(folder / "config.yaml")
    data = _dataset(OmegaConf.to_yaml(config.data, resolve=True))
    logits = make_predict(make_apply(run.model), data.test, ROWS)(run.variables)
    pairs = {}
    for task in data.tasks:
        where = np.asarray(data.test.where[task.name])
        counted = np.asarray(logits[task.name], np.float64)[where]
        labels = np.asarray(data.test.labels[task.name])[where]
        pairs[task.name] = (np.exp(-np.logaddexp(0, -counted)), labels)
    return pairs


def _curve(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> ReliabilityCurve:
    probabilities, labels = (np.concatenate(each) for each in zip(*pairs, strict=True))
    return reliability_curve(probabilities, labels, BINS, "quantile")


@functools.lru_cache(maxsize=1)
def _dataset(config: str) -> Dataset:
    return compose.build_dataset(OmegaConf.create({"data": OmegaConf.create(config)}))


main = page_command(
    "ecommerce.calibration",
    "Write accuracy and calibration, epoch by epoch, into a page.",
    "runs/ctr docs/results/ctr.md",
    write_page,
)


if __name__ == "__main__":
    sys.exit(main())
