"""The networks of a single task: formulas in NumPy, ownership, refusals, options."""

import dataclasses
import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import yaml

from mtlx import models
from mtlx.models import ctr
from mtlx.models.ctr.crosses import hashed_cross
from mtlx.models.ctr.deepfm import pair_products
from mtlx.types import Field, Part, Schema
from tests.models.conftest import CARDINALITIES, COMMON, EMBEDDING_DIM, NUMERICALS
from tests.models.formulas_blocks import affine, dense, encode, mlp, tower

GROUP = Path(__file__).parents[2] / "conf" / "model" / "ctr"
TASKS = ("view", "long_view")  # the one's name ends the other's
IDS, INPUTS = sum(CARDINALITIES), len(CARDINALITIES) * EMBEDDING_DIM + NUMERICALS
LINEAR = IDS + NUMERICALS
TOKENS = len(CARDINALITIES) + NUMERICALS


def linear(p, task, features):
    first, second = np.asarray(features["categorical"]).T
    table = p[f"linear_{task}"]["embedding"][:, 0]
    x = np.asarray(features["numerical"])
    return table[first] + table[4 + second] + x @ p[f"slope_{task}"]["kernel"][:, 0]


def logistic_regression(p, task, features):
    return linear(p, task, features) + p[f"bias_{task}"]


def wide_and_deep(p, task, features):
    return linear(p, task, features) + tower(
        p[f"tower_{task}"], encode(p[f"encoder_{task}"], features)
    )


def fnv(ids):
    """The bucket of a combination, in Python's whole numbers."""
    h = 2166136261
    for one in ids:
        h = ((h ^ one) * 16777619) % 2**32
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = ((h ^ (h >> shift)) * factor) % 2**32
    return (h ^ (h >> 16)) % 7


def crossed(p, task, features):
    user, tab = np.asarray(features["categorical"]).T.tolist()
    table = p[f"cross_{task}"]["embedding"][:, 0]
    pairs = np.array([fnv(pair) for pair in zip(user, tab, strict=True)])
    turned = np.array([fnv(pair) for pair in zip(tab, user, strict=True)])
    return wide_and_deep(p, task, features) + table[pairs] + table[7 + turned]


def deepfm(p, task, features):
    q = p[f"encoder_{task}"]
    flat = encode(q, features)[:, : 2 * EMBEDDING_DIM]
    vectors = list(np.split(flat, 2, axis=1))
    for n, x in enumerate(np.asarray(features["numerical"]).T):
        vectors.append(x[:, None] * q["slope"][n] + q["offset"][n])
    pairs = sum((a * b).sum(axis=1) for a, b in itertools.combinations(vectors, 2))
    deep = tower(p[f"tower_{task}"], np.concatenate(vectors, axis=1))
    return linear(p, task, features) + pairs + deep


def cross_layers(p, x):
    first = x
    for layer in range(2):
        z = dense(p[f"down_{layer}"], x) if f"down_{layer}" in p else x
        x = first * dense(p[f"layer_{layer}"], z) + x
    return x


def dcn_v2(p, task, features, stacked=False):
    x = encode(p[f"encoder_{task}"], features)
    crossed = cross_layers(p[f"cross_{task}"], x)
    deep = p.get(f"deep_{task}", {})
    if stacked:
        h = mlp(deep, crossed)
    else:
        h = np.concatenate([crossed, mlp(deep, x)], axis=1) if deep else crossed
    return dense(p[f"logit_{task}"], h)[:, 0]


def stacked(p, task, features):
    return dcn_v2(p, task, features, stacked=True)


DEEP = affine(INPUTS, 3, 1)
PAIRS = (("user", "tab"), (1, 0))
CASES = {
    "logistic_regression": (
        *(ctr.LogisticRegression, {}, logistic_regression),
        LINEAR + 1,
    ),
    "wide_and_deep": (
        *(ctr.WideAndDeep, {}, wide_and_deep),
        LINEAR + IDS * EMBEDDING_DIM + DEEP,
    ),
    "wide_and_deep_crosses": (
        *(ctr.WideAndDeep, {"crosses": PAIRS, "cross_buckets": 7}, crossed),
        LINEAR + IDS * EMBEDDING_DIM + DEEP + 2 * 7,
    ),
    "deepfm": (
        *(ctr.DeepFM, {}, deepfm),
        LINEAR
        + (IDS + 2 * NUMERICALS) * EMBEDDING_DIM
        + affine(TOKENS * EMBEDDING_DIM, 3, 1),
    ),
    "dcn_v2": (
        *(ctr.DCNv2, {"num_crosses": 2}, dcn_v2),
        IDS * EMBEDDING_DIM
        + 2 * affine(INPUTS, INPUTS)
        + affine(INPUTS, 3)
        + affine(INPUTS + 3, 1),
    ),
    "dcn_v2_stacked": (
        *(ctr.DCNv2, {"num_crosses": 2, "stacked": True}, stacked),
        IDS * EMBEDDING_DIM + 2 * affine(INPUTS, INPUTS) + DEEP,
    ),
    "dcn_v2_low_rank": (
        *(ctr.DCNv2, {"num_crosses": 2, "rank": 2, "tower_widths": ()}, dcn_v2),
        IDS * EMBEDDING_DIM + 2 * (INPUTS * 2 + affine(2, INPUTS)) + affine(INPUTS, 1),
    ),
}


