"""What a program keeps in memory at once, read off before anything is compiled."""

from collections.abc import Iterable, Iterator
from typing import Any

from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, Var


def live_bytes(jaxpr: Jaxpr) -> int:
    """Most bytes that are alive at once, arguments and results included.

    Each value lives from the operation that makes it to the last one that reads it. XLA
    fuses operations, so that a compiled program keeps less; of chunks of steps it keeps
    a half to all of this.
    """
    last = {}
    for number, equation in enumerate(jaxpr.eqns):
        last |= dict.fromkeys(_variables(equation.invars), number)
    last |= dict.fromkeys(_variables(jaxpr.outvars), len(jaxpr.eqns))
    alive = most = _bytes((*jaxpr.constvars, *jaxpr.invars))
    for number, equation in enumerate(jaxpr.eqns):
        inside = [live_bytes(one) - _bytes(one.invars) for one in _inner(equation)]
        made = _bytes(equation.outvars)
        most = max(most, alive + max([made, *inside]))
        read = _variables(equation.invars)
        over = {v for v in read if last[v] == number} | {
            v for v in equation.outvars if v not in last
        }
        alive += made - _bytes(over)
    return most


def _inner(equation: Any) -> Iterator[Jaxpr]:
    """The bodies of a loop, a branch or a call."""
    for value in equation.params.values():
        for one in value if isinstance(value, tuple | list) else (value,):
            if isinstance(one, ClosedJaxpr):
                yield one.jaxpr
            elif isinstance(one, Jaxpr):
                yield one


def _variables(values: Iterable[Any]) -> set[Var]:
    return {value for value in values if not isinstance(value, Literal)}


def _bytes(values: Iterable[Var]) -> int:
    """Of arrays, typed keys among them; a token has no size."""
    kinds = (value.aval for value in values)
    arrays = (kind for kind in kinds if hasattr(kind, "dtype"))
    return sum(array.size * array.dtype.itemsize for array in arrays)
