import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.balancers.solvers_spectral import (
    apply,
    cosines,
    equal_cosines,
    equal_cosines_residual,
    inverse,
    spectrum,
)


@jax.jit
def solved(gram):
    angles = cosines(gram)
    solution = equal_cosines(angles)
    return solution, equal_cosines_residual(angles.matrix, solution)


def solve(rows):
    solution, residual = solved(jnp.asarray(rows @ rows.T, jnp.float32))
    return np.asarray(solution, np.float64), float(residual)


@pytest.mark.parametrize("tasks", [1, 2, 3, 8, 32, 64])
@pytest.mark.parametrize("rank", [1, 2, None])
def test_the_pseudo_inverse_is_numpy_s(tasks, rank):
    rng = np.random.default_rng(tasks)
    rows = rng.standard_normal((tasks, 2 * tasks))
    if rank is not None:
        rank = min(rank, tasks)
        rows = rng.standard_normal((tasks, rank)) @ rows[:rank]
    rank = rank or tasks
    gram, vector = rows @ rows.T, rng.standard_normal(tasks)
    parts = spectrum(jnp.asarray(gram, jnp.float32))
    assert int(parts.kept.sum()) == rank
    found = apply(parts, inverse(parts), jnp.asarray(vector, jnp.float32))
    expected = np.linalg.pinv(gram, rcond=1e-6) @ vector
    assert np.abs(found - expected).max() < 1e-3 * np.abs(expected).max()


@pytest.mark.parametrize("tasks", [1, 2, 8, 32, 64])
def test_inner_products_with_unit_gradients_are_one(jacobian, tasks):
    for kind in ("full", "spread", "duplicates", "nearly_dependent"):
        rows = jacobian(kind, tasks)
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        found, residual = solve(rows)
        np.testing.assert_allclose(unit @ (found @ unit), 1.0, atol=2e-3)
        assert residual < 2e-3


def test_zero_gradients_are_left_out():
    rows = np.random.default_rng(0).standard_normal((4, 6))
    rows[2] = 0.0
    found, residual = solve(rows)
    assert found[2] == 0.0 and residual < 1e-5
    np.testing.assert_allclose(
        np.delete(found, 2), solve(np.delete(rows, 2, 0))[0], rtol=1e-5
    )
    assert solve(np.zeros((3, 3))) == (pytest.approx([0, 0, 0]), 0.0)


def test_what_cannot_be_equal_is_told_by_the_residual():
    found, residual = solve(np.array([[1.0, 0.0], [-2.0, 0.0]]))
    np.testing.assert_array_equal(found, 0.0)
    assert residual == 1.0
    angles = np.array([0.0, 2.0, 4.0])
    assert solve(np.stack([np.cos(angles), np.sin(angles)], 1))[1] > 0.5


def test_an_empty_spectrum_keeps_nothing():
    parts = spectrum(jnp.zeros((3, 3)))
    assert not parts.kept.any()
    np.testing.assert_array_equal(apply(parts, inverse(parts), jnp.ones(3)), 0.0)
