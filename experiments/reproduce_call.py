"""Calls the functions that rows of a table name in place of a training."""

import inspect
import itertools
import time
from collections.abc import Iterable, Mapping
from typing import Any

import hydra.utils
from omegaconf import OmegaConf

from experiments.job import say
from experiments.outcome import Outcome, write_history
from experiments.record import read_result, write_result
from experiments.reproduce_cell import Cell
from mtlx import compose as parts


def call_cells(cells: Iterable[Cell]) -> list[str]:
    """Calls what has not been called; what failed, in words.

    A function is called with `seed`; one that takes `seeds` once with all that a row
    lacks, so that it can run them in one program.
    """
    failed = []
    for _, row in itertools.groupby(cells, lambda cell: cell.row.name):
        missing = []
        for cell in row:
            try:
                if not _is_done(cell):
                    missing.append(cell)
            except FileExistsError as error:
                failed.append(f"{cell.row.name}, seed {cell.seed}: {error}")
        for group in _together(missing):
            try:
                _call(group)
            except Exception as error:  # the other cells are worth having
                seeds = ", ".join(str(cell.seed) for cell in group)
                failed.append(f"{group[0].row.name}, seed {seeds}: {error}")
    return failed


def takes_seeds(call: Mapping[str, Any]) -> bool:
    """Whether the function runs several seeds at once.

    Raises:
        ImportError: there is no such function.
    """
    function = hydra.utils.get_object(call["_target_"])
    return "seeds" in inspect.signature(function).parameters


def _together(cells: list[Cell]) -> list[list[Cell]]:
    try:
        together = bool(cells) and takes_seeds(cells[0].row.call)
    except ImportError:  # told for each cell when it is called
        together = False
    return [cells] if together else [[cell] for cell in cells]


def _is_done(cell: Cell) -> bool:
    """Whether the folder has the result.

    Raises:
        FileExistsError: it has the result of another call.
    """
    call, record = _without_folders(cell.row.call), read_result(cell.folder)
    if record is not None and record["call"] != call:
        raise FileExistsError(
            f"Expected {cell.folder} to hold the result of {call}, found that of "
            f"{record['call']}. Remove the folder."
        )
    return record is not None


def _call(cells: list[Cell]) -> None:
    """Several cells are of one function that takes all their seeds."""
    row, begin = cells[0].row, time.perf_counter()
    function = parts.instantiate(OmegaConf.create({**row.call, "_partial_": True}))
    seeds = [cell.seed for cell in cells]
    if row.deterministic:
        found = [function()]
    elif takes_seeds(row.call):
        found = function(seeds=seeds)
    else:
        found = [function(seed=seeds[0])]
    share = (time.perf_counter() - begin) / len(cells)
    for cell, outcome in zip(cells, found, strict=True):
        if not isinstance(outcome, Outcome):
            outcome = Outcome(outcome)
        cell.folder.mkdir(parents=True, exist_ok=True)
        if outcome.history:
            write_history(cell.folder / "epochs.csv", outcome.history)
        facts = {"call": _without_folders(row.call), "seed": cell.seed}
        facts |= {"train_seconds": share, "test": outcome.test}
        write_result(cell.folder, facts)
        say(f"{row.name} seed {cell.seed}: {share:.1f} s")


def _without_folders(call: Any) -> Any:
    """Where the data lie does not change what is computed."""
    if isinstance(call, Mapping):
        kept = {k: v for k, v in call.items() if k not in ("data_dir", "cache_dir")}
        return {k: _without_folders(v) for k, v in kept.items()}
    if isinstance(call, list | tuple):
        return [_without_folders(item) for item in call]
    return call
