import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


def weights(gram, key=None, present=None, **kwargs):
    balancer = balancers.pcgrad(**kwargs)
    gram = jnp.asarray(gram, jnp.float32)
    losses = jnp.ones(gram.shape[0])
    key = jax.random.key(0) if key is None else key
    return np.asarray(
        balancer.update(Signals(losses, gram, None, present), (), key=key)[0]
    )


def algorithm_1(jacobian, orders):
    """The paper's loop, on the gradients themselves."""
    total = np.zeros(jacobian.shape[1])
    for i, gradient in enumerate(jacobian):
        projected = gradient.copy()
        for j in orders[i]:
            if j != i and projected @ jacobian[j] < 0:
                projected -= (
                    (projected @ jacobian[j])
                    / (jacobian[j] @ jacobian[j])
                    * jacobian[j]
                )
        total += projected
    return total


@pytest.mark.parametrize("tasks", [1, 2, 4, 10])
def test_coefficients_give_the_direction_of_algorithm_1(tasks):
    for seed in range(5):
        jacobian = np.random.default_rng(seed).standard_normal((tasks, tasks + 2))
        found = jacobian.T @ weights(jacobian @ jacobian.T, order="fixed")
        listed = [range(tasks)] * tasks
        np.testing.assert_allclose(found, algorithm_1(jacobian, listed), atol=2e-5)


def test_random_orders_are_all_orders_equally_often():
    """T = 3: two orders for each task, so eight results, 1/8 of the draws each."""
    jacobian = np.array([[1.0, 1.0, -2.0], [-2.0, 0.0, 1.0], [1.0, -2.0, 2.0]])
    choices = [((1, 2), (2, 1)), ((0, 2), (2, 0)), ((0, 1), (1, 0))]
    results = [algorithm_1(jacobian, orders) for orders in itertools.product(*choices)]
    distinct, copies = np.unique(np.round(results, 4), axis=0, return_counts=True)
    assert len(distinct) > 1
    balancer = balancers.pcgrad()
    signals = Signals(jnp.ones(3), jnp.asarray(jacobian @ jacobian.T, jnp.float32))
    keys = jax.random.split(jax.random.key(0), 4000)
    draw = jax.jit(jax.vmap(lambda key: balancer.update(signals, (), key=key)[0]))
    directions = np.asarray(draw(keys)) @ jacobian
    distance = np.abs(directions[:, None, :] - distinct[None]).max(-1)
    assert distance.min(1).max() < 1e-3
    share = np.bincount(distance.argmin(1), minlength=len(distinct)) / 4000
    np.testing.assert_allclose(share, copies / 8, atol=0.03)  # 4 standard deviations


@pytest.mark.parametrize("seed", range(3))
def test_no_conflict_no_change(seed):
    jacobian = np.abs(np.random.default_rng(seed).standard_normal((4, 7)))
    np.testing.assert_array_equal(weights(jacobian @ jacobian.T), np.ones(4))
    mean = weights(jacobian @ jacobian.T, reduction="mean")
    np.testing.assert_allclose(mean, np.full(4, 1 / 4), rtol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_two_tasks_in_closed_form(seed):
    jacobian = np.random.default_rng(seed).standard_normal((2, 4)) * [[1.0], [100.0]]
    gram = jacobian @ jacobian.T
    expected = 1 - np.minimum(gram[0, 1], 0) / np.diag(gram)
    found = weights(gram)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert (gram @ found >= -1e-4 * np.diag(gram)).all()  # so it does not conflict


def test_three_tasks_may_still_conflict():
    jacobian = np.array([[1.0, 1.0, -2.0], [-2.0, 0.0, 1.0], [1.0, -2.0, 2.0]])
    gram = jacobian @ jacobian.T
    found = weights(gram, order="fixed")
    np.testing.assert_allclose(found, [2.5, 37 / 15, 52 / 27], rtol=1e-5)
    assert (gram @ found)[0] < -4.0


def test_every_step_and_every_key_draws_anew():
    jacobian = np.random.default_rng(3).standard_normal((4, 3))
    gram = jacobian @ jacobian.T
    one = weights(gram, jax.random.key(0))
    np.testing.assert_array_equal(one, weights(gram, jax.random.key(0)))
    assert not np.allclose(one, weights(gram, jax.random.key(1)))


def test_zero_gradients_leave_the_others_alone():
    jacobian = np.random.default_rng(0).standard_normal((4, 6))
    jacobian[1] = 0.0
    rest = np.delete(jacobian, 1, axis=0)
    found = weights(jacobian @ jacobian.T, order="fixed")
    assert found[1] == 1.0
    expected = weights(rest @ rest.T, order="fixed")
    np.testing.assert_allclose(np.delete(found, 1), expected, rtol=1e-5)


def test_opposed_gradients_cancel():
    gram = np.array([[1.0, -1.0], [-1.0, 1.0]])
    np.testing.assert_allclose(gram @ weights(gram), 0.0, atol=1e-6)


def test_only_a_random_order_needs_a_key():
    assert balancers.pcgrad().needs == {"gram", "key"}
    assert balancers.pcgrad(order="fixed").needs == {"gram"}
