"""Runs of GradNorm's toy, for tables: what they reach, and how."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.outcome import Outcome
from experiments.toy_methods import build
from mtlx.problems import gradnorm_toy, train_gradnorm_toy, wide_scales
from mtlx.problems.gradnorm_net import Curves
from mtlx.train.observers import Row


def gradnorm_runs(
    method: str,
    seeds: Sequence[int],
    tasks: int = 2,
    steps: int = 5000,
    record_every: int = 100,
    **settings,
) -> list[Outcome]:
    """Runs of one method, one a seed, in one program.

    Args:
        method: a balancer's name; `settings` are its arguments.
        seeds: of the functions, the rows and the initial values, alike for all methods.
        tasks: 2 of the scales 1 and 100, or more of the scales `wide_scales(tasks)`.
        steps: of Adam, learning rate 1e-3.
        record_every: steps between two points of the history.

    Returns:
        Of each run, at the end and on the way: the "score" sum_i L_i(t) / L_i(0) on
        test rows (T at the start), each task's part of it, and its weight. Weights are
        divided by their mean, since methods differ in their sum by convention.
    """
    scales = (1.0, 100.0) if tasks == 2 else wide_scales(tasks)
    balancer = build(method, **settings)

    def run(seed):
        toy = gradnorm_toy(scales, seed=seed)
        key = jax.random.key(seed)
        adam = optax.adam(1e-3)
        return train_gradnorm_toy(
            toy, balancer, adam, steps, record_every=record_every, key=key
        )

    curves = jax.jit(jax.vmap(run))(jnp.asarray(seeds))
    curves = jax.tree.map(lambda x: np.asarray(x, np.float64), curves)
    return [
        _outcome(Curves(*(array[place] for array in curves)))
        for place in range(len(seeds))
    ]


def _outcome(curves: Curves) -> Outcome:
    """Of arrays [R + 1], [R + 1, T] and [R, T]."""
    shares = curves.weights / curves.weights.sum(axis=1, keepdims=True)
    ratios, names = curves.ratios, [f"task_{i + 1}" for i in range(shares.shape[1])]
    end = {"score": ratios[-1].sum()}
    end |= {f"share_{i + 1}": value for i, value in enumerate(shares[-1])}
    end |= {f"ratio_{i + 1}": value for i, value in enumerate(ratios[-1])}
    history = []
    for record, step in enumerate(curves.steps.astype(int).tolist()):
        at = (record, step)
        history.append(Row(*at, "test", "all", "score", float(ratios[record].sum())))
        for i, name in enumerate(names):
            ratio = float(ratios[record, i])
            history.append(Row(*at, "test", name, "relative_loss", ratio))
            if record:
                weight = float(shares[record - 1, i]) * len(names)
                history.append(Row(*at, "train", name, "weight", weight))
    return Outcome({"end": {k: float(v) for k, v in end.items()}}, history)
