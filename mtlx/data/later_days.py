"""What a log goes on with after the training days, day by day."""

from typing import NamedTuple

import jax
import numpy as np

from mtlx.data.dataset import Dataset
from mtlx.types import Batch


class Day(NamedTuple):
    """The rows of one day; the first `count` are its own, the others count nowhere."""

    date: int  # YYYYMMDD
    rows: Batch  # [N, ...], N the same for all days
    count: int


def later_days(dataset: Dataset) -> tuple[Day, ...]:
    """The days of the validation and the test split, in order.

    All of them have the shapes of the longest: the shorter ones are filled up with
    repeats of a row that `where` leaves out, so that one compiled program takes every
    day. Features stay as the data set made them: what was fitted (vocabularies, scales)
    was fitted on the training days, and an id that they do not hold stays unknown.

    Raises:
        ValueError: a data set that does not say of which day its rows are, or later
            days among or before the training days.
    """
    splits = ("validation", "test")
    missing = [name for name in ("train", *splits) if name not in dataset.days]
    if missing:
        raise ValueError(
            f"{dataset.name}: expected a log whose rows are of known days "
            f"(Dataset.days), found none for {', '.join(missing)}. Choose "
            f"data=kuairand, or give the data set its days."
        )
    date = np.concatenate([dataset.days[name] for name in splits])
    _check_order(dataset, date)
    rows = _joined(*(getattr(dataset, name) for name in splits))
    dates, counts = (x.tolist() for x in np.unique(date, return_counts=True))
    return tuple(
        Day(one, _filled(rows, np.flatnonzero(date == one), max(counts)), count)
        for one, count in zip(dates, counts, strict=True)
    )


def _check_order(dataset: Dataset, date: np.ndarray) -> None:
    last = dataset.days["train"].max()
    if date.min() <= last:
        raise ValueError(
            f"{dataset.name}: expected the validation and test days to come after the "
            f"training days, found {date.min()} and {last}. Split the log by time."
        )


def _joined(first: Batch, second: Batch) -> Batch:
    return jax.tree.map(lambda *parts: np.concatenate(parts), first, second)


def _filled(rows: Batch, chosen: np.ndarray, size: int) -> Batch:
    index = np.append(chosen, np.repeat(chosen[:1], size - len(chosen)))
    own = np.arange(size) < len(chosen)
    day = jax.tree.map(lambda column: column[index], rows)
    return day._replace(where={task: w & own for task, w in day.where.items()})
