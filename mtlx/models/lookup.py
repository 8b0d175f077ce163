"""Embedding tables that a training step may hold in part."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import traverse_util

from mtlx.types import Array, Int, PyTree

LOOKUPS = "lookups"  # collection: the row ids that a forward pass reads, for each table
TOUCHED = "touched"  # collection: the row ids that a table held in part consists of
SCALES = "scales"  # collection: factors of the vectors that are read, for each table


def lookup(
    module: nn.Module,
    name: str,
    init: Callable[..., Array],
    shape: tuple[int, int],
    ids: Int[Array, "..."],
) -> Array:
    """table[ids], of a table [R, D] that is the parameter `name` of `module`.

    An optimizer that works row by row (`mtlx.train.optimizers.lazy_adam`) lets a step
    measure and update the rows alone that the batch reads. For that the table says, in
    the collection "lookups", which rows it reads; and where the collection "touched"
    has an entry [U] for it, the parameter is taken to be those rows [U, D] of the
    table. A table that is read in another way is trained as any other parameter.

    What explains a model (`mtlx.serving.attribution`) scales the vectors: where the
    collection "scales" has an entry for the table, of the structure that "lookups" has
    and with that mutable, each vector is multiplied by its factor.

    Args:
        module: the module that owns the table; to be called from a compact method.
        name: of the parameter.
        init: initialiser, (key, shape, dtype) -> table.
        shape: (R, D).
        ids: rows to read, of any shape. An id outside 0 .. R - 1 gives NaN. They may
            not depend on `train`.

    Returns:
        float32 [*ids.shape, D].
    """
    rows = shape[0]
    ids = jnp.where((ids >= 0) & (ids < rows), ids, rows)
    if module.has_variable(TOUCHED, name):
        # Not `module.param`, which holds a parameter against the shape that it had at
        # initialisation.
        table = module.get_variable("params", name)
        touched = module.get_variable(TOUCHED, name)
        ids = jnp.where(ids < rows, _positions(touched, ids), touched.size)
    else:
        table = module.param(name, init, shape, jnp.float32)
        if not module.is_initializing():
            module.sow(LOOKUPS, name, ids)
    vectors = jnp.take(table, ids, axis=0, mode="fill")
    if module.has_variable(SCALES, name):
        call = len(module.get_variable(LOOKUPS, name)) - 1
        factors = module.get_variable(SCALES, name)[call][..., None]
        # NaN may be padding that is masked later: its derivative would not be.
        known = (ids < rows)[..., None]
        scaled = jnp.where(known, vectors, 0.0) * factors
        vectors = jnp.where(known, scaled, vectors)
    return vectors


def lookup_again(
    module: nn.Module, name: str, rows: int, ids: Int[Array, "..."]
) -> Array:
    """`lookup` in a table [rows, D] that the module has read before, from any method.

    Args:
        module, name: as in `lookup`.
        rows: R.
        ids: as in `lookup`.
    """
    ids = jnp.where((ids >= 0) & (ids < rows), ids, rows)
    table = module.get_variable("params", name)
    if module.has_variable(TOUCHED, name):
        touched = module.get_variable(TOUCHED, name)
        ids = jnp.where(ids < rows, _positions(touched, ids), touched.size)
    elif not module.is_initializing():
        module.sow(LOOKUPS, name, ids)
    return jnp.take(table, ids, axis=0, mode="fill")


def read_rows(
    model: nn.Module, variables: PyTree, features: Mapping[str, Array]
) -> dict[tuple[str, ...], Int[Array, "lookups"]]:
    """Path of each table of the model -> the row ids that the features read, repeated.

    Of the forward pass that this traces, a compiled program keeps what makes the ids.
    """
    _, collections = model.apply(variables, features, train=False, mutable=[LOOKUPS])
    sown = traverse_util.flatten_dict(collections.get(LOOKUPS, {}))
    return {
        path: jnp.concatenate([ids.reshape(-1) for ids in each])
        for path, each in sown.items()
    }


def find_tables(
    model: nn.Module, features: Mapping[str, Any]
) -> tuple[tuple[str, ...], ...]:
    """Paths of the parameters that the model reads by `lookup`; nothing is computed.

    Args:
        model: linen module of `mtlx.models`.
        features: of a batch, arrays or their shapes.
    """

    def read(key, features):
        return read_rows(model, model.init(key, features), features)

    return tuple(sorted(jax.eval_shape(read, jax.random.key(0), dict(features))))


def _positions(touched: Array, ids: Array) -> Array:
    """Where each id is among `touched`, which ascends; its size if it is not there."""
    at = jnp.searchsorted(touched, ids)
    found = jnp.take(touched, at, mode="clip") == ids
    return jnp.where(found, at, touched.size)
