"""The models of queries and items: golden values, leaks, sharing, refusals."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util
from jax import export

from mtlx.data import with_log_q
from mtlx.models import recommendation as rec
from mtlx.models.encoders import DIN
from mtlx.train.axis import ALONE
from mtlx.train.batch_losses import task_losses
from tests.retrieval.recommendation import ENCODER, IDS, WIDTH, build, randomised
from tests.retrieval.rows import ITEMS, USERS, make_dataset

CASES = {
    "two_tower": (rec.TwoTower, {"query_widths": (5, 3), "item_widths": (3,)}),
    "two_tower_ids": (rec.TwoTower, IDS | {"query_widths": (), "item_widths": ()}),
    "normalised": (rec.TwoTower, {"normalise": True, "temperature": 0.1}),
    "matrix_factorisation": (rec.MatrixFactorisation, IDS),
    "catalogue_softmax": (
        rec.CatalogueSoftmax,
        {"query": ("user", "history"), "item": ("item",), "query_widths": (WIDTH,)},
    ),
    "sasrec": (rec.CatalogueSoftmax, {"query": ("history",), "item": ("item",)}),
}


@pytest.fixture(scope="module")
def dataset():
    return make_dataset()


@pytest.fixture(scope="module")
def features(dataset):
    rows = jax.tree.map(lambda x: jnp.asarray(x[:9]), dict(dataset.train.features))
    return rows


@pytest.fixture(params=CASES, scope="module")
def case(request, dataset, features):
    cls, fields = CASES[request.param]
    model = build(dataset, cls, **fields)
    return model, randomised(model, features)


def scores(outputs):
    """[B, candidates] of either form."""
    if outputs.ndim == 2:
        return np.asarray(outputs)
    return np.asarray(outputs[:, 0] @ outputs[:, 1].T)


def test_nothing_of_the_item_reaches_the_query(case, features):
    """What a row is scored by must not know which item is right."""
    model, variables = case
    ids = features["categorical"]
    others = features | {"categorical": ids.at[:, 1:].set(ids[::-1, 1:])}
    for rows in (others, features):
        found = model.apply(variables, rows)["buy"]
        query = found if found.ndim == 2 else found[:, 0]
        if rows is others:
            kept, moved = query, found
        np.testing.assert_array_equal(query, kept)
    if found.ndim == 3:
        assert np.abs(moved[:, 1] - found[:, 1]).max() > 1e-3


def test_a_task_that_foretells_the_item_does_not_read_it(dataset, features):
    """Its label is a fact of the item: two towers' other towers read both vectors."""
    schema = dataset.schema._replace(foretold=("rating", "buy"))
    ids = features["categorical"]
    others = features | {"categorical": ids.at[:, 1:].set(ids[::-1, 1:])}
    shown = build(dataset, rec.TwoTower)
    hidden = build(dataset._replace(schema=schema), rec.TwoTower)
    for model, same in ((shown, False), (hidden, True)):
        variables = randomised(model, features)
        a, b = (model.apply(variables, rows)["rating"] for rows in (features, others))
        assert np.array_equal(a, b) == same
    with pytest.raises(ValueError, match=r"\['rating'\], found MatrixFac.*show_item"):
        build(dataset._replace(schema=schema), rec.MatrixFactorisation, **IDS)


def test_the_number_of_rows_may_be_a_symbol(case, features):
    """As it is in an exported program."""
    model, variables = case
    (rows,) = export.symbolic_shape("rows")
    symbolic = {
        name: jax.ShapeDtypeStruct((rows, *x.shape[1:]), x.dtype)
        for name, x in features.items()
    }
    outputs = jax.eval_shape(model.apply, variables, symbolic)
    assert {x.shape[0] for x in outputs.values()} == {rows}


def test_target_attention_does_not_leak_the_item_either(dataset, features):
    encoder = functools.partial(ENCODER, sequence=DIN)
    model = build(dataset, rec.TwoTower, encoder)
    variables = randomised(model, features)
    ids = features["categorical"]
    others = features | {"categorical": ids.at[:, 1:].set(ids[::-1, 1:])}
    a, b = (model.apply(variables, rows)["buy"] for rows in (features, others))
    np.testing.assert_array_equal(a[:, 0], b[:, 0])
    one = features | {"history": features["history"].at[:, 0].set(1)}
    assert np.abs(model.apply(variables, one)["buy"][:, 0] - a[:, 0]).max() > 1e-3


