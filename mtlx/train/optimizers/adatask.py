"""AdaTask, Adam with moments of each task (Yang et al. 2023)."""

import optax

from mtlx.balancers.equal import equal
from mtlx.train.optimizers.per_task import PerTask, per_task_adam


def adatask(
    learning_rate: optax.ScalarOrSchedule,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
) -> PerTask:
    """Adam on each task's gradient of the shared parameters, and the sum of the steps.

    m_t = b1 m_t + (1 - b1) g_t, v_t = b2 v_t + (1 - b2) g_t^2, and theta -= learning_
    rate * sum_t m_t^ / (sqrt(v_t^) + eps), hats for Adam's bias correction: no task's
    gradients set another's step size. Own parameters get plain Adam. With one task this
    is `optax.adam`. The moments take 2 T n numbers, and a step T backward passes.

    Args:
        learning_rate: a number or a schedule.
        b1, b2, eps: of Adam.

    Reference: "AdaTask: A Task-Aware Adaptive Learning Rate Approach to Multi-Task
    Learning", AAAI 2023, its form for Adam. A balancer's weights scale g_t before its
    moments, which divide a constant one out again. An absent task keeps its moments and
    its count of steps, and has no part in the update.
    """
    return per_task_adam(learning_rate, b1, b2, eps, equal())
