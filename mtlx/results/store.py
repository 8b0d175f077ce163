"""A study folder, read into data frames: run folders at any depth below it."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from mtlx.results.files import COSTS, CURVES, KEY, RESULT, read_curves, read_result
from mtlx.results.overrides import distinguish

# Left between run folders by Hydra's sweeps; no sign of a run.
SWEEP_FILES = {"multirun.yaml", ".submitit"}


class Study(NamedTuple):
    """Every run below one folder, in the order of the run folders' names.

    Args:
        path: the study folder.
        tasks: data set -> task -> metric names, the headline metric first.
        runs: final metrics, one row a run, split, task and metric; columns split, task,
            metric, value, and those that name a run: `run` (its folder), data, model,
            balancer, seed, `settings` (in what else it differs from other runs, see
            `distinguish`) and `method` (balancer and settings in one).
        costs: one row a run: the same names, epochs, parameters, seconds.
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
        ValueError: no finished run, a damaged file, or two runs that differ in nothing.
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
    keys = _keys(records)
    _refuse_duplicates(path, keys)
    curves = [read_curves(folder / CURVES, run) for run, folder in folders.items()]
    scores = [row for run, record in records.items() for row in _scores(run, record)]
    costs = [{"run": r, **{name: records[r][name] for name in COSTS}} for r in records]
    return Study(
        path=path,
        tasks=_tasks(records),
        runs=keys.merge(pd.DataFrame(scores), on="run"),
        costs=keys.merge(pd.DataFrame(costs), on="run"),
        curves=keys.merge(pd.concat(curves), on="run"),
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


def _keys(records: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """What a run is called: one row a run."""
    keys = pd.DataFrame(
        [{"run": run, **{name: records[run][name] for name in KEY}} for run in records]
    )
    settings = pd.Series(distinguish(records)).loc[keys["run"]].to_numpy()
    method = keys["balancer"].where(
        settings == "", keys["balancer"] + " (" + settings + ")"
    )
    return keys.assign(settings=settings, method=method)


def _refuse_duplicates(path: Path, keys: pd.DataFrame) -> None:
    """Twice the same seed would pass for two independent runs."""
    same = [*KEY, "settings"]
    for values, group in keys.groupby(same):
        if len(group) > 1:
            found = " and ".join(map(repr, group["run"]))
            facts = dict(zip(same, values, strict=True))
            raise ValueError(
                f"Expected one run of {facts} in {path}, found {found}. Delete all but "
                "one."
            )


def _scores(run: str, record: dict[str, Any]):
    """Rows of `Study.runs`; JSON's null stands for NaN."""
    for split in ("test", "validation"):
        for task, facts in record["tasks"].items():
            for metric in facts["metrics"]:
                value = record[split][task][metric]
                value = float("nan") if value is None else float(value)
                row = {"split": split, "task": task, "metric": metric, "value": value}
                yield {"run": run, **row}


def _tasks(records: dict[str, dict[str, Any]]) -> dict[str, dict[str, tuple[str, ...]]]:
    tasks: dict[str, dict[str, tuple[str, ...]]] = {}
    for record in records.values():
        known = tasks.setdefault(record["data"], {})
        for task, facts in record["tasks"].items():
            known.setdefault(task, tuple(facts["metrics"]))
    return tasks
