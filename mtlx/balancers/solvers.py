"""Minimisation over the simplex on the device, for T x T problems in float32."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve

from mtlx.types import Array, Bool, Float, PyTree

ITERATIONS = 25  # 15 to 20 reach float32's limit on all but contrived problems
TO_BOUNDARY = 0.9  # part of the way to the nearest bound that a step may go
SMOOTHING = 0.1  # the next complementarity to expect, as a part of the present one
LEAST_COMPLEMENTARITY = 1e-18  # far below rounding where the objective is of order 1


class _Point(NamedTuple):
    weights: Array  # [T] w > 0; 1 for an absent task, which never moves
    slack: Array  # [T] z > 0
    level: Array  # [] multiplier y of sum(w) = 1
    dual: PyTree  # the objective's own


def simplex_minimize(
    expand: Callable[..., tuple[Array, Array]],
    present: Bool[Array, "tasks"],
    *,
    advance: Callable[..., PyTree] | None = None,
    dual: PyTree = (),
) -> Float[Array, "tasks"]:
    """argmin f(w) subject to w >= 0, sum(w) = 1, by a primal-dual interior point.

    Newton steps on grad f(w) + y 1 - z = 0, sum(w) = 1, w_i z_i = mu, with mu -> 0 and
    Mehrotra's predictor and corrector. A fixed number of Cholesky factorisations of
    hess f + diag(z / w) makes it safe in jit, vmap and scan; each is backward stable
    under diagonal scaling, which is why row norms that differ by 1e4 do no harm.
    The iterates stay central, so tasks that the objective cannot tell apart share
    alike: at f = 0 the result is uniform.

    Args:
        expand: `(w [T], dual, smoothing []) -> (gradient [T], hessian [T, T])`. The
            hessian is positive semi-definite; a ridge of some 1e-6 of its diagonal
            keeps Cholesky in float32 defined. A norm in f is rounded off by the
            `smoothing`, which falls to 0 like mu, and has its gradient in `dual`: by
            value and hessian alone Newton's method diverges. f is of order 1.
        present: tasks with False are left out, whatever f says, and get 0.
        advance: `(w, step [T], dual, smoothing, length []) -> dual`: takes the
            objective's own dual variables along; None where it has none.
        dual: their start.

    Returns:
        w, zeros if no task is present.

    Reference: Mehrotra, "On the Implementation of a Primal-Dual Interior Point Method",
    SIAM J. Optim. 1992. One step length serves primal and dual, as f need not be
    quadratic.
    """
    mask = present.astype(jnp.float32)
    ones = jnp.ones_like(mask)
    uniform = 1.0 / jnp.maximum(jnp.sum(mask), 1.0)
    inside = jnp.where(present, uniform, 1.0)
    start = _Point(inside, ones, jnp.zeros_like(uniform), dual)

    def iterate(point, _):
        new = _predict_correct(point, expand, advance, mask)
        # Where float32 has no further step to give, the point stays as good as it is.
        finite = jax.tree.map(lambda leaf: jnp.all(jnp.isfinite(leaf)), new)
        sound = jnp.all(jnp.stack(jax.tree.leaves(finite)))
        return jax.tree.map(lambda n, o: jnp.where(sound, n, o), new, point), None

    return mask * jax.lax.scan(iterate, start, length=ITERATIONS)[0].weights


def _predict_correct(point: _Point, expand, advance, mask: Array) -> _Point:
    """One predictor-corrector step."""
    weights, slack, level, dual = point
    count = jnp.maximum(jnp.sum(mask), 1.0)
    mu = jnp.sum(mask * weights * slack) / count
    smoothing = SMOOTHING * mu
    newton = _newton(point, *expand(mask * weights, dual, smoothing), mask)
    dw, dz, _, length = newton(jnp.zeros_like(weights))
    after = jnp.sum(mask * (weights + length * dw) * (slack + length * dz)) / count
    centred = jnp.maximum((after / mu) ** 3 * mu, LEAST_COMPLEMENTARITY)
    dw, dz, dy, length = newton(centred - dw * dz)
    if advance is not None:
        dual = advance(mask * weights, dw, dual, smoothing, length)
    return _Point(weights + length * dw, slack + length * dz, level + length * dy, dual)


def _newton(point: _Point, gradient: Array, hessian: Array, mask: Array) -> Callable:
    """`target [T] -> (dw, dz, dy, length)`: the step towards w_i z_i = target_i."""
    weights, slack, level, _ = point
    barrier = jnp.where(mask > 0, slack / weights, 1.0)
    system = mask[:, None] * mask[None, :] * hessian + jnp.diag(barrier)
    factor = cho_factor(system, lower=True)
    inverse_ones = cho_solve(factor, mask)

    def step(target):
        residual = target / weights - gradient - level
        free = cho_solve(factor, mask * residual)
        excess = jnp.sum(mask * (weights + free)) - 1.0
        dy = excess / jnp.maximum(jnp.sum(mask * inverse_ones), 1e-30)
        dw = mask * (free - dy * inverse_ones)
        dz = mask * ((target - slack * dw) / weights - slack)
        fall = jnp.maximum(jnp.max(-dw / weights), jnp.max(-dz / slack))
        return dw, dz, dy, jnp.minimum(1.0, TO_BOUNDARY / jnp.maximum(fall, 1e-30))

    return step
