"""Retrieval among catalogues of several data sets in one model."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers, models, train
from mtlx.data import joint, with_log_q
from mtlx.models import recommendation as rec
from mtlx.train.recommend import describe, recommend
from tests.retrieval.joint_rows import (
    ENCODER,
    MODELS,
    RETRIEVAL,
    WIDTH,
    all_data,
    build,
    films,
)
from tests.retrieval.rows import ITEMS, make_dataset


@functools.cache
def trained(cls):
    data = all_data()
    sizes = {"epochs": 30, "batch_size": 96, "eval_batch_size": 17}
    return train.fit(
        build(data, cls), data, balancers.pcgrad(), optax.adam(2e-2), **sizes
    )


def scores(model, variables, data, task):
    """[B, I] of every item by itself, in NumPy, and [B, I] which a list may hold."""
    rows, catalogue = data.test, data.catalogues[task]
    out = model.apply(variables, jax.tree.map(jnp.asarray, dict(rows.features)))[task]
    if out.ndim == 3:
        features = jax.tree.map(jnp.asarray, dict(catalogue.features))
        out = out[:, 0] @ model.apply(variables, features)[task][:, 1].T
    listed = np.ones(out.shape, bool)
    if catalogue.offered is not None:
        listed[:, ~catalogue.offered] = False
    for row, group in enumerate(rows.groups):
        own = catalogue.seen[group]
        listed[row, own[own >= 0]] = False
    return np.asarray(out), listed


@pytest.mark.parametrize("cls", MODELS)
@pytest.mark.parametrize("task", RETRIEVAL)
def test_each_task_is_scored_among_its_own_catalogue(cls, task):
    data, result = all_data(), trained(cls)
    found, listed = scores(build(data, cls), result.variables, data, task)
    where, items = data.test.where[task], data.test.labels[task]
    target = np.eye(found.shape[1], dtype=bool)[items]
    own = found[np.arange(len(items)), items][:, None]

    def accuracy(margin):
        ranks = 1 + (listed & ~target & (found >= own + margin)).sum(axis=1)
        return np.mean(ranks[where] <= 5)

    # Scores as near as rounding may stand in either order.
    near, score = 1e-5 * np.abs(own[where]).max(), result.test[task]["accuracy@5"]
    assert accuracy(-near) - 1e-6 <= score <= accuracy(near) + 1e-6
    assert accuracy(near) - accuracy(-near) < 0.1
    assert 5 < found.shape[1] == data.catalogues[task].num_items


@pytest.mark.parametrize("cls", MODELS)
def test_lists_leave_out_what_a_group_has_seen(cls):
    data, result, model = all_data(), trained(cls), build(all_data(), cls)
    for task in RETRIEVAL:
        found, listed = scores(model, result.variables, data, task)
        mine = np.flatnonzero(data.test.where[task])
        best = np.where(listed, found, -np.inf).max(axis=1)
        lists = recommend(model, result.variables, data, data.test, task, k=1)
        np.testing.assert_allclose(lists.scores[mine, 0], best[mine], rtol=1e-4)
        about = describe(model, result.variables, data, task)
        assert 0 < about["lists"]["coverage"] <= 1


@pytest.mark.parametrize("cls", MODELS)
def test_all_tasks_are_learnt(cls):
    """Better than any constant answer, and than a list at random."""
    data, result = all_data(), trained(cls)
    spend = data.test.labels["bank_spend"][data.test.where["bank_spend"]]
    assert result.test["bank_spend"]["rmse"] < 0.6 * np.std(spend)
    assert result.test["shop_buy"]["accuracy@5"] > 2 * 5 / ITEMS
    stars = data.test.labels["shop_rating"][data.test.where["shop_rating"]]
    assert result.test["shop_rating"]["rmse"] < np.std(stars)


def test_vectors_are_those_of_the_data_sets_own_encoder():
    """q = tower(W encoder(query) + b), the item hidden; likewise v; 0 without items."""
    data = all_data()
    tower = functools.partial(rec.TwoTower, log_q="none", **MODELS[rec.TwoTower])
    model = train.build_model(tower, ENCODER, data)
    rows = jax.tree.map(jnp.asarray, dict(data.test.features))
    draw = np.random.default_rng(0)
    variables = jax.tree.map(
        lambda x: draw.normal(size=x.shape).astype(np.float32),
        model.init(jax.random.key(0), rows),
    )
    found = np.swapaxes(model.apply(variables, rows)["shop_buy"], 0, 1)
    params = variables["params"]
    own = films()
    plain = models.FeatureEncoder(
        own.schema.cardinalities,
        WIDTH,
        names=own.schema.names,
        fields=own.schema.fields,
    )
    total = len(own.test.labels["buy"])
    features = jax.tree.map(jnp.asarray, dict(own.test.features))
    hidden = features | {"categorical": features["categorical"].at[:, 1].set(0)}
    part = params["part_films"]
    encoder = {"params": part["encoder"]}
    x = np.asarray(plain.apply(encoder, hidden))
    query = np.c_[x[:, :WIDTH], x[:, 2 * WIDTH :]]
    item = np.asarray(plain.apply(encoder, features))[:, WIDTH : 2 * WIDTH]
    sides = {"query": (query, "projection"), "item": (item, "item_projection")}
    for (side, (x, name)), mine in zip(sides.items(), found, strict=True):
        last = params[f"{side}_tower"]["output"]
        y = (x @ part[name]["kernel"] + part[name]["bias"]) @ last["kernel"]
        np.testing.assert_allclose(mine[:total], y + last["bias"], rtol=1e-4, atol=1e-5)
    bank = np.asarray(rows["source"]) == 2
    expected = np.broadcast_to(params["item_tower"]["output"]["bias"], (1, WIDTH))
    np.testing.assert_allclose(found[1][bank], expected.repeat(bank.sum(), axis=0))


def test_a_task_reads_nothing_that_would_tell_it_the_answer():
    """`buy` of the films is foretold; the bank has no item; ratings read both sides."""
    data = all_data()
    model = build(data, rec.TwoTower)
    rows = jax.tree.map(jnp.asarray, dict(data.test.features))
    variables = model.init(jax.random.key(0), rows)
    kernels = {
        task: variables["params"][f"tower_{task}"]["mlp"]["dense_0"]["kernel"].shape[0]
        for task in ("films_rating", "shop_rating", "bank_spend")
    }
    both = 2 * WIDTH
    assert kernels == {"films_rating": both, "shop_rating": both, "bank_spend": WIDTH}
    assert data.schema.foretold == ("films_buy",)
    blind = data._replace(schema=data.schema._replace(foretold=("films_rating",)))
    model = build(blind, rec.TwoTower)
    other = rows | {"films/categorical": rows["films/categorical"].at[:, 1].set(1)}
    outputs = [
        model.apply(model.init(jax.random.key(0), rows), x) for x in (rows, other)
    ]
    np.testing.assert_array_equal(*(y["films_rating"] for y in outputs))
    np.testing.assert_array_equal(*(y["films_buy"][:, 0] for y in outputs))
    assert (
        np.abs(outputs[0]["films_buy"][:, 1] - outputs[1]["films_buy"][:, 1]).max() > 0
    )


def test_counted_and_streaming_frequencies_are_of_the_data_set():
    counted = {
        "films": with_log_q(films()),
        "shop": with_log_q(make_dataset(seen=True)),
    }
    data = joint(counted)
    tower = functools.partial(rec.TwoTower, log_q="counted", **MODELS[rec.TwoTower])
    model = train.build_model(tower, ENCODER, data)
    splits = data.train.splits
    rows = {"source": jnp.zeros(4, jnp.int32)}
    for split in splits:
        rows |= {name: jnp.asarray(x[:4]) for name, x in split.features.items()}
    for place, split in enumerate(splits):
        features = rows | {"source": jnp.full(4, place, jnp.int32)}
        variables = model.init(jax.random.key(0), features)
        pair = model.apply(variables, features, train=True)["films_buy"]
        (name,) = (name for name in split.features if name.endswith("log_q"))
        np.testing.assert_allclose(pair[:, 1, -1], -split.features[name][:4])
    state = trained(rec.TwoTower).variables["frequency"]
    assert set(state) == {"frequency_films", "frequency_shop"}
    assert len(state["frequency_shop"]["gap"]) == ITEMS + 1


@pytest.mark.parametrize("names", [{"query": ("user",)}, {"item": ("item",)}])
def test_sides_are_the_data_sets_own(names):
    tower = functools.partial(rec.TwoTower, **names)
    with pytest.raises(ValueError, match="expected query and item to be null"):
        train.build_model(tower, ENCODER, all_data())


def test_a_retrieval_task_needs_an_item_in_its_data_set():
    shop = make_dataset(seen=True)
    shop = shop._replace(schema=shop.schema._replace(item=()))
    data = joint({"films": films(), "shop": shop})
    with pytest.raises(
        ValueError, match=r"Schema.item\), found none for \['shop_buy'\]"
    ):
        build(data, rec.TwoTower)


@pytest.mark.parametrize("cls", [rec.MatrixFactorisation, rec.NeuMF])
def test_models_of_one_pair_of_columns_take_one_data_set(cls):
    with pytest.raises(ValueError, match="a single data set, found the parts"):
        train.build_model(cls, ENCODER, all_data())


def test_a_member_of_a_population_is_its_own_run():
    data = all_data()
    sizes = {"epochs": 1, "batch_size": 96}

    def recipe(numbers):
        model = build(data, rec.TwoTower)
        return train.Recipe(model, balancers.equal(), optax.adam(numbers["rate"]))

    members = train.fit_population(
        recipe, data, [0, 1], {"rate": [1e-2, 3e-2]}, **sizes
    )
    alone = train.fit(
        build(data, rec.TwoTower),
        data,
        balancers.equal(),
        optax.adam(3e-2),
        seed=1,
        **sizes,
    )
    for task, found in alone.test.items():
        assert members[1].test[task] == pytest.approx(found, rel=1e-3), task
