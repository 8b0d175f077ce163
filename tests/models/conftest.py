"""The table of architectures that every contract below is held against."""

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import models
from mtlx.losses import masked_mean
from mtlx.types import Schema

TASKS, OUTPUTS = ("click", "stars", "category"), (1, 1, 3)
CARDINALITIES, EMBEDDING_DIM, NUMERICALS = (4, 3), 2, 3


class Row(NamedTuple):
    name: str
    cls: type[models.MultiTaskModel]
    fields: dict[str, Any]
    noisy: bool = False  # training draws noise without dropout, too
    constant: frozenset[str] = frozenset()  # parameters that start without a draw
    wide: Mapping[str, Any] = MappingProxyType({})  # sizes with which it can learn
    owning: tuple[str, ...] = TASKS  # tasks that have parameters of their own


MIXTURE = {"num_experts": 3, "expert_widths": (5, 4)}
GROUPS = {"num_task_experts": 2, "num_shared_experts": 1, "expert_widths": (4,)}
MODULES = {"num_modules": 4, "module_width": 16}
ROUTED = {"num_modules": 2, "module_width": 4, "num_levels": 2}
FUSED = {"num_task_experts": 2, "expert_widths": (5, 4)}
HIERARCHY = {
    "num_meta_shared": 2,
    "num_meta_group": 1,
    "expert_width": 4,
    "rank": 2,
    "norm": "none",
    "activation": nn.relu,
}
BINARY = {"outputs": (1, 1, 1)}
RELATIONS = {"bottom_widths": (5,), "task_widths": (4,), "relation_widths": (3,)}
GATES = {"gate_width": 3}
AUXILIARY = {"auxiliary_widths": (2,), "domain_dim": 2}
DOMAIN_EXPERTS = {
    "star_widths": (5, 4),
    "num_shared_experts": 2,
    "expert_widths": (4, 3),
    "norm": "none",
}
TABLE = (
    Row("single_task", models.SingleTask, {"bottom_widths": (5, 4)}),
    Row("shared_bottom", models.SharedBottom, {"bottom_widths": (5, 4)}),
    Row("shared_private", models.SharedPrivate, {"bottom_widths": (5, 4)}),
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
    Row("ml_mmoe", models.MLMMoE, MIXTURE),
    Row("ml_mmoe_hidden_gate", models.MLMMoE, MIXTURE | {"gate_widths": (2,)}),
    Row("topk_mmoe", models.TopKMMoE, MIXTURE | {"top_k": 2}, noisy=True),
    Row("dselect_k", models.DSelectK, MIXTURE),
    Row(
        "dselect_k_static",
        models.DSelectK,
        MIXTURE | {"num_experts": 4, "per_example": False},
    ),
    Row(
        "cross_stitch",
        models.CrossStitch,
        {"column_widths": (5, 4)},
        constant=frozenset({"unit_0"} | {f"stitch_{task}" for task in TASKS}),
    ),
    Row(
        "sluice",
        models.Sluice,
        {"column_width": 4, "num_layers": 2},
        constant=frozenset(
            {"unit_0"}
            | {f"{part}_{task}" for part in ("stitch", "beta") for task in TASKS}
        ),
        wide={"column_width": 16},
    ),
    Row("snr_trans", models.SNRTrans, ROUTED, noisy=True, wide=MODULES),
    Row("snr_average", models.SNRAverage, ROUTED, noisy=True, wide=MODULES),
    Row("l2_constrained", models.L2Constrained, {"bottom_widths": (5, 4)}),
    Row(
        "tensor_factorised",
        models.TensorFactorised,
        {"bottom_widths": (5, 4), "ranks": (4, 3, 2)},
        wide={"ranks": (7, 16, 3)},
    ),
    Row("adatt_sp", models.AdaTTSp, FUSED),
    Row("adatt_sp_single", models.AdaTTSp, FUSED | {"num_task_experts": 1}),
    Row("adatt_gp", models.AdaTTGp, FUSED | {"num_shared_experts": 1}),
    Row("home", models.HoME, HIERARCHY),
    Row(
        "home_groups",
        models.HoME,
        HIERARCHY | {"groups": (("click", "category"), ("stars",)), "num_task": 2},
    ),
    Row(
        "metaheac",
        models.MetaHeac,
        {"num_experts": 3, "expert_widths": (5, 4), "num_critics": 2, "task_dim": 2},
    ),
    Row(
        "task_query_attention",
        models.TaskQueryAttention,
        {"num_experts": 3, "expert_widths": (5, 4), "num_heads": 2},
    ),
    Row(
        "cross_task_attention",
        models.CrossTaskAttention,
        {"bottom_widths": (5,), "state_widths": (4,), "num_heads": 2},
        constant=frozenset({"scale"}),
    ),
    Row(
        "field_transformer",
        models.FieldTransformer,
        {"token_dim": 4, "num_layers": 2, "num_heads": 2, "feedforward_width": 5},
        constant=frozenset({"scale"}),
        wide={"token_dim": 16, "feedforward_width": 16},
    ),
    Row("esmm", models.ESMM, BINARY, owning=("category",)),
    Row("escm2_ipw", models.ESCM2IPW, BINARY, owning=("category",)),
    Row(
        "escm2_dr",
        models.ESCM2DR,
        BINARY | {"imputation_widths": (2,)},
        owning=("stars", "category"),
    ),
    Row("aitm", models.AITM, BINARY | {"bottom_widths": (5, 4)}),
    Row("dbmtl", models.DBMTL, RELATIONS),
    Row("stem", models.STEM, GROUPS),
    Row("pepnet", models.PEPNet, {"prior_dim": 2, "task_widths": (5, 4)} | GATES),
    Row("star", models.STAR, {"bottom_widths": (5, 4), "norm": "none"} | AUXILIARY),
    Row(
        "m3oe",
        models.M3oE,
        DOMAIN_EXPERTS,
        constant=frozenset(
            f"{group}_{part}"
            for group in ("domain", "task")
            for part in ("share", "balance")
        ),
    ),
)
COMMON = {
    "tasks": TASKS,
    "outputs": OUTPUTS,
    "tower_widths": (3,),
    "encoder": functools.partial(
        models.FeatureEncoder, cardinalities=CARDINALITIES, embedding_dim=EMBEDDING_DIM
    ),
    "schema": Schema(CARDINALITIES, NUMERICALS, ("user", "tab"), "tab", ("user",)),
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


def _apply_with_losses(model, params, features, labels, **options):
    """Outputs, and what the model adds to the loss of each task on all rows."""
    mutable = ["auxiliary"]
    variables = {"params": params}
    outputs, handed = model.apply(variables, features, mutable=mutable, **options)
    where = {task: jnp.ones(len(labels[task]), bool) for task in labels}
    handed = handed.get("auxiliary", {})
    added = model.auxiliary_losses(outputs, handed, labels, where)
    means = {task: masked_mean(*rows) for task, rows in added.items()}
    return outputs, {task: means.get(task, jnp.zeros(())) for task in outputs}


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
def apply_with_losses():
    """`apply_with_losses(model, params, features, labels)` -> outputs, added losses."""
    return _apply_with_losses


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
