"""Minimisation over the non-negative orthant, and projection onto the dual cone.

For T x T problems in float32, on the device; batched over right-hand sides.
"""

import itertools
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve

from mtlx.balancers.base import Number
from mtlx.balancers.solvers import LEAST_COMPLEMENTARITY, TO_BOUNDARY
from mtlx.types import Array, Float

ITERATIONS = 25  # 15 do where the gradients are well apart
RIDGE = 1e-6  # of the unit diagonal: keeps the centre of a singular problem finite
DAMPING = 1e-7  # the same, in the system of the last solve only, which is refined
REFINEMENTS = 2  # of the last, active-set solve
TINY = 1e-30


class _Point(NamedTuple):
    primal: Array  # [T] t > 0
    slack: Array  # [T] z > 0, the gradient C t - c at the solution


def nonnegative_minimize(
    gram: Float[Array, "tasks tasks"], linear: Float[Array, "*batch tasks"]
) -> Float[Array, "*batch tasks"]:
    """argmin_{s >= 0} s^T G s / 2 - b^T s, for every row b of `linear`.

    The rows of G are first scaled to a unit diagonal, C = D^-1/2 G D^-1/2 with s =
    D^-1/2 t, so that norms spread over many orders of magnitude do no harm. One and two
    tasks have a closed form. More go through a primal-dual interior point with a fixed
    number of steps, each one Cholesky factorisation of C + diag(z / t), and a last
    solve on the tasks that it found active, which makes the inactive weights exactly 0;
    of the two results, the one with the least `nonnegative_residual` is returned.

    Args:
        gram: G, positive semi-definite. A task with G_ii = 0 gets 0.
        linear: b, one problem a row. Where G is singular, b should be in its range (as
            b = -G u is), or have no positive part outside: else nothing bounds s.

    Returns:
        s; among several minimisers one near the analytic centre. The interior point
        has a ridge of 1e-6 on C, which the last solve takes back.

    Reference: the KKT conditions G s - b = z >= 0, s >= 0, s_i z_i = 0; Mehrotra, SIAM
    J. Optim. 1992, as in `solvers.simplex_minimize`.
    """
    return jnp.vectorize(partial(_minimize, gram), signature="(t)->(t)")(linear)


def nonnegative_residual(
    gram: Float[Array, "tasks tasks"],
    linear: Float[Array, "*batch tasks"],
    solution: Float[Array, "*batch tasks"],
) -> Float[Array, "*batch"]:
    """How far a solution is from the KKT conditions: 0 at a minimiser.

    max_i |min(t_i, (C t - c)_i)| / max_i |c_i| in the unit-diagonal scaling of
    `nonnegative_minimize`: it is 0 exactly where s >= 0, G s - b >= 0 and one of the
    two is 0 for every task. Some 1e-6 is what float32 can reach.
    """
    measure = jnp.vectorize(partial(_residual, gram), signature="(t),(t)->()")
    return measure(linear, solution)


def project_onto_dual_cone(
    gram: Float[Array, "tasks tasks"], start: Float[Array, "*batch tasks"]
) -> Float[Array, "*batch tasks"]:
    """v = argmin_{v >= u} v^T G v: J^T v is the projection of J^T u onto the dual cone.

    The dual cone is {d : <g_i, d> >= 0 for all i}; the projection's own dual problem
    has multipliers s = v - u >= 0 and is `nonnegative_minimize` with b = -G u.

    Args:
        gram: G, positive semi-definite.
        start: u, one vector a row.
    """
    linear = -jnp.matmul(start, gram, precision=jax.lax.Precision.HIGHEST)
    return start + nonnegative_minimize(gram, linear)


