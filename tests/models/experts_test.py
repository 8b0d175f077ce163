"""The stacked experts: independent at the start, and each an ordinary MLP."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.models import MLP, Experts
from mtlx.models import experts as experts_module

KEY = jax.random.key(0)


def _params(experts, inputs=64):
    return experts.init(KEY, jnp.ones((2, inputs)))["params"]


def _cosines(rows):
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return (unit @ unit.T)[~np.eye(len(rows), dtype=bool)]


@pytest.mark.parametrize("layer", [0, 1])
def test_experts_start_independent(layer):
    params = _params(Experts(num_experts=8, widths=(48, 32)))
    kernel = np.asarray(params[f"kernel_{layer}"])
    assert np.abs(_cosines(kernel.reshape(8, -1))).max() < 0.2
    units = np.moveaxis(kernel, 2, 1).reshape(-1, kernel.shape[1])
    assert np.abs(_cosines(units)).max() < 0.9  # no two hidden units alike either


def test_experts_start_with_different_outputs():
    experts = Experts(num_experts=4, widths=(16,))
    x = jax.random.normal(KEY, (32, 64))
    outputs = np.asarray(experts.apply({"params": _params(experts)}, x))
    correlation = np.corrcoef(np.moveaxis(outputs, 1, 0).reshape(4, -1))
    assert np.abs(correlation[~np.eye(4, dtype=bool)]).max() < 0.5


@pytest.mark.parametrize("layer", [0, 1])
def test_every_expert_starts_with_the_variance_of_a_plain_dense(layer):
    params = _params(Experts(num_experts=8, widths=(64, 64)))
    plain = nn.Dense(64).init(KEY, jnp.ones((2, 64)))["params"]["kernel"]
    deviations = np.std(params[f"kernel_{layer}"], axis=(1, 2))
    np.testing.assert_allclose(deviations, 1 / np.sqrt(64), rtol=0.05)
    np.testing.assert_allclose(deviations, np.std(plain), rtol=0.05)


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("norm", ["none", "layer", "batch"])
def test_an_expert_is_the_mlp_with_its_slice_of_every_parameter(norm, train, randomize):
    fields = {"widths": (5, 4), "norm": norm}
    experts, mlp = Experts(num_experts=3, **fields), MLP(**fields)
    x = jax.random.normal(KEY, (7, 6))
    variables = randomize(experts.init(KEY, x))
    # A variance is not negative.
    variables = jax.tree.map(jnp.abs, variables)
    stacked, _ = experts.apply(variables, x, train=train, mutable=["batch_stats"])
    for e in range(3):
        params = jax.tree.map(lambda leaf, e=e: leaf[e], variables)
        for index in range(2):
            params["params"][f"dense_{index}"] = {
                leaf: params["params"].pop(f"{leaf}_{index}")
                for leaf in ("kernel", "bias")
            }
        alone, _ = mlp.apply(params, x, train=train, mutable=["batch_stats"])
        np.testing.assert_allclose(stacked[:, e], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fields", [{"num_experts": 0}, {"widths": ()}])
def test_a_group_without_experts_or_layers_is_refused(fields):
    with pytest.raises(ValueError, match="at least one expert and one layer"):
        Experts(**{"num_experts": 2, "widths": (4,)} | fields)


def test_products_written_out_are_the_one_product(monkeypatch, randomize):
    """Outputs and gradients, alone and under vmap, unrolled and not."""
    x = jax.random.normal(KEY, (7, 6))
    model = Experts(num_experts=3, widths=(5, 4))
    variables = randomize(model.init(KEY, x))

    def found():
        def total(variables, x, scale):
            return jnp.sum(scale * jnp.sin(model.apply(variables, x)))

        pull = jax.grad(total, argnums=(0, 1))
        return jax.vmap(pull, in_axes=(None, None, 0))(variables, x, jnp.arange(1.0, 3))

    unrolled = found()
    monkeypatch.setattr(experts_module, "MOST_UNROLLED", 2)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        unrolled,
        found(),
    )
