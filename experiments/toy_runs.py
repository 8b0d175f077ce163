"""The runs behind `python -m experiments.toy`: what, and for how long."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from experiments.toy_methods import COMPARED, METHODS, build
from experiments.toy_reference import MET
from mtlx.problems import (
    CAGRAD_STARTS,
    NASH_STARTS,
    Problem,
    Trajectories,
    convex_quadratics,
    descend,
    distance_to_front,
    elementwise_quadratics,
    gradnorm_toy,
    lifted,
    rotated_quadratics,
    toy2d,
    train_gradnorm_toy,
    wide_scales,
)

LEARNING_RATE = 1e-3  # of Adam, for the two-dimensional toy and GradNorm's
RECORDS = 500


class Setting(NamedTuple):
    """The two-dimensional toy as one of the papers runs it."""

    title: str
    scale: float
    starts: tuple
    steps: int
    methods: tuple[str, ...]
    settings: dict[str, dict[str, Any]] = {}  # where they differ from METHODS


class Quadratic(NamedTuple):
    problem: Callable[[], Problem]
    learning_rate: float
    steps: int


class Path(NamedTuple):
    """One method on one problem, as NumPy: S starts, R + 1 records."""

    x: np.ndarray  # [S, R + 1, n]
    distance: np.ndarray  # [S, R + 1] to the Pareto set
    steps: np.ndarray  # [R + 1]

    @property
    def met(self) -> np.ndarray:
        """[S, n]: where each run first met the front; its end, if it did not."""
        near = self.distance < MET
        first = np.where(near.any(axis=1), near.argmax(axis=1), -1)
        return self.x[np.arange(len(first)), first]


SETTINGS = {
    "nash": Setting("f1 x 0.1, 50,000 steps", 0.1, NASH_STARTS, 50_000, tuple(METHODS)),
    "cagrad": Setting(
        "equal scales, 100,000 steps",
        1.0,
        CAGRAD_STARTS,
        100_000,
        COMPARED[:8],
        {"cagrad": {"c": 0.5, "rescale": 2}},
    ),
}
QUADRATICS = {
    "ewq": Quadratic(elementwise_quadratics, 0.075, 50),
    "cqf": Quadratic(convex_quadratics, 0.125, 200),
    "hqf": Quadratic(rotated_quadratics, 0.005, 100),
}
GRADNORM_TASKS = {"T = 2": 2, "T = 10": 10}
GRADNORM_STEPS = {"T = 2": 1000, "T = 10": 300}
GRADNORM_METHODS = {"equal": {}, "gradnorm": {"alpha": 0.12}, "uncertainty": {}}


def run_toy2d(setting: Setting, name: str) -> Path:
    """One method from all starts, points and losses in float64."""
    with jax.enable_x64(True):
        # Losses from 0: what looks at logarithms or ratios of losses needs them so.
        problem = lifted(toy2d(setting.scale, setting.starts))
        passed = descend(
            problem,
            build(name, **setting.settings.get(name, {})),
            optax.adam(LEARNING_RATE),
            setting.steps,
            record_every=setting.steps // RECORDS,
        )
        return _path(passed, _toy2d_distance(setting.scale))


def run_quadratic(key: str, name: str) -> Path:
    """One method on one of TorchJD's quadratics, by plain gradient descent."""
    make, learning_rate, steps = QUADRATICS[key]
    rate = METHODS[name].rates[list(QUADRATICS).index(key)]
    optimizer = optax.sgd(rate * learning_rate)
    passed = descend(make(), build(name), optimizer, steps)
    return _path(passed, _distance(make))


def run_gradnorm(key: str, name: str) -> dict[str, np.ndarray]:
    """Steps, score and weights of one method on GradNorm's toy."""
    tasks = GRADNORM_TASKS[key]
    toy = gradnorm_toy((1.0, 100.0) if tasks == 2 else wide_scales(tasks))
    balancer = build(name, **GRADNORM_METHODS[name])
    curves = train_gradnorm_toy(
        toy, balancer, optax.adam(LEARNING_RATE), GRADNORM_STEPS[key], record_every=25
    )
    return {
        "steps": np.asarray(curves.steps),
        "score": np.asarray(curves.score),
        "weights": np.asarray(curves.weights),
        "scales": np.asarray(toy.scales),
    }


# Compiled once for all methods.
@functools.cache
def _distance(make: Callable[[], Problem]) -> Callable:
    """The function x [S, R + 1, n] -> distance to the front [S, R + 1]."""
    problem = make()
    return jax.jit(jax.vmap(jax.vmap(lambda x: distance_to_front(problem, x))))


@functools.cache
def _toy2d_distance(scale: float) -> Callable:
    return _distance(lambda: toy2d(scale))


def _path(passed: Trajectories, distance: Callable) -> Path:
    far = np.asarray(distance(passed.x))
    return Path(np.asarray(passed.x), far, np.asarray(passed.steps))
