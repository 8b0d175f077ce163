"""An estimate of the Gram matrix whose cost does not grow with the number of tasks."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from mtlx.gradients.parameters import Flat, Path
from mtlx.gradients.trunk import Cotangents, Trunk, filled
from mtlx.types import Array, Float, PRNGKeyArray


def sketched_gram(
    trunk: Trunk,
    cotangents: Sequence[Cotangents],
    paths: Sequence[Path],
    metric: Flat | None,
    key: PRNGKeyArray,
    num_probes: int,
) -> Float[Array, "tasks tasks"]:
    """G ~ 1/k sum_p (J v_p) (J v_p)^T with random signs v_p: E[G] = J P J^T.

    J v is the derivative of all T losses in direction v, one forward-mode pass; here
    through the trunk alone, since the heads' cotangents are known:
    (J v)_t = <c_t, D trunk v>. With P, v is scaled by sqrt(P).

    For signs, Var G_ij = (G_ii G_jj + G_ij^2 - 2 sum_n J_in^2 J_jn^2) / k: the error
    relative to |g_i| |g_j| is about 1 / sqrt(k) whatever the number of parameters. The
    rank of the estimate is at most k.

    Args:
        trunk: what the heads share.
        cotangents: of the boundary, one list a task.
        paths: inputs of the trunk that G is taken over.
        metric: diagonal of P, {path: array}, or None.
        key: draws the directions.
        num_probes: k.

    Reference:
        Hutchinson, "A stochastic estimator of the trace of the influence matrix",
        Communications in Statistics 18(3), 1989: random signs; here of J J^T and not
        of its trace.
    """
    inputs = {path: trunk.inputs[path] for path in paths}
    fixed = {path: leaf for path, leaf in trunk.inputs.items() if path not in inputs}
    _, push = jax.linearize(lambda x: trunk.function({**x, **fixed}), inputs)
    rows = [filled(cotangent, trunk.boundary) for cotangent in cotangents]

    def products(key):
        keys = jax.random.split(key, max(len(paths), 1))
        direction = {
            path: _signs(k, inputs[path], None if metric is None else metric[path])
            for path, k in zip(paths, keys, strict=False)
        }
        moved = push(direction)
        return jnp.stack([_inner(row, moved) for row in rows])

    pushed = jax.vmap(products)(jax.random.split(key, num_probes))
    return (
        jnp.einsum("ki,kj->ij", pushed, pushed, precision=jax.lax.Precision.HIGHEST)
        / num_probes
    )


def _signs(key: PRNGKeyArray, like: Array, metric: Array | None) -> Array:
    signs = jax.random.rademacher(key, like.shape, like.dtype)
    return signs if metric is None else signs * jnp.sqrt(metric).astype(like.dtype)


def _inner(left: Sequence[Array], right: Sequence[Array]) -> Array:
    total = jnp.zeros((), jnp.float32)
    for a, b in zip(left, right, strict=True):
        total += jnp.vdot(a.astype(jnp.float32), b.astype(jnp.float32))
    return total
