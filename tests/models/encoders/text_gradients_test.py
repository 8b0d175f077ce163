"""The ghost form of the Gram matrix through the encoders of texts."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.gradients import measure
from mtlx.models import FeatureEncoder, SharedBottom
from mtlx.models.encoders import CNN, AttentionPool, TextTransformer
from mtlx.types import Field

TITLE = Field("title", "text", (5,), sizes=(7,))
FACTORIES = {
    "cnn": functools.partial(CNN, widths=(2, 3), filters=3),
    "attention": functools.partial(AttentionPool, width=3),
    "transformer": functools.partial(
        TextTransformer, width=4, num_layers=1, num_heads=2, feedforward_width=4
    ),
}


@pytest.mark.parametrize("name", FACTORIES)
def test_the_gram_matrix_is_that_of_the_jacobian(name, randomize, quick_jit):
    text = FACTORIES[name]
    model = SharedBottom(
        tasks=("a", "b"),
        outputs=(1, 1),
        encoder=functools.partial(
            FeatureEncoder, embedding_dim=4, fields=(TITLE,), text=text
        ),
        bottom_widths=(),
        tower_widths=(),
    )
    ids = np.random.default_rng(0).integers(0, 7, size=(6, 5))
    ids = np.where(np.arange(5)[None] < np.array([5, 4, 3, 2, 1, 0])[:, None], ids, -1)
    features = {"title": jnp.asarray(ids, jnp.int32)}
    shapes = jax.eval_shape(model.init, jax.random.key(0), features)["params"]
    params = randomize(shapes)

    def losses(params):
        outputs = model.apply({"params": params}, features)
        return jnp.stack([jnp.mean(jnp.square(y - 1.0)) for y in outputs.values()]), {}

    def run(params):
        measured = measure(
            losses, params, model.owner, frozenset({"gram"}), gradients="ghost"
        )
        return measured.signals.gram, jax.jacrev(lambda p: losses(p)[0])(params)

    gram, jacobian = quick_jit(run)(params)
    leaves = jax.tree.leaves(jacobian["encoder"])
    rows = np.concatenate([np.reshape(leaf, (2, -1)) for leaf in leaves], axis=1)
    expected = rows @ rows.T
    np.testing.assert_allclose(gram, expected, atol=1e-5 * np.abs(expected).max())
