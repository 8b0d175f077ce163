"""The options of the gradients in a step and in a run."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers, models, train
from mtlx.gradients.program import trace
from mtlx.train import init_state, make_step
from mtlx.train.measuring import Measuring
from mtlx.types import Balancer

OPTIMIZER = optax.sgd(0.1)


def _after(model, dataset, batch, balancer, measuring):
    """Parameters and metrics of one step."""
    state = init_state(model, OPTIMIZER, balancer, batch, jax.random.key(0))
    step = make_step(model, dataset.tasks, OPTIMIZER, balancer, 8, measuring=measuring)
    state, metrics = jax.jit(step)(state, batch)
    return state.params, metrics


def _assert_close(one, other):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), one, other
    )


@pytest.mark.parametrize(
    "measuring",
    [
        Measuring("ghost"),
        Measuring("recompute", remat=True),
        Measuring(remat=True, accumulate=4),
    ],
    ids=str,
)
def test_a_step_is_the_same_in_every_exact_form(model, dataset, batch, measuring):
    balancer = balancers.upgrad()
    expected = _after(model, dataset, batch, balancer, Measuring())
    _assert_close(_after(model, dataset, batch, balancer, measuring), expected)


@pytest.mark.parametrize("name", ["famo", "uncertainty", "graddrop"])
def test_accumulation_goes_with_other_kinds_of_balancers(model, dataset, batch, name):
    """Losses after the step, losses alone, the gradients themselves."""
    balancer = getattr(balancers, name)()
    expected = _after(model, dataset, batch, balancer, Measuring())
    actual = _after(model, dataset, batch, balancer, Measuring(accumulate=2))
    _assert_close(actual, expected)


def test_a_sketch_draws_again_each_step(model, dataset, batch):
    seen = Balancer(
        lambda num_tasks: jnp.zeros((num_tasks, num_tasks)),
        lambda signals, state, key=None: (jnp.ones(3), signals.gram),
        frozenset({"gram"}),
    )
    still = optax.sgd(0.0)
    state = init_state(model, still, seen, batch, jax.random.key(0))
    measuring = Measuring("sketch", num_probes=4)
    step = make_step(model, dataset.tasks, still, seen, 8, measuring=measuring)
    step = jax.jit(step)
    first, _ = step(state, batch)
    second, _ = step(first, batch)
    assert not np.allclose(first.balancer_state, second.balancer_state, rtol=1e-3)
    assert np.linalg.matrix_rank(first.balancer_state) <= 3


@pytest.mark.parametrize(
    ("cls", "fields"),
    [
        (models.SharedBottom, {"bottom_widths": (8, 6)}),
        (models.MMoE, {"num_experts": 2, "expert_widths": (6,), "gate_widths": (4,)}),
        (models.MTAN, {"trunk_widths": (6, 5), "attention_widths": (3,)}),
    ],
)
def test_bfloat16_reaches_every_layer(cls, fields, dataset, batch):
    """All products but the towers' last, which stay float32 by design."""
    model = train.build_model(
        functools.partial(cls, **fields),
        functools.partial(models.FeatureEncoder, embedding_dim=3),
        dataset,
    ).clone(dtype="bfloat16")
    variables = model.init(jax.random.key(0), batch.features)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    program = trace(lambda v: model.apply(v, batch.features), variables)
    kinds = [
        eqn.invars[1].aval.dtype.name
        for eqn in program.jaxpr.eqns
        if eqn.primitive.name == "dot_general"
    ]
    assert kinds.count("float32") == len(dataset.tasks)
    assert set(kinds) == {"float32", "bfloat16"}


@pytest.mark.parametrize("form", ["loop", "ghost", "sketch"])
def test_bfloat16_layers_and_a_float32_gram_matrix(model, dataset, batch, form):
    model, whole = model.clone(dtype="bfloat16"), Measuring(form, num_probes=256)
    balancer = balancers.mgda()
    params, metrics = _after(model, dataset, batch, balancer, whole)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    assert metrics["weight"].dtype == jnp.float32
    _, exact = _after(model.clone(dtype=None), dataset, batch, balancer, Measuring())
    np.testing.assert_allclose(metrics["loss"], exact["loss"], rtol=0.02)
    atol = 0.15 if form == "sketch" else 0.03
    np.testing.assert_allclose(metrics["weight"], exact["weight"], atol=atol)


def test_a_run_takes_the_options(model, dataset):
    result = train.fit(
        model,
        dataset,
        balancers.cagrad(),
        optax.adam(1e-2),
        epochs=12,
        batch_size=32,
        gradients="loop",
        accumulate=2,
        remat=True,
        compute_dtype="bfloat16",
    )
    assert not result.diverged
    assert result.test["click"]["auc"] > 0.7


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gradients": "fast"}, "auto, vmap, loop, map, ghost"),
        ({"gradients": "ghost", "remat": True}, "remat=False"),
        ({"accumulate": 0}, "accumulate >= 1"),
        ({"num_probes": 0}, "num_probes >= 1"),
        ({"accumulate": 3}, "accumulate=3 divides"),
    ],
)
def test_a_run_refuses_what_does_not_go_together(model, dataset, options, words):
    with pytest.raises(ValueError, match=words):
        train.fit(model, dataset, balancers.mgda(), OPTIMIZER, batch_size=32, **options)
