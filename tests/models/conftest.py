"""The table of architectures that every contract below is held against."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import models

TASKS, OUTPUTS = ("click", "stars", "category"), (1, 1, 3)
CARDINALITIES, EMBEDDING_DIM, NUMERICALS = (4, 3), 2, 3


class Row(NamedTuple):
    name: str
    cls: type[models.MultiTaskModel]
    fields: dict[str, Any]


MIXTURE = {"num_experts": 3, "expert_widths": (5, 4)}
GROUPS = {"num_task_experts": 2, "num_shared_experts": 1, "expert_widths": (4,)}
TABLE = (
    Row("single_task", models.SingleTask, {"bottom_widths": (5, 4)}),
    Row("shared_bottom", models.SharedBottom, {"bottom_widths": (5, 4)}),
    Row("omoe", models.OMoE, MIXTURE),
    Row("mmoe", models.MMoE, MIXTURE),
    Row("mmoe_hidden_gate", models.MMoE, MIXTURE | {"gate_widths": (2,)}),
    Row("cgc", models.CGC, GROUPS),
    Row("ple", models.PLE, GROUPS | {"num_levels": 2}),
    Row("ple_three_levels", models.PLE, GROUPS | {"num_levels": 3}),
    Row(
        "mtan",
        models.MTAN,
        {"trunk_widths": (5, 4), "attention_widths": (2,)},
    ),
)
COMMON = {
    "tasks": TASKS,
    "outputs": OUTPUTS,
    "tower_widths": (3,),
    "encoder": functools.partial(
        models.FeatureEncoder, cardinalities=CARDINALITIES, embedding_dim=EMBEDDING_DIM
    ),
}


def _features(seed, batch=6):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, CARDINALITIES, size=(batch, len(CARDINALITIES)))
    return {
        "categorical": jnp.asarray(ids, jnp.int32),
        "numerical": jnp.asarray(rng.normal(size=(batch, NUMERICALS)), jnp.float32),
    }


def _randomize(tree, seed=0, scale=0.7):
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda leaf: jnp.asarray(rng.normal(scale=scale, size=leaf.shape), leaf.dtype),
        tree,
    )


@pytest.fixture(params=TABLE, ids=lambda row: row.name)
def row(request):
    return request.param


@pytest.fixture
def build(row):
    """Builds the architecture of the row, with fields overridden at will."""
    return lambda **fields: row.cls(**{**COMMON, **row.fields, **fields})


@pytest.fixture
def make():
    """Builds any architecture on the tasks and the encoder of the table."""
    return lambda cls, **fields: cls(**{**COMMON, **fields})


@pytest.fixture
def make_features():
    """`make_features(seed, batch=6)`: random rows that the table's encoder reads."""
    return _features


@pytest.fixture(scope="session")
def quick_jit():
    """`jax.jit` that compiles fast: these networks are tiny, their programs are not."""
    options = {"xla_backend_optimization_level": 0}
    return functools.partial(jax.jit, compiler_options=options)


@pytest.fixture
def features():
    return _features(0)


@pytest.fixture
def randomize():
    """`randomize(tree, seed=0, scale=.7)`: every leaf, biases too, from a normal."""
    return _randomize
