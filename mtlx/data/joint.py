"""Several data sets as one: joint training on rows that no two tasks need share."""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from mtlx.data.dataset import Dataset
from mtlx.data.feed import num_rows
from mtlx.data.joint_feed import gather_rows
from mtlx.data.joint_rows import MIXES, JointRows, sampling_shares
from mtlx.types import Batch, Part, Schema


def joint(
    datasets: Mapping[str, Dataset],
    rule: str = "proportional",
    temperature: float = 1.0,
    mix: str = "batch",
    batch_sizes: Mapping[str, int] | None = None,
    steps_per_epoch: int | None = None,
    share_encoder: bool = False,
) -> Dataset:
    """The tasks of all data sets, each on the rows of its own, for one shared trunk.

    Each data set has a loader of its own, which goes through permutations of its rows.
    How often it is asked is p_i ~ n_i^(1 / tau) (`sampling_shares`):

    * mix "step": a step is of one data set, drawn with p_i, or in turns for the rule
      "round_robin";
    * mix "batch": a step has p_i B rows of data set i, or `batch_sizes`.

    Either way a batch has a fixed number of rows, a row counts for the tasks of its own
    data set alone, and one compiled program serves. A task is called
    "<data set>_<task>"; its balancer, metrics and tower are as ever, and a task without
    rows in a step is absent there.

    Args:
        datasets: name -> data set, whose training split is in memory.
        rule: "round_robin", "proportional" or "temperature".
        temperature: tau of the rule "temperature"; at least 1.
        mix: "step" or "batch".
        batch_sizes: name -> rows in a batch, for mix "batch"; they add up to the
            trainer's batch_size. None: p_i of it.
        steps_per_epoch: None: as many as all rows together fill.
        share_encoder: whether one encoder reads all rows. The data sets then have one
            schema and must have one vocabulary, which nothing here can check. Otherwise
            each has an encoder of its own, and `encoder=joint` projects them to one
            width.

    Returns:
        A `Dataset` with the features "source" [B] int32, which data set a row is of,
        and "<data set>/<feature>", or "<feature>" of a shared encoder; they are zero
        on the rows of other data sets.

    Raises:
        ValueError: fewer than two data sets, a name that is no identifier, an unknown
            rule or mix, a temperature below 1, sizes of other data sets, a training
            split that is not in memory, or schemas that differ for a shared encoder.
    """
    datasets = dict(datasets)
    _check(datasets, mix, batch_sizes, share_encoder)
    splits = {
        split: tuple(
            _renamed(name, getattr(one, split), share_encoder)
            for name, one in datasets.items()
        )
        for split in ("train", "validation", "test")
    }
    sizes = None if batch_sizes is None else tuple(batch_sizes[n] for n in datasets)
    # Refused here what the feed would refuse later.
    sampling_shares(tuple(map(num_rows, splits["train"])), rule, temperature)
    train = JointRows(splits["train"], rule, temperature, mix, sizes, steps_per_epoch)
    return Dataset(
        name="_".join(("joint", *datasets)),
        tasks=tuple(
            dataclasses.replace(task, name=_task(name, task.name))
            for name, one in datasets.items()
            for task in one.tasks
        ),
        schema=_schema(datasets, share_encoder),
        train=train,
        validation=_side_by_side(splits["validation"]),
        test=_side_by_side(splits["test"]),
    )


def _task(dataset: str, task: str) -> str:
    return f"{dataset}_{task}"


def _schema(datasets: Mapping[str, Dataset], share_encoder: bool) -> Schema:
    if share_encoder:
        return next(iter(datasets.values())).schema
    return Schema(
        parts=tuple(
            Part(name, one.schema, tuple(_task(name, t.name) for t in one.tasks))
            for name, one in datasets.items()
        )
    )


def _renamed(name: str, rows: Batch, share_encoder: bool) -> Batch:
    """Rows whose features and tasks are called after their data set."""
    prefix = "" if share_encoder else f"{name}/"
    return Batch(
        features={f"{prefix}{key}": x for key, x in rows.features.items()},
        labels={_task(name, task): x for task, x in rows.labels.items()},
        where={_task(name, task): x for task, x in rows.where.items()},
        groups=rows.groups,
    )


def _side_by_side(splits: tuple[Batch, ...]) -> Batch:
    """All rows of all splits, on the host."""
    totals = tuple(num_rows(rows) for rows in splits)
    firsts = tuple((np.cumsum(totals) - totals).tolist())
    rows = gather_rows(splits, firsts, totals, jnp.arange(sum(totals)))
    return jax.tree.map(np.asarray, rows)._replace(groups=_groups(splits, totals))


def _groups(splits: tuple[Batch, ...], totals: tuple[int, ...]) -> np.ndarray | None:
    """Groups that keep the data sets apart; one without groups is one."""
    if all(rows.groups is None for rows in splits):
        return None
    parts, first = [], 0
    for rows, total in zip(splits, totals, strict=True):
        groups = np.zeros(total, np.int64) if rows.groups is None else rows.groups
        _, groups = np.unique(groups, return_inverse=True)
        parts.append(groups + first)
        first += int(groups.max()) + 1
    return np.concatenate(parts)


def _check(
    datasets: Mapping[str, Dataset],
    mix: str,
    batch_sizes: Mapping[str, int] | None,
    share_encoder: bool,
) -> None:
    names = list(datasets)
    if len(names) < 2 or not all(name.isidentifier() for name in names):
        raise ValueError(
            f"joint: expected two data sets or more under names that are identifiers, "
            f"found {names}. Mend data.datasets."
        )
    if mix not in MIXES:
        raise ValueError(f"joint: expected mix to be one of {MIXES}, found {mix!r}.")
    if batch_sizes is not None and set(batch_sizes) != set(names):
        raise ValueError(
            f"joint: expected a size for each data set of {names}, found "
            f"{dict(batch_sizes)}. Mend data.batch_sizes."
        )
    for name, one in datasets.items():
        if not isinstance(one.train, Batch):
            raise ValueError(
                f"joint: expected training rows in memory, found "
                f"{type(one.train).__name__} for {name!r}. Train on that one by itself."
            )
    schemas = [one.schema for one in datasets.values()]
    if share_encoder and any(schema != schemas[0] for schema in schemas):
        raise ValueError(
            f"joint: share_encoder=True expected one schema for all of {names}, found "
            f"others. Use share_encoder=False and encoder=joint."
        )
