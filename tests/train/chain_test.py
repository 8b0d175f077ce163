"""Click and purchase over the entire space, from declared tasks to metrics."""

import functools

import jax
import numpy as np
import optax
import pytest

from mtlx import balancers, models, train
from mtlx.data.dataset import Dataset, Schema
from mtlx.data.labels import build_labels
from mtlx.tasks import Task
from mtlx.train import init_state, make_step
from mtlx.train.measuring import Measuring
from mtlx.types import Batch

CLICK, BUY = Task("click", "binary"), Task("buy", "binary")
RATE = Task("buy_given_click", "binary", label="buy", space="click")
RATES = (("buy_given_click", "buy"),)
ENCODER = functools.partial(models.FeatureEncoder, embedding_dim=2)


def make_rows(seed: int, rows: int, tasks: tuple[Task, ...]) -> Batch:
    """Who clicks is drawn to x_0, who then buys to x_1 and from x_0."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3)).astype(np.float32)
    click = rng.random(rows) < 1 / (1 + np.exp(-2 * x[:, 0]))
    buy = click & (rng.random(rows) < 1 / (1 + np.exp(2 * x[:, 0] - 4 * x[:, 1])))
    columns = {"click": click.astype(float), "buy": buy.astype(float)}
    return Batch({"numerical": x}, *build_labels(columns, tasks))


@functools.cache
def make_dataset(*tasks: Task) -> Dataset:
    splits = (
        make_rows(seed, size, tasks) for seed, size in enumerate((1024, 256, 512))
    )
    return Dataset("chain", tasks, Schema(numericals=3), *splits)


@pytest.mark.parametrize(
    "architecture",
    [
        functools.partial(models.ESMM, chain=("click", "buy"), rates=RATES),
        functools.partial(models.ESCM2IPW, chain=("click", "buy"), rates=RATES),
        functools.partial(models.ESCM2DR, chain=("click", "buy"), rates=RATES),
        functools.partial(models.AITM, chain=("click", "buy")),
    ],
    ids=lambda architecture: architecture.func.__name__,
)
def test_a_chain_learns_both_steps(architecture):
    """The rate is scored on the clicked rows, whether it has a loss (AITM) or not."""
    dataset = make_dataset(CLICK, BUY, RATE)
    assert dataset.test.where[RATE.name].sum() == dataset.test.labels["click"].sum()
    model = train.build_model(
        functools.partial(architecture, tower_widths=(8,)), ENCODER, dataset
    )
    result = train.fit(
        model, dataset, balancers.equal(), optax.adam(1e-2), epochs=6, batch_size=64
    )
    assert result.test["click"]["auc"] > 0.75
    assert result.test["buy"]["auc"] > 0.75
    assert result.test["buy_given_click"]["auc"] > 0.75


@pytest.mark.parametrize("balancer", [balancers.mgda, balancers.uncertainty])
def test_a_rate_that_is_read_changes_no_step(balancer):
    """To the balancer it is absent: even a smallest norm of 0 would else be its."""
    after = {}
    for tasks, rates in (((CLICK, BUY), ()), ((CLICK, BUY, RATE), RATES)):
        dataset = make_dataset(*tasks)
        architecture = functools.partial(
            models.ESMM, chain=("click", "buy"), rates=rates, tower_widths=(4,)
        )
        model = train.build_model(architecture, ENCODER, dataset)
        optimizer, rule = optax.sgd(0.1), balancer()
        batch = jax.tree.map(
            lambda column: jax.numpy.asarray(column[:64]), dataset.train
        )
        state = init_state(model, optimizer, rule, batch, jax.random.key(0))
        step = jax.jit(make_step(model, tasks, optimizer, rule, 8))
        state, metrics = step(*step(state, batch)[:1], batch)
        after[len(tasks)] = state.params
    assert list(metrics["present"]) == [True, True, False]
    assert metrics["loss"][2] == 0
    for with_rate, alone in zip(*map(jax.tree.leaves, after.values()), strict=True):
        np.testing.assert_allclose(with_rate, alone, rtol=1e-4, atol=1e-6)


def test_the_risk_is_in_the_loss_of_its_link_that_balancers_see():
    dataset = make_dataset(CLICK, BUY)
    batch = jax.tree.map(lambda column: jax.numpy.asarray(column[:64]), dataset.train)
    losses = {}
    for weight in (0.0, 1.0, 2.0):
        architecture = functools.partial(
            models.ESCM2DR, risk_weight=weight, tower_widths=(4,)
        )
        model = train.build_model(architecture, ENCODER, dataset)
        optimizer, rule = optax.sgd(0.1), balancers.equal()
        state = init_state(model, optimizer, rule, batch, jax.random.key(0))
        _, metrics = jax.jit(make_step(model, dataset.tasks, optimizer, rule, 8))(
            state, batch
        )
        losses[weight] = metrics["loss"]
    assert losses[1.0][0] == losses[0.0][0]
    added = losses[1.0][1] - losses[0.0][1]
    assert added > 0
    np.testing.assert_allclose(losses[2.0][1] - losses[0.0][1], 2 * added, rtol=1e-5)


@pytest.mark.parametrize("balancer", [balancers.equal, balancers.mgda])
def test_parts_of_a_batch_weigh_an_added_loss_by_its_own_rows(balancer):
    """The risk counts rows without a click whose purchase nobody knows: all rows here,
    a quarter a part, where the link's own rows are fewer in the last two parts."""
    dataset = make_dataset(CLICK, BUY)
    batch = jax.tree.map(lambda column: jax.numpy.asarray(column[:64]), dataset.train)
    known = (np.arange(64) < 32) | (np.asarray(batch.labels["click"]) == 1)
    assert np.ptp(known.reshape(4, 16).sum(axis=1)) > 4
    batch = batch._replace(where=batch.where | {"buy": jax.numpy.asarray(known)})
    architecture = functools.partial(models.ESCM2IPW, tower_widths=(4,))
    model = train.build_model(architecture, ENCODER, dataset)
    optimizer, rule = optax.sgd(0.1), balancer()
    state = init_state(model, optimizer, rule, batch, jax.random.key(0))

    def after(parts):
        measuring = Measuring(accumulate=parts)
        step = make_step(model, dataset.tasks, optimizer, rule, 8, measuring=measuring)
        return step(state, batch)

    (whole, expected), (parted, found) = jax.jit(lambda: (after(1), after(4)))()
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-5)
    for one, other in zip(*map(jax.tree.leaves, (parted, whole)), strict=True):
        if jax.numpy.issubdtype(one.dtype, jax.numpy.floating):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_model_for_other_tasks_is_refused_before_anything_compiles():
    spend = Task("buy", "regression")
    dataset = make_dataset(CLICK, BUY)._replace(tasks=(CLICK, spend))
    with pytest.raises(ValueError, match="ESMM: expected binary tasks.*'regression'"):
        train.build_model(models.ESMM, ENCODER, dataset)
    with pytest.raises(ValueError, match="STAR: .*none declared"):
        train.build_model(models.STAR, ENCODER, dataset)


@pytest.mark.parametrize("parallel", ["shard_map", "pmap"])
@pytest.mark.parametrize(
    ("architecture", "rows"),
    [
        (functools.partial(models.ESCM2DR, tower_widths=(4,)), "chain"),
        (functools.partial(models.AITM, bottom_widths=(4,)), "chain"),
        (functools.partial(models.STAR, bottom_widths=(4,)), "small"),
    ],
    ids=["added loss", "penalty", "partitioned norm"],
)
def test_eight_devices_do_as_one(architecture, rows, parallel, dataset):
    """With rows that count, domains and clicks lying unevenly over the devices."""
    data = make_dataset(CLICK, BUY) if rows == "chain" else dataset
    model = train.build_model(architecture, ENCODER, data)
    alone, found = (
        train.fit(
            model,
            data,
            balancers.equal(),
            optax.sgd(0.1),
            epochs=1,
            batch_size=32,
            parallel=options,
        )
        for options in (None, parallel)
    )
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5),
        jax.device_get(found.variables),
        jax.device_get(alone.variables),
    )
