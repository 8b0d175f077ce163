import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


def weights(rows, present=None, **kwargs):
    gram = jnp.asarray(rows @ rows.T, jnp.float32)
    known = Signals(jnp.ones(len(rows)), gram, present=present)
    return np.asarray(balancers.krum(**kwargs).update(known, ())[0], np.float64)


def reference(rows, byzantine, selected):
    """Scores on the gradients themselves; takes the first of those that tie."""
    distances = ((rows[:, None] - rows[None]) ** 2).sum(-1)
    count = len(rows) - byzantine - 2
    scores = np.sort(distances, axis=1)[:, 1 : 1 + count].sum(1)
    chosen = np.argsort(scores, kind="stable")[:selected]
    return np.isin(np.arange(len(rows)), chosen) / selected


@pytest.mark.parametrize("selected", [1, 2, 4])
@pytest.mark.parametrize(("tasks", "byzantine"), [(5, 1), (7, 2), (12, 3), (6, 0)])
def test_weights_are_the_rule_on_gradients(tasks, byzantine, selected):
    rows = np.random.default_rng((tasks, byzantine)).standard_normal((tasks, 6))
    found = weights(rows, num_byzantine=byzantine, num_selected=selected)
    np.testing.assert_allclose(found, reference(rows, byzantine, selected), atol=1e-6)


def test_the_published_value_leaves_the_outlier_out():
    """Multi-Krum of four among five: the mean of all but the fourth."""
    rows = [[1, 1, 1], [1, 0, 1], [75, -666, 23], [1, 2, 3], [2, 0, 1.0]]
    found = weights(np.array(rows), num_selected=4)
    np.testing.assert_allclose(found, [0.25, 0.25, 0, 0.25, 0.25])
    np.testing.assert_allclose(found @ rows, [1.25, 0.75, 1.5], rtol=1e-6)


def test_as_many_outliers_as_are_allowed_for_are_never_taken():
    rng = np.random.default_rng(0)
    for _ in range(5):
        rows = 1.0 + 0.1 * rng.standard_normal((9, 5))
        rows[[2, 6, 7]] = 100.0 * rng.standard_normal((3, 5))
        found = weights(rows, num_byzantine=3, num_selected=2)
        np.testing.assert_array_equal(found[[2, 6, 7]], 0.0)
        np.testing.assert_allclose(np.sort(found)[-2:], 0.5)


def test_ties_for_the_last_place_share_it():
    """With one neighbour the closest two tie."""
    rows = np.array([[0.0], [1.0], [5.0], [9.0]])
    np.testing.assert_allclose(weights(rows), [0.5, 0.5, 0, 0])
    found = weights(rows, num_selected=3)
    np.testing.assert_allclose(found, np.array([1, 1, 0.5, 0.5]) / 3, rtol=1e-6)
    np.testing.assert_allclose(weights(np.ones((4, 2))), 0.25)
    np.testing.assert_allclose(weights(np.zeros((3, 2)), num_selected=2), 1 / 3)


@pytest.mark.parametrize("tasks", [1, 2, 3])
def test_few_tasks_share(tasks):
    rows = np.arange(1.0, tasks + 1)[:, None] ** 2
    expected = {1: [1.0], 2: [0.5, 0.5], 3: [0.5, 0.5, 0.0]}[tasks]
    np.testing.assert_allclose(weights(rows), expected)
    np.testing.assert_allclose(weights(rows, num_selected=9), 1 / tasks, rtol=1e-6)


def test_an_absent_outlier_is_no_neighbour():
    rows = np.random.default_rng(0).standard_normal((6, 4))
    rows[1] = rows[3]  # would be each other's nearest
    present = jnp.array([True, False, True, True, True, True])
    found = weights(rows, present)
    expected = weights(np.delete(rows, 1, axis=0))
    np.testing.assert_allclose(np.delete(found, 1), expected)
    assert found[1] == 0.0
