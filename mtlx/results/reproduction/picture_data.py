"""The figures that a picture is drawn from, as plain values that JSON holds."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.results.reproduction.history import Histories, stack
from mtlx.results.reproduction.pictures import Curves, Histogram, Panel, Picture
from mtlx.results.reproduction.spec import Spec
from mtlx.results.statistics import mean_interval

Values = Mapping[tuple[str, str], np.ndarray]  # (row, column) -> one a run


def picture_record(
    picture: Picture, spec: Spec, values: Values, histories: Histories
) -> dict[str, Any]:
    """What `draw_picture` needs, within the table's record.

    Args:
        picture: one of `spec.pictures`.
        spec: the table.
        values: of its columns.
        histories: of its runs.
    """
    if isinstance(picture, Curves):
        panels = [_panel(panel, spec, histories) for panel in picture.panels]
        return {"kind": "curves", **_head(picture), "panels": panels}
    facts = picture._asdict() | {"rows": None}
    rows = [
        {"row": row, **_counts(picture, values[row, picture.column], published)}
        for row, published in picture.rows.items()
    ]
    return {"kind": "histogram", **facts, "rows": rows}


def _head(picture: Picture) -> dict[str, str]:
    return {"name": picture.name, "title": picture.title}


def _panel(panel: Panel, spec: Spec, histories: Histories) -> dict[str, Any]:
    lines = [
        {"label": label, "row": row, "task": task}
        | _line(panel, task, histories.get(row, {}))
        | {"published": _points(panel, task, row, spec)}
        for label, row, task in panel.lines
    ]
    facts = {"title": panel.title, "metric": panel.metric}
    return {**facts, "logarithmic": panel.logarithmic, "lines": lines}


def _line(panel: Panel, task: str, runs: Mapping[int, Mapping]) -> dict[str, Any]:
    """Mean and 95 % interval over runs at each step; empty where there are none."""
    key = (panel.split, task, panel.metric)
    lacking = [seed for seed, history in runs.items() if key not in history]
    if lacking:
        found = sorted({key for seed in lacking for key in runs[seed]})
        raise KeyError(
            f"Expected the history of runs to hold {key}, found {found}. Mend the "
            f"panel {panel.title!r}."
        )
    steps, values = stack([runs[seed][key] for seed in sorted(runs)])
    values = panel.scale * (values**2 if panel.square else values)
    shown = [mean_interval(at) for at in values.T] if values.size else []
    return {
        "n": len(values),
        "left_out": len(runs) - len(values),
        "steps": steps if shown else [],
        "mean": [_short(at.mean) for at in shown],
        "ci95": [_short(at.half_width) for at in shown],
    }


def _points(panel: Panel, task: str, row: str, spec: Spec) -> list[list]:
    """(step, printed value) of the columns that are this very figure at a step."""
    asked = (task, panel.metric, panel.scale, panel.square)
    (printed,) = (of.published for of in spec.rows if of.name == row)
    return [
        [column.step, printed[column.name].mean]
        for column in spec.columns
        if column.step is not None
        and column.name in printed
        and panel.split == "validation"
        and (column.task, column.metric, column.scale, column.square) == asked
    ]


def _counts(
    picture: Histogram, values: np.ndarray, published: Mapping[int, int]
) -> dict[str, Any]:
    """(bin, runs) of ours and of the printed histogram, empty bins left out."""
    kept = values[np.isfinite(values)]
    bins = np.floor(kept * picture.bins_per_unit).astype(int)
    return {
        "ours": [list(pair) for pair in sorted(Counter(bins.tolist()).items())],
        "left_out": int(values.size - kept.size),
        "published": [list(pair) for pair in sorted(published.items())],
    }


def _short(value: float) -> float | None:
    """Six digits are more than a picture shows; JSON has no NaN."""
    return float(f"{value:.6g}") if np.isfinite(value) else None
