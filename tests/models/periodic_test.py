"""Numbers as waves: the formula, and how the encoder takes them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.models import FeatureEncoder
from mtlx.models.encoders import Periodic

KEY = jax.random.key(0)
ROWS = jnp.array([[0.3, -1.2], [0.0, 2.5], [1.7, 0.4]])


def expected(params, rows):
    """Column by column."""
    vectors = []
    for column, x in enumerate(np.asarray(rows).T):
        z = 2 * np.pi * x[:, None] * params["frequencies"][column]
        waves = np.concatenate([np.sin(z), np.cos(z)], axis=1)
        affine = waves @ params["kernel"][column] + params["bias"][column]
        vectors.append(np.maximum(affine, 0))
    return np.stack(vectors, axis=1)


def test_the_formula(randomize, quick_jit):
    module = Periodic(width=3, num_frequencies=4, stddev=2.0)
    shapes = jax.eval_shape(module.init, KEY, ROWS)["params"]
    assert shapes["frequencies"].shape == (2, 4)
    params = jax.tree.map(np.asarray, randomize(shapes))
    x = quick_jit(module.apply)({"params": params}, ROWS)
    np.testing.assert_allclose(x, expected(params, ROWS), rtol=1e-4, atol=1e-5)


def test_frequencies_start_at_their_scale_and_are_trained(quick_jit):
    module = Periodic(num_frequencies=500, stddev=2.0)
    params = quick_jit(module.init)(KEY, ROWS)["params"]
    np.testing.assert_allclose(np.std(params["frequencies"]), 2.0, rtol=0.1)
    total = quick_jit(jax.grad(lambda p: module.apply({"params": p}, ROWS).sum()))
    gradient = total(params)
    assert np.all(np.any(np.asarray(gradient["frequencies"]) != 0, axis=1))


@pytest.mark.parametrize("tokens", [False, True])
def test_the_encoder_makes_vectors_of_the_embeddings_width(tokens, quick_jit):
    numeric = functools.partial(Periodic, num_frequencies=4)
    encoder = FeatureEncoder(
        cardinalities=(3,), embedding_dim=5, numeric=numeric, tokens=tokens
    )
    rows = {"categorical": jnp.array([[0], [1], [2]]), "numerical": ROWS}
    x, variables = quick_jit(encoder.init_with_output)(KEY, rows)
    params = jax.tree.map(np.asarray, variables["params"])
    assert set(params) == {"embedding", "numeric"}
    vectors = expected(params["numeric"], ROWS)
    both = np.concatenate([params["embedding"][:, None], vectors], axis=1)
    both = both if tokens else both.reshape(3, -1)
    np.testing.assert_allclose(x, both, rtol=1e-4, atol=1e-6)


def test_without_numbers_there_is_nothing_to_make():
    encoder = FeatureEncoder(cardinalities=(3,), numeric=Periodic)
    rows = {"categorical": jnp.zeros((2, 1), jnp.int32), "numerical": jnp.zeros((2, 0))}
    variables = jax.eval_shape(encoder.init, KEY, rows)
    assert set(variables["params"]) == {"embedding"}


@pytest.mark.parametrize(
    "options", [{"width": 0}, {"num_frequencies": 0}, {"stddev": 0.0}]
)
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="Periodic: expected width >= 1"):
        Periodic(**options)
