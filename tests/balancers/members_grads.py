"""The rules on stacked gradients or two batches, a row a variant, and signals."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers, tree
from mtlx.types import Direction, Signals
from tests.balancers.members import stack

MEMBERS = (
    ("graddrop", {}),
    ("graddrop", {"leak": 0.3, "reduction": "mean"}),
    ("trimmed_mean", {}),
    ("excess_mtl", {}),
    ("excess_mtl", {"step_size": 1.0, "warmup": 2, "variant": "paper"}),
    ("moco", {}),
    ("moco", {"rho": 0.1, "projection": "softmax", "normaliser": "loss"}),
    ("db_mtl_ema", {}),
    ("momentum_config", {}),
    ("modo", {}),
    ("modo", {"gamma": 0.1, "projection": "softmax"}),
    ("sdmgrad", {}),
    ("sdmgrad", {"niter": 3, "rescale": False}),
)
ROWS = range(len(MEMBERS))
IDS = [name + "".join(f"-{k}={v}" for k, v in kw.items()) for name, kw in MEMBERS]

HYPERPARAMETERS = (
    ("graddrop", "leak", (0.0, 0.5, 1.0)),
    ("trimmed_mean", "trim", (0, 1, 2)),
    ("excess_mtl", "step_size", (0.01, 1.0)),
    ("excess_mtl", "warmup", (1, 2)),
    ("moco", "beta", (0.5, 1.0)),
    ("moco", "beta_sigma", (0.0, 0.5)),
    ("moco", "gamma", (0.01, 0.1)),
    ("moco", "gamma_sigma", (0.0, 0.5)),
    ("moco", "rho", (0.0, 1.0)),
    ("db_mtl_ema", "beta", (0.0, 0.9)),
    ("db_mtl_ema", "beta_sigma", (0.0, 0.5)),
    ("momentum_config", "beta1", (0.0, 0.9)),
    ("momentum_config", "beta2", (0.9, 0.999)),
    ("modo", "gamma", (0.001, 0.1)),
    ("modo", "rho", (0.0, 1e3)),
    ("sdmgrad", "lam", (0.0, 0.3, 3.0)),
    ("sdmgrad", "inner_lr", (0.1, 10.0)),
    ("sdmgrad", "momentum", (0.0, 0.9)),
)

every_member = pytest.mark.parametrize("row", ROWS, ids=IDS)

SHARED = {
    ("bottom", "kernel"): jnp.zeros((2, 3)),
    ("bottom", "bias"): jnp.zeros(5),
    ("scale",): jnp.zeros(()),
}
WIDTH = 12


def build(row):
    name, kwargs = MEMBERS[row]
    return getattr(balancers, name)(**kwargs)


def start(balancer, tasks, shared=SHARED):
    return balancer.init(*((tasks, shared) if "grads" in balancer.needs else (tasks,)))


@functools.cache
def compiled(row):
    """One jitted update a row, so that tests share what XLA has compiled."""
    return jax.jit(build(row).update)


def stacked(rows):
    """[T, 12] -> the rows cut into the shapes of SHARED."""
    rows = jnp.asarray(rows, jnp.float32)
    leaves, structure = jax.tree.flatten(SHARED)
    ends = np.cumsum([leaf.size for leaf in leaves])[:-1]
    cut = jnp.split(rows, ends, axis=1)
    return structure.unflatten(
        part.reshape(len(rows), *leaf.shape)
        for part, leaf in zip(cut, leaves, strict=True)
    )


def signals(tasks, seed=0, rank=None, scale=1.0):
    """Losses, and gradients of given rank times `scale`, on two batches."""
    rng = np.random.default_rng((seed, tasks))
    rows = rng.standard_normal((tasks, WIDTH))
    if rank is not None:
        rows = rng.standard_normal((tasks, rank)) @ rng.standard_normal((rank, WIDTH))
    second = rows + 0.3 * rng.standard_normal((tasks, WIDTH)) * (rank != 0)
    return Signals(
        losses=jnp.asarray(rng.uniform(0.2, 2.0, tasks), jnp.float32),
        grads=stacked(rows * scale),
        cross_gram=jnp.asarray(rows @ second.T * scale**2, jnp.float32),
    )


def outcome(result, known):
    """(direction, weights), the direction being J^T w where a rule returns weights."""
    if isinstance(result, Direction):
        return result.gradient, result.weights
    return tree.weighted_sum(result, known.grads), result


def run(update, state, steps, key=None):
    """Direction and weights of every step, and the last state."""
    found = []
    for index, step in enumerate(steps):
        folded = jax.random.fold_in(jax.random.key(7) if key is None else key, index)
        result, state = update(step, state, key=folded)
        found.append(outcome(result, step))
    return stack(found), state


def assert_close(found, expected, rtol=1e-4, atol=1e-5):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=atol),
        found,
        expected,
    )


def assert_finite(values):
    for leaf in jax.tree.leaves(values):
        assert np.isfinite(leaf).all()
