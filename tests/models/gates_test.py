"""Stacked, sparse and smooth-step gates: what they select, and what they penalise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.models import Gate
from mtlx.models.gate_dselect import DSelectGate, single_expert, smooth_step
from mtlx.models.gate_topk import TopKGate
from mtlx.models.gates import Gates

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(3), (40, 6))


def _penalties(gate, variables, x=X, **options):
    weights, state = gate.apply(variables, x, mutable=["penalties"], **options)
    return weights, state["penalties"]


def _variation(values):
    return np.var(values) / np.mean(values) ** 2


@pytest.mark.parametrize("widths", [(), (3,)])
@pytest.mark.parametrize("apart", [False, True])
def test_a_stacked_gate_is_the_gate_with_its_slice(widths, apart, randomize):
    gates = Gates(num_gates=2, num_experts=4, widths=widths)
    x = jnp.stack([X, 2 * X], axis=1) if apart else X
    params = randomize(gates.init(KEY, x))["params"]
    found = gates.apply({"params": params}, x)
    for g in range(2):
        own = {"output": {"kernel": params["kernel"][g]}}
        if widths:
            hidden = {k: params["mlp"][f"{k}_0"][g] for k in ("kernel", "bias")}
            own["mlp"] = {"dense_0": hidden}
        gate = Gate(num_experts=4, widths=widths)
        expected = gate.apply({"params": own}, x[:, g] if apart else x)
        np.testing.assert_allclose(found[:, g], expected, rtol=1e-5, atol=1e-6)


def test_stacked_gates_start_apart_and_at_the_scale_of_one():
    gates = Gates(num_gates=3, num_experts=32)
    kernel = gates.init(KEY, jnp.ones((1, 64)))["params"]["kernel"]
    np.testing.assert_allclose(np.std(kernel, axis=(1, 2)), 1 / 8, rtol=0.1)
    assert np.abs(np.corrcoef(kernel.reshape(3, -1)) - np.eye(3)).max() < 0.2


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_a_topk_gate_has_k_weights_that_sum_to_one(train, top_k):
    gate = TopKGate(num_experts=4, top_k=top_k)
    variables = gate.init(KEY, X)
    weights = gate.apply(variables, X, train=train, rngs={"dropout": KEY})
    np.testing.assert_array_equal(np.sum(weights > 0, axis=1), top_k)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-6)


def test_ties_do_not_let_more_than_k_in():
    gate = TopKGate(num_experts=4, top_k=2)
    variables = jax.tree.map(jnp.zeros_like, gate.init(KEY, X))
    np.testing.assert_array_equal(np.sum(gate.apply(variables, X) > 0, axis=1), 2)


def test_an_expert_that_is_not_selected_gets_no_gradient_from_that_row():
    gate = TopKGate(num_experts=4, top_k=2)
    variables = gate.init(KEY, X)
    weights = gate.apply(variables, X)

    def first_weight(logits_of_experts):
        kernel = variables["params"]["output"]["kernel"] + logits_of_experts
        params = {**variables["params"], "output": {"kernel": kernel}}
        weights = gate.apply({"params": params}, X[:1])
        return weights[0, jnp.argmax(weights[0])]

    slopes = np.abs(jax.grad(first_weight)(jnp.zeros((6, 4)))).sum(axis=0)
    np.testing.assert_array_equal(slopes > 0, weights[0] > 0)


def test_noise_spreads_rows_that_are_alike():
    """All logits 0: without noise one choice for all, with it k/E of the rows each."""
    gate = TopKGate(num_experts=4, top_k=2)
    variables = jax.tree.map(jnp.zeros_like, gate.init(KEY, X))
    rows = jnp.ones((4000, 6))
    weights = gate.apply(variables, rows, train=True, rngs={"dropout": KEY})
    np.testing.assert_allclose(np.mean(weights > 0, axis=0), 0.5, atol=0.03)
    still = gate.apply(variables, rows)
    np.testing.assert_array_equal(np.unique(np.mean(still > 0, axis=0)), [0.0, 1.0])


def test_the_penalties_of_a_topk_gate_are_those_of_the_formulas(randomize):
    fields = {"importance_weight": 0.3, "load_weight": 0.7}
    gate = TopKGate(num_experts=4, top_k=2, **fields)
    variables = randomize(gate.init(KEY, X))
    options = {"train": True, "rngs": {"dropout": KEY}}
    weights, found = _penalties(gate, variables, **options)
    importance = 0.3 * _variation(np.sum(weights, axis=0))
    np.testing.assert_allclose(found["importance"], importance, rtol=1e-5)

    _, captured = gate.apply(
        variables, X, capture_intermediates=lambda m, _: m.name == "draw", **options
    )
    (draw,) = captured["intermediates"]["draw"]["__call__"]
    x, params = np.asarray(X, np.float64), variables["params"]
    clean = x @ params["output"]["kernel"]
    scale = np.log1p(np.exp(x @ params["noise"]["kernel"]))
    noisy = clean + draw * scale
    load = np.zeros(4)
    for row in range(len(x)):
        for e in range(4):
            others = np.sort(np.delete(noisy[row], e))
            z = (clean[row, e] - others[-2]) / scale[row, e]
            load[e] += jax.scipy.stats.norm.cdf(z)
    np.testing.assert_allclose(found["load"], 0.7 * _variation(load), rtol=1e-3)


def test_the_penalties_balance_a_gate_that_had_collapsed(randomize):
    gate = TopKGate(num_experts=4, top_k=1, importance_weight=1.0, load_weight=1.0)
    params = randomize(gate.init(KEY, X), scale=0.3)["params"]
    x = jnp.concatenate([X, jnp.ones((40, 1))], axis=1)
    favourite = jnp.zeros((1, 4)).at[0, 0].set(3.0)
    params = {
        "output": {"kernel": jnp.concatenate([params["output"]["kernel"], favourite])},
        "noise": {
            "kernel": jnp.concatenate([params["noise"]["kernel"], favourite * 0])
        },
    }

    def total(params, key):
        options = {"train": True, "rngs": {"dropout": key}}
        _, found = _penalties(gate, {"params": params}, x, **options)
        return found["load"] + found["importance"]

    def step(params, key):
        gradient = jax.grad(total)(params, key)
        return jax.tree.map(lambda p, g: p - 0.3 * g, params, gradient), None

    trained, _ = jax.lax.scan(step, params, jax.random.split(KEY, 100))

    def share(params):
        return np.mean(gate.apply({"params": params}, x), axis=0).max()

    assert share(params) > 0.8 and share(trained) < 0.5


def test_without_noise_there_is_no_load_and_no_draw():
    gate = TopKGate(num_experts=4, noisy=False)
    variables = gate.init(KEY, X)
    weights, found = _penalties(gate, variables, train=True)
    assert set(found) == {"importance"} and set(variables["params"]) == {"output"}
    np.testing.assert_array_equal(weights, gate.apply(variables, X))


@pytest.mark.parametrize("gamma", [1.0, 0.4])
def test_the_smooth_step(gamma):
    half = gamma / 2
    t = jnp.array([-9.0, -half, -half / 2, 0.0, half / 2, half, 9.0])
    quarter = -2 / 4**3 + 3 / 8 + 1 / 2  # t = gamma / 4
    expected = [0, 0, 1 - quarter, 1 / 2, quarter, 1, 1]
    np.testing.assert_allclose(smooth_step(t, gamma), expected, atol=1e-6)
    slopes = jax.vmap(jax.grad(lambda t: smooth_step(t, gamma)))(t)
    np.testing.assert_allclose(slopes[jnp.array([0, 6])], 0.0)
    np.testing.assert_allclose(slopes[3], 3 / (2 * gamma), rtol=1e-6)


def test_a_hard_code_selects_the_expert_of_that_number():
    bits = jnp.array([[(e >> b) & 1 for b in range(3)] for e in range(8)], jnp.float32)
    np.testing.assert_array_equal(single_expert(bits[None], 8)[0], np.eye(8))


@pytest.mark.parametrize(("num_experts", "whole"), [(2, True), (4, True), (5, False)])
def test_selectors_share_one_weight_between_experts(num_experts, whole, randomize):
    gate = DSelectGate(num_experts=num_experts, num_selected=3)
    weights = gate.apply(randomize(gate.init(KEY, X)), X)
    sums = np.sum(weights, axis=1)
    assert np.all(weights >= 0) and np.all(sums <= 1 + 1e-6)
    assert np.allclose(sums, 1.0, atol=1e-6) == whole
    started = gate.apply(gate.init(KEY, X), X)
    np.testing.assert_allclose(started.max() - started.min(), 0, atol=0.1)


def test_a_saturated_gate_uses_k_experts_and_has_finite_slopes(randomize):
    gate = DSelectGate(num_experts=8, num_selected=2, entropy_weight=1.0)
    params = randomize(gate.init(KEY, X))["params"]
    params["code"]["kernel"] *= 1e4
    assert (np.sum(gate.apply({"params": params}, X) > 0, axis=1) <= 2).all()

    def total(params):
        weights, found = _penalties(gate, {"params": params})
        return jnp.sum(weights[:, 0]) + found["entropy"]

    gradient = jax.grad(total)(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    _, found = _penalties(gate, {"params": params})
    np.testing.assert_allclose(found["entropy"], 0.0, atol=1e-6)


@pytest.mark.parametrize("num_experts", [4, 5])
def test_the_penalty_of_a_dselect_gate_is_that_of_the_formula(num_experts, randomize):
    gate = DSelectGate(num_experts=num_experts, num_selected=2, entropy_weight=0.5)
    variables = randomize(gate.init(KEY, X), scale=0.05)
    _, found = _penalties(gate, variables)
    x, bits = np.asarray(X, np.float64), 2 if num_experts == 4 else 3
    z = (x @ variables["params"]["code"]["kernel"]).reshape(len(x), 2, bits)
    s, total = -2 * z**3 + 1.5 * z + 0.5, 0.0
    assert np.abs(z).max() < 0.5
    for row in range(len(x)):
        for selector in range(2):
            r = np.ones(num_experts)
            for e in range(num_experts):
                for b in range(bits):
                    step = s[row, selector, b]
                    r[e] *= step if (e >> b) & 1 else 1 - step
            total -= np.sum(r * np.log(r))
            total += 1 / np.sum(r) if num_experts == 5 else 0
    np.testing.assert_allclose(found["entropy"], 0.5 * total / len(x), rtol=1e-4)


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (
            lambda: TopKGate(num_experts=4, top_k=4),
            "1 <= top_k < num_experts.*use MMoE",
        ),
        (lambda: TopKGate(num_experts=4, top_k=0), "1 <= top_k < num_experts"),
        (lambda: DSelectGate(num_experts=1), "num_experts >= 2.*use SharedBottom"),
        (lambda: DSelectGate(num_experts=4, num_selected=0), "num_selected >= 1"),
    ],
)
def test_gates_that_select_nothing_or_everything_are_refused(gate, message):
    with pytest.raises(ValueError, match=message):
        gate()
