"""A function as a list of primitive operations, and any part of it as a function.

What `jax.make_jaxpr` traces, with the bodies of `jax.jit` in place of their calls: the
parts of the loss function that serve one task or all are told apart operation by
operation (`mtlx.gradients.division`).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.extend.core as core
import jax.numpy as jnp

from mtlx.types import Array, PyTree

# Calls that only group operations. Rematerialised parts and control flow stay whole.
_CALLS = ("jit", "pjit", "closed_call")
Var = core.Var


class Program(NamedTuple):
    """The operations of a function, with the values that it closes over.

    `inputs` are the leaves of the function's arguments, in the order of `jax.tree`.
    """

    jaxpr: core.Jaxpr
    consts: dict[Var, Any]
    outputs: PyTree  # the function's result, with variables (or literals) for arrays

    @property
    def inputs(self) -> list[Var]:
        return self.jaxpr.invars


def trace(function: Callable, *args: PyTree) -> Program:
    """The operations of ``function(*args)``."""
    called, shape = jax.make_jaxpr(function, return_shape=True)(*args)

    def flat(*leaves):
        return _run(called.jaxpr, called.consts, leaves)

    closed = jax.make_jaxpr(flat)(*jax.tree.leaves(args))
    outputs = jax.tree.unflatten(jax.tree.structure(shape), closed.jaxpr.outvars)
    consts = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    return Program(closed.jaxpr, consts, outputs)


def _run(jaxpr, consts, args) -> list[Any]:
    """Runs operation by operation, calls from the inside."""
    values = dict(zip(jaxpr.constvars, consts, strict=True))
    values |= zip(jaxpr.invars, args, strict=True)
    for eqn in jaxpr.eqns:
        inputs = read(values, eqn.invars)
        if eqn.primitive.name in _CALLS:
            inner = eqn.params["jaxpr"]
            outputs = _run(inner.jaxpr, inner.consts, inputs)
        else:
            outputs = operation(jaxpr, eqn)(*inputs)
        values |= zip(eqn.outvars, outputs, strict=True)
    return read(values, jaxpr.outvars)


def read(values: dict[Var, Any], atoms: Iterable[Any]) -> list[Any]:
    """The values of variables and literals."""
    return [a.val if isinstance(a, core.Literal) else values[a] for a in atoms]


def variables(atoms: Iterable[Any]) -> list[Var]:
    """Those of the atoms that are no literals."""
    return [atom for atom in atoms if isinstance(atom, Var)]


def operation(jaxpr: core.Jaxpr, eqn: core.JaxprEqn) -> Callable[..., list[Array]]:
    """One operation as a function of all that it reads, literals included."""
    places = [i for i, a in enumerate(eqn.invars) if isinstance(a, Var)]
    unique = list(dict.fromkeys(eqn.invars[i] for i in places))
    call = part(jaxpr, [eqn], unique, eqn.outvars)

    def run(*inputs):
        values = {eqn.invars[i]: inputs[i] for i in places}
        return call(*(values[var] for var in unique))

    return run


def part(
    jaxpr: core.Jaxpr,
    eqns: Sequence[core.JaxprEqn],
    inputs: Sequence[Var],
    outputs: Sequence[Any],
) -> Callable[..., list[Array]]:
    """Some of the operations as a function, inputs -> outputs."""
    piece = jaxpr.replace(
        constvars=[],
        invars=list(inputs),
        outvars=list(outputs),
        eqns=list(eqns),
        effects=set().union(*(eqn.effects for eqn in eqns)),
    )
    return core.jaxpr_as_fun(core.ClosedJaxpr(piece, []))


def is_float(var: Any) -> bool:
    """Whether derivatives go through a variable."""
    return jnp.issubdtype(var.aval.dtype, jnp.inexact)
