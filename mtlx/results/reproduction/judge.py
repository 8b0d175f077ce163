"""A whole table judged: what is stored, and rendered by `writers`."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.metrics import METRICS
from mtlx.results.bootstrap import bootstrap_interval
from mtlx.results.reproduction.difference import (
    Difference,
    difference_between,
    difference_from,
)
from mtlx.results.reproduction.history import Histories, History, scores_at
from mtlx.results.reproduction.paired_claim import judge_paired, pair_rows
from mtlx.results.reproduction.picture_data import picture_record
from mtlx.results.reproduction.shares import (
    share_difference_between,
    share_difference_from,
)
from mtlx.results.reproduction.spec import Claim, Column, PairedClaim, Row, Spec
from mtlx.results.reproduction.verdict import VERDICTS, judge_cell, judge_claim
from mtlx.results.statistics import delta_m, mean_interval

Scores = Mapping[str, Mapping[str, float | None]]  # task -> metric -> value
Runs = Mapping[str, Mapping[int, Scores]]  # row -> seed -> scores on the test split
Record = dict[str, Any]
Values = Mapping[tuple[str, str], np.ndarray]  # (row, column) -> one a run, by seed


def judge_table(
    spec: Spec,
    runs: Runs,
    facts: Mapping[str, Any],
    histories: Histories | None = None,
) -> Record:
    """Every cell and claim of a table, as plain values that JSON holds.

    Args:
        spec: the table.
        runs: what was run; a row without runs is "not run".
        facts: how it was run: "command", "date", "machine", "versions", "minutes",
            "chosen" (row -> settings that tuning chose).
        histories: of the same runs, if `needs_histories` says so.
    """
    histories = histories or {}
    values = _all_values(spec, runs, histories)
    most = max((len(of) for of in runs.values()), default=0)
    return {
        "paper": spec.paper,
        "table": spec.table,
        "title": spec.title,
        "source": spec.source,
        "unavailable": spec.unavailable,
        "reduced": spec.reduced.what if spec.is_reduced else "",
        "rule": dict(spec.rule._asdict()),
        "seeds": {"published": spec.seeds, "run": most},
        "tuning": _tuning(spec),
        "columns": [
            {**c._asdict(), "of": list(c.of), "against": list(c.against)}
            | {"rule": c.rule and c.rule._asdict()}
            for c in spec.columns
        ],
        "cells": [
            _cell(spec, row, column, values[row.name, column.name])
            for column in spec.columns
            for row in spec.rows
            if row.has(column)
        ],
        "claims": [_claim(spec, claim, values, runs) for claim in spec.claims],
        "departures": list(spec.departures),
        "tried": list(spec.tried),
        "facts": dict(facts),
        "pictures": [picture_record(p, spec, values, histories) for p in spec.pictures],
    }


def _all_values(spec: Spec, runs: Runs, histories: Histories) -> Values:
    values: dict[tuple[str, str], np.ndarray] = {}
    # Changes against rows are read off the other columns, so these come first.
    for column in sorted(spec.columns, key=lambda column: bool(column.against)):
        for row in spec.rows:
            if column.against:
                of = relative_change(spec, column, row.name, values)
            elif column.baseline is not None:
                of = change_of_tasks(column, row.name, runs)
            else:
                own = runs.get(row.name, {}) if row.has(column) else {}
                of = column_values(column, own, histories.get(row.name, {}))
            values[row.name, column.name] = of
    return values


def column_values(
    column: Column,
    runs: Mapping[int, Scores],
    histories: Mapping[int, History] | None = None,
) -> np.ndarray:
    """One value a run, NaN where it has none; of the best run alone if so asked.

    Of a column of shares 1 where the value is no less than `at_least`, and else 0.
    """
    histories = histories or {}
    values = np.array([_column_value(column, runs, histories, s) for s in sorted(runs)])
    values = column.scale * (values**2 if column.square else values)
    if column.at_least is not None:
        values = np.where(np.isnan(values), np.nan, values >= column.at_least)
    if column.best_by is None or not values.size:
        return values
    by = np.array([_value(runs[s], *column.best_by) for s in sorted(runs)])
    return values[[np.nanargmax(by)]] if np.isfinite(by).any() else values[:1] * np.nan


def relative_change(spec: Spec, column: Column, row: str, values: Values) -> np.ndarray:
    """One value a run: delta_m over `column.of` against the means of `column.against`.

    `mtlx.results.statistics.delta_m`, with its sign turned where higher is better. The
    baseline is a constant, as in print: its own spread is not in the interval.
    """
    higher = {c.name: c.higher_is_better for c in spec.columns}
    pairs = zip(column.against, column.of, strict=True)
    base = [values[pair] for pair in pairs]
    ours = [values[row, name] for name in column.of]
    if not all(of.size for of in (*base, *ours)):
        return np.empty(0)
    base = {"": [of.mean() for of in base]}
    better = {"": [higher[name] for name in column.of]}
    by_run = np.stack(ours, axis=1)
    found = np.array([delta_m({"": run}, base, better) for run in by_run])
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
    share = column.at_least is not None
    verdict = judge_cell(
        values,
        published,
        column.digits,
        column.rule or spec.rule,
        reason,
        share_difference_from if share else difference_from,
    )
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


def _claim(
    spec: Spec, claim: Claim | PairedClaim, values: Values, runs: Runs
) -> Record:
    (column,) = (c for c in spec.columns if c.name == claim.column)
    if isinstance(claim, Claim):
        sides = [values[row, column.name] for row in (claim.lower, claim.higher)]
        share = column.at_least is not None
        difference = share_difference_between if share else difference_between
        return {**claim._asdict(), **_verdict(judge_claim(*sides, difference))}
    by_seed = {}
    for row in (claim.reference, *claim.among):
        of = values[row, column.name]
        # Without a baseline a change has no values, whatever was run.
        seeds = sorted(runs.get(row, {})) if of.size else ()
        by_seed[row] = dict(zip(seeds, of, strict=True))
    pairs = pair_rows(claim, by_seed, 1 if column.higher_is_better else -1)
    return {
        **claim._asdict(),
        "among": list(claim.among),
        **_verdict(judge_paired(claim, pairs, (column.rule or spec.rule).width)),
        "pairs": [
            {"row": pair.row, "gain": _finite(pair.gain._asdict()), "n": pair.n}
            | _finite({"p": pair.p, "p_holm": pair.p_holm})
            for pair in pairs
        ],
    }


def _verdict(verdict) -> Record:
    difference: Difference = verdict.difference
    return {
        "difference": _finite(difference._asdict()),
        "verdict": verdict.word,
        "reason": verdict.reason,
    }


def _column_value(
    column: Column, runs: Mapping[int, Scores], histories: Mapping, seed: int
) -> float:
    scores = runs[seed]
    if column.step is not None:
        scores = scores_at(histories[seed], column.step)
    return np.nan if scores is None else _value(scores, column.task, column.metric)


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
