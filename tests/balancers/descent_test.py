"""Descent along J^T w on two quadratics ends where no step helps both tasks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals

# L_i = |A_i (x - c_i)|^2 / 2: the Pareto set is a curve between the two centres.
SHAPES = jnp.array([[[2.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.5, 2.0]]])
CENTRES = jnp.array([[1.0, 0.0], [-1.0, 2.0]])

MEMBERS = (
    ("equal", {}),
    ("uncertainty", {}),
    ("dwa", {"window": 50}),
    ("geometric", {}),
    ("imtl_l", {}),
    ("stch", {"variant": "plain"}),
    ("famo", {"second_forward": "next"}),
    ("go4align", {"num_groups": 1}),
    ("gradnorm", {"alpha": 0.5, "learning_rate": 1e-3}),
    ("mgda", {}),
    ("mgda", {"normaliser": "l2"}),
    ("pcgrad", {}),
    ("cagrad", {"c": 0.4}),
    ("nash_mtl", {}),
    ("fairgrad", {"alpha": 0.5}),
    ("imtl_g", {}),
    ("aligned_mtl", {}),
    ("config", {}),
    ("gradvac", {}),
    ("upgrad", {}),
    ("dualproj", {}),
    ("psmgd", {}),
)


def losses(x):
    residuals = jnp.einsum("tij,tj->ti", SHAPES, x[None, :] - CENTRES)
    return 0.5 * jnp.sum(residuals**2, axis=1)


def descend(balancer, start, steps=1500, learning_rate=0.01):
    """The last x, its task gradients, and the losses on the way."""

    def step(carry, index):
        x, state = carry
        rows = jax.jacobian(losses)(x)
        key = jax.random.fold_in(jax.random.key(0), index)
        signals = Signals(losses(x), rows @ rows.T)
        weights, state = balancer.update(signals, state, key=key)
        return (x - learning_rate * weights @ rows, state), signals.losses

    first = (jnp.asarray(start), balancer.init(2))
    (x, _), trace = jax.jit(lambda: jax.lax.scan(step, first, jnp.arange(steps)))()
    return x, jax.jacobian(losses)(x), trace


@pytest.mark.parametrize(("name", "kwargs"), MEMBERS)
def test_the_end_is_pareto_stationary(name, kwargs):
    """At the end the two gradients are opposed: their hull touches 0."""
    _, (first, second), _ = descend(getattr(balancers, name)(**kwargs), [3.0, 3.0])
    gap = first - second
    share = jnp.clip(-(second @ gap) / (gap @ gap), 0.0, 1.0)
    nearest = share * first + (1.0 - share) * second
    scale = jnp.linalg.norm(first) + jnp.linalg.norm(second)
    assert float(jnp.linalg.norm(nearest)) < 0.02 * float(scale)


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("mgda", {}),
        ("pcgrad", {}),
        ("cagrad", {"c": 1.0}),
        ("upgrad", {}),
        ("dualproj", {}),
    ],
)
def test_a_step_that_does_not_conflict_lowers_both_losses(name, kwargs):
    balancer = getattr(balancers, name)(**kwargs)
    _, _, trace = descend(balancer, [3.0, 3.0], steps=100, learning_rate=1e-3)
    assert (np.diff(np.asarray(trace), axis=0) < 0).all()


def test_plain_descent_can_raise_a_loss_where_these_do_not():
    start = [-0.8, 1.9]  # near the second centre: the first gradient dominates
    _, _, plain = descend(balancers.equal(), start, 20, 1e-4)
    assert (np.diff(np.asarray(plain), axis=0) > 0).any()
    _, _, surgery = descend(balancers.pcgrad(), start, 20, 1e-4)
    assert (np.diff(np.asarray(surgery), axis=0) < 0).all()
