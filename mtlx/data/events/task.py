"""Tasks on events: what is said of a shown item, and what is foretold of the next."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mtlx.data.categorical import Categorical, Columns
from mtlx.data.labels import MISSING, build_labels
from mtlx.data.vocabulary import UNKNOWN, Vocabulary
from mtlx.tasks import Task

COLD_TARGETS = ("mask", "miss")


class EventTask(NamedTuple):
    """A task, and whether its rows may show the item that the event is about.

    Where `foretells`, the item, or a fact of it, is what is asked for: the row then has
    none of the item's columns.
    """

    name: str
    kind: str  # of `mtlx.tasks.Task`
    column: str  # of the log; ids of a `Categorical` are those of its training values
    foretells: bool = False
    classes: int | None = None  # of numbers; of a `Categorical` the vocabulary's size
    space: str | None = None
    metrics: tuple[str, ...] = ()
    scored: str | None = None  # column: 1 where an event counts in the scored splits


def event_labels(
    columns: Columns,
    tasks: Sequence[EventTask],
    vocabularies: Mapping[str, Vocabulary],
    cold_targets: str,
    train: np.ndarray,
) -> tuple[tuple[Task, ...], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Tasks as models know them, their labels, and the events that count for each.

    Args:
        columns: of the log.
        tasks: the tasks.
        vocabularies: of their `Categorical` columns.
        cold_targets: what becomes of an event whose label no training event has:
            "mask", it does not count; "miss", its label is `UNKNOWN`, which is no
            training row's label and so practically never predicted.
        train: [N] bool, the training events. Theirs is only unknown where an input cuts
            rare ids; then it does not count.

    Raises:
        DataError: see `build_labels`.
    """
    raw, made = {}, []
    for task in tasks:
        column, classes = columns[task.column], task.classes
        if isinstance(column, Categorical):
            vocabulary = vocabularies[task.column]
            ids, classes = vocabulary.ids(column), vocabulary.size
            masked = (ids == UNKNOWN) & (train | (cold_targets == "mask"))
            column = np.where(masked, MISSING, ids)
        raw[task.name] = column
        if task.space is not None:
            raw[task.space] = columns[task.space]
        made.append(
            Task(
                task.name,
                task.kind,
                space=task.space,
                num_classes=classes,
                metrics=task.metrics,
            )
        )
    return tuple(made), *build_labels(raw, made)


def check_cold_targets(owner: str, value: str) -> None:
    """Refuses another rule.

    Raises:
        ValueError: `value` is none of `COLD_TARGETS`.
    """
    if value not in COLD_TARGETS:
        raise ValueError(
            f"{owner}: expected cold_targets to be one of {COLD_TARGETS}, found "
            f"{value!r}. Mend data.cold_targets."
        )
