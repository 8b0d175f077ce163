import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.balancers.gradvac import GradVacState
from mtlx.balancers.orders import listed_orders, random_orders
from mtlx.types import Signals


def signals(rows, present=None):
    gram = jnp.asarray(rows @ rows.T, jnp.float32)
    return Signals(jnp.ones(len(rows)), gram, present=present)


def reference(rows, targets, orders, beta, fired):
    """The paper's loop, on the gradients themselves; changes `targets`."""
    total = np.zeros(rows.shape[1])
    for i, gradient in enumerate(rows):
        turned = gradient.copy()
        for j in orders[i]:
            if j == i:
                continue
            size, other = np.linalg.norm(turned), np.linalg.norm(rows[j])
            phi, h = turned @ rows[j] / (size * other), targets[i, j]
            if phi < h:
                sine, target_sine = np.sqrt(1 - phi**2), np.sqrt(1 - h**2)
                step = size * (h * sine - phi * target_sine) / (other * target_sine)
                turned += step * rows[j]
            if phi < h or not fired:
                targets[i, j] = (1 - beta) * h + beta * phi
        total += turned
    return total


@pytest.mark.parametrize("ema", ["always", "fired"])
@pytest.mark.parametrize("tasks", [1, 2, 3, 7])
def test_steps_are_the_algorithm_on_gradients(tasks, ema):
    balancer = balancers.gradvac(0.3, ema)
    update, state = jax.jit(balancer.update), balancer.init(tasks)
    rng, targets = np.random.default_rng(tasks), np.zeros((tasks, tasks))
    common = rng.standard_normal(tasks + 4)
    for step in range(12):
        rows = 0.5 * common + rng.standard_normal((tasks, tasks + 4))
        key = jax.random.fold_in(jax.random.key(0), step)
        found, state = update(signals(rows), state, key=key)
        orders = random_orders(key, jnp.ones(tasks, bool))
        expected = reference(rows, targets, np.asarray(orders), 0.3, ema == "fired")
        assert found.min() >= 1.0
        np.testing.assert_allclose(found @ rows, expected, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(state.targets, targets, atol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_without_a_target_it_is_pcgrad(seed):
    """h = 0 for two tasks, and for more while h stays there: beta = 0."""
    rng = np.random.default_rng(seed)
    for tasks, beta in ((2, 0.5), (5, 0.0)):
        known = signals(rng.standard_normal((tasks, 6)))
        vaccine, surgery = balancers.gradvac(beta), balancers.pcgrad()
        key = jax.random.key(seed)
        found, _ = vaccine.update(known, vaccine.init(tasks), key=key)
        expected, _ = surgery.update(known, (), key=key)
        np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("target", [-0.5, 0.3, 0.9])
def test_two_tasks_reach_the_target(target):
    """w_j - 1 = n_i (h sin(phi) - cos(phi) sin(h)) / (n_j sin(h)), angles for cosines:
    each turned gradient has the cosine h to the other."""
    rows = np.array([[2.0, 0.0], [-1.0, 0.5]])
    norms = np.linalg.norm(rows, axis=1)
    state = GradVacState(jnp.full((2, 2), target, jnp.float32))
    found, state = balancers.gradvac().update(
        signals(rows), state, key=jax.random.key(0)
    )
    for i, j in ((0, 1), (1, 0)):
        turned = rows[i] + (float(found[j]) - 1) * rows[j]
        cosine = turned @ rows[j] / (np.linalg.norm(turned) * norms[j])
        np.testing.assert_allclose(cosine, target, atol=1e-4)
    phi = rows[0] @ rows[1] / norms.prod()
    expected = 0.5 * target + 0.5 * phi
    np.testing.assert_allclose(state.targets[0, 1], expected, rtol=1e-5)


def test_where_gradients_agree_more_than_usual_nothing_turns():
    rows = np.array([[1.0, 0.1], [1.0, -0.1]])
    state = GradVacState(jnp.full((2, 2), 0.5, jnp.float32))
    for ema, moves in (("always", True), ("fired", False)):
        found, new = balancers.gradvac(ema=ema).update(
            signals(rows), state, key=jax.random.key(0)
        )
        np.testing.assert_array_equal(found, 1.0)
        assert (new.targets[0, 1] > 0.5) == moves
        assert (new.targets[0, 0] == 0.5) and (new.targets[1, 1] == 0.5)


def test_targets_of_absent_tasks_and_zero_gradients_stay():
    rows = np.random.default_rng(0).standard_normal((4, 6))
    rows[3] = 0.0
    state = GradVacState(jnp.full((4, 4), 0.9, jnp.float32))
    present = jnp.array([True, False, True, True])
    found, new = balancers.gradvac().update(
        signals(rows, present), state, key=jax.random.key(0)
    )
    assert found[1] == 0.0 and found[3] == 1.0
    moved = np.asarray(new.targets != state.targets)
    expected = np.zeros((4, 4), bool)
    expected[0, 2] = expected[2, 0] = True
    np.testing.assert_array_equal(moved, expected)


@pytest.mark.parametrize("target", [-1.0, 0.99, 1.0])
def test_parallel_and_opposed_gradients_stay_finite(target):
    rows = np.array([[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0], [0.0, 0.0]])
    state = GradVacState(jnp.full((4, 4), target, jnp.float32))
    for _ in range(3):
        found, state = balancers.gradvac().update(
            signals(rows), state, key=jax.random.key(1)
        )
        assert np.isfinite(found).all() and np.isfinite(state.targets).all()


def test_random_orders_hold_every_task_once_and_do_not_see_absent_ones():
    key, present = jax.random.key(3), jnp.array([True, False, True, True, False])
    orders = np.asarray(random_orders(key, present))
    np.testing.assert_array_equal(np.sort(orders, axis=1), listed_orders(present))
    kept = np.flatnonzero(present)
    removed = np.asarray(random_orders(key, jnp.ones(3, bool)))
    for row, i in enumerate(kept):
        among = orders[i][np.isin(orders[i], kept)]
        np.testing.assert_array_equal(among, kept[removed[row]])
