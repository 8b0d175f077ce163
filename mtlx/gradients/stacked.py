"""The gradients of all tasks at once: the forms of the Gram matrix that hold T x n."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from mtlx import tree
from mtlx.gradients.parameters import Flat, Path
from mtlx.gradients.trunk import Cotangents, Trunk, filled
from mtlx.types import Array


def stacked(
    form: str, trunk: Trunk, cotangents: Sequence[Cotangents], paths: Sequence[Path]
) -> Flat:
    """The gradient of every task with respect to `paths`: each leaf [T, ...].

    * "vmap": the cotangents are pulled back in one batched backward pass.
    * "loop": T backward passes, written out in the program one after the other.
    * "map": T backward passes in a loop of the device; a program as small as for one.

    Args:
        form: one of these names.
        trunk: what the heads share, at the point of the gradients.
        cotangents: of the boundary, one list a task.
        paths: inputs of the trunk.
    """

    def pull(cotangent):
        gradient = trunk.pull(cotangent)
        return {path: gradient[path] for path in paths}

    rows = [filled(cotangent, trunk.boundary) for cotangent in cotangents]
    return _FORMS[form](pull, rows)


def group_gram(
    rows: Flat, group: Sequence[Path], num_tasks: int, metric: Flat | None
) -> Array:
    """G [T, T] over some of the stacked gradients."""
    part = {path: rows[path] for path in group}
    metric = None if metric is None else {path: metric[path] for path in group}
    return tree.gram(part, num_tasks, metric=metric)


def _vmap(pull: Callable, rows: list) -> Flat:
    return jax.vmap(pull)(_together(rows))


def _loop(pull: Callable, rows: list) -> Flat:
    return _together([pull(row) for row in rows])


def _map(pull: Callable, rows: list) -> Flat:
    return jax.lax.map(pull, _together(rows))


def _together(rows: list) -> list | Flat:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *rows)


_FORMS = {"vmap": _vmap, "loop": _loop, "map": _map}
