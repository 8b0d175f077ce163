"""A study folder, read into data frames: run folders at any depth below it."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from mtlx.results.files import COSTS, CURVES, KEY, RESULT, read_curves, read_result

# Left between run folders by Hydra's sweeps; no sign of a run.
SWEEP_FILES = {"multirun.yaml", ".submitit"}


class Study(NamedTuple):
    """Every run below one folder, in the order of the run folders' names.

    Args:
        path: the study folder.
        tasks: data set -> task -> metric names, the headline metric first.
        runs: final metrics, one row a run, split, task and metric; columns `run` (its
            folder), data, model, balancer, seed, split, task, metric, value.
        costs: one row a run: the same keys, epochs, parameters, seconds.
        curves: one row a run, epoch, split, task and metric, with `step` and `value`.
        records: each finished run's `result.json`, keyed by its folder.
        unfinished: run folders without a `result.json`, relative to `path`.
    """

    path: Path
    tasks: dict[str, dict[str, tuple[str, ...]]]
    runs: pd.DataFrame
    costs: pd.DataFrame
    curves: pd.DataFrame
    records: dict[str, dict[str, Any]]
    unfinished: list[Path]


def load_study(path: str | Path) -> Study:
    """Read all runs below `path`.

    Raises:
        FileNotFoundError: no such folder, or a finished run without `epochs.csv`.
        ValueError: no finished run, a damaged file, or two runs of the same data set,
            model, balancer and seed.
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(
            f"Expected a folder of runs, found no folder {path}. Runs make it: python "
            "-m experiments.train study=NAME writes runs/NAME/."
        )
    finished, unfinished = _find_runs(path, path)
    unfinished = [folder.relative_to(path) for folder in _natural(unfinished)]
    if not finished:
        raise ValueError(
            f"Expected at least one finished run (a folder with {RESULT}) below "
            f"{path}, found none; {len(unfinished)} unfinished. Let a run end: python "
            f"-m experiments.train study={path.name} model=shared_bottom."
        )
    folders = {
        folder.relative_to(path).as_posix(): folder for folder in _natural(finished)
    }
    records = {run: read_result(folder / RESULT) for run, folder in folders.items()}
    _refuse_duplicates(path, records)
    curves = [read_curves(folder / CURVES, run) for run, folder in folders.items()]
    costs = pd.DataFrame([_costs(run, record) for run, record in records.items()])
    return Study(
        path=path,
        tasks=_tasks(records),
        runs=pd.DataFrame(
            [row for run, record in records.items() for row in _scores(run, record)]
        ),
        costs=costs,
        curves=costs[["run", *KEY]].merge(pd.concat(curves), on="run"),
        records=records,
        unfinished=unfinished,
    )


def _find_runs(folder: Path, root: Path) -> tuple[list[Path], list[Path]]:
    """Finished and unfinished run folders at or below `folder`."""
    if (folder / RESULT).is_file():
        return [folder], []
    entries = [entry for entry in folder.iterdir() if entry.name not in SWEEP_FILES]
    below = [e for e in entries if e.is_dir() and not e.name.startswith(".")]
    started = len(entries) > len(below) or not below
    if folder != root and started and not any(folder.rglob(RESULT)):
        return [], [folder]
    found = [_find_runs(child, root) for child in below]
    return sum((f for f, _ in found), []), sum((u for _, u in found), [])


def _natural(folders: list[Path]) -> list[Path]:
    """Sorted with run 10 after run 9."""

    def key(folder):
        parts = re.split(r"(\d+)", folder.as_posix())
        return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]

    return sorted(folders, key=key)


def _refuse_duplicates(path: Path, records: dict[str, dict[str, Any]]) -> None:
    """One run a cell: twice the same seed would pass for two independent runs."""
    first: dict[tuple, str] = {}
    for run, record in records.items():
        key = tuple(record[name] for name in KEY)
        if key in first:
            raise ValueError(
                f"Expected one run of {dict(zip(KEY, key, strict=True))} in {path}, "
                f"found {first[key]!r} and {run!r}. Keep runs with other settings in a "
                "study of their own (study=NAME), or delete one."
            )
        first[key] = run


def _keys(run: str, record: dict[str, Any]) -> dict[str, Any]:
    return {"run": run, **{name: record[name] for name in KEY}}


def _costs(run: str, record: dict[str, Any]) -> dict[str, Any]:
    return {**_keys(run, record), **{name: record[name] for name in COSTS}}


def _scores(run: str, record: dict[str, Any]):
    """Rows of `Study.runs`; JSON's null stands for NaN."""
    for split in ("test", "validation"):
        for task, facts in record["tasks"].items():
            for metric in facts["metrics"]:
                value = record[split][task][metric]
                value = float("nan") if value is None else float(value)
                row = {"split": split, "task": task, "metric": metric, "value": value}
                yield {**_keys(run, record), **row}


def _tasks(records: dict[str, dict[str, Any]]) -> dict[str, dict[str, tuple[str, ...]]]:
    tasks: dict[str, dict[str, tuple[str, ...]]] = {}
    for record in records.values():
        known = tasks.setdefault(record["data"], {})
        for task, facts in record["tasks"].items():
            known.setdefault(task, tuple(facts["metrics"]))
    return tasks
