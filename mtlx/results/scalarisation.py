"""Fixed weights, tuned on validation, beside every balancer."""

import numpy as np
import pandas as pd

from mtlx.metrics import METRICS
from mtlx.results.store import Study

FIXED, TUNED = "constant", "constant, tuned"


def headline_runs(study: Study, data: str, split: str) -> pd.DataFrame:
    """model, method, balancer, seed, and a column a task: its headline on a split."""
    first = {task: metrics[0] for task, metrics in study.tasks[data].items()}
    rows = study.runs.query("split == @split and data == @data")
    rows = rows[rows["metric"] == rows["task"].map(first)]
    names = ["model", "balancer", "method", "seed"]
    wide = rows.pivot_table(values="value", index=names, columns="task", dropna=False)
    return wide[list(first)].dropna(how="all").reset_index()


def choose_weights(study: Study, data: str) -> dict[str, str]:
    """model -> the method of the fixed weights that are best on validation.

    The best has the largest mean over tasks of the relative gain over the mean of all
    fixed weights, on means over seeds; a seed that diverged counts as none.

    Raises:
        ValueError: a model without runs of `balancer=constant`.
    """
    runs = headline_runs(study, data, "validation")
    tasks, sign = list(study.tasks[data]), signs(study, data)
    chosen = {}
    for model, rows in runs.groupby("model", sort=False):
        fixed = rows[rows["balancer"] == FIXED]
        if fixed.empty:
            raise ValueError(
                f"{study.path}: expected runs of {model} with balancer={FIXED} on "
                f"{data}, found none. Sweep balancer.weights."
            )
        means = fixed.groupby("method", sort=False)[tasks].mean()
        gains = sign * (means / means.mean() - 1)
        chosen[model] = gains.mean(axis=1).idxmax()
    return chosen


def with_tuned(study: Study, data: str) -> pd.DataFrame:
    """Test headlines: one row of tuned weights a model, then its balancers.

    Weights that were not chosen are left out.
    """
    runs, chosen = headline_runs(study, data, "test"), choose_weights(study, data)
    best = runs["method"] == runs["model"].map(chosen)
    runs.loc[best, "method"] = TUNED
    runs = runs[best | (runs["balancer"] != FIXED)]
    order = runs["method"].ne(TUNED).to_numpy()
    models = runs["model"].map(list(chosen).index).to_numpy()
    return runs.iloc[np.lexsort([np.arange(len(runs)), order, models])]


def front(points: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """[N] bool: which points no other is at least as good as in all, better in one.

    Args:
        points: [N, T].
        sign: [T] 1 where more is better, -1 where less is.
    """
    gains = points * sign[None]
    no_worse = (gains[None] >= gains[:, None]).all(axis=2)
    better = (gains[None] > gains[:, None]).any(axis=2)
    return ~(no_worse & better).any(axis=1)


def signs(study: Study, data: str) -> np.ndarray:
    """[T] 1 where more of a task's headline is better, -1 where less is."""
    heads = [metrics[0] for metrics in study.tasks[data].values()]
    return np.array([1 if METRICS[name].higher_is_better else -1 for name in heads])
