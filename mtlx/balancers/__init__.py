"""Balancers: rules that turn what a step measures into task weights.

Each is a function of its hyper-parameters that returns a `Balancer(init, update,
needs)`; `base` states the interface and the scale convention.
"""

from mtlx.balancers.cagrad import cagrad
from mtlx.balancers.dwa import dwa
from mtlx.balancers.equal import equal
from mtlx.balancers.gradnorm import gradnorm
from mtlx.balancers.mgda import mgda
from mtlx.balancers.pcgrad import pcgrad
from mtlx.balancers.uncertainty import uncertainty

__all__ = ["cagrad", "dwa", "equal", "gradnorm", "mgda", "pcgrad", "uncertainty"]
