import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.balancers.go4align import _group_means
from mtlx.types import Signals

LOSSES = np.array([0.3, 1.0, 5.0, 0.9])

grouped = jax.jit(_group_means, static_argnums=2)


def weigh(balancer, losses, state=None, present=None):
    signals = Signals(jnp.asarray(losses, jnp.float32), present=present)
    state = balancer.init(len(losses)) if state is None else state
    return balancer.update(signals, state)


def raw_weights(losses, step_size=1e-4, risks=None):
    """p_i sum_j L_j / L_i, and p."""
    risks = np.full(len(losses), 1 / len(losses)) if risks is None else risks
    risks = risks * np.exp(-step_size * losses)
    risks = risks / risks.sum()
    return risks * losses.sum() / losses, risks


def cost(values, labels):
    groups = [values[labels == label] for label in np.unique(labels)]
    return sum(((group - group.mean()) ** 2).sum() for group in groups)


def brute_force(values, groups):
    """The least within-group sum of squares over all assignments."""
    every = itertools.product(range(groups), repeat=len(values))
    return min(cost(values, np.array(labels)) for labels in every)


def within(values, found):
    """Cost of the groups that `found` stands for: equal means are one group."""
    return cost(values, np.unique(found, return_inverse=True)[1])


@pytest.mark.parametrize("tasks", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_groups_are_those_of_a_brute_force_search(tasks, groups):
    for seed in range(5):
        rng = np.random.default_rng((seed, tasks))
        values = np.exp(rng.standard_normal(tasks)).astype(np.float32)
        everyone = jnp.ones(tasks, bool)
        found = np.asarray(grouped(jnp.asarray(values), everyone, groups))
        assert len(np.unique(found)) <= groups
        best = brute_force(values.astype(np.float64), groups)
        assert within(values, found) == pytest.approx(best, rel=1e-4, abs=1e-6)
        np.testing.assert_allclose(found.sum(), values.sum(), rtol=1e-5)


def test_small_values_are_told_apart_beside_a_large_one():
    values = jnp.array([1e-3, 1e4, 2e-3, 1e-3, 2e-3])
    found = grouped(values, jnp.ones(5, bool), 3)
    np.testing.assert_allclose(found, values, rtol=1e-5)


def test_many_tasks_fall_into_their_clusters():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 4, 64)
    values = 10.0 * label + rng.uniform(0.0, 1.0, 64) + 1.0
    found = grouped(jnp.asarray(values, jnp.float32), jnp.ones(64, bool), 4)
    expected = [values[label == own].mean() for own in label]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_one_group_has_the_mean_and_as_many_as_tasks_the_raw_weights():
    raw, _ = raw_weights(LOSSES)
    one, _ = weigh(balancers.go4align(1), LOSSES)
    np.testing.assert_allclose(one, raw.mean(), rtol=1e-5)
    for groups in (4, 9):
        own, _ = weigh(balancers.go4align(groups), LOSSES)
        np.testing.assert_allclose(own, raw, rtol=1e-5)


def test_two_groups_by_hand():
    """Raw weights near 6, 1.8, 0.36, 2: the first against the rest."""
    found, _ = weigh(balancers.go4align(2), LOSSES)
    raw, _ = raw_weights(LOSSES)
    rest = raw[1:].mean()
    np.testing.assert_allclose(found, [raw[0], rest, rest, rest], rtol=1e-5)


@pytest.mark.parametrize("step_size", [1e-4, 0.3])
def test_risks_are_the_recurrence_written_out(step_size):
    balancer, risks = balancers.go4align(9, step_size), None
    state = balancer.init(4)
    for factor in (1.0, 0.5, 2.0):
        found, state = weigh(balancer, factor * LOSSES, state)
        expected, risks = raw_weights(factor * LOSSES, step_size, risks)
        np.testing.assert_allclose(found, expected, rtol=1e-4)
        np.testing.assert_allclose(np.exp(state.log_risks), risks, rtol=1e-4)


def test_a_huge_loss_does_not_empty_the_risks():
    balancer = balancers.go4align(2, 1.0)
    state = balancer.init(3)
    for _ in range(5):
        found, state = weigh(balancer, [1.0, 1e6, 1e3], state)
    assert np.isfinite(found).all() and np.isfinite(state.log_risks).all()


def test_absent_tasks_keep_their_risk_and_all_sum_to_one():
    balancer = balancers.go4align(2, 0.5)
    _, state = weigh(balancer, LOSSES)
    present = jnp.array([True, False, True, True])
    _, after = weigh(balancer, LOSSES, state, present)
    assert after.log_risks[1] == state.log_risks[1]
    np.testing.assert_allclose(np.exp(after.log_risks).sum(), 1.0, rtol=1e-5)


@pytest.mark.parametrize("groups", [0, -1])
def test_a_number_of_groups_is_a_positive_integer(groups):
    with pytest.raises(ValueError, match="num_groups to be a positive integer, found"):
        balancers.go4align(groups)
