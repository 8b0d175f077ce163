import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals

LOSSES, R, Z = np.array([0.3, 1.0, 5.0]), (0.2, 0.5, 0.3), (0.1, -1.0, 2.0)


def weigh(losses, *args):
    signals = Signals(jnp.asarray(losses, jnp.float32))
    balancer = balancers.pbi(*args)
    return np.asarray(balancer.update(signals, balancer.init(len(losses)))[0])


def objective(losses, theta, ray, ideal):
    """d1 + theta d2, in float64."""
    unit, excess = np.array(ray) / np.linalg.norm(ray), losses - np.array(ideal)
    along = excess @ unit
    return along + theta * np.linalg.norm(excess - along * unit)


@pytest.mark.parametrize("theta", [0.0, 0.1, 5.0])
@pytest.mark.parametrize(("ray", "ideal"), [(R, Z), ((1.0, 1.0, 1.0), (0.0,) * 3)])
def test_weights_are_finite_differences_of_the_scalarisation(theta, ray, ideal):
    shifts = 1e-5 * np.eye(3)
    expected = [
        (
            objective(LOSSES + h, theta, ray, ideal)
            - objective(LOSSES - h, theta, ray, ideal)
        )
        / 2e-5
        for h in shifts
    ]
    np.testing.assert_allclose(weigh(LOSSES, theta, ray, ideal), expected, rtol=1e-4)


def test_on_the_ray_only_the_way_along_it_counts():
    unit = np.array(R) / np.linalg.norm(R)
    for length in (1e-6, 1.0, 1e6):
        np.testing.assert_allclose(weigh(length * unit, 5.0, R), unit, rtol=1e-5)
    np.testing.assert_allclose(weigh(np.full(7, 0.3)), 7**-0.5, rtol=1e-5)


@pytest.mark.parametrize("theta", [0.5, 5.0])
def test_the_norm_is_that_of_two_orthogonal_parts(theta):
    found = weigh(LOSSES, theta, R)
    assert np.linalg.norm(found) == pytest.approx(np.hypot(1.0, theta), rel=1e-5)
    unit = np.array(R) / np.linalg.norm(R)
    assert found @ unit == pytest.approx(1.0, rel=1e-4)


def test_a_task_below_the_ray_is_raised():
    found = weigh([0.1, 1.0], 5.0)
    assert found[0] < 0 < found[1]


def test_the_length_of_the_preference_does_not_matter():
    longer = tuple(10 * r for r in R)
    np.testing.assert_allclose(weigh(LOSSES, 2.0, longer), weigh(LOSSES, 2.0, R), 1e-5)


def test_a_large_penalty_holds_the_losses_on_the_ray():
    """Two quadratics |x -+ 1|^2 / 2 on a line: the ray L_2 = 3 L_1 meets the front."""

    def step(x, _):
        losses = jnp.array([(x - 1.0) ** 2, (x + 1.0) ** 2]) / 2
        rows = jnp.array([x - 1.0, x + 1.0])
        weights, _ = balancers.pbi(20.0, (1.0, 3.0)).update(Signals(losses), ())
        return x - 1e-4 * weights @ rows, None

    x, _ = jax.lax.scan(step, jnp.float32(0.9), length=4000)
    assert (x + 1) ** 2 / (x - 1) ** 2 == pytest.approx(3.0, rel=0.02)


def test_zeros_are_finite():
    np.testing.assert_allclose(weigh([0.0, 0.0]), [0.5**0.5] * 2, rtol=1e-6)
    np.testing.assert_array_equal(weigh([1.0, 2.0], 5.0, 0.0), [0.0, 0.0])
