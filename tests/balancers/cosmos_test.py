import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals

LOSSES, R = np.array([0.3, 1.0, 5.0]), (0.2, 0.5, 0.3)


def weigh(losses, *args):
    signals = Signals(jnp.asarray(losses, jnp.float32))
    balancer = balancers.cosmos(*args)
    return np.asarray(balancer.update(signals, balancer.init(len(losses)))[0])


def objective(losses, coefficient, ray):
    """sum_i r_i L_i - coefficient cos(r, L), in float64."""
    cosine = ray @ losses / np.linalg.norm(ray) / np.linalg.norm(losses)
    return ray @ losses - coefficient * cosine


@pytest.mark.parametrize("coefficient", [0.01, 2.0, 8.0])
@pytest.mark.parametrize("ray", [R, (1 / 3, 1 / 3, 1 / 3)])
def test_weights_are_finite_differences_of_the_scalarisation(coefficient, ray):
    ray = np.array(ray)
    expected = [
        (
            objective(LOSSES + h, coefficient, ray)
            - objective(LOSSES - h, coefficient, ray)
        )
        / 2e-5
        for h in 1e-5 * np.eye(3)
    ]
    found = weigh(LOSSES, coefficient, tuple(ray))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_without_the_cosine_it_is_linear_scalarisation():
    np.testing.assert_allclose(weigh(LOSSES, 0.0, R), R, rtol=1e-6)
    np.testing.assert_allclose(weigh(LOSSES, 0.0), 1 / 3, rtol=1e-6)


@pytest.mark.parametrize("coefficient", [0.5, 8.0])
def test_the_cosine_does_not_change_the_way_along_the_losses(coefficient):
    """cos(r, L) is homogeneous of degree 0, so <w, L> = <r, L>."""
    assert weigh(LOSSES, coefficient, R) @ LOSSES == pytest.approx(R @ LOSSES, rel=1e-5)


def test_on_the_ray_it_is_linear_scalarisation():
    np.testing.assert_allclose(weigh(3 * np.array(R), 8.0, R), R, atol=1e-5)


def test_a_task_below_the_ray_is_held_back():
    found = weigh([0.1, 1.0], 2.0)
    assert found[0] < 0 < found[1]


def test_the_ray_decides_where_linear_scalarisation_slides_to_an_end():
    """On a concave front, the circle |L| = 1, sums are least at the ends."""

    def end(coefficient):
        def step(angle, _):
            losses = jnp.stack([jnp.cos(angle), jnp.sin(angle)])
            rows = jnp.stack([-jnp.sin(angle), jnp.cos(angle)])
            balancer = balancers.cosmos(coefficient, (0.5, 0.5))
            weights, _ = balancer.update(Signals(losses), ())
            return jnp.clip(angle - 0.02 * weights @ rows, 0.0, jnp.pi / 2), None

        return jax.lax.scan(step, jnp.float32(0.5), length=1000)[0]

    assert end(0.0) == pytest.approx(0.0, abs=1e-6)
    assert end(2.0) == pytest.approx(np.pi / 4, abs=1e-3)


def test_zeros_are_finite():
    np.testing.assert_allclose(weigh([0.0, 0.0], 2.0, (0.3, 0.7)), [0.3, 0.7], 1e-6)
    np.testing.assert_array_equal(weigh([1.0, 2.0], 2.0, 0.0), [0.0, 0.0])
