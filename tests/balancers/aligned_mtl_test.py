import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals

SCALES = ("min", "median", "rmse")


def weights(rows, **kwargs):
    signals = Signals(jnp.ones(len(rows)), jnp.asarray(rows @ rows.T, jnp.float32))
    return np.asarray(balancers.aligned_mtl(**kwargs).update(signals, ())[0], float)


def transform(rows, scale):
    """B, one column a preference for one task."""
    units = np.eye(len(rows))
    columns = [weights(rows, scale=scale, preference=tuple(u)) for u in units]
    return np.stack(columns, axis=1)


def aligned(rows, scale):
    """The paper's way: J = U S V^T has the aligned gradients sqrt(s) U V^T."""
    left, singular, right = np.linalg.svd(rows, full_matrices=False)
    kept = singular > 1e-3 * singular[0]
    squares = np.sort(singular[kept] ** 2)
    s = {
        "min": squares[0],
        "median": squares[(len(squares) - 1) // 2],
        "rmse": squares.mean(),
    }[scale]
    return np.sqrt(s) * left[:, kept] @ right[kept]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("tasks", [1, 2, 5, 6])
def test_the_direction_is_the_mean_of_the_aligned_gradients(tasks, scale):
    for rank in {1, max(1, tasks // 2), tasks}:
        rng = np.random.default_rng((tasks, rank))
        rows = rng.standard_normal((tasks, rank)) @ rng.standard_normal((rank, 9))
        expected = aligned(rows, scale).mean(axis=0)
        found = weights(rows, scale=scale) @ rows
        np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


@pytest.mark.parametrize("scale", SCALES)
def test_aligned_gradients_are_orthogonal_and_of_equal_length(scale):
    """B G B is s times the identity, or the projection onto the range of G."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((4, 9))
    balance = transform(rows, scale)
    np.testing.assert_allclose(balance, balance.T, atol=1e-4)
    product = balance @ rows @ rows.T @ balance
    np.testing.assert_allclose(product, product[0, 0] * np.eye(4), atol=5e-3)
    rows[3] = rows[0] - 2 * rows[1]
    product = transform(rows, scale) @ rows @ rows.T @ transform(rows, scale)
    s = np.trace(product) / 3
    np.testing.assert_allclose(product @ product, s * product, atol=1e-2 * s**2)


def test_the_scales_are_those_of_the_eigenvalues():
    rows = np.diag([1.0, 2.0, 3.0, 5.0])
    inverse = 1 / np.diag(rows)
    for scale, s in (("min", 1.0), ("median", 4.0), ("rmse", (1 + 4 + 9 + 25) / 4)):
        expected = np.sqrt(s) * inverse / 4
        np.testing.assert_allclose(weights(rows, scale=scale), expected, rtol=1e-4)


def test_a_preference_is_linear_and_one_over_the_tasks_by_default():
    rows = np.random.default_rng(0).standard_normal((3, 6))
    balance, preference = transform(rows, "min"), (0.2, 0.0, 3.0)
    found = weights(rows, preference=preference)
    np.testing.assert_allclose(found, balance @ preference, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(weights(rows), balance.sum(1) / 3, atol=1e-4)
    np.testing.assert_allclose(weights(rows, preference=1.0), balance.sum(1), atol=1e-4)


@pytest.mark.parametrize("size", [1e-8, 1e-3, 1e3, 1e8])
def test_the_weights_do_not_change_with_the_size_of_all_gradients(size):
    rows = np.random.default_rng(0).standard_normal((3, 6))
    np.testing.assert_allclose(weights(rows * size), weights(rows), rtol=1e-3)


def test_orthogonal_gradients_of_equal_norm_stay_as_they_are():
    np.testing.assert_allclose(weights(3.0 * np.eye(4)), 0.25, rtol=1e-5)
    np.testing.assert_array_equal(weights(np.zeros((3, 3))), 0.0)


def test_one_loss_s_scale_does_turn_the_direction():
    """Counter-example: unlike Nash-MTL or ConFIG, G is taken as it is."""
    rows = np.array([[1.0, 0.2], [0.0, 1.0]])
    one, other = (weights(j) @ j for j in (rows, rows * [[1.0], [10.0]]))
    one, other = one / np.linalg.norm(one), other / np.linalg.norm(other)
    assert one @ other < 0.999
