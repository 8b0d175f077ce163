"""Retrieval beside rating, through the step, the loop and the metrics."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers, models, train
from mtlx import ranking_metrics as ranking
from mtlx.models import find_tables
from mtlx.models import recommendation as rec
from mtlx.train import bilevel, init_state, make_step
from mtlx.train.measuring import Measuring
from mtlx.train.optimizers import bind, lazy_adam
from tests.retrieval.rows import ITEMS, make_dataset

ENCODER = functools.partial(models.FeatureEncoder, embedding_dim=4)
TOWERS = {"query_widths": (6,), "item_widths": (6,), "tower_widths": (4,)}
NEXT = {"query": ("user", "history"), "item": ("item",), "query_widths": (4,)}


def build(dataset, cls=rec.TwoTower, **fields):
    fields = fields or TOWERS
    return train.build_model(functools.partial(cls, **fields), ENCODER, dataset)


@pytest.fixture(scope="module")
def dataset():
    return make_dataset(seen=True)


@pytest.fixture(scope="module")
def batch(dataset):
    return jax.tree.map(lambda x: jnp.asarray(x[:24]), dataset.train)


# One of every set of needs: losses, Gram matrix, gradients, parts of the batch.
@pytest.mark.parametrize(
    "balancer, granularity",
    [
        (balancers.uncertainty(), "all"),
        (balancers.pcgrad(), "all"),
        (balancers.gradnorm(), "last_layer"),
        (balancers.mgda(), "representation"),
        (balancers.graddrop(), "all"),
        (balancers.modo(), "all"),
        (balancers.famo(), "all"),
        (bilevel.auto_lambda(), "all"),
    ],
)
def test_a_step_with_every_kind_of_balancer(dataset, batch, balancer, granularity):
    for model in (build(dataset), build(dataset, rec.CatalogueSoftmax, **NEXT)):
        optimizer = optax.adam(1e-3)
        start = functools.partial(init_state, model, optimizer, balancer)
        state = jax.eval_shape(start, batch, jax.random.key(0))
        step = make_step(model, dataset.tasks, optimizer, balancer, 4, granularity)
        after, metrics = jax.eval_shape(step, state, batch)
        assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, state)
        assert metrics["weight"].shape == (2,)


def _after_a_step(dataset, batch, optimizer=None, **measuring):
    model, balancer = build(dataset), balancers.mgda()
    optimizer = optimizer or optax.sgd(0.1)
    state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
    options = {"measuring": Measuring(**measuring)} if measuring else {}
    step = make_step(model, dataset.tasks, optimizer, balancer, 4, **options)
    return jax.jit(step)(state, batch)


@pytest.fixture(scope="module")
def plain(dataset, batch):
    return _after_a_step(dataset, batch)


def assert_close(found, expected, **tolerance):
    tolerance = {"rtol": 1e-4, "atol": 1e-5} | tolerance
    close = functools.partial(np.testing.assert_allclose, **tolerance)
    jax.tree.map(close, jax.device_get(found), jax.device_get(expected))


@pytest.mark.parametrize("form", ["ghost", "recompute"])
def test_every_form_of_the_gram_matrix(dataset, batch, plain, form):
    """Rows are each other's negatives, so that a loss is no sum over rows."""
    state, metrics = _after_a_step(dataset, batch, gradients=form)
    assert_close(state.params, plain[0].params)
    assert_close(metrics["weight"], plain[1]["weight"])


def test_a_lazy_optimizer_reads_the_rows_of_both_sides(dataset, batch, plain):
    tables = find_tables(build(dataset), batch.features)
    assert tables == (("encoder", "embedding"),)
    model = build(dataset)
    lazy = bind(lazy_adam(0.1), 2, model.owner, tables)
    found, _ = _after_a_step(dataset, batch, lazy)
    expected, _ = _after_a_step(dataset, batch, optax.adam(0.1))
    ids = np.asarray(batch.features["categorical"]) + np.array([0, 25, 57])
    history = np.asarray(batch.features["history"])
    read = np.unique(np.append(ids, history[history >= 0] + 25))
    table, other = (s.params["encoder"]["embedding"] for s in (found, expected))
    assert_close(table[read], other[read])


def _scores(model, variables, dataset, rows):
    """[B, I] of every item, row by row, in NumPy; and the mask of those left out."""
    catalogue = dataset.catalogues["buy"]
    features = jax.tree.map(jnp.asarray, dict(rows.features))
    out = model.apply(variables, features)["buy"]
    if out.ndim == 3:
        everything = jax.tree.map(jnp.asarray, dict(catalogue.features))
        items = model.apply(variables, everything)["buy"][:, 1]
        out = out[:, 0] @ items.T
    seen = np.zeros(out.shape, bool)
    seen[:, 0] = True
    for row, group in enumerate(rows.groups):
        own = catalogue.seen[group]
        seen[row, own[own >= 0]] = True
    return np.asarray(out, np.float64), seen


