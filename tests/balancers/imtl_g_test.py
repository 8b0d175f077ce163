import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


def weights(rows):
    signals = Signals(jnp.ones(len(rows)), jnp.asarray(rows @ rows.T, jnp.float32))
    return np.asarray(balancers.imtl_g().update(signals, ())[0], np.float64)


def closed_form(rows):
    """The paper's: (w_2, ..., w_T) = g_1 U^T (D U^T)^-1, w_1 = 1 - the rest."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    differences, units = rows[0] - rows[1:], unit[0] - unit[1:]
    others = rows[0] @ units.T @ np.linalg.inv(differences @ units.T)
    return np.concatenate([[1 - others.sum()], others])


@pytest.mark.parametrize("tasks", [2, 3, 6])
@pytest.mark.parametrize("seed", range(3))
def test_weights_are_the_closed_form_of_the_paper(tasks, seed):
    rows = np.random.default_rng((seed, tasks)).standard_normal((tasks, tasks + 4))
    expected = closed_form(rows)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(weights(rows), expected, atol=1e-3 * scale)


@pytest.mark.parametrize("tasks", [2, 5, 12])
def test_projections_are_equal_and_weights_sum_to_one(tasks):
    rows = np.random.default_rng(tasks).standard_normal((tasks, 2 * tasks))
    rows *= np.logspace(-2, 2, tasks)[:, None]
    found = weights(rows)
    projections = rows @ (found @ rows) / np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(projections, projections[0], rtol=1e-2)
    np.testing.assert_allclose(found.sum(), 1.0, rtol=1e-5)


@pytest.mark.parametrize("cosine", [-1.0, -0.9, 0.0, 1.0])
@pytest.mark.parametrize("ratio", [1.0, 1e4])
def test_two_tasks_weigh_inversely_to_their_norms(cosine, ratio):
    rows = np.array([[1.0, 0.0], [cosine * ratio, np.sqrt(1 - cosine**2) * ratio]])
    inverse = np.array([1.0, 1 / ratio])
    np.testing.assert_allclose(weights(rows), inverse / inverse.sum(), rtol=1e-5)


def test_loss_scales_do_not_turn_the_direction():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((4, 9))
    one, other = (weights(j) @ j for j in (rows, rows * rng.uniform(0.01, 100, (4, 1))))
    one, other = one / np.linalg.norm(one), other / np.linalg.norm(other)
    np.testing.assert_allclose(np.abs(one @ other), 1.0, atol=1e-5)


def test_three_tasks_may_get_a_negative_weight():
    """Between two gradients, a third that equal projections have to push away."""
    rows = np.array([[1.0, 0.0, 0.1], [0.0, 1.0, 0.1], [1.0, 1.0, 0.0]])
    found = weights(rows)
    assert found.min() < 0
    np.testing.assert_allclose(found, closed_form(rows), rtol=1e-3)


def test_opposed_groups_have_no_solution_and_get_nothing():
    rows = np.array([[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0], [-3.0, -6.0]])
    np.testing.assert_array_equal(weights(rows), 0.0)


class TestWithLosses:
    def test_first_step_is_imtl_g_of_the_scaled_gradients(self):
        rows = np.random.default_rng(0).standard_normal((3, 7))
        scales = np.array([0.5, 1.0, 4.0])
        balancer = balancers.imtl(initial=jnp.log(scales))
        gram = jnp.asarray(rows @ rows.T, jnp.float32)
        found, _ = balancer.update(Signals(jnp.ones(3), gram), balancer.init(3))
        expected = scales * weights(scales[:, None] * rows)
        np.testing.assert_allclose(found, expected, rtol=1e-3)
        np.testing.assert_allclose(np.sum(found / scales), 1.0, rtol=1e-4)

    def test_the_scales_are_those_of_imtl_l(self):
        whole, part = balancers.imtl(0.1), balancers.imtl_l(0.1)
        states = whole.init(2), part.init(2)
        for loss in (1.0, 3.0, 0.2):
            known = Signals(jnp.array([loss, 1.0]), jnp.eye(2))
            states = whole.update(known, states[0])[1], part.update(known, states[1])[1]
        np.testing.assert_array_equal(states[0].log_scales, states[1].log_scales)
