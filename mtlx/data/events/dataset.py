"""From a log of events to a `Dataset`."""

from collections.abc import Mapping, Sequence

import jax
import numpy as np

from mtlx.data.dataset import Dataset
from mtlx.data.errors import DataError
from mtlx.data.events.features import EventFeatures
from mtlx.data.events.log import EventLog
from mtlx.data.events.task import (
    EventTask,
    check_cold_targets,
    event_labels,
)
from mtlx.data.inputs import Input
from mtlx.types import Batch


def event_dataset(
    name: str,
    log: EventLog,
    tasks: Sequence[EventTask],
    inputs: Mapping[str, Input | None],
    item: Sequence[str],
    history: Sequence[str],
    length: int,
    show_item: bool = False,
    cold_targets: str = "mask",
) -> Dataset:
    """Rows of events: features of what was known before, labels of what came.

    A task either judges the item of the event (its rating, whether it was bought) or
    foretells it (which one it was, of what kind). Unless `show_item`, an event that
    counts for both is two rows: one with the item's columns, for the tasks that judge,
    and one without, for those that foretell. Where no task judges, the item's columns
    are no inputs at all. An event without a past counts for no task that foretells.

    Args:
        name: of the data set.
        log: the events; the features and vocabularies are fitted on its training ones.
        tasks: the tasks.
        inputs: column -> what becomes of it; None leaves it out.
        item: the columns of `inputs` that are about the item of the event.
        history: the columns that a position of a history has, the item's id first.
            Where such a column is an input too, both have one vocabulary and one table.
        length: L, the most earlier events a row has; 0 for no history.
        show_item: whether rows of tasks that foretell show the item: for models that
            keep its columns away from these tasks (`Schema.foretold`), as two towers
            do, and no others.
        cold_targets: "mask" or "miss", see `event_labels`.

    Returns:
        A `Dataset` with features "categorical", "numerical", those of bags, and
        "history" [B, L, C] int32: earlier events of the same user, oldest first, all
        strictly before the row's own time, whatever split they are of. Groups are the
        users, 0 .. G - 1 of all the log.

    Raises:
        ValueError: a length below 0, an unknown rule for cold targets, an input of no
            column.
        DataError: a split without rows, labels out of range.
    """
    check_cold_targets(name, cold_targets)
    if length < 0:
        raise ValueError(
            f"{name}: expected history >= 0 events, found {length}. Mend "
            f"data.history; 0 turns it off."
        )
    shown = show_item or not all(task.foretells for task in tasks)
    kept = {c: each for c, each in inputs.items() if shown or c not in item}
    targets = [task.column for task in tasks]
    features = EventFeatures.fit(log, kept, item, history, length, targets)
    known, labels, where = event_labels(
        log.columns, tasks, features.vocabularies, cold_targets, log.train
    )
    _, group = np.unique(log.user, return_inverse=True)
    if length:
        for task in tasks:
            if task.foretells:
                where[task.name] = where[task.name] & (features.seen[:, 0] >= 0)

    judging = [task.name for task in tasks if show_item or not task.foretells]
    foretelling = [task.name for task in tasks if task.name not in judging]

    only = {task.name: log.columns[task.scored] == 1 for task in tasks if task.scored}

    def split(part: str) -> Batch:
        inside, counts = getattr(log, part), dict(where)
        for task in only if part != "train" else ():
            counts[task] = where[task] & only[task]
        pieces = [
            _piece(features, labels, counts, inside, counted, shows)
            for counted, shows in ((judging, True), (foretelling, False))
            if counted
        ]
        rows, events = _joined([p for p, _ in pieces]), [e for _, e in pieces]
        events = np.concatenate(events)
        _check_rows(name, part, len(events))
        return rows if part == "train" else rows._replace(groups=group[events])

    foretold = tuple(task.name for task in tasks if task.foretells and show_item)
    return Dataset(
        name=name,
        tasks=known,
        schema=features.schema._replace(foretold=foretold),
        train=split("train"),
        validation=split("validation"),
        test=split("test"),
        preprocessing=features.preprocessing(foretelling if features.item else ()),
    )


def _piece(
    features: EventFeatures,
    labels: Mapping[str, np.ndarray],
    where: Mapping[str, np.ndarray],
    inside: np.ndarray,
    counted: Sequence[str],
    shows: bool,
) -> tuple[Batch, np.ndarray]:
    """The rows of the tasks `counted`, and the numbers of their events."""
    any_task = np.any([where[name] for name in counted], axis=0)
    events = np.flatnonzero(inside & any_task)
    there = {name: mask[events] & (name in counted) for name, mask in where.items()}
    values = {name: column[events] for name, column in labels.items()}
    return Batch(features.rows(events, shows), values, there), events


def _joined(pieces: Sequence[Batch]) -> Batch:
    return jax.tree.map(lambda *columns: np.concatenate(columns), *pieces)


def _check_rows(owner: str, split: str, rows: int) -> None:
    if not rows:
        raise DataError(
            f"{owner}: expected rows of these tasks in each split, found none for "
            f"{split}. Choose other tasks or another split, or a history of length 0 "
            f"where no event has a past."
        )
