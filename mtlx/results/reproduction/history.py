"""What runs measured on their way, for columns and pictures of a step."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mtlx.results.files import read_curves
from mtlx.results.reproduction.pictures import Curves
from mtlx.results.reproduction.spec import Spec

Series = Mapping[int, float]  # step -> value
History = Mapping[tuple[str, str, str], Series]  # (split, task, metric) -> of a run
Histories = Mapping[str, Mapping[int, History]]  # row -> seed -> its history


def needs_histories(spec: Spec) -> bool:
    """Whether anything of the table is read off runs' histories."""
    drawn = any(isinstance(picture, Curves) for picture in spec.pictures)
    return drawn or any(column.step is not None for column in spec.columns)


def read_history(file: Path) -> History:
    """That of one run, from its `epochs.csv`.

    Raises:
        FileNotFoundError, ValueError: as `read_curves`.
    """
    history: dict[tuple[str, str, str], dict[int, float]] = {}
    for row in read_curves(file, run="").itertuples():
        series = history.setdefault((row.split, row.task, row.metric), {})
        series[int(row.step)] = float(row.value)
    return history


def scores_at(history: History, step: int) -> dict[str, dict[str, float]] | None:
    """Task -> metric -> value on the validation split; None if the run ended before.

    Raises:
        ValueError: the run went further, and measured nothing at that step.
    """
    scores: dict[str, dict[str, float]] = {}
    steps: set[int] = set()
    for (split, task, metric), series in history.items():
        if split == "validation":
            steps |= set(series)
            if step in series:
                scores.setdefault(task, {})[metric] = series[step]
    if not scores and any(step < other for other in steps):
        raise ValueError(
            f"Expected a step at which the runs were scored, found {step} and the "
            f"steps {sorted(steps)}. Mend the column's step."
        )
    return scores or None


def stack(series: list[Series]) -> tuple[list[int], np.ndarray]:
    """Steps [R] of the longest runs, and values [N, R] of those that lack none of them.

    A mean over those that are left would jump where a run diverges.
    """
    steps = sorted(max(series, key=len, default={}))
    whole = [[of.get(step, np.nan) for step in steps] for of in series]
    values = np.array(whole, np.float64).reshape(len(series), len(steps))
    return steps, values[np.isfinite(values).all(axis=1)]
