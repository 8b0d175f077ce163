"""Writes docs/balancers.md from the code: python -m experiments.catalogue."""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from mtlx import balancers
from mtlx.train import bilevel
from mtlx.types import Balancer

PAGE = Path(__file__).resolve().parents[1] / "docs" / "balancers.md"
HEAD = """# Balancers

Generated from the code by `python -m experiments.catalogue`; a test keeps it so.

*Needs*: what the training step measures for the method beside the losses. *Backward*:
backward passes of a step with T tasks. With `trainer.granularity=last_layer` or
`representation` the T passes of a Gram matrix reach no further than that, and one whole
pass follows. *State*: numbers that the method itself keeps, for T tasks and n shared
parameters. `mtlx/balancers/base.py` states the scale convention; the docstring of each
function has the equation, the reference, and where we depart from it.

| balancer | method | needs | backward | state | options (defaults) |
| --- | --- | --- | --- | --- | --- |
"""


def catalogue() -> str:
    """The page as text."""
    methods = {name: getattr(balancers, name) for name in balancers.__all__}
    methods |= {name: getattr(bilevel, name) for name in bilevel.__all__}
    rows = [_row(name, methods[name]) for name in sorted(methods)]
    return HEAD + "\n".join(rows) + "\n"


def _row(name: str, function: Callable[..., Balancer]) -> str:
    module = inspect.getmodule(function)
    balancer = function()
    cells = (
        f"`{name}`",
        module.__doc__.strip().splitlines()[0].rstrip("."),
        ", ".join(sorted(balancer.needs)) or "losses alone",
        _backward(balancer),
        _state(balancer),
        _options(function),
    )
    return f"| {' | '.join(cells)} |"


def _backward(balancer: Balancer) -> str:
    """Passes through the shared parameters; the losses' own forward pass is one."""
    if "lookahead" in balancer.needs:
        return "1, and an inner step on half a batch"
    if "cross_gram" in balancer.needs:
        return "2 T + 1, each on a third of the batch"
    if balancer.needs & {"gram", "grads"}:
        return "T"
    return "1, and a forward" if "losses_after" in balancer.needs else "1"


def _state(balancer: Balancer) -> str:
    """a + b T + c T^2 + d n + e T n, found from the sizes of a few initial states."""
    places = [(1, 1), (2, 1), (3, 1), (4, 1), (1, 2), (3, 2), (2, 3)]
    terms = np.array([[1, t, t * t, n, t * n] for t, n in places], float)
    sizes = np.array([_size(balancer, t, n) for t, n in places], float)
    factors = np.linalg.lstsq(terms, sizes, rcond=None)[0].round(6)
    names = ("", "T", "T^2", "n", "T n")
    parts = [
        (f"{factor:g} {term}" if factor != 1 or not term else term).strip()
        for factor, term in zip(factors, names, strict=True)
        if factor
    ]
    return " + ".join(parts) or "none"


def _size(balancer: Balancer, num_tasks: int, width: int) -> int:
    shared = {("layer", "kernel"): jnp.zeros(width)}
    extra = (shared,) if "grads" in balancer.needs else ()
    leaves = jax.tree.leaves(jax.eval_shape(lambda: balancer.init(num_tasks, *extra)))
    return sum(leaf.size for leaf in leaves)


def _options(function) -> str:
    parameters = inspect.signature(function).parameters.values()
    shown = [f"`{p.name}={p.default!r}`" for p in parameters]
    return " ".join(shown) or "none"


def main() -> int:
    """Writes the page."""
    PAGE.write_text(catalogue())
    print(f"Wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
