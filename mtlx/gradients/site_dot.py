"""A kernel's part of the Gram matrix, from what it multiplies and its cotangents."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.extend.core as core
import jax.numpy as jnp

from mtlx.gradients.program import Var, read
from mtlx.types import Array


class _Layout(NamedTuple):
    """y = x W as E products [N, K] x [K, M], whatever the order of the axes.

    `x` is the permutation of the other operand's axes to (E, N, K), `y` that of the
    output's to (E, N, M).
    """

    x: tuple[int, ...]
    y: tuple[int, ...]
    sizes: tuple[int, int, int, int]  # E, N, K, M


def dot_kernel(
    eqn: core.JaxprEqn, place: int, values: Mapping[Var, Any], num_tasks: int
) -> Callable[[Array], Array] | None:
    """C -> (x x^T) C of y = x W; None where the gradients x^T C_t cost less.

    Args:
        eqn: a `dot_general`.
        place: 0 or 1, the operand that is the parameter W.
        values: of the program's variables.
        num_tasks: T.
    """
    x = eqn.invars[1 - place]
    layout = _layout(eqn, 1 - place)
    if not _pays(*layout.sizes[1:], num_tasks):
        return None
    experts, rows, width, units = layout.sizes

    order = (0, *(axis + 1 for axis in layout.y))
    back = tuple(order.index(axis) for axis in range(len(order)))

    def apply(cotangents):
        (other,) = read(values, [x])
        other = other.transpose(layout.x).reshape(experts, rows, width)
        other = other.astype(jnp.float32)
        kernel = _einsum("enk,emk->enm", other, other)
        side = cotangents.transpose(order)
        # One product a task: a wide one for all would transpose on the way.
        each = jnp.broadcast_to(kernel[None], (len(side), *kernel.shape))
        moved = _einsum("tenm,temd->tend", each, side.reshape(-1, experts, rows, units))
        return moved.reshape(side.shape).transpose(back)

    return apply


def _einsum(equation: str, left: Array, right: Array) -> Array:
    return jnp.einsum(equation, left, right, precision=jax.lax.Precision.HIGHEST)


def _pays(rows: int, width: int, units: int, num_tasks: int) -> bool:
    """Multiplications of both sides; the kernel's side holds less where they tie."""
    kernel = rows * rows * width + num_tasks * rows * units * (rows + num_tasks)
    gradients = num_tasks * width * units * (rows + num_tasks)
    return kernel <= 1.05 * gradients


def _layout(eqn: core.JaxprEqn, place: int) -> _Layout:
    """Of the operand number `place`, which is not the parameter."""
    (contract, batch) = eqn.params["dimension_numbers"]
    shapes = [var.aval.shape for var in eqn.invars]

    def free(side):
        fixed = (*contract[side], *batch[side])
        return [axis for axis in range(len(shapes[side])) if axis not in fixed]

    sizes = math.prod(shapes[place][axis] for axis in batch[place])
    counts = [len(free(0)), len(free(1))]
    first = len(batch[0])
    outputs = list(range(first + sum(counts)))
    groups = outputs[first : first + counts[0]], outputs[first + counts[0] :]

    x = (*batch[place], *free(place), *contract[place])
    y = (*outputs[:first], *groups[place], *groups[1 - place])

    def size(side, axes):
        return math.prod(shapes[side][axis] for axis in axes)

    numbers = (
        sizes,
        size(place, free(place)),
        size(place, contract[place]),
        size(1 - place, free(1 - place)),
    )
    return _Layout(x, y, numbers)
