"""Several data sets as one: joint training on rows that no two tasks need share."""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from mtlx.data.catalogue import Catalogue
from mtlx.data.dataset import Dataset
from mtlx.data.feed import num_rows
from mtlx.data.joint_catalogues import JointGroups, joint_catalogue
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
    only: Sequence[str] | None = None,
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
    rows in a step is absent there. A retrieval task finds its item among the catalogue
    of its own data set.

    Args:
        datasets: name -> data set, whose training split is in memory. With a single one
            it is that data set by itself, under the names that it has beside others.
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
        only: names of the data sets that take part; None: all.

    Returns:
        A `Dataset` with the features "source" [B] int32, which data set a row is of,
        and "<data set>/<feature>", or "<feature>" of a shared encoder; they are zero
        on the rows of other data sets.

    Raises:
        ValueError: no data set, a name that is no identifier, or `only` none of them,
            an unknown rule or mix, a temperature below 1, sizes of other data sets, a
            training split that is not in memory, or schemas that differ for a shared
            encoder.
    """
    datasets, batch_sizes = _chosen(datasets, batch_sizes, only)
    _check(datasets, mix, batch_sizes, share_encoder)
    splits = {
        split: tuple(
            _renamed(name, getattr(one, split), share_encoder)
            for name, one in datasets.items()
        )
        for split in ("train", "validation", "test")
    }
    groups = JointGroups(datasets)
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
        validation=_side_by_side(datasets, "validation", splits, groups),
        test=_side_by_side(datasets, "test", splits, groups),
        catalogues=_catalogues(datasets, splits["test"], groups, share_encoder),
    )


def _chosen(
    datasets: Mapping[str, Dataset],
    batch_sizes: Mapping[str, int] | None,
    only: Sequence[str] | None,
) -> tuple[dict[str, Dataset], Mapping[str, int] | None]:
    if only is None:
        return dict(datasets), batch_sizes
    if strange := [name for name in only if name not in datasets]:
        raise ValueError(
            f"joint: expected only to name some of {list(datasets)}, found {strange}. "
            f"Mend data.only."
        )
    kept = {name: one for name, one in datasets.items() if name in only}
    if batch_sizes is not None and set(batch_sizes) == set(datasets):
        batch_sizes = {name: batch_sizes[name] for name in kept}
    return kept, batch_sizes


def _task(dataset: str, task: str) -> str:
    return f"{dataset}_{task}"


def _schema(datasets: Mapping[str, Dataset], share_encoder: bool) -> Schema:
    foretold = tuple(
        _task(name, task)
        for name, one in datasets.items()
        for task in one.schema.foretold
    )
    if share_encoder:
        return next(iter(datasets.values())).schema._replace(foretold=foretold)
    return Schema(
        foretold=foretold,
        parts=tuple(
            Part(name, one.schema, tuple(_task(name, t.name) for t in one.tasks))
            for name, one in datasets.items()
        ),
    )


def _renamed(name: str, rows: Batch, share_encoder: bool) -> Batch:
    """Rows whose features and tasks are called after their data set."""
    return Batch(
        features=_prefixed(name, rows.features, share_encoder),
        labels={_task(name, task): x for task, x in rows.labels.items()},
        where={_task(name, task): x for task, x in rows.where.items()},
        groups=rows.groups,
    )


def _prefixed(
    name: str, features: Mapping[str, np.ndarray], share_encoder: bool
) -> dict[str, np.ndarray]:
    prefix = "" if share_encoder else f"{name}/"
    return {f"{prefix}{key}": x for key, x in features.items()}


def _catalogues(
    datasets: Mapping[str, Dataset],
    rows: tuple[Batch, ...],
    groups: JointGroups,
    share_encoder: bool,
) -> dict[str, Catalogue]:
    found = {}
    for place, (name, one) in enumerate(datasets.items()):
        for task, catalogue in one.catalogues.items():
            features = _prefixed(name, catalogue.features, share_encoder)
            own = catalogue._replace(features=features)
            found[_task(name, task)] = joint_catalogue(place, name, own, rows, groups)
    return found


def _side_by_side(
    datasets: Mapping[str, Dataset],
    split: str,
    renamed: Mapping[str, tuple[Batch, ...]],
    groups: JointGroups,
) -> Batch:
    """All rows of one split of all data sets, on the host."""
    splits = renamed[split]
    totals = tuple(num_rows(rows) for rows in splits)
    firsts = tuple((np.cumsum(totals) - totals).tolist())
    rows = gather_rows(splits, firsts, totals, jnp.arange(sum(totals)))
    numbers = None
    if groups.needed:
        own = [groups.of(name, getattr(one, split)) for name, one in datasets.items()]
        numbers = np.concatenate(own)
    return jax.tree.map(np.asarray, rows)._replace(groups=numbers)


def _check(
    datasets: Mapping[str, Dataset],
    mix: str,
    batch_sizes: Mapping[str, int] | None,
    share_encoder: bool,
) -> None:
    names = list(datasets)
    if not names or not all(name.isidentifier() for name in names):
        raise ValueError(
            f"joint: expected data sets under names that are identifiers, found "
            f"{names}. Mend data.datasets."
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
