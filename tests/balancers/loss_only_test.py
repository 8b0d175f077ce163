"""What holds for the rules that look at losses alone, whatever the losses are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals

MEMBERS = (
    ("constant", {}),
    ("scale_invariant", {}),
    ("scale_invariant", {"variant": "log1p"}),
    ("geometric", {}),
    ("rlw", {}),
    ("uw_so", {}),
    ("uw_so", {"temperature": 1e-3}),
    ("imtl_l", {}),
    ("imtl_l", {"learning_rate": 1.0}),
    ("stch", {}),
    ("stch", {"warmup": 0, "mu": 1e-3}),
    ("stch", {"variant": "plain", "mu": 1e-3}),
    ("pbi", {}),
    ("cosmos", {}),
    ("famo", {}),
    ("famo", {"second_forward": "next", "learning_rate": 1.0}),
    ("go4align", {}),
    ("go4align", {"num_groups": 9, "step_size": 1.0}),
    ("ldc_mtl", {}),
    ("ldc_mtl", {"normalise": "initial", "learning_rate": 1.0}),
    ("ldc_mtl", {"normalise": "log_initial"}),
)
IDS = [name + "".join(f"-{k}={v}" for k, v in kw.items()) for name, kw in MEMBERS]

# Rules under which a task's part w_i L_i of the update, relative to the others', does
# not depend on the unit that its loss is measured in.
UNIT_FREE = (
    ("scale_invariant", {}),
    ("geometric", {}),
    ("stch", {"warmup": 1}),
    ("famo", {}),
    ("famo", {"second_forward": "next"}),
    ("ldc_mtl", {"normalise": "initial"}),
    ("ldc_mtl", {"normalise": "log_initial"}),
)
IN_UNITS = (
    ("constant", {}),
    ("scale_invariant", {"variant": "log1p"}),
    ("uw_so", {}),
    ("imtl_l", {}),
    ("stch", {"variant": "plain"}),
    ("pbi", {}),
    ("cosmos", {}),
    ("go4align", {"step_size": 0.1}),
    ("ldc_mtl", {}),
)


def run(name, kwargs, script, after=None):
    """Weights of every step [S, T], and the last state, in one compiled scan."""
    balancer = getattr(balancers, name)(**kwargs)
    after = script if after is None else after

    def step(state, row):
        index, losses, later = row
        key = jax.random.fold_in(jax.random.key(0), index)
        weights, state = balancer.update(Signals(losses), state, key=key)
        if balancer.observe is not None:
            state = balancer.observe(later, state)
        return state, weights

    rows = (
        jnp.arange(len(script)),
        *(jnp.asarray(s, jnp.float32) for s in (script, after)),
    )
    start = balancer.init(script.shape[1])
    state, weights = jax.jit(lambda: jax.lax.scan(step, start, rows))()
    return np.asarray(weights), state


@pytest.mark.parametrize(("name", "kwargs"), MEMBERS, ids=IDS)
def test_losses_of_any_size_give_finite_weights_and_states(name, kwargs):
    """Large, small, equal and zero ones, alone, side by side and in turns."""
    rng = np.random.default_rng(0)
    sizes = [np.full(4, 10.0**power) for power in (-30, -10, 0, 10)]
    mixed = [10.0 ** rng.permutation([-10, -3, 3, 10]) for _ in range(8)]
    some = [
        np.array([0.0, 1.0, 0.0, 1e10]),
        np.zeros(4),
        np.array([2.0, 2.0, 1.0, 1.0]),
    ]
    script = np.stack(sizes + mixed + some + sizes[::-1])
    weights, state = run(name, kwargs, script, np.roll(script, 1, axis=0))
    for leaf in jax.tree.leaves((weights, state)):
        assert np.isfinite(leaf).all()


@pytest.mark.parametrize(("name", "kwargs"), MEMBERS, ids=IDS)
def test_a_single_task_is_trained(name, kwargs):
    """Its weight is positive, whatever the rule, so that the step goes downhill."""
    weights, _ = run(name, kwargs, np.array([[3.0], [1.0], [0.5], [0.6]]))
    assert (weights > 0).all()


def shares(name, kwargs, units):
    """w_i L_i over their sum, where task i's loss is in `units[i]`."""
    rng = np.random.default_rng(1)
    script = rng.uniform(0.2, 2.0, (6, 3)) * units
    after = script * rng.uniform(0.7, 1.0, (6, 3))
    weights, _ = run(name, kwargs, script, after)
    share = weights * script
    return share / share.sum(1, keepdims=True)


@pytest.mark.parametrize(("name", "kwargs"), UNIT_FREE)
def test_the_units_of_the_losses_do_not_matter(name, kwargs):
    units = np.array([100.0, 1.0, 0.03])
    expected = shares(name, kwargs, np.ones(3))
    np.testing.assert_allclose(shares(name, kwargs, units), expected, rtol=1e-3)


@pytest.mark.parametrize(("name", "kwargs"), IN_UNITS)
def test_the_units_of_the_losses_matter(name, kwargs):
    units = np.array([100.0, 1.0, 0.03])
    expected = shares(name, kwargs, np.ones(3))
    assert not np.allclose(shares(name, kwargs, units), expected, rtol=0.1)


@pytest.mark.parametrize(
    ("name", "kwargs", "total"),
    [
        ("rlw", {}, 1.0),
        ("rlw", {"distribution": "dirichlet"}, 1.0),
        ("uw_so", {}, 1.0),
        ("famo", {}, 1.0),
        ("famo", {"second_forward": "next"}, 1.0),
        ("constant", {}, 3.0),
    ],
)
def test_the_sum_of_the_weights_is_as_documented(name, kwargs, total):
    script = np.random.default_rng(2).uniform(0.2, 2.0, (5, 3))
    weights, _ = run(name, kwargs, script)
    assert (weights > 0).all()
    np.testing.assert_allclose(weights.sum(1), total, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "kwargs", "total"),
    [
        ("scale_invariant", {}, lambda losses: 3.0),
        ("geometric", {}, lambda losses: np.prod(losses, 1) ** (1 / 3)),
        ("stch", {"warmup": 1}, lambda losses: 3.0),
        ("pbi", {"theta": 0.0}, lambda losses: losses.sum(1) / np.sqrt(3)),
        ("pbi", {}, lambda losses: along_and_off(losses)),
        ("cosmos", {}, lambda losses: losses.mean(1)),
    ],
)
def test_the_weighted_sum_of_the_losses_is_known(name, kwargs, total):
    """Euler's theorem: sum_i w_i L_i of a scalarisation homogeneous of degree 1 is its
    value, of log-losses T, and what is of degree 0 (the cosine) adds nothing."""
    script = np.random.default_rng(3).uniform(0.2, 2.0, (5, 3))
    weights, _ = run(name, kwargs, script)
    np.testing.assert_allclose((weights * script).sum(1), total(script), rtol=1e-4)


def along_and_off(losses):
    """PBI's d1 + 5 d2 for the diagonal."""
    along = losses.sum(1) / np.sqrt(3)
    return along + 5 * np.linalg.norm(losses - losses.mean(1, keepdims=True), axis=1)
