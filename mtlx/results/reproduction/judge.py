"""A whole table judged: what is stored, and rendered by `writers`."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.metrics import METRICS
from mtlx.results.bootstrap import bootstrap_interval
from mtlx.results.reproduction.difference import Difference
from mtlx.results.reproduction.spec import Column, Row, Spec
from mtlx.results.reproduction.verdict import VERDICTS, judge_cell, judge_claim
from mtlx.results.statistics import delta_m, mean_interval

Scores = Mapping[str, Mapping[str, float | None]]  # task -> metric -> value
Runs = Mapping[str, Mapping[int, Scores]]  # row -> seed -> scores on the test split
Record = dict[str, Any]


def judge_table(spec: Spec, runs: Runs, facts: Mapping[str, Any]) -> Record:
    """Every cell and claim of a table, as plain values that JSON holds.

    Args:
        spec: the table.
        runs: what was run; a row without runs is "not run".
        facts: how it was run: "command", "date", "machine", "versions", "minutes",
            "chosen" (row -> settings that tuning chose).
    """
    values = {
        (row.name, column.name): column_values(column, runs.get(row.name, {}))
        for row in spec.rows
        for column in spec.columns
        if column.against is None
    }
    values |= {
        (row.name, column.name): relative_change(spec, column, row.name, values)
        for row in spec.rows
        for column in spec.columns
        if column.against is not None
    }
    most = max((len(of) for of in runs.values()), default=0)
    values |= {
        (row.name, column.name): change_of_tasks(column, row.name, runs)
        for row in spec.rows
        for column in spec.columns
        if column.baseline is not None
    }
    return {
        "paper": spec.paper,
        "table": spec.table,
        "title": spec.title,
        "source": spec.source,
        "unavailable": spec.unavailable,
        "rule": dict(spec.rule._asdict()),
        "seeds": {"published": spec.seeds, "run": most},
        "tuning": _tuning(spec),
        "columns": [{**c._asdict(), "of": list(c.of)} for c in spec.columns],
        "cells": [
            _cell(spec, row, column, values[row.name, column.name])
            for column in spec.columns
            for row in spec.rows
        ],
        "claims": [
            {
                **claim._asdict(),
                **_verdict(
                    judge_claim(
                        values[claim.lower, claim.column],
                        values[claim.higher, claim.column],
                    )
                ),
            }
            for claim in spec.claims
        ],
        "departures": list(spec.departures),
        "tried": list(spec.tried),
        "facts": dict(facts),
    }


def column_values(column: Column, runs: Mapping[int, Scores]) -> np.ndarray:
    """One value a run, NaN where it has none; of the best run alone if so asked."""
    values = np.array(
        [_value(runs[s], column.task, column.metric) for s in sorted(runs)]
    )
    values = column.scale * (values**2 if column.square else values)
    if column.best_by is None or not values.size:
        return values
    by = np.array([_value(runs[s], *column.best_by) for s in sorted(runs)])
    return values[[np.nanargmax(by)]] if np.isfinite(by).any() else values[:1] * np.nan


def relative_change(
    spec: Spec, column: Column, row: str, values: Mapping[tuple[str, str], np.ndarray]
) -> np.ndarray:
    """One value a run: delta_m over `column.of` against the mean of `column.against`.

    `mtlx.results.statistics.delta_m`, with its sign turned where higher is better. The
    baseline is a constant, as in print: its own spread is not in the interval.
    """
    better = {"": [c.higher_is_better for c in spec.columns if c.name in column.of]}
    names = [c.name for c in spec.columns if c.name in column.of]
    base = [values[column.against, name] for name in names]
    if not all(of.size for of in base):
        return np.empty(0)
    base = {"": [of.mean() for of in base]}
    runs = np.stack([values[row, name] for name in names], axis=1)
    found = np.array([delta_m({"": run}, base, better) for run in runs])
    return -found if column.higher_is_better else found


def change_of_tasks(column: Column, row: str, runs: Runs) -> np.ndarray:
    """As `relative_change`, over `column.metric` of every task of the runs."""
    base, ours = (
        np.array([[_value(of[s], t, column.metric) for t in sorted(of[s])] for s in of])
        for of in (
            runs.get(column.baseline, {}),
            dict(sorted(runs.get(row, {}).items())),
        )
    )
    if not len(base) or not len(ours):
        return np.empty(0)
    better = {"": [METRICS[column.metric].higher_is_better] * base.shape[1]}
    means = {"": base.mean(axis=0)}
    found = np.array([delta_m({"": run}, means, better) for run in ours])
    return -found if column.higher_is_better else found


def count_verdicts(record: Record) -> dict[str, int]:
    """How many cells and claims there are of each verdict, in the order of VERDICTS."""
    found = Counter(c["verdict"] for c in [*record["cells"], *record["claims"]])
    return {word: found[word] for word in VERDICTS}


def _cell(spec: Spec, row: Row, column: Column, values: np.ndarray) -> Record:
    published = row.published.get(column.name)
    reason = row.not_comparable
    if column.best_by is not None and not reason:
        reason = "the best of another number of runs"
    verdict = judge_cell(values, published, column.digits, spec.rule, reason)
    mean, half_width, n = mean_interval(values)
    low, high = bootstrap_interval(values)
    return {
        "row": row.name,
        "column": column.name,
        "ours": _finite({"mean": mean, "ci95": half_width, "low": low, "high": high})
        | {"n": n},
        "published": published._asdict() if published else None,
        **_verdict(verdict),
    }


def _verdict(verdict) -> Record:
    difference: Difference = verdict.difference
    return {
        "difference": _finite(difference._asdict()),
        "verdict": verdict.word,
        "reason": verdict.reason,
    }


def _value(scores: Scores, task: str, metric: str) -> float:
    """The task "*" is the mean over all. Raises KeyError where there is none such."""
    if task == "*":
        return float(np.mean([_value(scores, name, metric) for name in scores]))
    try:
        value = scores[task][metric]
    except KeyError as error:
        found = {name: sorted(of) for name, of in scores.items()}
        raise KeyError(
            f"Expected the metric {metric!r} of task {task!r}, found {found}. Mend the "
            "table's columns."
        ) from error
    return np.nan if value is None else float(value)


def _finite(numbers: Mapping[str, float]) -> Record:
    """JSON has no NaN."""
    return {k: float(v) if np.isfinite(v) else None for k, v in numbers.items()}


def _tuning(spec: Spec) -> Record | None:
    if spec.tuning is None:
        return None
    tuning = spec.tuning
    return {
        "grid": {name: list(values) for name, values in tuning.grid.items()},
        "seeds": list(tuning.seeds),
        "by": f"{tuning.task} {tuning.metric}",
        "points": int(np.prod([len(values) for values in tuning.grid.values()])),
    }
