"""The two-dimensional toy of CAGrad, Nash-MTL and FAMO (Liu et al. 2021)."""

import jax
import jax.numpy as jnp

from mtlx.problems.base import Problem
from mtlx.types import Array, Float

__all__ = ["CAGRAD_STARTS", "NASH_STARTS", "toy2d"]

# As in the two codes; the papers' texts print other lists.
CAGRAD_STARTS = ((-8.5, 7.5), (-8.5, -5.0), (9.0, 9.0))
NASH_STARTS = ((-8.5, 7.5), (0.0, 0.0), (9.0, 9.0), (-7.5, -0.5), (9.0, -1.0))
FLOOR = -21.0  # both losses stay above -20
NEWTON = 6  # from -8.4, 3 are enough


def toy2d(scale: float = 1.0, starts: tuple = NASH_STARTS) -> Problem:
    """Two log-valleys above, two bowls below, and a front between the bowls.

    f_i = c_1 l_i + c_2 q_i with, x = (x_1, x_2),

        l_1 = log max(|(-x_1 - 7) / 2 - tanh(-x_2)|, 5e-6) + 6
        l_2 = log max(|(-x_1 + 3) / 2 + tanh(-x_2) + 2|, 5e-6) + 6
        q_i = ((-x_1 +- 7)^2 + (-x_2 - 8)^2 / 10) / 10 - 20
        c_1 = max(tanh(x_2 / 2), 0),  c_2 = max(tanh(-x_2 / 2), 0)

    The valleys l_i trap plain descent on the mean. The Pareto set lies in the lower
    half: for the share m of the first bowl x_1 = 7 (2 m - 1), x_2 minimises c_2 q there
    (-8.355 in the middle, -8.435 at the ends). The plain sum is least at x_1 = -7 (1 -
    s) / (1 + s).

    Args:
        scale: s, multiplies f_1: 1 in CAGrad's runs, 0.1 in Nash-MTL's and FAMO's.
        starts: initial points.

    Reference: "Conflict-Averse Gradient Descent for Multi-Task Learning", NeurIPS 2021;
    "Multi-Task Learning as a Bargaining Game", ICML 2022, appendix B. The sign of tanh
    in l_2 is that of the authors' codes, where the Nash-MTL paper prints the other. At
    x_2 = 0 the maxima tie: they let the whole gradient through there, as torch.clamp
    does. `jax.nn.relu` lets none through, and a run that starts in (0, 0) stays.
    """
    scales = jnp.array([scale, 1.0])

    def front(share):
        # The share of f_1 in the objective, and so that of its bowl.
        bowl = share * scale / (share * scale + 1.0 - share)
        first = 7.0 * (2.0 * bowl - 1.0)
        return jnp.stack([first, _depth(first)])

    return Problem(
        name="toy2d",
        losses=lambda x: scales * _losses(x),
        starts=jnp.array(starts),
        front=front,
        optimum=front(jnp.array(0.5)),
        floor=FLOOR * scales,
    )


def _ramp(t: Array) -> Array:
    """max(t, 0), with the derivative 1 at 0."""
    return jnp.where(t >= 0, t, 0.0)


def _log(h: Array) -> Array:
    return jnp.log(jnp.maximum(jnp.abs(h), 5e-6)) + 6.0


def _losses(x: Float[Array, "2"]) -> Float[Array, "2"]:
    x1, x2 = x[0], x[1]
    valleys = jnp.stack(
        [
            _log(0.5 * (-x1 - 7.0) - jnp.tanh(-x2)),
            _log(0.5 * (-x1 + 3.0) + jnp.tanh(-x2) + 2.0),
        ]
    )
    centres = jnp.array([7.0, -7.0])
    bowls = ((-x1 + centres) ** 2 + 0.1 * (-x2 - 8.0) ** 2) / 10.0 - 20.0
    above = _ramp(jnp.tanh(0.5 * x2))
    below = _ramp(jnp.tanh(-0.5 * x2))
    return valleys * above + bowls * below


def _depth(first: Array) -> Array:
    """x_2 of the front: argmin_y tanh(-y / 2) (k + (y + 8)^2 / 100).

    A mixture of the bowls with its minimum at x_1 = m is a bowl around m, higher by
    (49 - m^2) / 10.
    """
    k = (49.0 - first**2) / 10.0 - 20.0

    def newton(_, y):
        tanh = jnp.tanh(-0.5 * y)
        slope = -0.5 * (1.0 - tanh**2)
        bend = tanh * slope
        bowl, rise = k + (y + 8.0) ** 2 / 100.0, (y + 8.0) / 50.0
        gradient = slope * bowl + tanh * rise
        return y - gradient / (bend * bowl + 2.0 * slope * rise + tanh / 50.0)

    return jax.lax.fori_loop(0, NEWTON, newton, jnp.full_like(first, -8.4))
