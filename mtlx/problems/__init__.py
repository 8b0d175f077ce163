"""Closed-form problems: where the right answer is known, balancers can be held to it.

Each is a function of its settings that returns a `Problem`; `descend` runs a balancer
on it from all starts at once. GradNorm's toy has a network, and a loop of its own.
"""

from mtlx.problems.base import Problem, distance_to_front, lifted
from mtlx.problems.concave_front import concave_front
from mtlx.problems.descent import Trajectories, descend, make_descent
from mtlx.problems.gradnorm_net import Curves, train_gradnorm_toy
from mtlx.problems.gradnorm_toy import GradNormToy, gradnorm_toy, wide_scales
from mtlx.problems.linear_scalarisation import (
    best_worst_task,
    explained_by_weights,
    reaches_everything,
)
from mtlx.problems.pcgrad_landscape import pcgrad_landscape
from mtlx.problems.quadratics import (
    convex_quadratics,
    elementwise_quadratics,
    rotated_quadratics,
)
from mtlx.problems.toy2d import CAGRAD_STARTS, NASH_STARTS, toy2d

__all__ = [
    "CAGRAD_STARTS",
    "NASH_STARTS",
    "Curves",
    "GradNormToy",
    "Problem",
    "Trajectories",
    "best_worst_task",
    "concave_front",
    "convex_quadratics",
    "descend",
    "distance_to_front",
    "elementwise_quadratics",
    "explained_by_weights",
    "gradnorm_toy",
    "lifted",
    "make_descent",
    "pcgrad_landscape",
    "reaches_everything",
    "rotated_quadratics",
    "toy2d",
    "train_gradnorm_toy",
    "wide_scales",
]
