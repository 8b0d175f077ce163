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


@pytest.mark.parametrize("stddev", [0.1, 2.0])
def test_the_formula(stddev, randomize):
    module = Periodic(width=3, num_frequencies=4, stddev=stddev)
    params = module.init(KEY, ROWS)["params"]
    assert params["frequencies"].shape == (2, 4)
    moved = jax.tree.map(np.asarray, randomize(params))
    for each in (jax.tree.map(np.asarray, params), moved):
        x = module.apply({"params": each}, ROWS)
        np.testing.assert_allclose(x, expected(each, ROWS), rtol=1e-4, atol=1e-5)


def test_frequencies_start_at_their_scale_and_are_trained():
    module = Periodic(num_frequencies=500, stddev=2.0)
    params = module.init(KEY, ROWS)["params"]
    np.testing.assert_allclose(np.std(params["frequencies"]), 2.0, rtol=0.1)
    gradient = jax.grad(lambda p: module.apply({"params": p}, ROWS).sum())(params)
    assert np.all(np.any(np.asarray(gradient["frequencies"]) != 0, axis=1))


@pytest.mark.parametrize("tokens", [False, True])
def test_the_encoder_makes_vectors_of_the_embeddings_width(tokens):
    numeric = functools.partial(Periodic, num_frequencies=4)
    encoder = FeatureEncoder(
        cardinalities=(3,), embedding_dim=5, numeric=numeric, tokens=tokens
    )
    rows = {"categorical": jnp.array([[0], [1], [2]]), "numerical": ROWS}
    x, variables = encoder.init_with_output(KEY, rows)
    params = jax.tree.map(np.asarray, variables["params"])
    assert set(params) == {"embedding", "numeric"}
    vectors = expected(params["numeric"], ROWS)
    both = np.concatenate([params["embedding"][:, None], vectors], axis=1)
    both = both if tokens else both.reshape(3, -1)
    np.testing.assert_allclose(x, both, rtol=1e-4, atol=1e-6)


def test_without_numbers_there_is_nothing_to_make():
    encoder = FeatureEncoder(cardinalities=(3,), numeric=Periodic)
    rows = {"categorical": jnp.zeros((2, 1), jnp.int32), "numerical": jnp.zeros((2, 0))}
    assert set(encoder.init(KEY, rows)["params"]) == {"embedding"}


@pytest.mark.parametrize(
    "options", [{"width": 0}, {"num_frequencies": 0}, {"stddev": 0.0}]
)
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="Periodic: expected width >= 1"):
        Periodic(**options)
