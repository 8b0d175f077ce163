import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from mtlx import balancers
from mtlx.types import Signals


def run(crosses, **options):
    """Weights [S, T], and the last state."""
    balancer = balancers.sdmgrad(**options)
    state, found = balancer.init(len(crosses[0])), []
    for cross in crosses:
        cross = jnp.asarray(cross, jnp.float32)
        signals = Signals(jnp.ones(len(cross)), cross_gram=cross)
        weights, state = balancer.update(signals, state)
        found.append(np.asarray(weights))
    return np.stack(found), np.asarray(state)


def project(values):
    """Euclidean projection on the simplex, by trying every size of support."""
    descending = np.sort(values)[::-1]
    shifts = (np.cumsum(descending) - 1) / np.arange(1, len(values) + 1)
    return np.maximum(values - shifts[descending > shifts][-1], 0)


def test_one_inner_step_by_hand():
    """A = diag(1, 1/4, 0) has scale (1 + 1/2 + 0) / 3 = 1/2, so A / scale^2 = diag(4,
    1, 0); w - 10 A 1.3 w = (-17, -4, 1/3) projects to (0, 0, 1) = w, and (w + 0.3 / 3)
    / 1.3 = (1, 1, 11) / 13. Then A = I from there: w - 10 (w + 0.1) = (-1, -1, -10)
    projects to (1/2, 1/2, 0), which gives (6, 6, 1) / 13."""
    crosses = [np.diag([1.0, 0.25, 0.0]), np.eye(3)]
    found, state = run(crosses, niter=1)
    np.testing.assert_allclose(found[0], np.array([1, 1, 11]) / 13, rtol=1e-5)
    np.testing.assert_allclose(found[1], np.array([6, 6, 1]) / 13, rtol=1e-5)
    np.testing.assert_allclose(state, [0.5, 0.5, 0.0], atol=1e-6)


@pytest.mark.parametrize("rescale", [True, False])
def test_the_inner_steps_written_out(rescale):
    first, second = np.random.default_rng(0).standard_normal((2, 4, 3, 6))
    crosses = np.einsum("sin,sjn->sij", first, second)
    options = {"lam": 0.4, "niter": 6, "inner_lr": 0.2, "momentum": 0.3}
    found, state = run(crosses, **options, rescale=rescale)
    w = np.full(3, 1 / 3)
    for k, cross in enumerate(crosses):
        scale = np.sqrt(np.maximum(np.diag(cross), 0)).mean() if rescale else 1.0
        velocity = np.zeros(3)
        for _ in range(6):
            velocity = 0.3 * velocity + cross / scale**2 @ (w + 0.4 / 3)
            w = project(w - 0.2 * velocity)
        np.testing.assert_allclose(found[k], (w + 0.4 / 3) / 1.4, atol=1e-4)
    np.testing.assert_allclose(state, w, atol=1e-4)


@pytest.mark.parametrize("lam", [0.0, 0.3, 2.0])
def test_short_steps_end_at_the_minimiser(lam):
    """min |J^T (w + lam / T)|^2 over the simplex; lam = 0 is MGDA."""
    rows = np.random.default_rng(1).standard_normal((3, 6))
    gram = rows @ rows.T
    found, state = run([gram], lam=lam, niter=400, inner_lr=0.3)

    def objective(w):
        return (w + lam / 3) @ gram @ (w + lam / 3)

    best = minimize(
        objective,
        np.full(3, 1 / 3),
        bounds=[(0, 1)] * 3,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14},
    )
    np.testing.assert_allclose(state, best.x, atol=1e-3)
    np.testing.assert_allclose(found[0], (best.x + lam / 3) / (1 + lam), atol=1e-3)
    if lam == 0:
        signals = Signals(jnp.ones(3), jnp.asarray(gram, jnp.float32))
        mgda, _ = balancers.mgda().update(signals, ())
        np.testing.assert_allclose(found[0], mgda, atol=1e-3)


def test_long_steps_do_not_converge():
    """With the published step size 20 steps end far from MGDA's closed form."""
    gram = np.array([[1.0, 0.2], [0.2, 1.1]])
    short, _ = run([gram], lam=0.0, niter=400, inner_lr=0.3)
    long, _ = run([gram], lam=0.0)
    inner = (1.1 - 0.2) / (1.0 + 1.1 - 0.4)
    np.testing.assert_allclose(short[0], [inner, 1 - inner], atol=1e-4)
    assert abs(long[0, 0] - inner) > 0.2


def test_a_strong_pull_is_the_mean_gradient():
    crosses = np.random.default_rng(2).standard_normal((3, 4, 4))
    found, _ = run(crosses, lam=1e5)
    np.testing.assert_allclose(found, 0.25, rtol=1e-3)


@pytest.mark.parametrize("factor", [1e-8, 1e8])
def test_a_common_scale_cancels(factor):
    rows = np.random.default_rng(3).standard_normal((3, 6))
    options = {"inner_lr": 0.3}
    plain, _ = run([rows @ rows.T], **options)
    scaled, _ = run([factor * rows @ rows.T], **options)
    np.testing.assert_allclose(scaled, plain, rtol=1e-4)


def test_weights_are_on_the_simplex():
    for seed in range(5):
        crosses = np.random.default_rng(seed).standard_normal((3, 5, 5))
        found, _ = run(crosses)
        assert found.min() >= 0.3 / 5 / 1.3 - 1e-6
        np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-5)


def test_negative_diagonals_are_not_rescaled():
    cross = -np.diag([1.0, 2.0, 3.0])
    plain, _ = run([cross], niter=1, inner_lr=0.1)
    unscaled, _ = run([cross], niter=1, inner_lr=0.1, rescale=False)
    np.testing.assert_array_equal(plain, unscaled)


def test_what_is_refused():
    with pytest.raises(ValueError, match="niter to be an int >= 1, found 0"):
        balancers.sdmgrad(niter=0)
    signals = Signals(jnp.ones(3), cross_gram=jnp.eye(2))
    with pytest.raises(ValueError, match=r"shape \(3, 3\).*found.*\(2, 2\)"):
        balancers.sdmgrad().update(signals, balancers.sdmgrad().init(3))
