"""One forward pass, and one backward pass through every head, to the boundary."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.extend.core as core
import jax.numpy as jnp

from mtlx.gradients.division import Division, divide
from mtlx.gradients.parameters import Flat, Path
from mtlx.gradients.program import Program, Var, part, read, trace, variables
from mtlx.gradients.trunk import (
    Cotangents,
    Differentiate,
    Operations,
    Trunk,
    combined,
    differentiate,
    filled,
)
from mtlx.types import Array


class Outline(NamedTuple):
    """The operations of a loss function, before any is run."""

    program: Program
    division: Division
    names: dict[Path, Var]
    inputs: Flat
    own: Flat

    @property
    def num_tasks(self) -> int:
        return self.program.outputs[0].aval.shape[0]

    @property
    def penalty(self) -> Any:
        """The variable of the aux entry "penalty", or None."""
        return _penalty(self.program)


def outline(
    function: Callable[[Flat], tuple[Array, Any]], shared: Flat, own: Flat
) -> Outline:
    """Traces ``function({**shared, **own})`` -> (losses [T], aux) and divides it.

    Args:
        function: its aux, if a mapping, may have an entry "penalty" [].
        shared, own: its inputs.
    """
    inputs = {**shared, **own}
    program = trace(function, inputs)
    names = dict(zip(sorted(inputs), program.inputs, strict=True))
    own_vars = {names[path] for path in own}
    division = divide(program, program.outputs[0], _penalty(program), own_vars)
    return Outline(program, division, names, inputs, own)


def _penalty(program: Program) -> Any:
    aux = program.outputs[1]
    return aux.get("penalty") if isinstance(aux, Mapping) else None


class Forward(NamedTuple):
    """The losses, and how they depend on the boundary between trunk and heads."""

    losses: Array  # [T]
    aux: Any
    cotangents: list[Cotangents]  # one a task
    penalty: Cotangents | None
    own: Flat  # gradient of the sum of all losses, and of the penalty
    trunk: Trunk


def forward(outline: Outline, derive: Differentiate = differentiate) -> Forward:
    """Runs what was outlined once.

    Args:
        outline: of the loss function.
        derive: runs and differentiates the trunk.
    """
    program, division, names, inputs, own = outline
    values = program.consts | {names[path]: leaf for path, leaf in inputs.items()}
    trunk = derive(_operations(program, division, names, values))
    order = trunk.operations.boundary
    values |= zip(order, trunk.boundary, strict=True)
    values |= zip(trunk.operations.exports, trunk.exports, strict=True)
    cotangents, gradient = _pull_heads(program, division, names, own, values)
    cotangents = [[cts.get(var) for var in order] for cts in cotangents]
    if not division.apart:
        cotangents = _one_hot(program.outputs[0], order) + cotangents[1:]
    penalty = None if outline.penalty is None else cotangents.pop()
    losses, aux = _rest(program, division, values)
    gradient = _with_trunk(gradient, trunk, cotangents, penalty)
    return Forward(losses, aux, cotangents, penalty, gradient, trunk)


def _outputs(program: Program) -> list[Any]:
    leaves = jax.tree.leaves(program.outputs, is_leaf=_is_atom)
    return [leaf for leaf in leaves if _is_atom(leaf)]


def _is_atom(leaf: Any) -> bool:
    return isinstance(leaf, core.Var | core.Literal)


def _operations(
    program: Program, division: Division, names: dict[Path, Var], values: dict
) -> Operations:
    boundary = list(dict.fromkeys(v for part in division.boundaries for v in part))
    outside = [*division.rest, *(eqn for head in division.heads for eqn in head)]
    wanted = {v for eqn in outside for v in variables(eqn.invars)}
    wanted |= set(variables(_outputs(program))) - set(boundary)
    wanted |= set(variables(division.losses)) - set(boundary)
    made = dict.fromkeys(v for eqn in division.trunk for v in eqn.outvars)
    exports = [v for v in made if v in wanted and v not in boundary]
    return Operations(program.jaxpr, division.trunk, names, values, boundary, exports)


def _pull_heads(
    program: Program,
    division: Division,
    names: dict[Path, Var],
    own: Flat,
    values: dict[Var, Any],
) -> tuple[list[dict[Var, Any]], Flat]:
    """Cotangents of each head's boundary; the heads' part of the own gradients.

    What the heads compute is added to `values`.
    """
    gradient = {path: jnp.zeros_like(leaf) for path, leaf in own.items()}
    wanted = {v for eqn in division.rest for v in variables(eqn.invars)}
    wanted |= set(variables(_outputs(program)))
    cotangents = []
    for eqns, loss, boundary in zip(
        division.heads, division.losses, division.boundaries, strict=True
    ):
        reads = {v for eqn in eqns for v in variables(eqn.invars)}
        paths = [path for path in own if names[path] in reads | set(variables([loss]))]
        made = [v for eqn in eqns for v in eqn.outvars]
        exports = [v for v in made if v in wanted]
        run = _head(program, eqns, loss, boundary, [names[p] for p in paths], exports)
        primals = (read(values, boundary), [own[path] for path in paths])
        value, pull, exported = jax.vjp(run(values), *primals, has_aux=True)
        values |= zip(exports, exported, strict=True)
        pulled, own_pulled = pull(jnp.ones_like(value))
        cotangents.append(dict(zip(boundary, pulled, strict=True)))
        for path, leaf in zip(paths, own_pulled, strict=True):
            gradient[path] += leaf
    return cotangents, gradient


def _head(program, eqns, loss, boundary, own, exports):
    """values -> the function (boundary, own parameters) -> (loss, exports)."""
    made = {v for eqn in eqns for v in eqn.outvars}
    reads = dict.fromkeys(v for eqn in eqns for v in variables(eqn.invars))
    inputs = list(dict.fromkeys([*boundary, *own]))
    extra = [v for v in reads if v not in made and v not in inputs]
    call = part(program.jaxpr, eqns, [*inputs, *extra], [loss, *exports])

    def at(values):
        fixed = read(values, extra)

        def run(boundary, own):
            value, *exported = call(*boundary, *own, *fixed)
            return value, exported

        return run

    return at


def _one_hot(losses: Any, boundary: list[Var]) -> list[Cotangents]:
    """Losses that are not computed apart are their own boundary."""
    rows = jnp.eye(losses.aval.shape[0], dtype=losses.aval.dtype)
    return [[row if var is losses else None for var in boundary] for row in rows]


def _rest(program: Program, division: Division, values: dict[Var, Any]) -> Any:
    """(losses, aux), with arrays for variables."""
    made = {v for eqn in division.rest for v in eqn.outvars}
    reads = dict.fromkeys(v for eqn in division.rest for v in variables(eqn.invars))
    extra = [v for v in reads if v not in made]
    outputs = dict.fromkeys(variables(_outputs(program)))
    late = [v for v in outputs if v in made]
    computed = part(program.jaxpr, division.rest, extra, late)(*read(values, extra))
    values |= zip(late, computed, strict=True)
    return jax.tree.map(
        lambda leaf: read(values, [leaf])[0] if _is_atom(leaf) else leaf,
        program.outputs,
        is_leaf=_is_atom,
    )


def _with_trunk(
    gradient: Flat, trunk: Trunk, cotangents: list[Cotangents], penalty: Any
) -> Flat:
    """Own parameters that the trunk reads get the pull of the plain sum through it."""
    reads = {v for e in trunk.operations.eqns for v in variables(e.invars)}
    reads |= set(trunk.operations.boundary)
    late = [path for path in gradient if trunk.operations.inputs[path] in reads]
    if not late:
        return gradient
    parts = cotangents if penalty is None else [*cotangents, penalty]
    total = combined([1.0] * len(parts), parts)
    pulled = trunk.pull(filled(total, trunk.boundary))
    return gradient | {path: gradient[path] + pulled[path] for path in late}
