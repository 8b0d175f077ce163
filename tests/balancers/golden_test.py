"""Published weights on the Jacobian of TorchJD's `test_values.py`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals

J = np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]])

GOLDEN = (
    ("equal", {}, (1.0, 1.0)),
    ("equal", {"reduction": "mean"}, (0.5, 0.5)),
    ("pcgrad", {}, (1 + 22 / 18, 1 + 22 / 38)),
    ("pcgrad", {"order": "fixed"}, (2.2222, 1.5789)),
    ("pcgrad", {"reduction": "mean"}, (1.1111, 0.7895)),
    ("mgda", {}, (0.6, 0.4)),
    ("cagrad", {"c": 0.5}, (0.7041, 0.5)),
    ("cagrad", {"c": 0.5, "rescale": 1}, (0.7041 / 1.25, 0.5 / 1.25)),
    ("cagrad", {"c": 0.5, "rescale": 2}, (0.7041 / 1.5, 0.5 / 1.5)),
    ("upgrad", {}, (1.1109, 0.7894)),
    ("upgrad", {"reg_eps": 0.0}, (0.5 + 11 / 18, 0.5 + 11 / 38)),
    ("dualproj", {}, (0.6109, 0.5)),
    ("dualproj", {"reg_eps": 0.0}, (11 / 18, 0.5)),
    ("nash_mtl", {}, (0.4182, 0.2878)),
    ("nash_mtl", {"max_norm": None, "normalise": "none"}, (0.5915, 0.4071)),
    ("fairgrad", {}, (0.5915, 0.4071)),
    ("fairgrad", {"alpha": 2.0}, (0.4714, 0.3195)),
    ("imtl_g", {}, (0.5923, 0.4077)),
    ("imtl", {}, (0.5923, 0.4077)),
    ("aligned_mtl", {}, (0.5591, 0.4083)),
    ("aligned_mtl", {"preference": 1.0}, (2 * 0.5591, 2 * 0.4083)),
    ("config", {}, (1.2265, 0.8441)),
    ("gradvac", {}, (1 + 22 / 18, 1 + 22 / 38)),
    ("db_mtl", {}, ((38 / 18) ** 0.5, 1.0)),
    ("cagrad_fast", {}, (0.7041, 0.5)),
    ("psmgd", {}, (0.6, 0.4)),
    ("pe_ltr", {}, (0.6, 0.4)),
    ("pe_ltr", {"lower_bounds": 0.45}, (0.55, 0.45)),
)


@pytest.mark.parametrize(("name", "kwargs", "expected"), GOLDEN)
@pytest.mark.parametrize("extra", [0, 1])
def test_weights(name, kwargs, expected, extra):
    """Also with an absent third task, which takes the general solver's way."""
    gram = np.zeros((2 + extra, 2 + extra))
    gram[:2, :2] = J @ J.T
    signals = Signals(
        losses=jnp.ones(2 + extra),
        gram=jnp.asarray(gram, jnp.float32),
        present=jnp.arange(2 + extra) < 2,
    )
    balancer = getattr(balancers, name)(**kwargs)
    state = balancer.init(2 + extra)
    weights, _ = balancer.update(signals, state, key=jax.random.key(0))
    np.testing.assert_allclose(weights, expected + (0.0,) * extra, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("pcgrad", (0.5848, 3.8012, 3.8012)),
        ("mgda", (0.0, 1.0, 1.0)),
        ("cagrad", (0.1835, 1.2041, 1.2041)),
        ("upgrad", (0.2929, 1.9004, 1.9004)),
        ("dualproj", (0.5563, 1.1109, 1.1109)),
    ],
)
def test_directions(name, direction):
    balancer = getattr(balancers, name)()
    signals = Signals(losses=jnp.ones(2), gram=jnp.asarray(J @ J.T, jnp.float32))
    weights, _ = balancer.update(signals, balancer.init(2), key=jax.random.key(0))
    np.testing.assert_allclose(J.T @ np.asarray(weights), direction, atol=1e-4)
