"""Models of queries and items for the tests, with parameters drawn at random."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from mtlx import models, train

WIDTH = 4
ENCODER = functools.partial(models.FeatureEncoder, embedding_dim=WIDTH)
IDS = {"query": ("user",), "item": ("item",)}


def build(dataset, cls, encoder=ENCODER, **fields):
    return train.build_model(functools.partial(cls, **fields), encoder, dataset)


def randomised(model, features):
    shapes = jax.eval_shape(model.init, jax.random.key(0), features)
    rng = np.random.default_rng(0)
    draw = lambda x: jnp.float32(rng.normal(size=x.shape))  # noqa: E731
    params = jax.tree.map(draw, shapes["params"])
    rest = model.init(jax.random.key(0), features) if len(shapes) > 1 else {}
    return {**rest, "params": params}
