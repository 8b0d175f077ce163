"""A schema with a field of every kind, and rows of it."""

import jax.numpy as jnp
import numpy as np

from mtlx.types import Field, Schema

NAMES, CARDINALITIES = ("user", "item", "shop"), (5, 9, 4)
HISTORY = Field("history", "sequence", (4, 3), (9, 3, 4), ("item", None, "shop"))
TAGS = Field("tags", "bag", (3,), (6,))
TITLE = Field("title", "text", (5,), (20,))
POSTER = Field("poster", "image", (2, 3, 1))
SIGNAL = Field("signal", "vector", (3,))
FIELDS = (HISTORY, TAGS, TITLE, POSTER, SIGNAL)
SCHEMA = Schema(CARDINALITIES, 2, NAMES, "shop", ("user",), FIELDS)
LENGTHS = {"history": (4, 2, 0, 1), "tags": (3, 0, 1, 2), "title": (0, 5, 2, 1)}


def make_rows(seed=0):
    """Four rows, one of them with an empty history."""
    rng = np.random.default_rng(seed)
    features = {
        "categorical": rng.integers(0, CARDINALITIES, (4, 3)),
        "numerical": rng.normal(size=(4, 2)),
    }
    for field in FIELDS:
        if field.sizes:
            sizes = field.sizes if len(field.shape) == 2 else field.sizes[0]
            ids = rng.integers(0, sizes, (4, *field.shape))
            valid = np.arange(field.shape[0]) < np.array(LENGTHS[field.name])[:, None]
            ids[~valid] = -1
            features[field.name] = ids
        else:
            features[field.name] = rng.normal(size=(4, *field.shape))
    return {
        name: jnp.asarray(x, jnp.int32 if x.dtype.kind == "i" else jnp.float32)
        for name, x in features.items()
    }
