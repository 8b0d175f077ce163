import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


def grams(count):
    rows = np.random.default_rng(0).standard_normal((count, 3, 5))
    return jnp.asarray(rows @ rows.transpose(0, 2, 1), jnp.float32)


def scan(balancer, matrices):
    def body(state, gram):
        return balancer.update(Signals(jnp.ones(3), gram), state)[::-1]

    return jax.lax.scan(body, balancer.init(3), matrices)[1]


@pytest.mark.parametrize("period", [1, 4])
@pytest.mark.parametrize("decay", [0.0, 0.7])
def test_the_weights_are_mgdas_averaged_over_periods(period, decay):
    matrices = grams(9)
    each = np.asarray(scan(balancers.mgda(), matrices))
    found = scan(balancers.psmgd(period, decay), matrices)
    expected, average = [], each[0]
    for step in range(9):
        if step % period == 0:
            average = decay * average + (1 - decay) * each[step]
        expected.append(average)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-5)


def test_a_descent_with_old_weights_ends_at_a_pareto_stationary_point_too():
    a, b = jnp.array([1.0, 0.0]), jnp.array([-1.0, 2.0])
    balancer = balancers.psmgd(8)

    def step(carry, _):
        x, state = carry
        rows = jnp.stack([x - a, x - b])
        signals = Signals(losses=jnp.sum(rows**2, 1) / 2, gram=rows @ rows.T)
        weights, state = balancer.update(signals, state)
        return (x - 0.05 * rows.T @ weights, state), None

    first = (jnp.array([3.0, 3.0]), balancer.init(2))
    (x, _), _ = jax.lax.scan(step, first, length=400)
    (ux, uy), (vx, vy) = b - a, x - a
    assert abs(float(ux * vy - uy * vx)) < 1e-2
    assert 0 <= float((x - a) @ (b - a)) <= float((b - a) @ (b - a))


def test_an_unknown_normaliser_is_refused():
    with pytest.raises(ValueError, match="normaliser to be one of"):
        balancers.psmgd(normaliser="l1")
