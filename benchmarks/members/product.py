"""What the machine can do: plain products of two N x N float32 matrices.

A unit of work is one million FLOPs, so that the rate reads in MFLOP/s.
"""

import importlib
from typing import Any

from benchmarks.worker import Member


def build(spec: dict[str, Any]) -> Member:
    """Products by the library "jax" or "torch", of matrices of "size"."""
    size = spec["size"]
    multiply, facts = {"jax": _jax, "torch": _torch}[spec["library"]](size)

    def run():
        multiply()
        return 2 * size**3 // 10**6

    return Member(run, list, facts)


def _jax(size):
    jax = importlib.import_module("jax")
    keys = jax.random.split(jax.random.key(0))
    a, b = (jax.random.normal(key, (size, size)) for key in keys)
    product = jax.jit(lambda a, b: a @ b)
    facts = {"library": f"jax {jax.__version__}"}
    return lambda: product(a, b).block_until_ready(), facts


def _torch(size):
    torch = importlib.import_module("torch")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    a, b = (torch.randn(size, size, device=device) for _ in range(2))

    def multiply():
        a @ b
        if device == "cuda":
            torch.cuda.synchronize()

    return multiply, {"library": f"torch {torch.__version__}"}