@pytest.mark.parametrize("by_group", [False, True])
@pytest.mark.parametrize("cls", [rec.TwoTower, rec.CatalogueSoftmax])
def test_scores_of_a_run_are_those_of_sorting_the_catalogue(cls, by_group):
    """Without what the user has seen, save the row's own item."""
    dataset = make_dataset(seen=True, by_group=by_group)
    fields = TOWERS if cls is rec.TwoTower else NEXT
    if by_group:  # the rows of a user are one query, and so have one list
        fields = fields | {"query": ("user",)}
    model = build(dataset, cls, **fields)
    result = train.fit(
        model,
        dataset,
        balancers.equal(),
        optax.adam(3e-2),
        epochs=2,
        batch_size=64,
        eval_batch_size=17,
    )
    rows = dataset.test
    scores, seen = _scores(model, result.variables, dataset, rows)
    where, items = rows.where["buy"], rows.labels["buy"]
    listed = ~seen
    target = np.eye(ITEMS + 1, dtype=bool)[items]
    ranks = [
        1 + np.sum((listed[r] & ~target[r]) & (scores[r] >= scores[r, items[r]]))
        for r in np.flatnonzero(where)
    ]
    queries = rows.groups[where] if by_group else np.arange(where.sum())
    pairs = np.unique(np.stack([queries, items[where], ranks], 1), axis=0)
    data = ranking.Ranks(pairs[:, 0], pairs[:, 2], np.ones(len(pairs)))
    assert result.test["buy"] == {
        "accuracy@5": pytest.approx(np.mean(np.array(ranks) <= 5)),
        "ndcg@10": pytest.approx(ranking.ndcg(data, 10)),
        "mrr": pytest.approx(ranking.mean_reciprocal_rank(data)),
    }
    assert np.isfinite(result.test["rating"]["rmse"])


def fit(dataset, **options):
    options = {"epochs": 1, "batch_size": 64, "seed": 1, **options}
    balancer, optimizer = balancers.pcgrad(), optax.adam(1e-2)
    return train.fit(build(dataset), dataset, balancer, optimizer, **options)


@pytest.fixture(scope="module")
def alone(dataset):
    return fit(dataset)


@pytest.mark.parametrize("parallel", ["jit", "shard_map", "pmap"])
def test_candidates_are_those_of_all_devices(dataset, alone, parallel):
    """The streaming frequencies among them: counters are the same everywhere."""
    found = fit(dataset, parallel=parallel)
    assert_close(found.state.params, alone.state.params)
    assert_close(found.state.model_state, alone.state.model_state)
    assert found.test["buy"] == alone.test["buy"]


def test_a_member_of_a_population_is_its_own_run(dataset, alone):
    def recipe(numbers):
        return train.Recipe(
            build(dataset), balancers.pcgrad(), optax.adam(numbers["rate"])
        )

    numbers = {"rate": [1e-3, 1e-2]}
    sizes = {"epochs": 1, "batch_size": 64}
    _, member = train.fit_population(recipe, dataset, [0, 1], numbers, **sizes)
    assert_close(member.variables, alone.variables, atol=1e-4)
    for task, scores in alone.test.items():
        assert member.test[task] == pytest.approx(scores, rel=1e-3)


def test_joint_training_finds_the_items_of_a_users_kind():
    """Far better than chance, on rows that were not trained on; ratings as well."""
    dataset = make_dataset()
    result = train.fit(
        build(
            dataset, query_widths=(), item_widths=(), query=("user",), item=("item",)
        ),
        dataset,
        balancers.constant(weights=(1.0, 1.0)),
        optax.adam(3e-2),
        epochs=30,
        keep="last",
        batch_size=64,
    )
    chance = 5 / ITEMS
    assert result.test["buy"]["accuracy@5"] > 2 * chance
    assert result.test["rating"]["rmse"] < 1.0
    assert result.best_epoch == 30
    with pytest.raises(ValueError, match="keep to be .*found 'first'"):
        fit(dataset, keep="first")


def test_a_task_that_is_only_read_moves_nothing(dataset, batch):
    """The rating's tower stays as it starts, and the step's loss is the other's."""
    model = build(dataset, read=("rating",), **TOWERS)
    balancer, optimizer = balancers.equal(), optax.sgd(0.1)
    state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
    step = make_step(model, dataset.tasks, optimizer, balancer, 4)
    after, metrics = jax.jit(step)(state, batch)
    assert metrics["present"].tolist() == [False, True]
    before, now = (s.params["tower_rating"] for s in (state, after))
    jax.tree.map(np.testing.assert_array_equal, before, now)
    moved = after.params["encoder"]["embedding"] - state.params["encoder"]["embedding"]
    assert np.abs(moved).max() > 0
