"""Cells of published tables that are read off problems with a known answer."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.toy_methods import build
from experiments.toy_runs import SETTINGS, Path, run_toy2d
from mtlx.data.mmoe_process import draw_mmoe_labels, draw_mmoe_weights
from mtlx.problems import (
    best_worst_task,
    concave_front,
    descend,
    distance_to_front,
    explained_by_weights,
    pcgrad_landscape,
)

Scores = dict[str, dict[str, float]]


def toy2d_end(setting: str, method: str, start: int) -> Scores:
    """Where one run on the two-dimensional toy ends, and where it met the front.

    Args:
        setting: "nash" or "cagrad", of `experiments.toy_runs`.
        method: a name of `experiments.toy_methods`.
        start: number of the initial point.
    """
    path = _toy2d(setting, method)
    x = path.x[start, -1]
    met = path.met[start]
    return {
        "end": {"x1": float(x[0]), "x2": float(x[1])},
        "met": {"x1": float(met[0]), "x2": float(met[1])},
    }


@functools.cache
def _toy2d(setting: str, method: str) -> Path:
    return run_toy2d(SETTINGS[setting], method)


def pcgrad_landscape_end(method: str, steps: int = 500_000, **settings) -> Scores:
    """Where Adam, learning rate 1e-3, ends on PCGrad's landscape: "x1", "x2", "l2".

    The loss of the first task is left out: on the floor of its valley it jumps by tens.

    Args:
        method: a balancer's name; `settings` are its arguments.
        steps: of the run, in float64.
    """
    with jax.enable_x64(True):
        passed = descend(
            pcgrad_landscape(),
            build(method, **settings),
            optax.adam(1e-3),
            steps,
            record_every=steps,
        )
    x, losses = passed.x[0, -1], passed.losses[0, -1]
    return {"end": {"x1": float(x[0]), "x2": float(x[1]), "l2": float(losses[1])}}


def label_correlation(
    correlation: float,
    seed: int,
    c: float = 0.4,
    num_sines: int = 5,
    rows: int = 10_000,
) -> Scores:
    """Pearson's correlation of the two labels of the MMoE process, in one draw.

    Args:
        correlation: cosine of the weight vectors.
        seed: of the weights and the rows.
        c, num_sines: of the process; alpha is 4 i and beta i, as in `synthetic_mmoe`.
        rows: of the draw.
    """
    keys = jax.random.split(jax.random.key(seed), 3)
    weights = draw_mmoe_weights(keys[0], correlation, 100, c)
    steps = jnp.arange(1, num_sines + 1, dtype=jnp.float32)
    inputs = jax.random.normal(keys[1], (rows, 100))
    labels = draw_mmoe_labels(keys[2], inputs, weights, 4.0 * steps, steps, 0.1)
    found = np.corrcoef(np.asarray(labels, np.float64), rowvar=False)[0, 1]
    return {"labels": {"correlation": float(found)}}


def worst_task(off_diagonal: float, tasks: int = 3, per_side: int = 400) -> Scores:
    """The best that width 1 explains of the worst of `tasks` alike linear tasks.

    Args:
        off_diagonal: of the Gram matrix of the fits, whose diagonal is 1.
        tasks: how many.
        per_side: points along a side of the grid of weights.

    Returns:
        "any" direction (exact) and by "weights" (the best of the grid, so a lower
        bound), and the "gap" between them.
    """
    gram = np.full((tasks, tasks), off_diagonal)
    np.fill_diagonal(gram, 1.0)
    axes = np.meshgrid(*[np.arange(1, per_side)] * (tasks - 1), indexing="ij")
    points = np.stack([axis.ravel() for axis in axes], axis=1)
    points = points[points.sum(axis=1) < per_side]
    points = np.concatenate([points, per_side - points.sum(axis=1, keepdims=True)], 1)
    weights = jnp.asarray(points / per_side, jnp.float32)
    explained = explained_by_weights(jnp.asarray(gram, jnp.float32), weights)
    reached = float(jnp.max(jnp.min(explained, axis=1)))
    best, _ = best_worst_task(gram)
    return {"worst": {"weights": reached, "any": best, "gap": best - reached}}


def concave_front_end(method: str, seed: int, steps: int = 100) -> Scores:
    """Where a method ends on ParetoMTL's problem from its start number `seed`.

    Args:
        method: a balancer whose weights sum to 1, of `experiments.toy_methods`.
        seed: below 200.
        steps: of length 1, plain descent.

    Returns:
        "end": "distance" to the Pareto set; "inside", the place along it, 0 at either
        end and 1/2 in the middle; both losses.
    """
    x, losses = _concave(method, steps)
    x, losses = x[seed], losses[seed]
    side = 1.0 / np.sqrt(x.size)
    share = float(np.clip((np.mean(x) / side + 1.0) / 2.0, 0.0, 1.0))
    problem = concave_front(num_starts=1)
    return {
        "end": {
            "distance": float(distance_to_front(problem, jnp.asarray(x))),
            "inside": min(share, 1.0 - share),
            "f_1": float(losses[0]),
            "f_2": float(losses[1]),
        }
    }


@functools.cache
def _concave(method: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Last points [200, n] and losses [200, 2] of all starts, in one program."""
    problem = concave_front(num_starts=200)
    passed = descend(problem, build(method), optax.sgd(1.0), steps, record_every=steps)
    return np.asarray(passed.x[:, -1]), np.asarray(passed.losses[:, -1])
