import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


def run(balancer, steps, losses=None):
    """Directions [S, n] and weights [S, T] for gradients [S, T, n], and the state."""
    steps = jnp.asarray(steps, jnp.float32)
    losses = jnp.ones(steps.shape[:2]) if losses is None else losses
    state = balancer.init(steps.shape[1], {"w": steps[0, 0]})

    def body(state, step):
        signals = Signals(step[1], grads={"w": step[0]})
        found, state = balancer.update(signals, state)
        return state, (found.gradient["w"], found.weights)

    losses = jnp.asarray(losses, jnp.float32)
    state, found = jax.jit(lambda: jax.lax.scan(body, state, (steps, losses)))()
    return *map(np.asarray, found), state


def project(values):
    """Euclidean projection on the simplex, by trying every size of support."""
    descending = np.sort(values)[::-1]
    shifts = (np.cumsum(descending) - 1) / np.arange(1, len(values) + 1)
    return np.maximum(values - shifts[descending > shifts][-1], 0)


def softmax(values):
    return np.exp(values) / np.exp(values).sum()


@pytest.mark.parametrize("projection", ["simplex", "softmax"])
@pytest.mark.parametrize("normaliser", ["none", "loss"])
@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_the_recurrence_written_out(projection, normaliser, rho):
    rng = np.random.default_rng(0)
    steps, losses = rng.standard_normal((8, 3, 6)), rng.uniform(0.5, 2, (8, 3))
    balancer = balancers.moco(0.6, 0.4, 0.2, 0.3, rho, projection, normaliser)
    directions, weights, _ = run(balancer, steps, losses)
    y, lam = np.zeros((3, 6)), np.full(3, 1 / 3)
    onto = project if projection == "simplex" else softmax
    for k, g in enumerate(steps):
        if normaliser == "loss":
            g = losses[k][:, None] * g / np.linalg.norm(g, axis=1, keepdims=True)
        y = y - 0.6 / (k + 1) ** 0.4 * (y - g)
        change = (y @ y.T + rho * np.eye(3)) @ lam
        lam = onto(lam - 0.2 / (k + 1) ** 0.3 * change)
        np.testing.assert_allclose(weights[k], lam, atol=2e-5)
        np.testing.assert_allclose(directions[k], y.T @ lam, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_still_gradients_end_at_the_min_norm_point(seed):
    rows = np.random.default_rng(seed).standard_normal((3, 5))
    balancer = balancers.moco(beta_sigma=0.0, gamma_sigma=0.0)
    directions, _, _ = run(balancer, np.tile(rows, (800, 1, 1)))
    signals = Signals(jnp.ones(3), jnp.asarray(rows @ rows.T, jnp.float32))
    best, _ = balancers.mgda().update(signals, ())
    np.testing.assert_allclose(directions[-1], best @ rows, atol=1e-3)


def test_softmax_does_not_end_there():
    """It stays inside the simplex: a smaller gradient never takes all the weight."""
    rows = np.array([[1.0, 0.0], [3.0, 0.0]])
    still = np.tile(rows, (800, 1, 1))
    options = {"beta_sigma": 0.0, "gamma_sigma": 0.0}
    _, exact, _ = run(balancers.moco(**options), still)
    np.testing.assert_allclose(exact[-1], [1.0, 0.0], atol=1e-5)
    _, soft, _ = run(balancers.moco(**options, projection="softmax"), still)
    assert 0.5 < soft[-1, 0] < 0.9


def test_noise_is_tracked_away():
    """Weights from noisy gradients: tracking comes nearer to those of the mean."""
    rng = np.random.default_rng(3)
    mean = np.array([[1.0, 0.2, 0.0], [-0.5, 1.0, 0.0]])
    steps = mean + 2.0 * rng.standard_normal((4000, 2, 3))
    signals = Signals(jnp.ones(2), jnp.asarray(mean @ mean.T, jnp.float32))
    target = np.asarray(balancers.mgda().update(signals, ())[0]) @ mean
    tracked, _, _ = run(balancers.moco(beta=1.0, beta_sigma=0.7), steps)
    plain, _, _ = run(balancers.moco(beta=1.0, beta_sigma=0.0), steps)
    error = np.linalg.norm(tracked[-500:] - target, axis=1).mean()
    assert error < 0.3 * np.linalg.norm(plain[-500:] - target, axis=1).mean()
    assert error < 0.3


def test_beta_one_does_not_track():
    steps = np.random.default_rng(4).standard_normal((5, 2, 4))
    directions, weights, state = run(balancers.moco(1.0, 0.0), steps)
    expected = np.einsum("st,stn->sn", weights, steps)
    np.testing.assert_allclose(directions, expected, atol=1e-5)
    np.testing.assert_allclose(state.tracked["w"], steps[-1], rtol=1e-5)


def test_an_absent_task_keeps_its_step_size():
    """Back after an absence, it is tracked at the rate of its own next batch."""
    balancer = balancers.moco(beta=0.5, beta_sigma=1.0)
    state = balancer.init(2, {"w": jnp.zeros(1)})
    rows = jnp.ones((2, 1))
    for there in (False, False, True, True):
        signals = Signals(
            jnp.ones(2), grads={"w": rows}, present=jnp.array([True, there])
        )
        _, state = balancer.update(signals, state)
    np.testing.assert_array_equal(state.seen, [4, 2])
    expected = [1 - 1 / 2 * 3 / 4 * 5 / 6 * 7 / 8, 1 - 1 / 2 * 3 / 4]
    np.testing.assert_allclose(state.tracked["w"][:, 0], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("argument", "choices"),
    [("projection", "'simplex', 'softmax'"), ("normaliser", "'none', 'loss'")],
)
def test_what_is_refused(argument, choices):
    with pytest.raises(ValueError, match=f"{argument} to be one of {choices}"):
        balancers.moco(**{argument: "l2"})
