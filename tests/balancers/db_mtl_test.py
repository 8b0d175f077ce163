import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


def weights(losses, rows):
    gram = jnp.asarray(rows @ rows.T, jnp.float32)
    known = Signals(jnp.asarray(losses, jnp.float32), gram)
    return np.asarray(balancers.db_mtl().update(known, ())[0], np.float64)


@pytest.mark.parametrize("tasks", [1, 2, 5])
def test_log_gradients_are_brought_to_the_longest(tasks):
    """w_i = (max_j m_j / m_i) / L_i with m_i = |g_i| / L_i, as the paper has it."""
    rng = np.random.default_rng(tasks)
    losses, rows = rng.uniform(0.1, 3, tasks), rng.standard_normal((tasks, 6))
    log_rows = rows / losses[:, None]
    norms = np.linalg.norm(log_rows, axis=1)
    found = weights(losses, rows)
    np.testing.assert_allclose(found, norms.max() / norms / losses, rtol=1e-5)
    expected = (norms.max() / norms) @ log_rows
    np.testing.assert_allclose(found @ rows, expected, rtol=1e-4, atol=1e-5)
    lengths = np.linalg.norm(found[:, None] * rows, axis=1)
    np.testing.assert_allclose(lengths, norms.max(), rtol=1e-5)


def test_the_direction_does_not_follow_the_scale_of_a_loss():
    """Not its length either: log c L has the gradient of log L."""
    rng = np.random.default_rng(0)
    losses, rows = rng.uniform(0.1, 3, 4), rng.standard_normal((4, 6))
    scales = np.array([1e-3, 1.0, 50.0, 1e4])
    found = weights(scales * losses, scales[:, None] * rows)
    np.testing.assert_allclose(scales * found, weights(losses, rows), rtol=1e-4)


def test_zero_gradients_and_losses_give_finite_weights():
    rows = np.random.default_rng(0).standard_normal((3, 4))
    rows[1] = 0.0
    found = weights([1.0, 1.0, 0.0], rows)
    norms = np.linalg.norm(rows, axis=1)
    assert found[1] == 0.0
    np.testing.assert_allclose(found[[0, 2]], norms[2] * 1e8 / norms[[0, 2]], rtol=1e-5)
