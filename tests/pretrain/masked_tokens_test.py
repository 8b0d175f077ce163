"""Masked tokens: what is taken away, the loss, and what training leaves behind."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from mtlx.models import FeatureEncoder
from mtlx.models.encoders import TextTransformer
from mtlx.pretrain import masked_tokens
from mtlx.pretrain.corruption import Corrupted, corrupt
from mtlx.pretrain.masked_model import MaskedModel
from mtlx.types import Field

SIZE, LENGTH, DIM = 11, 8, 6
FIELD = Field("text", "text", (LENGTH,), sizes=(SIZE,))
SMALL = {"width": 8, "num_layers": 1, "num_heads": 2, "feedforward_width": 8}
ENCODER = TextTransformer(**SMALL)


def some_texts(rows, seed=0):
    rng = np.random.default_rng(seed)
    ids = rng.integers(1, SIZE, size=(rows, LENGTH)).astype(np.int32)
    ends = rng.integers(0, LENGTH + 1, size=(rows, 1))
    return np.where(np.arange(LENGTH)[None] < ends, ids, -1)


def test_a_share_of_the_tokens_is_chosen_and_mostly_masked():
    ids = some_texts(4000)
    text = jax.jit(corrupt, static_argnums=(2, 3))(
        jax.random.key(0), jnp.array(ids), SIZE, 0.25
    )
    new, places, targets, counts = map(np.asarray, text)
    tokens = (ids >= 0).sum(axis=1)
    wanted = np.where(tokens > 0, np.maximum(1, np.round(0.25 * tokens)), 0)
    np.testing.assert_array_equal(counts.sum(axis=1), wanted)
    row = np.arange(len(ids))[:, None].repeat(places.shape[1], axis=1)
    np.testing.assert_array_equal(targets, ids[row, places])
    chosen = np.zeros(ids.shape, bool)
    chosen[row[counts], places[counts]] = True
    assert chosen.sum() == counts.sum()  # without replacement
    np.testing.assert_array_equal(new[~chosen], ids[~chosen])
    assert np.all(ids[chosen] >= 0)
    masked = (new[chosen] == SIZE).mean()
    same = (new[chosen] == ids[chosen]).mean()
    np.testing.assert_allclose(masked, 0.8, atol=0.02)
    np.testing.assert_allclose(same, 0.1 + 0.1 / (SIZE - 1), atol=0.02)
    assert new[chosen].min() >= 1
    # Every place of a full text is as likely.
    full = tokens == LENGTH
    np.testing.assert_allclose(chosen[full].mean(axis=0), 0.25, atol=0.08)


def test_the_loss_is_of_the_counted_places_and_of_what_stood_there():
    model = MaskedModel(size=SIZE, dim=DIM, encoder=ENCODER)
    ids = jnp.array(some_texts(3, seed=2))
    places, targets = jnp.array([[0, 1]] * 3), jnp.array([[4, 5], [6, 7], [8, 9]])
    counts = jnp.array([[True, False], [True, True], [False, False]])
    text = Corrupted(ids, places, targets, counts)
    variables = jax.jit(model.init)(jax.random.key(0), text)
    loss = jax.jit(model.apply)

    def of(row, slot):
        only = jnp.zeros_like(counts).at[row, slot].set(True)
        return loss(variables, text._replace(counts=only))

    expected = np.mean([of(0, 0), of(1, 0), of(1, 1)])
    np.testing.assert_allclose(loss(variables, text), expected, rtol=1e-5)
    # Probabilities of all targets of one place sum to one.
    first = text._replace(counts=jnp.zeros_like(counts).at[0, 0].set(True))
    every = [
        loss(variables, first._replace(targets=jnp.full_like(targets, k)))
        for k in range(SIZE)
    ]
    np.testing.assert_allclose(np.sum(np.exp(-np.array(every))), 1.0, rtol=1e-5)


@pytest.fixture(scope="module")
def trained():
    """Texts that repeat one word, so that any place tells all the others."""
    words = np.random.default_rng(0).integers(1, SIZE, size=(256, 1))
    ids = np.repeat(words, LENGTH, axis=1).astype(np.int32)
    options = {"encoder": ENCODER, "dim": DIM, "epochs": 25, "batch_rows": 32}
    return masked_tokens(ids, FIELD, jax.random.key(0), learning_rate=2e-2, **options)


def test_training_learns_what_the_other_places_tell(trained):
    assert trained.losses.shape == (25,)
    assert trained.losses[0] > 0.8 * np.log(SIZE - 1)
    assert trained.losses[-1] < 0.3


def test_the_values_are_parameters_of_the_encoder_of_a_model(trained):
    text = functools.partial(TextTransformer, **SMALL)
    encoder = FeatureEncoder(fields=(FIELD,), embedding_dim=DIM, text=text)
    rows = {"text": jnp.zeros((1, LENGTH), int)}
    shapes = jax.eval_shape(encoder.init, jax.random.key(0), rows)["params"]
    flat = traverse_util.flatten_dict(shapes, sep="/")
    assert {name: leaf.shape for name, leaf in flat.items()} == {
        name: value.shape for name, value in trained.values.items()
    }


def test_too_few_texts_are_refused():
    with pytest.raises(ValueError, match="at least batch_rows=64 texts.*and 3 texts"):
        masked_tokens(some_texts(3), FIELD, jax.random.key(0), encoder=ENCODER)
