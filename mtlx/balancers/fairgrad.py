"""FairGrad, alpha-fair resource allocation (Ban & Ji 2024)."""

from mtlx.balancers.base import Number, masked_gram, present_mask, require, stateless
from mtlx.balancers.solvers_newton import fair_weights
from mtlx.types import Balancer


def fairgrad(alpha: Number = 1.0) -> Balancer:
    """The direction of alpha-fair gains <g_i, d>: (G a)_i = a_i^(-1/alpha), a > 0.

    d = J^T a has <g_i, d> = a_i^(-1/alpha) > 0, so it conflicts with no task. alpha ->
    0 is the plain sum, 1 is Nash-MTL without its clipping, 2 the least potential delay,
    and alpha -> inf evens out the gains: max-min fairness. The weights are a; their sum
    follows the gradients' size, a(t^2 G) = t^(-2 alpha / (1 + alpha)) a(G). As |d|^2 =
    sum_i a_i^(1 - 1/alpha), steps grow towards a Pareto-stationary point if alpha > 1:
    clip them, or let the learning rate decay.

    Args:
        alpha: > 0. Float32 holds 0.5 to 10 for gradients whose norms differ by 1e4, and
            a wider range where they are closer.

    Raises:
        ValueError: `signals.gram` is None or misshapen.

    Reference: "Fair Resource Allocation in Multi-Task Learning", ICML 2024, whose code
    solves a least-squares problem on the host; here by Newton's method on the device.
    A ridge of 1e-6 on the cosine matrix bounds a where a Pareto-stationary point has no
    solution. A task whose gradient is 0 gets weight 0.
    """

    def weigh(signals, key):
        del key
        require("fairgrad", signals, "gram")
        return fair_weights(masked_gram(signals), present_mask(signals), alpha)

    return stateless(weigh, frozenset({"gram"}))
