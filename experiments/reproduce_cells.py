"""Runs the cells of a table that have no result yet."""

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.composed_job import compose_job
from experiments.job import Job
from experiments.record import read_result
from experiments.reproduce_call import call_cells
from experiments.reproduce_cell import Cell, Settings, folder_of
from experiments.sweep import SweepProgress
from experiments.vectorized import train_jobs
from mtlx.metrics import METRICS
from mtlx.results.reproduction.history import Histories, read_history
from mtlx.results.reproduction.judge import Runs
from mtlx.results.reproduction.spec import Row, Spec


def tune(
    spec: Spec, root: Path, devices: int, run: bool
) -> tuple[dict[str, Settings], list]:
    """The settings of each trained row, and what failed.

    All points of the grid are tried with the tuning's own seeds; the best mean on the
    validation split is chosen. A row of which no point has all its runs is left out.
    """
    trained = [row for row in spec.runnable if row.overrides is not None]
    if spec.tuning is None:
        return {row.name: {} for row in trained}, []
    names, values = spec.tuning.grid.keys(), spec.tuning.grid.values()
    points = [
        dict(zip(names, point, strict=True)) for point in itertools.product(*values)
    ]
    cells = [
        Cell(row, seed, point, folder_of(root / "tuning", row, point, seed))
        for row in trained
        for point in points
        for seed in spec.tuning.seeds
    ]
    failed = run_cells(spec, cells, devices) if run else []
    chosen = {}
    for row in trained:
        scored = [(_validation(spec, root, row, point), point) for point in points]
        scored = [(score, point) for score, point in scored if not np.isnan(score)]
        if scored:
            chosen[row.name] = max(scored, key=lambda pair: pair[0])[1]
    return chosen, failed


def _validation(spec: Spec, root: Path, row: Row, point: Settings) -> float:
    """Mean over the tuning seeds, higher is better; NaN where a run lacks it."""
    tuning = spec.tuning
    found = []
    for seed in tuning.seeds:
        record = read_result(folder_of(root / "tuning", row, point, seed))
        value = record and record["validation"][tuning.task][tuning.metric]
        found.append(np.nan if value is None else value)
    sign = 1 if METRICS[tuning.metric].higher_is_better else -1
    return sign * float(np.mean(found))


def cells_of(
    spec: Spec, root: Path, seeds: int, chosen: Mapping[str, Settings]
) -> list[Cell]:
    """One a row and seed, or a row, task and seed; a deterministic row has one."""
    return [
        Cell(row, seed, settings, folder_of(root, row, settings, seed))
        for row in spec.runnable
        if row.call is not None or row.name in chosen
        for settings in _each_task(row, chosen.get(row.name, {}))
        for seed in range(1 if row.deterministic else seeds)
    ]


def _each_task(row: Row, settings: Settings) -> list[Settings]:
    """What a row's runs of one seed differ in."""
    return [{"data.tasks": task} for task in row.each_task] or [settings]


def run_cells(spec: Spec, cells: Iterable[Cell], devices: int) -> list[str]:
    """Trains or calls those without a result; what failed, in words."""
    cells = list(cells)
    failed = call_cells(cell for cell in cells if cell.row.call is not None)
    trained = [cell for cell in cells if cell.row.call is None]
    jobs = [_job(spec, cell, number) for number, cell in enumerate(trained)]
    SweepProgress.total = max(len(jobs), 1)
    for number, error in train_jobs(jobs, None, devices).items() if jobs else ():
        cell = trained[number]
        failed.append(f"{cell.row.name}, seed {cell.seed}: {error}")
    return failed


def read_runs(cells: Iterable[Cell]) -> tuple[Runs, list[Mapping[str, Any]]]:
    """row -> seed -> scores on the test split, and the whole records."""
    runs: dict[str, dict] = {}
    records, lacking = [], []
    for cell in cells:
        record = read_result(cell.folder)
        if record is not None:
            of = runs.setdefault(cell.row.name, {}).setdefault(cell.seed, {})
            of.update(record["test"])
            records.append(record)
        elif cell.row.each_task:
            lacking.append(cell)
    for cell in lacking:  # a seed counts when all tasks have had their run
        runs.get(cell.row.name, {}).pop(cell.seed, None)
    return {row: of for row, of in runs.items() if of}, records


def read_histories(cells: Iterable[Cell]) -> Histories:
    """Row -> seed -> what a finished run measured on its way; of a call maybe nothing.

    Raises:
        FileNotFoundError: a finished training without `epochs.csv`.
        ValueError: the file is damaged.
    """
    histories: dict[str, dict] = {}
    for cell in cells:
        if read_result(cell.folder) is not None:
            path = cell.folder / "epochs.csv"
            silent = cell.row.call is not None and not path.exists()
            history = {} if silent else read_history(path)
            histories.setdefault(cell.row.name, {})[cell.seed] = history
    return histories


def _job(spec: Spec, cell: Cell, number: int) -> Job:
    """The training that `python -m experiments.train` would do with these overrides."""
    study = f"reproduce/{spec.name}" + ("/reduced" if spec.is_reduced else "")
    overrides = (
        *spec.overrides,
        *cell.row.overrides,
        *(f"{name}={value}" for name, value in cell.settings.items()),
        f"study={study}",
        "resume=true",
    )
    return compose_job(overrides, cell.folder, number, cell.seed)
