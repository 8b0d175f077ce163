import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


def run(balancer, crosses):
    """Weights [S, T] for cross-Gram matrices [S, T, T]."""
    crosses = jnp.asarray(crosses, jnp.float32)
    tasks = crosses.shape[1]

    def body(state, cross):
        signals = Signals(jnp.ones(tasks), cross_gram=cross)
        return balancer.update(signals, state)[::-1]

    start = balancer.init(tasks)
    return np.asarray(jax.jit(lambda: jax.lax.scan(body, start, crosses)[1])())


def project(values):
    """Euclidean projection on the simplex, by trying every size of support."""
    descending = np.sort(values)[::-1]
    shifts = (np.cumsum(descending) - 1) / np.arange(1, len(values) + 1)
    return np.maximum(values - shifts[descending > shifts][-1], 0)


def softmax(values):
    return np.exp(values) / np.exp(values).sum()


@pytest.mark.parametrize(
    ("projection", "onto"), [("simplex", project), ("softmax", softmax)]
)
def test_the_recurrence_written_out(projection, onto):
    first, second = np.random.default_rng(0).standard_normal((2, 10, 3, 6))
    crosses = np.einsum("sin,sjn->sij", first, second)
    found = run(balancers.modo(0.05, 0.3, projection), crosses)
    lam = np.full(3, 1 / 3)
    for k in range(10):
        lam = onto(lam - 0.05 * (first[k] @ (second[k].T @ lam) + 0.3 * lam))
        np.testing.assert_allclose(found[k], lam, atol=1e-5)


def test_the_first_batch_gives_rows_and_the_second_columns():
    """A lambda with A = J_1 J_2^T, not its transpose."""
    cross = np.array([[0.0, 1.0], [0.0, 0.0]])
    found = run(balancers.modo(gamma=0.1, rho=0.0), [cross])
    np.testing.assert_allclose(found[0], [0.5 - 0.025, 0.5 + 0.025], rtol=1e-5)


def test_exact_gradients_end_at_the_min_norm_point():
    for seed in range(3):
        rows = np.random.default_rng(seed).standard_normal((3, 5))
        gram = rows @ rows.T
        found = run(balancers.modo(0.05, 0.0), np.tile(gram, (1500, 1, 1)))
        signals = Signals(jnp.ones(3), jnp.asarray(gram, jnp.float32))
        best, _ = balancers.mgda().update(signals, ())
        np.testing.assert_allclose(found[-1], best, atol=1e-3)


def test_two_samples_are_unbiased_where_one_is_not():
    """Noise on task 1 alone: E g g^T counts it as length, E g_1 g_2^T does not."""
    rng = np.random.default_rng(0)
    mean = np.array([[1.0, 0.0], [0.0, 1.0]])
    noise = 3.0 * rng.standard_normal((2, 6000, 2, 2)) * [[[[1.0], [0.0]]]]
    first, second = mean + noise
    options = {"gamma": 2e-3, "rho": 0.0}
    double = run(balancers.modo(**options), np.einsum("sin,sjn->sij", first, second))
    single = run(balancers.modo(**options), np.einsum("sin,sjn->sij", first, first))
    np.testing.assert_allclose(double[-3000:].mean(0), [0.5, 0.5], atol=0.1)
    expected = 1.0 / (1.0 + 2 * 9.0)  # G = diag(19, 1): w_1 = 1 / (1 + 19)
    assert single[-3000:, 0].mean() == pytest.approx(expected, abs=0.05)


def test_regularisation_pulls_to_the_middle():
    """G = diag(1, 3): (1 + rho) w_1 = (3 + rho) w_2."""
    gram = np.diag([1.0, 3.0])
    for rho in (0.0, 1.0, 20.0):
        found = run(balancers.modo(0.03, rho), np.tile(gram, (400, 1, 1)))[-1]
        expected = (3 + rho) / (4 + 2 * rho)
        np.testing.assert_allclose(found, [expected, 1 - expected], atol=1e-4)


def test_no_step_is_the_mean_gradient():
    crosses = np.random.default_rng(1).standard_normal((4, 5, 5))
    np.testing.assert_allclose(run(balancers.modo(0.0), crosses), 0.2, rtol=1e-5)


def test_what_is_refused():
    with pytest.raises(ValueError, match="projection to be one of 'simplex'"):
        balancers.modo(projection="none")
    state = balancers.modo().init(3)
    signals = Signals(jnp.ones(3), cross_gram=jnp.eye(2))
    with pytest.raises(ValueError, match=r"shape \(3, 3\).*found.*\(2, 2\)"):
        balancers.modo().update(signals, state)
