"""Hu et al. (2023): what weighted sums reach, against brute force and by hand."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.closed_form import worst_task
from mtlx.problems import best_worst_task, explained_by_weights, reaches_everything


def alike(off_diagonal, tasks=3):
    return np.eye(tasks) * (1 - off_diagonal) + off_diagonal


def fits(seed, tasks=3, rows=50):
    """Least-squares fits of random targets, and their Gram matrix."""
    rng = np.random.default_rng(seed)
    inputs, targets = rng.normal(size=(rows, 5)), rng.normal(size=(rows, tasks))
    fitted = inputs @ np.linalg.lstsq(inputs, targets, rcond=None)[0]
    return fitted, fitted.T @ fitted


@pytest.mark.parametrize(
    ("off_diagonal", "expected"),
    [(-0.4, 0.3), (-0.2, 0.36), (0.2, 1.4 / 3), (0.5, 2 / 3), (0.0, 1 / 3)],
)
def test_the_best_direction_by_hand(off_diagonal, expected):
    """-.4: two at the bound, 1 / (2 / .6); -.2: all; r >= 0: z along the sum."""
    value, explained = best_worst_task(alike(off_diagonal))
    assert value == pytest.approx(expected)
    assert explained.min() == pytest.approx(value)


@pytest.mark.parametrize("seed", range(3))
def test_the_best_direction_against_a_grid_of_the_sphere(seed):
    fitted, gram = fits(seed)
    basis = np.linalg.qr(fitted)[0]
    up = np.linspace(0, np.pi, 401)[:, None]
    around = np.linspace(0, np.pi, 401)[None, :]
    z = np.stack(
        np.broadcast_arrays(
            np.sin(up) * np.cos(around), np.sin(up) * np.sin(around), np.cos(up)
        ),
        axis=-1,
    ).reshape(-1, 3)
    worst = ((z @ basis.T @ fitted) ** 2).min(axis=1).max()
    value, _ = best_worst_task(gram)
    assert worst <= value * (1 + 1e-9)
    assert worst == pytest.approx(value, rel=0.02)


@pytest.mark.parametrize("weights", [(0.2, 0.3, 0.5), (0.9, 0.05, 0.05)])
def test_scalarisation_is_the_top_eigenvector(weights):
    fitted, gram = fits(7)
    vectors = np.linalg.eigh(fitted @ np.diag(weights) @ fitted.T)[1]
    expected = (vectors[:, -1] @ fitted) ** 2
    found = explained_by_weights(
        jnp.asarray(gram, jnp.float32), jnp.asarray([weights], jnp.float32)
    )
    np.testing.assert_allclose(found[0], expected, rtol=1e-4)


def test_no_weights_beat_the_best_direction():
    for seed in range(4):
        _, gram = fits(seed)
        points = [p for p in itertools.product(range(21), repeat=3) if sum(p) == 20]
        weights = jnp.asarray(points, jnp.float32) / 20
        found = explained_by_weights(jnp.asarray(gram, jnp.float32), weights)
        value, _ = best_worst_task(gram)
        assert float(found.min(axis=1).max()) <= value * (1 + 1e-4)


@pytest.mark.parametrize(
    ("off_diagonal", "reached", "gap"),
    [(-0.4, 1.4 / 6, 0.3 - 1.4 / 6), (-0.2, 0.2, 0.16), (0.5, 2 / 3, 0.0)],
)
def test_weights_leave_a_gap_where_signs_conflict(off_diagonal, reached, gap):
    found = worst_task(off_diagonal)["worst"]
    assert found["weights"] <= reached * (1 + 1e-5)
    assert found["weights"] == pytest.approx(reached, rel=0.03)
    assert found["gap"] == pytest.approx(gap, abs=0.01)
    assert reaches_everything(alike(off_diagonal)) == (off_diagonal > 0)


@pytest.mark.parametrize(
    ("gram", "message"),
    [
        (np.ones((2, 3)), "symmetric"),
        ([[1.0, 0.5], [0.4, 1.0]], "symmetric"),
        (np.ones((2, 2)), "positive definite"),
    ],
)
def test_what_is_no_gram_matrix_is_refused(gram, message):
    with pytest.raises(ValueError, match=message):
        best_worst_task(np.asarray(gram))


def test_the_criterion_is_for_three_tasks():
    with pytest.raises(ValueError, match="3 tasks"):
        reaches_everything(np.eye(2))
