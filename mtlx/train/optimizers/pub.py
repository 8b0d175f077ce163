"""PUB, the Nash bargaining solution on Adam's updates (Yuan et al. 2024)."""

import optax

from mtlx.balancers.base import Number
from mtlx.balancers.nash_mtl import nash_mtl
from mtlx.balancers.wrappers import every
from mtlx.train.optimizers.per_task import PerTask, per_task_adam


def pub(
    learning_rate: optax.ScalarOrSchedule,
    period: Number = 10,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    normalise: str = "frobenius",
) -> PerTask:
    """Nash-MTL's weights for the updates that Adam makes of each task's gradient.

    D holds a row for each task, the update d_t = m_t^ / (sqrt(v_t^) + eps) of AdaTask.
    The update is sum_t a_t d_t with a > 0 and D D^T a = 1 / a: its inner product with
    d_t is 1 / a_t > 0, which is said of what the parameters really do, where Nash-MTL
    says it of what Adam has yet to change. Own parameters get plain Adam.

    Args:
        learning_rate: a number or a schedule.
        period: steps that a serves before it is solved for anew.
        b1, b2, eps: of Adam.
        normalise: "frobenius" solves for D D^T / |D D^T|_F, and the update is about as
            long as Adam's; "none" takes D D^T as it is, which gives every update the
            length sqrt(T) at the steps that solve.

    Raises:
        ValueError: an unknown option.

    Reference: "A Parameter Update Balancing Algorithm for Multi-task Ranking Models in
    Recommendation Systems", ICDM 2024. Solved to float32 precision as in `nash_mtl`, in
    place of a sequence of convex programmes. An absent task is left out.
    """
    balancer = every(nash_mtl(None, normalise), period)
    return per_task_adam(learning_rate, b1, b2, eps, balancer)
