"""The part of the forward pass that several losses depend on, and its derivative."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.extend.core as core
import jax.numpy as jnp

from mtlx.gradients.parameters import Flat, Path
from mtlx.gradients.program import Var, part, read, variables
from mtlx.types import Array

Cotangents = list[Array | None]  # of the boundary; None where there is no path


class Operations(NamedTuple):
    """What there is to run: the trunk of a `Division`, and what it reads."""

    jaxpr: core.Jaxpr
    eqns: Sequence[core.JaxprEqn]
    inputs: dict[Path, Var]
    values: dict[Var, Any]  # of inputs and constants
    boundary: list[Var]
    exports: list[Var]  # what else is read outside

    def function(self) -> Callable[[Flat], tuple[list[Array], list[Array]]]:
        """Inputs -> (boundary, exports)."""
        reads = dict.fromkeys(var for e in self.eqns for var in variables(e.invars))
        extra = [var for var in reads if var in self.values]
        extra = [var for var in extra if var not in set(self.inputs.values())]
        call = part(
            self.jaxpr,
            self.eqns,
            [*self.inputs.values(), *extra],
            [*self.boundary, *self.exports],
        )

        def run(inputs):
            leaves = [inputs[path] for path in self.inputs]
            outputs = call(*leaves, *read(self.values, extra))
            return outputs[: len(self.boundary)], outputs[len(self.boundary) :]

        return run


class Trunk(NamedTuple):
    """The trunk at one point.

    `pull(cotangents)` is the gradient of all inputs. `function(inputs)` runs the trunk
    at another point; both have the boundary in one order.
    """

    operations: Operations
    boundary: list[Array]
    exports: list[Array]
    pull: Callable[[list[Array]], Flat]
    inputs: Flat
    function: Callable[[Flat], list[Array]]


Differentiate = Callable[[Operations], Trunk]


def differentiate(operations: Operations, remat: bool = False) -> Trunk:
    """The trunk by `jax.vjp`.

    Args:
        operations: what to run.
        remat: keep the inputs alone, and run the trunk again when gradients are asked.
    """
    function = operations.function()
    inputs = {path: operations.values[v] for path, v in operations.inputs.items()}
    run = jax.checkpoint(function) if remat else function
    boundary, pull, exports = jax.vjp(run, inputs, has_aux=True)
    return Trunk(
        operations,
        boundary,
        exports,
        lambda cotangents: pull(cotangents)[0],
        inputs,
        lambda inputs: function(inputs)[0],
    )


def filled(cotangents: Cotangents, boundary: Sequence[Array]) -> list[Array]:
    """Zeros in place of None, and each in the dtype of its value."""
    return [
        jnp.zeros_like(value) if ct is None else ct.astype(value.dtype)
        for ct, value in zip(cotangents, boundary, strict=True)
    ]


def combined(
    weights: Iterable[Array | float], cotangents: Sequence[Cotangents]
) -> Cotangents:
    """sum_t w_t c_t, value by value."""
    weights = list(weights)

    def total(parts):
        terms = [w * c for w, c in zip(weights, parts, strict=True) if c is not None]
        return sum(terms[1:], terms[0]) if terms else None

    return [total(parts) for parts in zip(*cotangents, strict=True)]
