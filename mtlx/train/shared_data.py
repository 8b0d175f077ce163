"""The data of a population: one for all members, or of equal shape for each."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtlx import metrics
from mtlx.data.catalogue import Catalogues, queries
from mtlx.data.dataset import Dataset, Stream
from mtlx.data.feed import Feed, make_feed
from mtlx.tasks import Task
from mtlx.train.evaluate import cut_rows, join_rows
from mtlx.train.inspect import sample_rows
from mtlx.train.selection import Scores
from mtlx.types import Batch, PyTree


class Split(NamedTuple):
    """Rows to score on."""

    features: PyTree  # [batches, B, ...], with an axis of data sets before if own
    rows: tuple[Batch, ...]  # of each of them
    catalogues: Catalogues

    def of(self, which: np.ndarray) -> "Split":
        """That of the members whose data sets have the numbers `which`."""
        features = jax.tree.map(lambda x: x[which], self.features)
        return self._replace(features=features, rows=tuple(self.rows[n] for n in which))

    def score(
        self, tasks: tuple[Task, ...], outputs: dict[str, np.ndarray], member: int
    ) -> Scores:
        """Metrics of one member, from {task: [N, batches, B, ...]} on the host."""
        rows = self.rows[member % len(self.rows)]
        own = join_rows({task: y[member] for task, y in outputs.items()}, rows)
        same = queries(self.catalogues, rows)
        return metrics.evaluate(tasks, own, rows.labels, rows.where, rows.groups, same)


class SharedData(NamedTuple):
    """What members train on and are scored on.

    Where members have data of their own, each data set is held once, and `part` lays
    out those of some members one by one.
    """

    tasks: tuple[Task, ...]
    feed: Feed  # of one member
    arrays: PyTree
    validation: Split
    inspected: Split  # rows of it, for `mtlx.train.inspect`
    test: Split
    which: np.ndarray | None  # the data set of each member; None: all have the one
    catalogues: Catalogues

    @classmethod
    def of(
        cls,
        dataset: Dataset | Sequence[Dataset],
        batch_size: int,
        eval_batch_size: int,
    ) -> "SharedData":
        """From one data set, or from one for each member.

        Raises:
            ValueError: data sets that differ in more than the numbers of a stream.
        """
        own = not isinstance(dataset, Dataset)
        each, which = _distinct(dataset) if own else ((dataset,), None)
        catalogues = each[0].catalogues
        if own:
            _check_alike(each)
        feeds = [
            make_feed(one.train, batch_size).on_device("A population") for one in each
        ]

        def split(rows: tuple[Batch, ...]) -> Split:
            features = [
                cut_rows(one, eval_batch_size, tasks=each[0].tasks) for one in rows
            ]
            return Split(_stack(features) if own else features[0], rows, catalogues)

        return cls(
            tasks=each[0].tasks,
            feed=feeds[0],
            arrays=_stack([f.arrays for f in feeds]) if own else feeds[0].arrays,
            validation=split(tuple(one.validation for one in each)),
            inspected=split(tuple(sample_rows(one.validation) for one in each)),
            test=split(tuple(one.test for one in each)),
            which=which,
            catalogues=catalogues,
        )

    @property
    def own(self) -> bool:
        """Whether arrays and features have an axis of data sets, or of members."""
        return self.which is not None

    @property
    def member_bytes(self) -> int:
        """The rows to be scored that `part` adds for each member.

        The arrays are not counted: as arguments of the program they are in its own
        footprint (`mtlx.train.memory`).
        """
        if not self.own:
            return 0
        splits = (self.validation, self.inspected, self.test)
        held = [split.features for split in splits]
        return sum(leaf[0].nbytes for leaf in jax.tree.leaves(held))

    def part(self, members: slice) -> "SharedData":
        """The data of some of the members, with an axis of members if own."""
        if not self.own:
            return self
        which = self.which[members]
        return self._replace(
            arrays=jax.tree.map(lambda x: x[which], self.arrays),
            validation=self.validation.of(which),
            inspected=self.inspected.of(which),
            test=self.test.of(which),
            which=np.arange(len(which)),
        )

    def place(self, put: Callable[[PyTree], PyTree]) -> "SharedData":
        """The same with its arrays where `put` puts them."""
        validation, inspected, test = (
            split._replace(features=put(split.features))
            for split in (self.validation, self.inspected, self.test)
        )
        return self._replace(
            arrays=put(self.arrays),
            validation=validation,
            inspected=inspected,
            test=test,
        )


def _stack(trees: Sequence[PyTree]) -> PyTree:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def _distinct(
    datasets: Sequence[Dataset],
) -> tuple[tuple[Dataset, ...], np.ndarray]:
    """Each data set once, and the number of each member's."""
    each = {id(one): one for one in datasets}
    numbers = {key: number for number, key in enumerate(each)}
    return tuple(each.values()), np.array([numbers[id(one)] for one in datasets])


def _check_alike(each: tuple[Dataset, ...]) -> None:
    first = each[0]
    for one in each:
        if not isinstance(one.train, Stream):
            raise ValueError(
                f"Expected data sets that differ by member to train on a Stream, found "
                f"{one.name}, whose rows are held in memory. Train such members apart."
            )
        facts = [
            (
                d.tasks,
                d.schema,
                d.train.steps_per_epoch,
                jax.tree.map(jnp.shape, (d.train.arrays, d.validation, d.test)),
            )
            for d in (first, one)
        ]
        if facts[0] != facts[1] or one.train.sample != first.train.sample:
            raise ValueError(
                f"Expected data sets of one kind and shape for all members, found "
                f"{first.name} beside a {one.name} that differs in tasks, sizes or in "
                f"how it samples. Train such members apart."
            )
