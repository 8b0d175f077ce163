"""How the programs of a run are compiled."""

import os
from collections.abc import Callable
from typing import Any

import jax

LEVEL = "xla_backend_optimization_level"


def jit(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`jax.jit`, with LLVM's first level of optimisation on a CPU.

    The default is the third. A step's arithmetic is in libraries or in loops that the
    first one vectorises as well: the steps of W1 and W2 are as fast, that of W3 a
    little faster, and their compilation takes a third to two thirds of the time
    (docs/benchmarks/notes.md). A level that XLA_FLAGS names stays.

    Args:
        function, options: as `jax.jit` takes them; not for a function that is called
            inside of another program.
    """
    return jax.jit(function, compiler_options=_compiler_options(), **options)


def _compiler_options() -> dict[str, int] | None:
    if jax.default_backend() != "cpu" or LEVEL in os.environ.get("XLA_FLAGS", ""):
        return None
    return {LEVEL: 1}
