"""Granularities on whole models, and that the shared representation is whole."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.traverse_util import flatten_dict

from mtlx import balancers, models, train
from mtlx.gradients import GRANULARITIES, join, split
from mtlx.models.layer import Layer
from mtlx.train import init_state, make_step
from mtlx.train.batch_losses import model_losses
from mtlx.train.granularity import check_granularity, make_cut, per_layer
from mtlx.types import Balancer, Signals

ARCHITECTURES = {
    "shared_bottom": functools.partial(models.SharedBottom, bottom_widths=(6, 5)),
    "no_bottom": functools.partial(models.SharedBottom, bottom_widths=()),
    "omoe": functools.partial(models.OMoE, num_experts=2, expert_widths=(5, 4)),
    "mmoe": functools.partial(models.MMoE, num_experts=2, expert_widths=(5, 4)),
    "cgc": functools.partial(models.CGC, expert_widths=(5,)),
    "ple_1": functools.partial(models.PLE, expert_widths=(5,), num_levels=1),
    "ple_2": functools.partial(models.PLE, expert_widths=(5,), num_levels=2),
    "ple_3": functools.partial(models.PLE, expert_widths=(5,), num_levels=3),
    "mtan": functools.partial(models.MTAN, trunk_widths=(6, 5), attention_widths=(3,)),
    "ml_mmoe": functools.partial(models.MLMMoE, num_experts=2, expert_widths=(5, 4)),
    "topk_mmoe": functools.partial(models.TopKMMoE, num_experts=3, expert_widths=(5,)),
    "dselect_k": functools.partial(models.DSelectK, num_experts=3, expert_widths=(5,)),
    "cross_stitch": functools.partial(models.CrossStitch, column_widths=(5, 4)),
    "sluice": functools.partial(models.Sluice, column_width=4),
    "snr_trans": functools.partial(models.SNRTrans, num_modules=2, module_width=4),
    "snr_average": functools.partial(models.SNRAverage, num_modules=2, module_width=4),
    "l2_constrained": functools.partial(models.L2Constrained, bottom_widths=(5,)),
    "tensor_factorised": functools.partial(
        models.TensorFactorised, bottom_widths=(5, 4), ranks=(3, 3, 2)
    ),
    "adatt_sp": functools.partial(models.AdaTTSp, expert_widths=(5, 4)),
    "adatt_sp_1": functools.partial(models.AdaTTSp, expert_widths=(5,)),
    "adatt_gp": functools.partial(models.AdaTTGp, expert_widths=(5, 4)),
    "home": functools.partial(models.HoME, expert_width=4, rank=2, norm="none"),
    "home_groups": functools.partial(
        models.HoME,
        groups=(("click", "buy"), ("spend",)),
        expert_width=4,
        rank=2,
        norm="none",
    ),
    "metaheac": functools.partial(
        models.MetaHeac, num_experts=2, expert_widths=(4,), num_critics=2
    ),
    "task_query": functools.partial(
        models.TaskQueryAttention, num_experts=2, expert_widths=(4,), num_heads=2
    ),
    "cross_task": functools.partial(
        models.CrossTaskAttention, bottom_widths=(5,), state_widths=(4,), num_heads=2
    ),
    "field_transformer": functools.partial(
        models.FieldTransformer, token_dim=4, num_layers=1, feedforward_width=5
    ),
    "esmm": functools.partial(models.ESMM, chain=("click", "buy")),
    "escm2_dr": functools.partial(models.ESCM2DR, chain=("click", "buy")),
    "aitm": functools.partial(models.AITM, chain=("click", "buy"), bottom_widths=(5,)),
    "dbmtl": functools.partial(models.DBMTL, bottom_widths=(6, 5)),
    "stem": functools.partial(models.STEM, expert_widths=(5,)),
    "pepnet": functools.partial(models.PEPNet, task_widths=(6, 5)),
    "star": functools.partial(models.STAR, bottom_widths=(6, 5), norm="layer"),
    "m3oe": functools.partial(models.M3oE, star_widths=(6, 5), expert_widths=(4,)),
}


def build(architecture, dataset):
    encoder = functools.partial(models.FeatureEncoder, embedding_dim=2)
    return train.build_model(ARCHITECTURES[architecture], encoder, dataset)


def losses_of(model, dataset, batch, params, probes=None):
    collections = {"params": params}
    if probes is not None:
        collections["perturbations"] = probes
    outputs, handed = model.apply(collections, batch.features, mutable=["auxiliary"])
    handed = handed.get("auxiliary", {})
    return model_losses(model, dataset.tasks, outputs, handed, batch)[0]


@pytest.fixture(params=ARCHITECTURES)
def case(request, dataset, batch):
    """A model, values of its parameters that nothing is compiled for, its losses."""
    model, rng = build(request.param, dataset), np.random.default_rng(0)
    shapes = jax.eval_shape(model.init, jax.random.key(0), batch.features)
    assert set(shapes) == {"params"}, "init makes no probes"
    params = jax.tree.map(
        lambda leaf: jnp.asarray(rng.normal(scale=0.5, size=leaf.shape), leaf.dtype),
        shapes["params"],
    )
    return model, params, functools.partial(losses_of, model, dataset, batch)


def test_shared_parameters_act_through_the_representation_alone(
    case, batch, monkeypatch
):
    """dL/dz dz = dL for a random change of the shared parameters: z is whole.

    And no entry of z is counted twice, as would happen if one were computed from
    another by shared parameters.
    """
    model, params, losses = case
    cut = make_cut("representation", model, {"params": params}, batch)
    shared, own = split(params, model.owner)
    keys = jax.random.split(jax.random.key(1), len(shared))
    change = {
        path: jax.random.normal(key, leaf.shape)
        for key, (path, leaf) in zip(keys, shared.items(), strict=True)
    }
    seen = {}
    probe = Layer.probe

    def recording(self, name, value):
        seen[(*self.path, name)] = value
        return probe(self, name, value)

    def representation(shared):
        seen.clear()
        value = losses(join(shared, own))
        return dict(seen), value

    @jax.jit
    def derivatives(params, shared, change):
        by_probe = jax.jacobian(lambda probes: losses(params, probes))(cut.probes)
        _, changes = jax.jvp(representation, (shared,), (change,))
        return flatten_dict(by_probe), *changes

    monkeypatch.setattr(Layer, "probe", recording)
    by_probe, dz, expected = derivatives(params, shared, change)
    assert set(by_probe) == set(dz)
    through = sum(
        np.tensordot(by_probe[name], dz[name], axes=dz[name].ndim) for name in dz
    )
    np.testing.assert_allclose(through, expected, rtol=1e-3, atol=1e-5)


def test_the_last_layer_is_shared_and_there(case):
    model, params, _ = case
    shared, own = split(params, model.owner)
    last = [path for path in shared if model.is_last(path)]
    assert last
    assert not any(model.is_last(path) for path in own)


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("architecture", ["ple_2", "mtan"])
def test_every_granularity_trains(granularity, architecture, dataset):
    result = train.fit(
        build(architecture, dataset),
        dataset,
        balancers.gradnorm(),
        optax.adam(3e-3),
        epochs=12,
        batch_size=32,
        granularity=granularity,
    )
    assert not result.diverged
    assert result.test["click"]["auc"] > 0.6


def test_granularity_does_not_matter_where_nothing_is_measured(dataset, model):
    """Equal weights, and uncertainty, run the same program at every grain."""
    for balancer in (balancers.equal(), balancers.uncertainty()):
        one, other = (
            train.fit(
                model,
                dataset,
                balancer,
                optax.adam(1e-2),
                epochs=1,
                batch_size=32,
                granularity=granularity,
            )
            for granularity in ("all", "layer")
        )
        assert one.test == other.test


def test_a_model_that_shares_nothing_takes_every_granularity(dataset):
    encoder = functools.partial(models.FeatureEncoder, embedding_dim=2)
    model = train.build_model(models.SingleTask, encoder, dataset)
    tests = [
        train.fit(
            model,
            dataset,
            balancers.pcgrad(),
            optax.adam(1e-2),
            epochs=1,
            batch_size=64,
            granularity=granularity,
        ).test
        for granularity in GRANULARITIES
    ]
    assert all(test == tests[0] for test in tests)


def test_per_layer_is_the_balancer_on_each_layer():
    inner = balancers.gradnorm()
    outer = per_layer(inner, 2)
    grams = jnp.array([[[2.0, 0.5], [0.5, 1.0]], [[1.0, -0.9], [-0.9, 3.0]]])
    losses = jnp.array([1.0, 2.0])
    state, alone = outer.init(2), [inner.init(2), inner.init(2)]
    for _ in range(3):
        weights, state = outer.update(Signals(losses, gram=grams), state)
        for layer in range(2):
            expected, alone[layer] = inner.update(
                Signals(losses, gram=grams[layer]), alone[layer]
            )
            np.testing.assert_allclose(weights[layer], expected, rtol=1e-6)


def test_unknown_and_unfit_granularities_are_refused():
    with pytest.raises(ValueError, match="all, layer, last_layer.*'tensor'"):
        check_granularity("tensor", balancers.mgda(), optax.adam(1e-3))
    stacked = Balancer(lambda n, shared: (), lambda *_: None, frozenset({"grads"}))
    with pytest.raises(ValueError, match="needs.*grads"):
        check_granularity("layer", stacked, optax.adam(1e-3))


def test_a_preconditioned_gram_is_in_adams_metric(dataset, model, batch):
    """G = J P J^T, P = 1 / (sqrt(v) + eps) after a step, scaled to a mean of 1."""
    optimizer, inner = optax.adam(1e-2), balancers.equal()
    state = init_state(model, optimizer, inner, batch, jax.random.key(0))
    step = make_step(model, dataset.tasks, optimizer, inner, 8)
    state, _ = jax.jit(step)(state, batch)
    losses = functools.partial(losses_of, model, dataset, batch)
    jacobian, _ = split(jax.jacobian(losses)(state.params), model.owner)
    moments, _ = split(optax.tree.get(state.opt_state, "nu"), model.owner)
    paths = sorted(jacobian)
    rows = jnp.concatenate([jacobian[p].reshape(3, -1) for p in paths], axis=1)
    v = jnp.concatenate([moments[p].ravel() for p in paths])
    metric = 1.0 / (jnp.sqrt(v) + 1e-8)
    expected = (rows * (metric / metric.mean())[None]) @ rows.T

    seen = Balancer(
        lambda num_tasks: jnp.zeros((num_tasks, num_tasks)),
        lambda signals, state, key=None: (jnp.ones(3), signals.gram),
        frozenset({"gram"}),
    )
    seen = balancers.precondition(seen)
    state = state._replace(balancer_state=jnp.zeros((3, 3)))
    step = make_step(model, dataset.tasks, optimizer, seen, 8)
    after, _ = jax.jit(step)(state, batch)
    np.testing.assert_allclose(after.balancer_state, expected, rtol=1e-3)


def test_precondition_is_the_plain_gram_at_the_first_step(dataset, model, batch):
    optimizer = optax.adam(1e-2)
    weights = []
    for balancer in (balancers.mgda(), balancers.precondition(balancers.mgda())):
        state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
        step = make_step(model, dataset.tasks, optimizer, balancer, 8)
        _, metrics = jax.jit(step)(state, batch)
        weights.append(metrics["weight"])
    np.testing.assert_allclose(weights[0], weights[1], rtol=1e-4)


@pytest.mark.parametrize("granularity", ["all", "layer", "last_layer"])
def test_precondition_trains_at_every_grain_of_parameters(granularity, dataset, model):
    result = train.fit(
        model,
        dataset,
        balancers.precondition(balancers.cagrad()),
        optax.adam(1e-2),
        epochs=3,
        batch_size=32,
        granularity=granularity,
    )
    assert not result.diverged


def test_precondition_needs_a_gram_second_moments_and_parameters(dataset, model):
    with pytest.raises(ValueError, match="losses alone"):
        balancers.precondition(balancers.equal())
    wrapped = balancers.precondition(balancers.mgda())
    with pytest.raises(ValueError, match="adam, adamw"):
        train.fit(model, dataset, wrapped, optax.sgd(0.1), batch_size=32)
    with pytest.raises(ValueError, match="representation"):
        train.fit(
            model,
            dataset,
            wrapped,
            optax.adam(0.1),
            batch_size=32,
            granularity="representation",
        )
