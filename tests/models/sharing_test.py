"""How much the architectures share: equivalences, symmetries, and their penalties."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import models
from mtlx.models.critics import Critics
from mtlx.models.feature_gate import FeatureGate

KEY = jax.random.key(0)
TASKS = ("click", "stars", "category")


def _random(model, features, randomize):
    return randomize(jax.eval_shape(model.init, KEY, features))["params"]


def _penalty(model, params, features):
    _, state = model.apply({"params": params}, features, mutable=["penalties"])
    return state["penalties"]


def _assert_same(a, b):
    for task in a:
        np.testing.assert_allclose(a[task], b[task], rtol=1e-5, atol=1e-6)


def test_unstitched_columns_are_bottoms_of_their_own(make, features, randomize):
    stitched = make(models.CrossStitch, column_widths=(5, 4))
    apart = make(models.L2Constrained, bottom_widths=(5, 4))
    params = _random(stitched, features, randomize)
    identity = {"unit_0": jnp.eye(3)}
    identity |= {f"stitch_{t}": jnp.eye(3)[k] for k, t in enumerate(TASKS)}
    bottoms = {
        f"bottom_{task}": {
            f"dense_{level}": {
                leaf: params[f"columns_{level}"][f"{leaf}_0"][k]
                for leaf in ("kernel", "bias")
            }
            for level in range(2)
        }
        for k, task in enumerate(TASKS)
    }
    rest = {k: v for k, v in params.items() if k.startswith(("encoder", "tower"))}
    found = stitched.apply({"params": params | identity}, features)
    _assert_same(found, apart.apply({"params": rest | bottoms}, features))


@pytest.mark.parametrize("cls", [models.CrossStitch, models.Sluice])
def test_a_stitch_starts_with_mostly_its_own(make, features, cls):
    params = make(cls, keep=0.8).init(KEY, features)["params"]
    unit, own = np.asarray(params["unit_0"]), np.asarray(params["stitch_stars"])
    size = len(unit)
    np.testing.assert_allclose(np.diag(unit), 0.8, rtol=1e-6)
    np.testing.assert_allclose(unit[~np.eye(size, dtype=bool)], 0.2 / (size - 1))
    rows = slice(1, 2) if cls is models.CrossStitch else slice(2, 4)
    np.testing.assert_array_equal(np.atleast_2d(own), unit[rows])


def test_the_l2_penalty_is_the_distance_of_every_pair(make, features, randomize):
    model = make(models.L2Constrained, bottom_widths=(5, 4), constraint=0.3)
    params = _random(model, features, randomize)
    flat = {
        t: np.concatenate([np.ravel(x) for x in jax.tree.leaves(params[f"bottom_{t}"])])
        for t in TASKS
    }
    pairs = itertools.combinations(TASKS, 2)
    expected = 0.3 * sum(np.sum((flat[a] - flat[b]) ** 2) for a, b in pairs)
    found = _penalty(model, params, features)["distance"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    alike = {f"bottom_{task}": params["bottom_click"] for task in TASKS}
    assert _penalty(model, params | alike, features)["distance"] == 0


def test_the_sluice_penalty_is_the_overlap_of_subspaces(make, features, randomize):
    model = make(models.Sluice, column_width=4, num_layers=2, orthogonality=0.3)
    params = _random(model, features, randomize)
    _, captured = model.apply(
        {"params": params},
        features,
        capture_intermediates=lambda m, _: isinstance(m, models.Experts),
    )
    expected = 0.0
    for level in range(2):
        (c,) = captured["intermediates"][f"columns_{level}"]["__call__"]
        for k in range(3):
            overlap = c[:, k, :2].T @ c[:, k, 2:] / len(c)
            expected += 0.3 * np.sum(np.square(overlap))
    found = _penalty(model, params, features)["orthogonality"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_connections_of_all_routings_are_penalised(make, features):
    fields = {"num_modules": 2, "module_width": 4, "num_levels": 2, "sparsity": 0.1}
    model = make(models.SNRTrans, **fields)
    params = model.init(KEY, features)["params"]
    found = jax.tree.leaves(_penalty(model, params, features))
    assert len(found) == 1 + 3  # between the levels, and to every tower
    # log_alpha starts at about 0: sigmoid(beta log(zeta / -gamma)) of each is open.
    share = 1 / (1 + np.exp(-0.5 * np.log(11)))
    np.testing.assert_allclose(sum(found), 0.1 * (4 + 3 * 2) * share, rtol=1e-2)


@pytest.mark.parametrize(
    ("cls", "fields"),
    [
        (models.MMoE, {}),
        (models.TopKMMoE, {"top_k": 2}),
        (models.MLMMoE, {"expert_widths": (4, 4)}),
        (models.TaskQueryAttention, {"num_heads": 2}),
    ],
)
def test_experts_may_change_places_with_their_gates(
    make, features, randomize, cls, fields
):
    """And not without them, unless the gate reads the experts themselves."""
    model = make(cls, num_experts=3, **{"expert_widths": (4,)} | fields)
    params = _random(model, features, randomize)
    order = jnp.array([2, 0, 1])
    last = "experts_1" if cls is models.MLMMoE else "experts"

    def moved(names):
        def move(path, leaf):
            name = path[0].key
            if name == last:  # of the last level; its inputs move along
                return leaf[order]
            if name == "gates_0":
                return leaf[order]
            return leaf[..., order] if name.startswith("gate_") else leaf

        changed = {k: v for k, v in params.items() if k.startswith(names)}
        changed = jax.tree_util.tree_map_with_path(move, changed)
        return model.apply({"params": params | changed}, features)

    expected = model.apply({"params": params}, features)
    _assert_same(moved(("experts", "gate")), expected)
    alone = moved(("experts",))
    apart = max(float(np.abs(alone[t] - expected[t]).max()) for t in TASKS)
    assert (apart < 1e-5) == (cls is models.TaskQueryAttention)


def test_groups_of_home_do_not_read_each_others_experts(make, features, randomize):
    groups = (("click", "category"), ("stars",))
    fields = {"expert_width": 8, "rank": 2, "norm": "none", "groups": groups}
    model = make(models.HoME, **fields)
    params = _random(model, features, randomize)

    def influence(name):
        def outputs(part):
            return model.apply({"params": params | {name: part}}, features)

        slopes = jax.jacrev(outputs)(params[name])
        return {t for t in TASKS if any(map(np.any, jax.tree.leaves(slopes[t])))}

    assert influence("group_experts_0") == {"click", "category"}
    assert influence("group_experts_1") == {"stars"}
    assert influence("meta_experts_1") == set(TASKS)  # through z_s


def test_a_feature_gate_is_neutral_at_zero_and_at_most_doubles():
    gate, x = FeatureGate(rank=3), jax.random.normal(KEY, (6, 5))
    params = gate.init(KEY, x)["params"]
    neutral = params | {"up": jnp.zeros_like(params["up"])}
    np.testing.assert_allclose(gate.apply({"params": neutral}, x), x, rtol=1e-6)
    wild = jax.tree.map(lambda leaf: 50 * leaf, params)
    ratio = np.asarray(gate.apply({"params": wild}, x) / x)
    assert ratio.min() >= 0 and ratio.max() <= 2 + 1e-5 and ratio.max() > 1.5


def test_critics_are_summed_and_not_averaged(make, features, randomize):
    """Critics that agree are one tower, whatever their gate says of them."""
    model = make(models.MetaHeac, num_experts=2, expert_widths=(4,), num_critics=5)
    params = _random(model, features, randomize)
    alike = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf[:1], leaf.shape), params["critics_1"]
    )
    agreed = params | {"critics_1": alike}
    other_gate = randomize(params["critic_gate"], seed=9)
    found = model.apply({"params": agreed}, features)
    _assert_same(
        {"click": found["click"]},
        model.apply({"params": agreed | {"critic_gate": other_gate}}, features),
    )
    sure = {**alike, "bias": alike["bias"] + 40.0}
    y = model.apply({"params": agreed | {"critics_1": sure}}, features)["click"]
    assert np.all(jax.nn.sigmoid(y) > 0.99)  # no cap at 1 / num_critics


def test_critics_start_apart():
    critics = Critics(num_critics=4, outputs=3, widths=(64,))
    params = critics.init(KEY, jnp.ones((1, 8)))["params"]
    flat = params["kernel"].reshape(4, -1)
    assert np.abs(np.corrcoef(flat) - np.eye(4)).max() < 0.3
    np.testing.assert_allclose(np.std(flat, axis=1), 1 / 8, rtol=0.2)
