"""The trunk differentiated operation by operation, so that one can look in between."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.extend.core as core
import jax.numpy as jnp

from mtlx.gradients.parameters import Flat
from mtlx.gradients.program import Var, is_float, operation, read, variables
from mtlx.gradients.trunk import Operations, Trunk
from mtlx.types import Array


class Entry(NamedTuple):
    """One operation that gradients go through."""

    eqn: core.JaxprEqn
    inputs: list[Var]  # those that gradients go to
    outputs: list[Var]  # those that gradients come from
    pull: Callable[[list[Array]], tuple[Array, ...]]


class Tape(NamedTuple):
    """All of them in order, and every value that the trunk computes."""

    entries: list[Entry]
    values: dict[Var, Any]


def record(operations: Operations) -> tuple[Trunk, Tape]:
    """The trunk as `trunk.differentiate` gives it, and its tape."""
    values, entries = dict(operations.values), []
    active = set(operations.inputs.values())
    for eqn in operations.eqns:
        inputs = [v for v in dict.fromkeys(variables(eqn.invars)) if v in active]
        outputs = [v for v in eqn.outvars if is_float(v)] if inputs else []
        run = _split(operations.jaxpr, eqn, inputs, outputs, values)
        if outputs:
            computed, pull, others = jax.vjp(run, *read(values, inputs), has_aux=True)
            entries.append(Entry(eqn, inputs, outputs, pull))
            active |= set(outputs)
        else:
            computed, others = run(*read(values, inputs))
        values |= zip(outputs, computed, strict=True)
        values |= others

    def pull(cotangents):
        return _pull(operations, entries, cotangents)

    trunk = Trunk(
        operations,
        read(values, operations.boundary),
        read(values, operations.exports),
        pull,
        {path: operations.values[v] for path, v in operations.inputs.items()},
        lambda inputs: operations.function()(inputs)[0],
    )
    return trunk, Tape(entries, values)


def _split(jaxpr, eqn, inputs, outputs, values):
    """An operation as (inputs) -> (outputs, {other output: value})."""
    run = operation(jaxpr, eqn)

    def at(*active):
        here = values | dict(zip(inputs, active, strict=True))
        results = dict(zip(eqn.outvars, run(*read(here, eqn.invars)), strict=True))
        return [results.pop(v) for v in outputs], results

    return at


def _pull(
    operations: Operations, entries: list[Entry], cotangents: list[Array]
) -> Flat:
    """One backward pass."""
    found = dict(zip(operations.boundary, cotangents, strict=True))
    for entry in reversed(entries):
        if not any(var in found for var in entry.outputs):
            continue
        arrived = [found.pop(v) if v in found else zeros(v) for v in entry.outputs]
        for var, ct in zip(entry.inputs, entry.pull(arrived), strict=True):
            found[var] = found[var] + ct if var in found else ct
    return {
        path: found[v] if v in found else zeros(v)
        for path, v in operations.inputs.items()
    }


def zeros(var: Var) -> Array:
    """A cotangent where there is none."""
    return jnp.zeros(var.aval.shape, var.aval.dtype)
