"""The two-dimensional toy: its values, its facts, and where every method ends."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import toy_reference, toy_runs
from experiments.toy_runs import SETTINGS, run_toy2d
from mtlx.problems import NASH_STARTS, distance_to_front, lifted, toy2d

VALUES = (
    ((-8.5, -5.0), (4.0599, -19.4215)),
    ((-8.5, 7.5), (6.5524, 7.9008)),
    ((-7.5, -0.5), (0.3888, -4.7545)),
    ((0.0, 0.0), (0.0, 0.0)),
    ((9.0, -1.0), (-8.8311, 2.8143)),
    ((9.0, 9.0), (7.9439, 6.6915)),
)
PATHS = Path(__file__).with_name("toy2d_paths.py")
REFERENCES = {"nash": toy_reference.NASH, "cagrad": toy_reference.CAGRAD}
CASES = [(key, name) for key, table in REFERENCES.items() for name in table]


@pytest.mark.parametrize(("start", "expected"), VALUES)
def test_losses_at_the_published_starts(start, expected):
    np.testing.assert_allclose(toy2d().losses(jnp.array(start)), expected, atol=1e-4)


def test_the_scale_multiplies_the_first_loss_alone():
    x = jnp.array([9.0, -1.0])
    expected = toy2d().losses(x) * jnp.array([0.1, 1.0])
    np.testing.assert_allclose(toy2d(0.1).losses(x), expected, rtol=1e-6)


def test_the_whole_gradient_passes_at_the_tie():
    """As through torch.clamp; jax.nn.relu has the gradient 0 there."""
    rows = jax.jacobian(toy2d(0.1).losses)(jnp.zeros(2))
    np.testing.assert_allclose(rows, [[0.0, 1.0856], [0.0, 10.856]], atol=1e-3)


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.5])
def test_the_optimum_of_the_sum_is_stationary(scale):
    problem = toy2d(scale)
    gradient = jax.grad(lambda x: jnp.sum(problem.losses(x)))(problem.optimum)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-4)
    first = -7.0 * (1.0 - scale) / (1.0 + scale)
    np.testing.assert_allclose(problem.optimum[0], first, atol=1e-5)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, (-7.0, -8.4345)), (0.5, (0.0, -8.3551)), (1.0, (7.0, -8.4345))],
)
def test_the_front(share, expected):
    front = toy2d().front
    np.testing.assert_allclose(front(jnp.array(share)), expected, atol=1e-4)


@pytest.mark.parametrize("share", np.linspace(0.0, 1.0, 7))
@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_a_point_of_the_front_is_best_for_its_weighting(share, scale):
    problem, weights = toy2d(scale), jnp.array([share, 1.0 - share])
    x = problem.front(jnp.array(share))
    gradient = jax.grad(lambda x: weights @ problem.losses(x))(x)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-4)
    assert float(distance_to_front(problem, x)) < 1e-5


def test_lifted_losses_are_positive_and_have_the_same_gradients():
    problem = toy2d(0.1)
    above = lifted(problem)
    grid = jnp.stack(jnp.meshgrid(*[jnp.linspace(-12, 12, 49)] * 2), -1).reshape(-1, 2)
    assert float(jnp.min(jax.vmap(above.losses)(grid))) > 0.0
    at = jnp.array(NASH_STARTS[-1])
    np.testing.assert_array_equal(
        jax.jacobian(above.losses)(at), jax.jacobian(problem.losses)(at)
    )


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """{"setting/method/field": array} of every method, as users run it."""
    file = tmp_path_factory.mktemp("toy2d") / "paths.npz"
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    environment.pop("XLA_FLAGS", None)
    command = [sys.executable, str(PATHS), str(file)]
    subprocess.run(command, check=True, env=environment, cwd=root)
    return np.load(file)


@pytest.mark.parametrize(("key", "name"), CASES)
def test_end_points(paths, key, name):
    """All starts, all steps; how closely is said with each point of the table."""
    path = toy_runs.Path(*(paths[f"{key}/{name}/{x}"] for x in toy_runs.Path._fields))
    for i, end in enumerate(REFERENCES[key][name]):
        if end.how == "loose":
            assert path.distance[i, -1] < toy_reference.ON_FRONT, (i, path.x[i, -1])
            continue
        x = path.met[i] if end.how == "arrives" else path.x[i, -1]
        atol = toy_reference.TOLERANCES[end.how]
        np.testing.assert_allclose(x, end.x, atol=atol, err_msg=f"start {i}")
        if end.how == "arrives":  # and rounding does not carry it off the front
            assert path.distance[i, -1] < toy_reference.ON_FRONT


def test_nash_is_blind_to_the_scale_of_a_loss():
    """The same way, with the first loss ten times smaller."""
    setting = SETTINGS["nash"]._replace(steps=20_000)
    small = run_toy2d(setting, "nash_mtl")
    even = run_toy2d(setting._replace(scale=1.0), "nash_mtl")
    np.testing.assert_allclose(small.met, even.met, atol=0.05)
