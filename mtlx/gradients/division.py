"""Which operations of the losses serve one task, and which serve several."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.extend.core as core

from mtlx.gradients.program import Program, Var, is_float, variables


class Division(NamedTuple):
    """The operations of the losses: a trunk, a head for each loss, and the rest.

    An operation belongs to head t where only loss t depends on it, to the trunk where
    several losses do, to the rest where none does. The boundary is the differentiable
    values that a head reads and does not compute: the trunk's, or parameters.

    `losses` are as many as there are tasks or, where the program does not compute them
    apart, the one vector of all; a penalty comes last. In a program of the second kind
    everything is trunk.
    """

    losses: list[Any]
    apart: bool
    trunk: list[core.JaxprEqn]
    heads: list[list[core.JaxprEqn]]
    rest: list[core.JaxprEqn]
    boundaries: list[list[Var]]  # what each head reads through which gradients go


def divide(program: Program, losses: Any, penalty: Any, own: set[Var]) -> Division:
    """Divides the operations of `program`.

    Args:
        program: of the loss function.
        losses: its output [T].
        penalty: a further output [], or None; one more head.
        own: inputs that a head may read without making them part of its boundary.
    """
    parts = _elements(losses, {v: e for e in program.jaxpr.eqns for v in e.outvars})
    apart = len(parts) == losses.aval.shape[0] and losses not in parts
    parts = (parts if apart else [losses]) + ([] if penalty is None else [penalty])
    reach = _reach(program.jaxpr.eqns, parts)
    heads = [[] for _ in parts]
    trunk, rest = [], []
    for eqn in program.jaxpr.eqns:
        served = frozenset().union(*(reach.get(v, ()) for v in eqn.outvars))
        if not served:
            rest.append(eqn)
        elif len(served) == 1 and apart:
            heads[min(served)].append(eqn)
        else:
            trunk.append(eqn)
    active = depending(program.jaxpr.eqns, program.inputs) - own
    boundaries = [
        _boundary(head, loss, active) for head, loss in zip(heads, parts, strict=True)
    ]
    return Division(parts, apart, trunk, heads, rest, boundaries)


def _elements(atom: Any, makers: dict[Var, core.JaxprEqn]) -> list[Any]:
    """The scalars (or vectors of one) that `jnp.stack` made a vector of."""
    maker = makers.get(atom) if isinstance(atom, Var) else None
    if maker is None or maker.primitive.name not in ("stack", "concatenate"):
        return [atom]
    return [part for operand in maker.invars for part in _elements(operand, makers)]


def _reach(
    eqns: Sequence[core.JaxprEqn], losses: Sequence[Any]
) -> dict[Var, frozenset[int]]:
    """Variable -> numbers of the losses that depend on it."""
    reach = {}
    for number, loss in enumerate(losses):
        for var in variables([loss]):
            reach[var] = reach.get(var, frozenset()) | {number}
    for eqn in reversed(eqns):
        served = frozenset().union(*(reach.get(v, ()) for v in eqn.outvars))
        for var in variables(eqn.invars) if served else ():
            reach[var] = reach.get(var, frozenset()) | served
    return reach


def depending(eqns: Sequence[core.JaxprEqn], inputs: Sequence[Var]) -> set[Var]:
    """Float variables that some of the inputs enter, the inputs themselves included."""
    active = set(inputs)
    for eqn in eqns:
        if any(var in active for var in variables(eqn.invars)):
            active |= {var for var in eqn.outvars if is_float(var)}
    return active


def _boundary(head: Sequence[core.JaxprEqn], loss: Any, active: set[Var]) -> list[Var]:
    """In order of use, and each once."""
    made = {var for eqn in head for var in eqn.outvars}
    read = [var for eqn in head for var in variables(eqn.invars)] + variables([loss])
    return list(dict.fromkeys(v for v in read if v in active and v not in made))
