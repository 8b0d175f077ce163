"""The fair weights G a = a^(-1/alpha), a > 0, on the device in float32."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve

from mtlx.balancers.base import Number, canonical_order
from mtlx.types import Array, Bool, Float

ITERATIONS = 40  # alpha = 1 takes some 8; alpha = 10 with rows spread over 1e4 the most
TO_BOUNDARY = 0.97  # part of the way to the nearest bound that a step may go
RIDGE = 1e-6  # on the cosine matrix, above the rounding of its float32 entries
SMALLEST = 1e-30  # of a coefficient: what is left of a task that others carry along


class _Point(NamedTuple):
    coefficients: Array  # [T] b > 0
    slack: Array  # [T] s > 0, C b at the solution


def fair_weights(
    gram: Float[Array, "tasks tasks"],
    present: Bool[Array, "tasks"],
    alpha: Number = 1.0,
    ridge: Number = RIDGE,
) -> Float[Array, "tasks"]:
    """The a > 0 with (G a)_i = a_i^(-1/alpha) for all i, by a primal-dual Newton.

    With n_i = |g_i|, a_i = b_i / n_i and the cosine matrix C this is C b = s, log s_i +
    log b_i / alpha = (1/alpha - 1) log n_i. Newton's method on b and s at once, both
    kept positive, has the positive definite system C + diag(s / (alpha b)), as an
    interior point has (alpha = 1 is a point of the central path): no line search, and
    row norms that differ by 1e4 do no harm.

    Where 0 is in the convex hull of the gradients there is no solution: a grows without
    bound. The ridge bounds it, and it is a ridge on C: one on G itself counts for more
    in a task with a small gradient, and so turns the direction.

    Args:
        gram: G.
        present: tasks with False, and those with a zero gradient, are left out.
        alpha: > 0.
        ridge: added to the unit diagonal of C.

    Returns:
        a, with 0 for the tasks left out, and where it falls below some 1e-30: a task
        that others carry along, at a large alpha.
    """
    order = canonical_order(gram)
    gram, present = gram[order][:, order], present[order]
    norms = jnp.sqrt(jnp.maximum(jnp.diagonal(gram), 0.0))
    active = present & (norms > 0)
    norms = jnp.where(active, norms, 1.0)
    largest = jnp.max(jnp.where(active, norms, 0.0))
    largest = jnp.where(largest > 0, largest, 1.0)
    power = 1.0 / jnp.asarray(alpha, jnp.float32)
    # Norms relative to the largest, whose power is put back in the end.
    goal = jnp.where(active, (power - 1.0) * jnp.log(norms / largest), 0.0)
    system = _cosines(gram, norms, active, ridge)
    solution = _solve(system, goal, power)
    kept = active & (solution > 10 * SMALLEST)
    unit = (power - 1.0) / (power + 1.0) * jnp.log(largest)
    weights = jnp.where(kept, solution * jnp.exp(unit) / norms, 0.0)
    return weights[jnp.argsort(order)]


def fairness_residual(
    gram: Float[Array, "tasks tasks"],
    weights: Float[Array, "tasks"],
    alpha: Number = 1.0,
) -> Float[Array, ""]:
    """max_i |a_i^(1/alpha) (G a)_i - 1| over a_i > 0: 0 for an exact solution.

    A certificate at run time. At most some 1e-5 away from Pareto-stationary points;
    near them the projections (G a)_i are differences of numbers much larger than they
    are, and a float32 Gram matrix does not hold their digits.
    """
    image = jnp.matmul(gram, weights, precision=jax.lax.Precision.HIGHEST)
    solved = weights > 0
    power = 1.0 / jnp.asarray(alpha, jnp.float32)
    product = jnp.where(solved, weights, 1.0) ** power * image
    return jnp.max(jnp.where(solved, jnp.abs(product - 1.0), 0.0))


def _cosines(gram: Array, norms: Array, active: Array, ridge: Number) -> Array:
    """The ridged cosine matrix, with an identity where tasks are left out."""
    both = active[:, None] & active[None, :]
    cosines = jnp.where(both, gram / norms[:, None] / norms[None, :], 0.0)
    diagonal = 1.0 + jnp.where(active, ridge, 0.0)
    return jnp.where(jnp.eye(norms.size, dtype=bool), jnp.diag(diagonal), cosines)


def _solve(system: Array, goal: Array, power: Array) -> Array:
    """b > 0 with log (C b)_i + power log b_i = goal_i."""

    def iterate(point, _):
        new = _newton(point, system, goal, power)
        # Where float32 has no further step to give, the point stays as good as it is.
        sound = jnp.all(jnp.isfinite(jnp.stack(new)))
        return jax.tree.map(lambda n, o: jnp.where(sound, n, o), new, point), None

    orthogonal = jnp.exp(goal / (1.0 + power))  # solves C = 1
    start = _Point(orthogonal, orthogonal)
    return jax.lax.scan(iterate, start, length=ITERATIONS)[0].coefficients


def _newton(point: _Point, system: Array, goal: Array, power: Array) -> _Point:
    b, slack = point
    image = jnp.matmul(system, b, precision=jax.lax.Precision.HIGHEST)
    gap = goal - jnp.log(slack) - power * jnp.log(b)
    factor = cho_factor(system + jnp.diag(power * slack / b), lower=True)
    db = cho_solve(factor, slack * (1.0 + gap) - image)
    ds = slack * (gap - power * db / b)
    return _Point(_move(b, db), _move(slack, ds))


def _move(values: Array, step: Array) -> Array:
    """As far along the step as the values stay positive."""
    fall = jnp.maximum(jnp.max(-step / values), 1e-30)
    length = jnp.minimum(1.0, TO_BOUNDARY / fall)
    return jnp.maximum(values + length * step, SMALLEST)
