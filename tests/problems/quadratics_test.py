"""The quadratics and the concave front: exact fronts, and who gets there."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.toy_methods import COMPARED, build
from mtlx.problems import (
    concave_front,
    convex_quadratics,
    descend,
    distance_to_front,
    elementwise_quadratics,
    rotated_quadratics,
)

BOWLS = (convex_quadratics, rotated_quadratics)
PROBLEMS = (elementwise_quadratics, *BOWLS, concave_front)


@pytest.mark.parametrize("make", PROBLEMS)
@pytest.mark.parametrize("share", [0.0, 0.013, 0.5, 0.77, 1.0])
def test_a_point_of_the_front_has_distance_0(make, share):
    problem = make()
    x = problem.front(jnp.array(share))
    assert float(distance_to_front(problem, x)) < 1e-5


@pytest.mark.parametrize("make", BOWLS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_weighted_gradients_cancel_on_the_front(make, share):
    problem = make()
    rows = jax.jacobian(problem.losses)(problem.front(jnp.array(share)))
    sum_of_both = jnp.array([share, 1.0 - share]) @ rows
    np.testing.assert_allclose(sum_of_both, 0.0, atol=1e-4 * float(jnp.abs(rows).max()))


@pytest.mark.parametrize("make", BOWLS)
def test_the_ends_of_the_front_are_the_minima(make):
    problem = make()
    for share, task in ((1.0, 0), (0.0, 1)):
        losses = problem.losses(problem.front(jnp.array(share)))
        assert float(losses[task]) < 1e-10


@pytest.mark.parametrize(
    ("make", "x", "expected"),
    [
        (elementwise_quadratics, (3.0, -4.0), 5.0),
        (convex_quadratics, (2.0, 0.0), None),
        (rotated_quadratics, (-4.0, 0.5), 0.5),  # between the centres it is x_2 = 0
        (rotated_quadratics, (4.0, 4.0), 5.0),  # beyond, it is the way to a centre
    ],
)
def test_distance_is_that_to_the_nearest_point(make, x, expected):
    """Where no formula is at hand, the finest of grids."""
    problem, x = make(), jnp.array(x)
    if expected is None:
        points = jax.vmap(problem.front)(jnp.linspace(0.0, 1.0, 100_001))
        expected = float(jnp.min(jnp.linalg.norm(points - x[None], axis=1)))
    np.testing.assert_allclose(distance_to_front(problem, x), expected, rtol=1e-4)


def test_the_concave_front_in_the_plane_of_losses():
    s = np.linspace(-1.0, 1.0, 9)
    problem = concave_front()
    points = jax.vmap(problem.front)(jnp.asarray((s + 1.0) / 2.0, jnp.float32))
    expected = 1.0 - np.exp(-np.stack([(s - 1.0) ** 2, (s + 1.0) ** 2], axis=1))
    np.testing.assert_allclose(jax.vmap(problem.losses)(points), expected, atol=1e-5)


def adam(steps):
    """A rate that falls to 0, so that directions of constant length settle, too."""
    return optax.adam(optax.cosine_decay_schedule(0.03, steps))


@pytest.mark.parametrize("make", BOWLS)
@pytest.mark.parametrize("name", COMPARED)
def test_methods_end_on_the_front(make, name):
    problem, steps = make(), 5000
    passed = descend(problem, build(name), adam(steps), steps, record_every=steps)
    ends = jax.vmap(lambda x: distance_to_front(problem, x))(passed.x[:, -1])
    np.testing.assert_allclose(ends, 0.0, atol=1e-2)


def test_mgda_stays_on_a_weakly_stationary_axis_and_the_sum_does_not():
    problem = elementwise_quadratics()
    ends = {}
    for name in ("mgda", "equal"):
        passed = descend(problem, build(name), optax.sgd(0.1), 200, record_every=200)
        ends[name] = passed.x[1, -1]  # from (0, -3)
    np.testing.assert_array_equal(ends["mgda"], [0.0, -3.0])
    np.testing.assert_allclose(ends["equal"], 0.0, atol=1e-3)


def test_on_a_concave_front_the_sum_ends_at_its_ends_and_mgda_inside():
    problem, steps = concave_front(), 1000
    inner = {}
    for name in ("equal", "mgda"):
        optimizer = optax.sgd(0.1)
        passed = descend(problem, build(name), optimizer, steps, record_every=steps)
        ends = passed.losses[:, -1]
        inner[name] = np.asarray(jnp.min(ends, axis=1))
        far = jax.vmap(lambda x: distance_to_front(problem, x))(passed.x[:, -1])
        np.testing.assert_allclose(far, 0.0, atol=1e-2)
    np.testing.assert_allclose(inner["equal"], 0.0, atol=3e-3)
    assert (inner["mgda"] > 0.1).sum() >= len(inner["mgda"]) // 2


@pytest.mark.parametrize("wrong", [{"dim": 0}, {"num_starts": 0}])
def test_a_concave_front_needs_a_dimension_and_a_start(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        concave_front(**wrong)