def test_matrix_factorisation_is_its_formula(dataset, features):
    model = build(dataset, rec.MatrixFactorisation, **IDS)
    variables = randomised(model, features)
    p = jax.tree.map(np.asarray, variables["params"])
    user, item = (np.asarray(features["categorical"][:, c]) for c in (0, 1))
    table = p["encoder"]["embedding"]
    u, v = table[user], table[USERS + 1 + item]
    bias = {t: p[f"bias_{t}"]["embedding"][:, 0] for t in ("rating", "buy")}
    dot = np.sum(u * v, axis=1)
    found = model.apply(variables, features)
    rating = dot + bias["rating"][user] + bias["rating"][USERS + 1 + item]
    rating += p["mean_rating"]
    np.testing.assert_allclose(found["rating"], rating, rtol=1e-5, atol=1e-5)
    own = np.einsum("bd,bd->b", found["buy"][:, 0], found["buy"][:, 1])
    wanted = dot + bias["buy"][USERS + 1 + item]
    np.testing.assert_allclose(own, wanted, rtol=1e-5, atol=1e-5)


def _layers(p, x):
    for name in sorted(p.get("mlp", {})):
        layer = p["mlp"][name]
        x = np.maximum(x @ layer["kernel"] + layer["bias"], 0)
    return x @ p["output"]["kernel"] + p["output"]["bias"]


def test_neumf_is_its_formula(dataset, features):
    rating = dataset._replace(tasks=dataset.tasks[:1])
    model = build(rating, rec.NeuMF, mlp_widths=(5, 3), **IDS)
    variables = randomised(model, features)
    p = jax.tree.map(np.asarray, variables["params"])
    user, item = (np.asarray(features["categorical"][:, c]) for c in (0, 1))
    (u, v), (du, dv) = (
        (p[name]["embedding"][user], p[name]["embedding"][USERS + 1 + item])
        for name in ("encoder", "mlp_encoder")
    )
    x = np.concatenate([du, dv], axis=1)
    for k in (0, 1):
        layer = p["mlp"][f"dense_{k}"]
        x = np.maximum(x @ layer["kernel"] + layer["bias"], 0)
    h = np.concatenate([u * v, x], axis=1)
    found = model.apply(variables, features)["rating"]
    wanted = _layers(p["tower_rating"], h)[:, 0]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_two_tower_is_its_formula(dataset, features):
    """With the pooled history in the query, unit vectors and a temperature."""
    model = build(
        dataset,
        rec.TwoTower,
        query_widths=(5, 3),
        item_widths=(3,),
        normalise=True,
        temperature=0.5,
        log_q="none",
    )
    variables = randomised(model, features)
    p = jax.tree.map(np.asarray, variables["params"])
    table = p["encoder"]["embedding"]
    user, item, genre = np.asarray(features["categorical"]).T
    history = np.asarray(features["history"])
    there = (history >= 0)[..., None]
    read = table[USERS + 1 + np.maximum(history, 0)] * there
    pooled = read.sum(1) / np.maximum(there.sum(1), 1)
    q = _layers(p["query_tower"], np.concatenate([table[user], pooled], 1))
    both = [table[USERS + 1 + item], table[USERS + ITEMS + 2 + genre]]
    v = _layers(p["item_tower"], np.concatenate(both, 1))
    found = model.apply(variables, features)
    rating = _layers(p["tower_rating"], np.concatenate([q, v], axis=1))[:, 0]
    np.testing.assert_allclose(found["rating"], rating, rtol=1e-4, atol=1e-4)
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (q, v)]
    np.testing.assert_allclose(
        scores(found["buy"]), unit[0] @ unit[1].T / 0.5, rtol=1e-4, atol=1e-4
    )


def test_catalogue_softmax_ties_its_logits_to_the_table(dataset, features):
    cls, fields = CASES["sasrec"]
    model = build(dataset, cls, bias=True, **fields)
    variables = randomised(model, features)
    p = variables["params"]
    table = p["encoder"]["embedding"][USERS + 1 : USERS + ITEMS + 2]
    history = features["history"]
    there = (history >= 0)[..., None]
    q = (table[jnp.maximum(history, 0)] * there).sum(1) / jnp.maximum(there.sum(1), 1)
    found = model.apply(variables, features)["buy"]
    wanted = q @ table.T + p["item_bias_buy"][None]
    np.testing.assert_allclose(found[:, 1:], wanted[:, 1:], rtol=1e-4, atol=1e-4)
    assert (found[:, 0] < -1e30).all()  # id 0 is no item
    item = dataset.train.labels["buy"][:9]
    (loss,), _ = task_losses(
        dataset.tasks[1:],
        {"buy": found},
        jax.tree.map(lambda x: jnp.asarray(x[:9]), dataset.train),
        ALONE,
    )
    full = jax.nn.logsumexp(wanted[:, 1:], axis=1) - wanted[jnp.arange(9), item]
    where = dataset.train.where["buy"][:9]
    assert loss == pytest.approx(float(np.mean(full[where])), rel=1e-4)