def build(cls, **fields):
    return cls(**COMMON | {"tasks": TASKS, "outputs": (1, 1)} | fields)


@pytest.fixture(params=CASES, scope="module")
def case(request):
    cls, fields, formula, count = CASES[request.param]
    return build(cls, **fields), formula, count


def test_scores_are_those_of_the_formula(case, features, randomize):
    model, formula, count = case
    assert models.count_parameters(model, features) == len(TASKS) * count
    shapes = jax.eval_shape(model.init, jax.random.key(0), features)
    variables = randomize(shapes)
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), variables)["params"]
    found = model.apply(variables, features)
    assert list(found) == list(TASKS)
    for task in TASKS:
        assert found[task].dtype == jnp.float32
        expected = formula(p, task, features)
        np.testing.assert_allclose(found[task], expected, rtol=2e-4, atol=2e-5)


def test_each_parameter_is_of_the_task_that_it_moves(case, features, randomize):
    model, *_ = case
    shapes = jax.eval_shape(model.init, jax.random.key(0), features)
    variables = randomize(shapes, 1)

    def total(params, task):
        # Squared, so that no gradient vanishes by symmetry.
        return jnp.sum(model.apply({"params": params}, features)[task] ** 2)

    for task in TASKS:
        gradient = jax.grad(total)(variables["params"], task)
        for path, leaf in jax.tree_util.tree_leaves_with_path(gradient):
            own = model.owner(tuple(key.key for key in path)) == task
            assert bool(jnp.any(leaf != 0)) == own, path


def test_pairs_are_summed_as_in_a_loop():
    v = np.random.default_rng(0).normal(size=(4, 5, 3))
    expected = [sum(a @ b for a, b in itertools.combinations(row, 2)) for row in v]
    found = pair_products(jnp.asarray(v, jnp.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_combinations_spread_over_the_buckets():
    """Neighbouring ids too, and the order of the columns matters."""
    first, second = (c.ravel() for c in np.meshgrid(np.arange(100), np.arange(100)))
    ids = [jnp.asarray(first, jnp.int32), jnp.asarray(second, jnp.int32)]
    buckets = np.asarray(hashed_cross(ids, 64))
    assert buckets.min() == 0 and buckets.max() == 63
    counts = np.bincount(buckets)
    # Chi-squared of 63 degrees of freedom: beyond 120 once in 100,000.
    assert np.sum((counts - counts.mean()) ** 2 / counts.mean()) < 120
    assert (np.asarray(hashed_cross(ids[::-1], 64)) != buckets).mean() > 0.9


@pytest.mark.parametrize(
    ("cls", "fields", "message"),
    [
        (ctr.WideAndDeep, {"crosses": (("user",),)}, "crosses of two columns"),
        (ctr.WideAndDeep, {"cross_buckets": 0}, "cross_buckets >= 1"),
        (ctr.WideAndDeep, {"crosses": (("user", "nobody"),)}, "found 'nobody'"),
        (ctr.DCNv2, {"num_crosses": 0}, "num_crosses >= 1"),
        (ctr.DCNv2, {"rank": 0}, "found 3 and 0"),
        (
            ctr.LogisticRegression,
            {"schema": Schema(fields=(Field("history", "sequence", (3, 1), (9,)),))},
            "found history. Leave them out",
        ),
        (
            ctr.DeepFM,
            {"schema": Schema(parts=(Part("clothing", Schema(), ("click",)),))},
            "columns of one data set, found those of .'clothing'.",
        ),
    ],
)
def test_what_does_not_fit_is_refused(cls, fields, message):
    with pytest.raises(ValueError, match=message):
        build(cls, **fields)


def test_tasks_of_several_outputs_are_refused():
    with pytest.raises(ValueError, match="binary or regression tasks, found multicl"):
        build(ctr.DeepFM).check_kinds(("binary", "multiclass"))


@pytest.mark.parametrize("path", sorted(GROUP.glob("*.yaml")), ids=lambda p: p.stem)
def test_an_option_states_every_hyper_parameter_at_its_default(path):
    config = yaml.safe_load(path.read_text())
    cls = getattr(ctr, config.pop("_target_").removeprefix("mtlx.models.ctr."))
    assert config.pop("_partial_") is True
    fields = {field.name: field.default for field in dataclasses.fields(cls)}
    own = {*config, *cls.__annotations__} - {"name", "parent"}  # which linen adds
    frozen = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
    assert frozen == {name: fields[name] for name in own}


def test_every_network_has_an_option():
    targets = {yaml.safe_load(p.read_text())["_target_"] for p in GROUP.glob("*.yaml")}
    names = {target.rpartition(".")[2] for target in targets}
    assert names == set(ctr.__all__) - {"CTRModel"}
