"""The two files of a finished run: `result.json` and `epochs.csv`."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from mtlx.metrics import METRICS

RESULT, CURVES = "result.json", "epochs.csv"
KEY = ["data", "model", "balancer", "seed"]
COSTS = [
    "best_epoch",
    "epochs",
    "num_parameters",
    "compile_seconds",
    "train_seconds",
    "rows_per_second",
]
REQUIRED = [*KEY, "tasks", "test", "validation", *COSTS, "versions", "overrides"]
EPOCH_COLUMNS = ["epoch", "step", "split", "task", "metric", "value"]


def read_result(file: Path) -> dict[str, Any]:
    """The facts and final metrics of a run.

    Raises:
        ValueError: no JSON, a key or a metric is missing, or a metric is unknown.
    """
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        missing = [key for key in REQUIRED if key not in record]
        if missing:
            raise ValueError(f"expected the keys {missing}, found {sorted(record)}")
        _check_metrics(record)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ValueError(
            f"Damaged result {file}: {error}. Delete the run's folder and run it again."
        ) from error
    return record


def _check_metrics(record: dict[str, Any]) -> None:
    for task, facts in record["tasks"].items():
        for metric in facts["metrics"]:
            if metric not in METRICS:
                raise ValueError(
                    f"task {task!r}: expected metrics from {sorted(METRICS)}, found "
                    f"{metric!r}"
                )
            for split in ("test", "validation"):
                if metric not in record[split].get(task, {}):
                    raise ValueError(f"expected {split}.{task}.{metric}, found nothing")


def read_curves(file: Path, run: str) -> pd.DataFrame:
    """The curves of a run in long form, with its folder as column `run`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no CSV, or other columns than `EPOCH_COLUMNS`.
    """
    if not file.is_file():
        raise FileNotFoundError(
            f"Expected the curves of a finished run in {file}, found no such file. "
            "Delete the run's folder and run it again."
        )
    try:
        curves = pd.read_csv(file, dtype={"value": float})
        if list(curves.columns) != EPOCH_COLUMNS:
            raise ValueError(
                f"expected the columns {EPOCH_COLUMNS}, found {list(curves.columns)}"
            )
    except ValueError as error:  # pandas' parser errors are ValueErrors too
        raise ValueError(
            f"Damaged curves {file}: {error}. Delete the run's folder and run it again."
        ) from error
    return curves.assign(run=run)