def regularise(
    gram: Float[Array, "tasks tasks"], norm_eps: Number, reg_eps: Number, ridge: str
) -> Float[Array, "tasks tasks"]:
    """m (G / tr(G) + `reg_eps` times a ridge), with 0 for G where tr(G) < `norm_eps`.

    The ridge is the "identity", or the "diagonal" of G / tr(G). m in [1/2, 1) is the
    mantissa of tr(G): no projection depends on it, and G over a power of two is exact,
    where rounded quotients would turn with the order in which a trace is summed.
    """
    trace = jnp.trace(gram)
    kept = (trace >= norm_eps) & (trace > 0)
    mantissa, exponent = jnp.frexp(jnp.where(kept, trace, 0.5))
    gram = jnp.where(kept, jnp.ldexp(gram, -exponent), 0.0)
    same = jnp.full(gram.shape[0], mantissa)
    diagonal = same if ridge == "identity" else jnp.diagonal(gram)
    return gram + reg_eps * jnp.diag(diagonal)


def _minimize(gram: Array, linear: Array) -> Array:
    norms, cosines = _unit_diagonal(gram)
    scaled, size = _unit_rows(norms, linear)
    solve = {1: _solve_one, 2: _solve_pair}.get(linear.size, _solve)
    # s = 0 is optimal just where b <= 0, which is the common case: no conflict.
    found = jnp.where(jnp.any(scaled > 0), solve(cosines, scaled) * size, 0.0)
    return jnp.where(norms > 0, found / jnp.where(norms > 0, norms, 1.0), 0.0)


def _residual(gram: Array, linear: Array, solution: Array) -> Array:
    norms, cosines = _unit_diagonal(gram)
    scaled, size = _unit_rows(norms, linear)
    return _natural_residual(cosines, scaled, norms * solution / size)


def _times(matrix: Array, vector: Array) -> Array:
    return jnp.matmul(matrix, vector, precision=jax.lax.Precision.HIGHEST)


def _unit_rows(norms: Array, linear: Array) -> tuple[Array, Array]:
    """c = D^-1/2 b scaled to a largest |c_i| of 1, and that scale (1 for b = 0)."""
    scaled = jnp.where(norms > 0, linear / jnp.where(norms > 0, norms, 1.0), 0.0)
    size = jnp.max(jnp.abs(scaled))
    size = jnp.where(size > 0, size, 1.0)
    return scaled / size, size


def _unit_diagonal(gram: Array) -> tuple[Array, Array]:
    """Norms sqrt(G_ii) [T], and the cosine matrix, 1 on all of its diagonal."""
    norms = jnp.sqrt(jnp.maximum(jnp.diagonal(gram), 0.0))
    inverse = jnp.where(norms > 0, 1.0 / jnp.where(norms > 0, norms, 1.0), 0.0)
    cosines = gram * inverse[:, None] * inverse[None, :]
    return norms, jnp.where(jnp.eye(norms.size, dtype=bool), 1.0, cosines)


def _natural_residual(cosines: Array, linear: Array, primal: Array) -> Array:
    slack = _times(cosines, primal) - linear
    return jnp.max(jnp.abs(jnp.minimum(primal, slack)))


def _solve_one(cosines: Array, linear: Array) -> Array:
    del cosines
    return jnp.maximum(linear, 0.0)


def _solve_pair(cosines: Array, linear: Array) -> Array:
    """Closed form for two tasks: one weight at most, or both from the 2 x 2 system."""
    cosine = cosines[0, 1]
    alone = jnp.maximum(linear, 0.0)
    # What is left for the other task once this one has all that it wants alone.
    left = linear[::-1] - cosine * alone
    both = (linear - cosine * linear[::-1]) / jnp.maximum(1.0 - cosine**2, TINY)
    pair = jnp.where(jnp.all(both > 0), both, alone)
    first = jnp.stack([alone[0], jnp.zeros_like(cosine)])
    second = jnp.stack([jnp.zeros_like(cosine), alone[1]])
    return jnp.where(left[0] <= 0, first, jnp.where(left[1] <= 0, second, pair))


