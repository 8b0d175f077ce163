"""PCGrad's landscape: plain descent stays in the valley, PCGrad leaves it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers
from mtlx.problems import descend, distance_to_front, lifted, pcgrad_landscape

STEPS = 300_000


def test_losses_at_the_start():
    problem = pcgrad_landscape()
    losses = problem.losses(problem.starts[0])
    np.testing.assert_allclose(losses, [-5.886, 29.428], atol=1e-3)


def test_the_floor_lies_below_where_both_valleys_meet():
    problem = pcgrad_landscape()
    losses = lifted(problem).losses(jnp.array([-2.0, 8.0]))
    np.testing.assert_allclose(losses, 1.0, atol=1e-3)


def test_its_front_is_no_curve():
    with pytest.raises(ValueError, match="no `front`"):
        distance_to_front(pcgrad_landscape(), jnp.zeros(2))


@pytest.fixture(scope="module")
def passed():
    """Losses [R + 1, T] and x [R + 1, 2] by method; float64: the valley is narrow."""
    runs = {}
    for name in ("equal", "pcgrad"):
        with jax.enable_x64(True):
            run = descend(
                pcgrad_landscape(),
                getattr(balancers, name)(),
                optax.adam(1e-3),
                STEPS,
                record_every=1000,
            )
        runs[name] = np.asarray(run.losses[0]), np.asarray(run.x[0])
    return runs


def test_adam_on_the_sum_stays_up(passed):
    losses, _ = passed["equal"]
    assert (losses[1:, 1] > 32.5).all()


def test_pcgrad_gets_out(passed):
    """When, hangs on rounding; that it goes down, and where it ends, does not."""
    losses, x = passed["pcgrad"]
    np.testing.assert_allclose(losses[[1, 10], 1], [33.53, 31.66], atol=1.0)
    assert (np.median(losses[-20:], axis=0) < -50.0).all()
    np.testing.assert_allclose(x[-1, 0], -2.0, atol=0.1)
    assert x[-1, 1] > 2.0
