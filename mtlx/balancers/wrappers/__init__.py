"""Wrappers: functions of a balancer, and of numbers, that return a balancer.

Each works on every balancer that returns weights, and they nest:
`clip(ema(every(cagrad(), 4), 0.9), upper=2.0)`.
"""

from mtlx.balancers.wrappers.clip import clip
from mtlx.balancers.wrappers.ema import ema
from mtlx.balancers.wrappers.every import every
from mtlx.balancers.wrappers.normalise import normalise
from mtlx.balancers.wrappers.precondition import precondition
from mtlx.balancers.wrappers.subsample import subsample

__all__ = ["clip", "ema", "every", "normalise", "precondition", "subsample"]