def test_counted_log_q_is_taken_off_in_training_alone(dataset):
    counted = with_log_q(dataset)
    bought = dataset.train.where["buy"]
    items = dataset.train.labels["buy"]
    log_q = counted.train.features["log_q"]
    share = np.bincount(items[bought]) / bought.sum()
    np.testing.assert_allclose(log_q[bought], np.log(share[items[bought]]), rtol=1e-6)
    model = build(counted, rec.TwoTower, log_q="counted", temperature=0.5)
    plain = build(counted, rec.TwoTower, log_q="none", temperature=0.5)
    rows = jax.tree.map(lambda x: jnp.asarray(x[:9]), dict(counted.train.features))
    variables = randomised(model, rows)
    evaluated = scores(model.apply(variables, rows)["buy"])
    trained = scores(model.apply(variables, rows, train=True)["buy"])
    np.testing.assert_allclose(
        evaluated, scores(plain.apply(variables, rows)["buy"]), rtol=1e-5
    )
    np.testing.assert_allclose(
        trained, evaluated - log_q[None, :9], rtol=1e-4, atol=1e-4
    )
    del rows["log_q"]
    model.apply(variables, rows)
    with pytest.raises(ValueError, match="with_log_q"):
        model.apply(variables, rows, train=True)


def test_the_streaming_estimate_finds_the_frequencies():
    """Items of a batch drawn by popularity; two of one item count as one meeting."""
    shares = np.array([0.0, 0.5, 0.25, 0.125, 0.125])
    module = rec.StreamingFrequency(5, alpha=0.01)
    rng = np.random.default_rng(0)
    batches = rng.choice(5, size=(3000, 2), p=shares)
    variables = module.init(jax.random.key(0), jnp.asarray(batches[0]), False)
    assert np.asarray(variables["frequency"]["gap"]) == pytest.approx(2.5)

    def step(variables, ids):
        return module.apply(variables, ids, True, mutable=["frequency"])[::-1]

    variables, _ = jax.lax.scan(step, variables, jnp.asarray(batches))
    log_q = module.apply(variables, jnp.arange(1, 5), False)
    wanted = np.log(1 - (1 - shares[1:]) ** 2)  # of being among the two of a batch
    np.testing.assert_allclose(log_q, wanted, atol=0.25)
    assert (np.diff(log_q[:3]) < 0).all()
    by_hand = np.full(5, 2.5)
    last = np.zeros(5)
    for t, ids in enumerate(batches[:50], start=1):
        for y in set(ids.tolist()):
            by_hand[y] = 0.99 * by_hand[y] + 0.01 * (t - last[y])
            last[y] = t
    first = module.init(jax.random.key(0), jnp.asarray(batches[0]), False)
    first, _ = jax.lax.scan(step, first, jnp.asarray(batches[:50]))
    np.testing.assert_allclose(first["frequency"]["gap"], by_hand, rtol=1e-5)


def test_every_parameter_has_the_owner_that_gradients_say(case, dataset, features):
    model, variables = case
    batch = jax.tree.map(lambda x: jnp.asarray(x[:9]), dataset.train)

    def losses(params):
        outputs, _ = model.apply(
            variables | {"params": params},
            batch.features,
            train=True,
            mutable=["frequency"],
        )
        return task_losses(dataset.tasks, outputs, batch, ALONE)[0]

    jacobian = jax.jacrev(losses)(variables["params"])
    assert {model.owner(p) for p in traverse_util.flatten_dict(jacobian)} >= {None}
    for path, leaf in traverse_util.flatten_dict(jacobian).items():
        reached = np.abs(leaf).reshape(2, -1).max(axis=1) > 0
        owner = model.owner(path)
        if owner is not None:
            assert not reached[model.tasks.index(owner) - 1], path
        assert reached.any(), path
    assert np.isfinite(losses(variables["params"])).all()
