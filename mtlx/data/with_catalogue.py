"""A data set whose classes are items: a task that retrieves them, and the catalogue."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from mtlx.data.catalogue import Catalogue, seen_items
from mtlx.data.dataset import Dataset
from mtlx.data.errors import DataError
from mtlx.data.feed import num_rows
from mtlx.data.preprocessing import Preprocessing
from mtlx.retrieval_losses import softmax_over_items
from mtlx.tasks import Task
from mtlx.types import Batch

WITH_HITS = functools.partial(softmax_over_items, remove_accidental_hits=False)
SPLITS = ("train", "validation", "test")


def with_catalogue(
    dataset: Dataset,
    task: str,
    item: Sequence[str],
    metrics: Sequence[str] = (),
    seen: str | None = None,
    by_group: bool = False,
    remove_accidental_hits: bool = True,
) -> Dataset:
    """`dataset` with the multiclass task `task` as a retrieval task.

    Its classes are the ids of the first column of `item`, and stay the labels. The
    catalogue holds for each id the item's inputs as a row of the data set has them, the
    training split's first; it offers the items that the training split is about. Label
    0 of a row that counts is an item that it is not about: a miss of any model.

    Args:
        dataset: whose three splits are in memory and show the item in their rows.
        task: name of the task.
        item: names of the columns and fields that describe the item, first the column
            of its ids.
        metrics: of the task; () means those of its kind.
        seen: name of the categorical column of users, if lists are to leave out what
            the user has in the training rows that count for the task.
        by_group: whether the rows of one user (`Batch.groups`) are one query with
            several answers, and not a query each.
        remove_accidental_hits: of the loss, see `mtlx.retrieval_losses`.

    Raises:
        ValueError: no such task, column or field, or a training split that is not in
            memory.
        DataError: labels that are not the ids of the item's column, or no groups.
    """
    chosen = next((one for one in dataset.tasks if one.name == task), None)
    if chosen is None or chosen.kind != "multiclass":
        raise ValueError(
            f"with_catalogue: expected a multiclass task, found {task!r} among "
            f"{[(one.name, one.kind) for one in dataset.tasks]}. Mend data.task."
        )
    if not isinstance(dataset.train, Batch):
        raise ValueError(
            f"with_catalogue: expected a training split in memory, found a "
            f"{type(dataset.train).__name__}."
        )
    _check_names(dataset, (*item, seen) if seen else tuple(item))
    splits = {split: getattr(dataset, split) for split in SPLITS}
    column = dataset.schema.names.index(item[0])
    for split, rows in splits.items():
        _check_labels(f"{dataset.name}, {split} split", task, rows, column)
    new = Task(
        task,
        "retrieval",
        chosen.label,
        chosen.space,
        loss=None if remove_accidental_hits else WITH_HITS,
        metrics=tuple(metrics),
    )
    return dataset._replace(
        tasks=tuple(new if one is chosen else one for one in dataset.tasks),
        schema=dataset.schema._replace(item=tuple(item)),
        catalogues={task: _catalogue(dataset, task, tuple(item), seen, by_group)},
        preprocessing=_preprocessing(dataset, item),
    )


def _preprocessing(dataset: Dataset, item: Sequence[str]) -> Preprocessing | None:
    found = dataset.preprocessing
    if found is None or found.tabular is None:
        return found
    columns = tuple(
        column
        for column, each in found.tabular.inputs.items()
        if {*each.sizes, *(field.name for field in each.fields)} & set(item)
    )
    return dataclasses.replace(found, item=columns)


def _catalogue(
    dataset: Dataset, task: str, item: tuple[str, ...], seen: str | None, by_group: bool
) -> Catalogue:
    train, names = dataset.train, dataset.schema.names
    column = names.index(item[0])
    size = dataset.schema.cardinalities[column]
    features, there = _item_rows(dataset, item, column, size)
    about = np.bincount(train.features["categorical"][:, column], minlength=size)
    counted = np.asarray(train.where[task])
    items = np.asarray(train.labels[task])[counted]
    found = None
    if seen is not None:
        users = train.features["categorical"][counted, names.index(seen)]
        found = _seen(dataset, names.index(seen), users, items)
    return Catalogue(
        features,
        np.bincount(items, minlength=size),
        offered=there & (about > 0) & (np.arange(size) > 0),
        seen=found,
        by_group=by_group,
    )


def _item_rows(
    dataset: Dataset, item: tuple[str, ...], column: int, size: int
) -> tuple[Mapping[str, np.ndarray], np.ndarray]:
    """For each id a row with the item's inputs alone, and whether there is one."""
    splits = [getattr(dataset, split) for split in SPLITS]
    ids = np.concatenate([rows.features["categorical"][:, column] for rows in splits])
    row = np.full(size, -1)
    row[ids[::-1]] = np.arange(len(ids))[::-1]  # the first of each is written last
    row[0] = -1
    columns = [dataset.schema.names.index(n) for n in item if n in dataset.schema.names]

    def pick(name: str) -> np.ndarray:
        values = np.concatenate([np.asarray(rows.features[name]) for rows in splits])
        picked = values[np.maximum(row, 0)]
        whole = np.issubdtype(values.dtype, np.integer) and name != "categorical"
        empty = np.full_like(picked, -1 if whole and values.dtype != np.uint8 else 0)
        if name == "categorical":
            empty[:, columns] = np.where(row[:, None] < 0, 0, picked[:, columns])
        elif name in item:
            across = (-1,) + (1,) * (values.ndim - 1)
            empty = np.where((row < 0).reshape(across), empty, picked)
        return empty

    return {name: pick(name) for name in dataset.train.features}, row >= 0


def _seen(
    dataset: Dataset, column: int, users: np.ndarray, items: np.ndarray
) -> np.ndarray:
    """What each group of the scored splits has in training, by its user's id."""
    scored = [dataset.validation, dataset.test]
    if any(rows.groups is None for rows in scored):
        raise DataError(
            f"with_catalogue: expected groups of rows in the scored splits of "
            f"{dataset.name!r}, found none. Leave data.seen out."
        )
    groups = np.concatenate([rows.groups for rows in scored])
    ids = np.concatenate([rows.features["categorical"][:, column] for rows in scored])
    group_of = np.full(dataset.schema.cardinalities[column], -1)
    group_of[ids] = groups
    group_of[0] = -1  # users that the training split does not hold
    known = group_of[users] >= 0
    return seen_items(group_of[users[known]], items[known], int(groups.max()) + 1)


def _check_names(dataset: Dataset, names: tuple[str, ...]) -> None:
    schema = dataset.schema
    known = (*schema.names, *(field.name for field in schema.fields))
    strange = [name for name in names if name not in known]
    if strange or not names or names[0] not in schema.names:
        raise ValueError(
            f"with_catalogue: expected columns and fields of {list(known)}, the item's "
            f"first a categorical column, found {list(names)}. Mend data.item and "
            f"data.seen, and let the rows show the item."
        )


def _check_labels(place: str, task: str, rows: Batch, column: int) -> None:
    ids = np.asarray(rows.features["categorical"][:, column])
    labels = np.asarray(rows.labels[task])
    wrong = np.asarray(rows.where[task]) & (labels != ids)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"with_catalogue: {place}, row {row} of {num_rows(rows)}: expected the "
            f"label of {task!r} to be the item that the row shows, found label "
            f"{labels[row]} and item {ids[row]}. Let the rows show the item "
            f"(data.dataset.show_item=true)."
        )