def _solve(cosines: Array, linear: Array) -> Array:
    """Interior point, then the active set."""
    start = _Point(jnp.ones_like(linear), jnp.ones_like(linear))

    def iterate(point, _):
        new = _predict_correct(point, cosines, linear)
        # Where float32 has no further step to give, the point stays as good as it is.
        sound = jnp.all(jnp.isfinite(new.primal) & jnp.isfinite(new.slack))
        return jax.tree.map(lambda n, o: jnp.where(sound, n, o), new, point), None

    point = jax.lax.scan(iterate, start, length=ITERATIONS)[0]
    exact = _solve_active(cosines, linear, point)
    before, after = (
        _natural_residual(cosines, linear, primal) for primal in (point.primal, exact)
    )
    better = jnp.all(jnp.isfinite(exact)) & (after <= before)
    return jnp.where(better, exact, point.primal)


def _predict_correct(point: _Point, cosines: Array, linear: Array) -> _Point:
    """One predictor-corrector step."""
    primal, slack = point
    mu = jnp.mean(primal * slack)
    factor = cho_factor(cosines + jnp.diag(RIDGE + slack / primal), lower=True)
    gradient = _times(cosines, primal) + RIDGE * primal - linear

    def newton(target):
        step = cho_solve(factor, target / primal - gradient)
        turn = (target - slack * step) / primal - slack
        fall = jnp.maximum(jnp.max(-step / primal), jnp.max(-turn / slack))
        return step, turn, jnp.minimum(1.0, TO_BOUNDARY / jnp.maximum(fall, TINY))

    step, turn, length = newton(jnp.zeros_like(linear))
    after = jnp.mean((primal + length * step) * (slack + length * turn))
    centred = jnp.maximum((after / mu) ** 3 * mu, LEAST_COMPLEMENTARITY)
    step, turn, length = newton(centred - step * turn)
    return _Point(primal + length * step, slack + length * turn)


def _solve_active(cosines: Array, linear: Array, point: _Point) -> Array:
    """C t = c on the tasks with t > z, 0 elsewhere, refined from the interior point."""
    active = point.primal > point.slack
    both = active[:, None] & active[None, :]
    system = jnp.where(both, cosines, jnp.eye(linear.size, dtype=linear.dtype))
    damping = DAMPING * jnp.eye(linear.size, dtype=linear.dtype)
    factor = cho_factor(system + damping, lower=True)
    primal = jnp.where(active, point.primal, 0.0)
    for _ in range(REFINEMENTS):
        left = jnp.where(active, _left(cosines, linear, primal), 0.0)
        primal = primal + cho_solve(factor, left)
    return jnp.maximum(primal, 0.0)


def _left(matrix: Array, linear: Array, solution: Array) -> Array:
    """c - C t as if computed in twice the precision.

    A residual that is rounded like its terms leaves an error of 1e-7 times the
    condition of C, which is 1e4 under a ridge of 1e-4. Products of halves of 12 bits
    are exact, and their sum carries along what it rounds off.

    Reference: Ogita, Rump & Oishi, "Accurate Sum and Dot Product", SIAM J. Sci. Comput.
    2005, algorithm 5.3 (Dot2).
    """
    halves = itertools.product(_halves(matrix), _halves(solution))
    terms = jnp.concatenate([(-one * other[None, :]).T for one, other in halves])

    def add(carry, term):
        total, error = carry
        new = total + term
        part = new - total
        return (new, error + ((total - (new - part)) + (term - part))), None

    (total, error), _ = jax.lax.scan(add, (linear, jnp.zeros_like(linear)), terms)
    return total + error


def _halves(value: Array) -> tuple[Array, Array]:
    """float32 as a sum of two of 12 bits each."""
    bits = jax.lax.bitcast_convert_type(value, jnp.uint32) & jnp.uint32(0xFFFFF000)
    high = jax.lax.bitcast_convert_type(bits, jnp.float32)
    return high, value - high
