"""Measure: losses, per-task gradients of the shared parameters, their Gram matrix.

The parameters are split once into *shared* ones, that two or more tasks depend on, and
*own* ones, that a single task depends on (the model says which). A balancer weighs the
tasks on the shared parameters alone; own parameters get their task's plain gradient,
whatever its weight.
"""

from mtlx.gradients.accumulate import accumulated_losses, measure_accumulated
from mtlx.gradients.affinity import task_affinity
from mtlx.gradients.choice import FORMS, check_form, choose
from mtlx.gradients.cross_gram import measure_cross_gram
from mtlx.gradients.cut import GRANULARITIES, Cut
from mtlx.gradients.measurement import Measurement, measure
from mtlx.gradients.parameters import Flat, Owner, Path, join, layers, split

__all__ = [
    "FORMS",
    "GRANULARITIES",
    "Cut",
    "Flat",
    "Measurement",
    "Owner",
    "Path",
    "accumulated_losses",
    "check_form",
    "choose",
    "join",
    "layers",
    "measure",
    "measure_accumulated",
    "measure_cross_gram",
    "split",
    "task_affinity",
]
