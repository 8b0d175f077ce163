"""The items that a retrieval task finds its answers among."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mtlx.data.errors import DataError
from mtlx.tasks import Task
from mtlx.types import Batch


class Catalogue(NamedTuple):
    """Items 0 .. I - 1; labels of the retrieval tasks are their numbers.

    An item's number is its id in the first of the columns `Schema.item`; row 0 then is
    what the training split does not hold, and `offered` says that it is no item.
    """

    features: Mapping[str, Any]  # [I, ..] rows of a batch; of queries 0 and padding
    counts: np.ndarray  # [I] rows of the training split that are about the item
    offered: np.ndarray | None = None  # [I] bool, False: in no list; None: all are
    seen: np.ndarray | None = None  # [G, S] items that group g's lists leave out, or -1
    by_group: bool = False  # whether the rows of one of `Batch.groups` are one query

    @property
    def num_items(self) -> int:
        """I."""
        return len(self.counts)


Catalogues = Mapping[str, Catalogue]  # retrieval task -> what it finds its items among


def queries(catalogues: Catalogues, rows: Batch) -> dict[str, np.ndarray]:
    """Task -> which rows are one query, as `mtlx.metrics.evaluate` takes it."""
    return {task: rows.groups for task, c in catalogues.items() if c.by_group}


def check_catalogues(
    name: str,
    tasks: tuple[Task, ...],
    catalogues: Catalogues,
    splits: Mapping[str, Any],
) -> None:
    """Holds the labels of the retrieval tasks against their catalogues.

    Args:
        name: of the data set.
        tasks: of the data set.
        catalogues: of the data set.
        splits: "validation" and "test", whose lists are scored; "train" if in memory.

    Raises:
        DataError: a retrieval task without a catalogue, a label that is no item, or
            groups that are absent where lists need them.
    """
    for task in (task for task in tasks if task.kind == "retrieval"):
        if task.name not in catalogues:
            raise DataError(
                f"Data set {name!r}: expected a catalogue of the items that task "
                f"{task.name!r} retrieves, found {list(catalogues) or 'none'}. Give "
                f"Dataset.catalogues, or leave the task out."
            )
        catalogue = catalogues[task.name]
        for split, rows in splits.items():
            _check_items(f"Data set {name!r}, {split} split", task, catalogue, rows)
            if split != "train":
                _check_groups(f"Data set {name!r}, {split} split", catalogue, rows)


def _check_items(place: str, task: Task, catalogue: Catalogue, rows: Batch) -> None:
    labels = np.asarray(rows.labels[task.name])
    items = labels[np.asarray(rows.where[task.name])]
    strange = items[(items < 0) | (items >= catalogue.num_items)]
    if strange.size:
        raise DataError(
            f"{place}, task {task.name!r}: expected items 0 .. "
            f"{catalogue.num_items - 1}, found {strange[0]}. Mend the labels, or mask "
            f"rows about other items."
        )


def _check_groups(place: str, catalogue: Catalogue, rows: Batch) -> None:
    if catalogue.seen is None and not catalogue.by_group:
        return
    if rows.groups is None:
        raise DataError(
            f"{place}: expected groups of rows, whose lists leave out what they have "
            f"seen, found none. Give Batch.groups, or a catalogue without seen and "
            f"by_group."
        )
    groups = np.asarray(rows.groups)
    if (
        catalogue.seen is not None
        and not np.isin(groups, np.arange(len(catalogue.seen))).all()
    ):
        raise DataError(
            f"{place}: expected groups 0 .. {len(catalogue.seen) - 1}, the rows of "
            f"Catalogue.seen, found {groups.min()} .. {groups.max()}."
        )


def seen_items(groups: np.ndarray, items: np.ndarray, num_groups: int) -> np.ndarray:
    """[G, S] the items of each group's rows, once each, ascending, then -1.

    Args:
        groups: [B] 0 .. G - 1, of the training split.
        items: [B] numbers of their items.
        num_groups: G.
    """
    pairs = np.unique(np.stack([groups, items], axis=1), axis=0)
    sizes = np.bincount(pairs[:, 0], minlength=num_groups)
    seen = np.full((num_groups, max(1, sizes.max(initial=0))), -1, np.int32)
    start = np.cumsum(sizes) - sizes
    place = np.arange(len(pairs)) - start[pairs[:, 0]]
    seen[pairs[:, 0], place] = pairs[:, 1]
    return seen


def log_frequencies(counts: np.ndarray) -> np.ndarray:
    """[I] log Q_i = log (n_i / sum_j n_j), 0 of an item that no batch can hold."""
    counts = np.asarray(counts, np.float64)
    shares = counts / max(counts.sum(), 1.0)
    return np.log(np.where(shares > 0, shares, 1.0)).astype(np.float32)


def write_catalogue(path: Path, catalogue: Catalogue) -> None:
    """Writes what lists for new queries need: features, counts and `offered`."""
    offered = catalogue.offered
    if offered is None:
        offered = np.ones(catalogue.num_items, bool)
    arrays = {f"features/{name}": x for name, x in catalogue.features.items()}
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez(file, counts=catalogue.counts, offered=offered, **arrays)
    partial.replace(path)


def read_catalogue(path: Path) -> Catalogue:
    """What `write_catalogue` wrote.

    Raises:
        DataError: the file is damaged.
    """
    try:
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files}
        counts, offered = arrays.pop("counts"), arrays.pop("offered")
    except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path}: expected the items of a run, found a damaged file ({error}). "
            f"Delete it to have it made again from the run's data."
        ) from error
    features = {name.removeprefix("features/"): x for name, x in arrays.items()}
    return Catalogue(features, counts, offered)
