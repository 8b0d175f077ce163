"""The feed of a joint data set: each data set has a loader, and a rule gives turns."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from mtlx.data.feed import Feed, num_rows
from mtlx.data.joint_rows import JointRows, divide, sampling_shares
from mtlx.data.row_order import row_order
from mtlx.types import Array, Batch, PyTree

SOURCE = "source"  # feature: which of the data sets a row is of


def joint_feed(train: JointRows, batch_size: int) -> Feed:
    """Batches of a fixed number of rows, whichever data sets they are of.

    A row has a number among the rows of all data sets, so that `order` says all and one
    compiled step serves every rule. The loader of a data set goes through fresh
    permutations of its rows, from the epoch's beginning on; rows that do not fill a
    batch are left out of that pass.

    Args:
        train: the splits and the rule.
        batch_size: rows a step.

    Raises:
        ValueError: batch sizes that do not fit the rule or each other, or a data set
            with fewer rows than its part of a batch.
    """
    totals = tuple(num_rows(split) for split in train.splits)
    shares = sampling_shares(totals, train.rule, train.temperature)
    sizes = _sizes(train, shares, batch_size)
    for total, size in zip(totals, sizes, strict=True):
        if total < size:
            raise ValueError(
                f"Expected at least one full batch of each data set, found {total} "
                f"rows for {size} of a batch. Choose a smaller batch_size."
            )
    steps = train.steps_per_epoch or sum(totals) // batch_size
    firsts = tuple((np.cumsum(totals) - totals).tolist())
    shuffles = [
        row_order(total, split.groups)
        for total, split in zip(totals, train.splits, strict=True)
    ]
    plan = _by_batch if train.mix == "batch" else _by_step

    def order(key):
        turn_key, *keys = jax.random.split(key, 1 + len(totals))
        turns = None
        if train.mix == "step":
            turns = _turns(turn_key, train.rule, shares, steps)
        loaders = [
            first + _loader(key, shuffle, total, size, steps)
            for first, key, shuffle, total, size in zip(
                firsts, keys, shuffles, totals, sizes, strict=True
            )
        ]
        return plan(loaders, turns)

    def fetch(arrays, index):
        return gather_rows(arrays, firsts, totals, index)

    arrays = jax.tree.map(jnp.asarray, train.splits)
    return Feed(arrays, steps, batch_size, order, fetch, by_row=True)


def gather_rows(
    splits: tuple[Batch, ...],
    firsts: tuple[int, ...],
    totals: tuple[int, ...],
    index: Array,
) -> Batch:
    """Rows of several splits side by side: zeros in the features of the other ones.

    Groups keep their numbers: rows of two splits may have one, and no task in common.

    Args:
        splits: features, labels and masks; the names may differ.
        firsts: number of the first row of each split.
        totals: number of rows of each.
        index: [B] numbers of rows.
    """
    joint: dict[str, dict[str, Array]] = {"features": {}, "labels": {}, "where": {}}
    source, groups = jnp.zeros(index.shape, jnp.int32), None
    for place, (rows, first, total) in enumerate(
        zip(splits, firsts, totals, strict=True)
    ):
        inside = (index >= first) & (index < first + total)
        source = jnp.where(inside, place, source)
        local = jnp.where(inside, index - first, 0)
        if rows.groups is not None:
            own = _only(inside, jnp.take(jnp.asarray(rows.groups), local))
            groups = own if groups is None else groups + own
        for group, found in joint.items():
            for name, column in getattr(rows, group).items():
                taken = _only(inside, jnp.take(column, local, axis=0))
                found[name] = _add(found[name], taken) if name in found else taken
    joint["features"][SOURCE] = source
    return Batch(**joint, groups=groups)


def _only(inside: Array, column: Array) -> Array:
    mask = inside.reshape(-1, *[1] * (column.ndim - 1))
    return jnp.where(mask, column, jnp.zeros_like(column))


def _add(one: Array, other: Array) -> Array:
    """Of two columns of which all but one are zero in every row."""
    return one | other if one.dtype == bool else one + other


def _sizes(train: JointRows, shares: np.ndarray, batch_size: int) -> tuple[int, ...]:
    """Rows of each data set in a batch of its own, or in its part of a batch."""
    count, own = len(train.splits), train.batch_sizes
    if train.mix == "step":
        if own is not None and set(own) != {batch_size}:
            raise ValueError(
                f"mix='step' expected batches of batch_size={batch_size} rows for all "
                f"data sets (a compiled step has one size), found {own}. Use "
                f"mix='batch', or leave batch_sizes out."
            )
        return (batch_size,) * count
    if own is not None and sum(own) != batch_size:
        raise ValueError(
            f"mix='batch' expected batch_sizes that add up to batch_size={batch_size}, "
            f"found {own}, which is {sum(own)}. Mend one of them."
        )
    if batch_size < count:
        raise ValueError(
            f"mix='batch' expected a row of each of {count} data sets, found "
            f"batch_size={batch_size}."
        )
    return own or divide(batch_size, shares)


def _turns(key: Array, rule: str, shares: np.ndarray, steps: int) -> Array:
    """[steps]: which data set each step is of."""
    if rule == "round_robin":
        return jnp.arange(steps) % len(shares)
    return jax.random.choice(key, len(shares), (steps,), p=jnp.asarray(shares))


def _loader(
    key: Array,
    shuffle: Callable[[Array], Array],
    total: int,
    size: int,
    batches: int,
) -> Array:
    """[batches, size]: the rows of a data set's first batches of an epoch."""
    a_pass = total // size
    keys = jax.random.split(key, math.ceil(batches / a_pass))
    permute = jax.vmap(lambda key: shuffle(key)[: a_pass * size])
    return permute(keys).reshape(-1, size)[:batches]


def _by_batch(loaders: list[Array], turns: None) -> PyTree:
    """Every step has rows of every data set."""
    del turns
    return jnp.concatenate(loaders, axis=1)


def _by_step(loaders: list[Array], turns: Array) -> PyTree:
    """Every step has rows of one data set, the next ones of its loader."""
    order = jnp.zeros_like(loaders[0])
    for place, rows in enumerate(loaders):
        mine = turns == place
        number = jnp.cumsum(mine) - 1  # of the batch, where it is this one's turn
        picked = jnp.take(rows, jnp.maximum(number, 0), axis=0)
        order = jnp.where(mine[:, None], picked, order)
    return order
