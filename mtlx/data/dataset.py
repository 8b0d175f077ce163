"""A data set as mtlx sees it: splits, schema and tasks."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from mtlx.data.blocks import Blocks
from mtlx.data.catalogue import Catalogues
from mtlx.data.joint_rows import JointRows
from mtlx.data.preprocessing import Preprocessing
from mtlx.tasks import Task
from mtlx.types import Batch, PyTree, Schema

__all__ = ["Augmented", "Dataset", "Schema", "Stream"]


class Stream(NamedTuple):
    """Training rows drawn on the device, fresh at each step.

    `sample(arrays, key, batch_size) -> Batch` is pure and runs inside the compiled
    step. `arrays` holds its numbers: streams that differ in them share a program.
    """

    sample: Callable[..., Batch]
    steps_per_epoch: int
    arrays: PyTree = ()


class Augmented(NamedTuple):
    """Training rows in memory, each changed at random whenever a step reads it.

    `change(row, key) -> row` is pure and runs inside the compiled step; it takes and
    gives one row, a `Batch` whose arrays lack the axis of rows.
    """

    rows: Batch
    change: Callable[..., Batch]


class Dataset(NamedTuple):
    """Named splits with the tasks that are trained on them.

    `train` is a `Batch` that holds every row of the split, `Augmented` rows, a
    `Stream`, `Blocks` of what is larger than memory, or `JointRows` of several data
    sets; `validation` and `test` are Batches. `notes` are sentences on what became of
    the rows, for the user to read. `preprocessing` makes the same features of rows that
    are in no split; without it a model of the data cannot be served. `catalogues` has
    for each retrieval task the items that it finds its answers among. `days` has, where
    the data are a log, split -> [N] the day of each row as YYYYMMDD. `train_groups` [N]
    are the groups of the training rows, where metrics may read them and no loss does.
    """

    name: str
    tasks: tuple[Task, ...]
    schema: Schema
    train: Batch | Augmented | Stream | Blocks | JointRows
    validation: Batch
    test: Batch
    notes: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None
    catalogues: Catalogues = {}
    days: Mapping[str, np.ndarray] = {}
    train_groups: np.ndarray | None = None
