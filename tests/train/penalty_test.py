"""A model's penalty: in the objective once, and out of sight of every balancer."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers, models, train
from mtlx.gradients import split
from mtlx.train import init_state, make_step
from mtlx.train.observers import Observer
from mtlx.train.optimizers import adatask, bind
from mtlx.train.optimizers.per_task import tasks_apart
from mtlx.types import Signals

RATE = 0.1


class Penalised(models.SharedBottom):
    """c (mean h^2 + 3 |s|^2) on top of a shared bottom whose task "click" owns s."""

    coefficient: float = 0.0

    def represent(self, features, train):
        hidden = super().represent(features, train)
        scale = self.param("scale_click", jax.nn.initializers.ones, (5,))
        self.penalise("size", self.coefficient * jnp.mean(hidden["spend"] ** 2))
        for _ in range(3):  # values of one name add up
            self.penalise("scale", self.coefficient * jnp.sum(scale**2))
        return hidden | {"click": hidden["click"] * scale[None]}

    def owners(self):
        return super().owners() | {("scale_click",): "click"}


def _model(dataset, coefficient):
    architecture = functools.partial(
        Penalised, bottom_widths=(5,), tower_widths=(3,), coefficient=coefficient
    )
    encoder = functools.partial(models.FeatureEncoder, embedding_dim=2)
    return train.build_model(architecture, encoder, dataset)


def _penalty(model, features, params):
    """The formula, from the captured output of the bottom."""
    _, captured = model.apply(
        {"params": params},
        features,
        capture_intermediates=lambda module, _: module.name == "bottom",
    )
    (hidden,) = captured["intermediates"]["bottom"]["__call__"]
    return 0.7 * (jnp.mean(hidden**2) + 3 * jnp.sum(params["scale_click"] ** 2))


@pytest.mark.parametrize(
    ("name", "granularity"),
    [
        ("equal", "all"),
        ("pcgrad", "all"),
        ("mgda", "layer"),
        ("mgda", "last_layer"),
        ("mgda", "representation"),
        ("graddrop", "all"),
        ("modo", "all"),
    ],
)
def test_its_gradient_is_added_to_whatever_is_decided(
    name, granularity, dataset, batch
):
    """With it and without it: one decision, and updates that differ by -r grad R."""
    optimizer, after = optax.sgd(RATE), []
    for coefficient in (0.0, 0.7):
        model = _model(dataset, coefficient)
        balancer = getattr(balancers, name)()
        if granularity == "layer":
            balancer = train.granularity.per_layer(balancer, 2)
        state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
        step = make_step(model, dataset.tasks, optimizer, balancer, 8, granularity)
        after.append(jax.jit(step)(state, batch))
    (free, plain), (held, metrics) = after
    for key in plain.keys() - {"penalty"}:
        np.testing.assert_allclose(metrics[key], plain[key], rtol=1e-6)
    rows = batch.features
    if "cross_gram" in balancer.needs:  # the step itself takes the last third
        rows = jax.tree.map(lambda x: x[20:30], rows)
    value, gradient = jax.value_and_grad(_penalty, argnums=2)(model, rows, state.params)
    np.testing.assert_allclose(metrics["penalty"], value, rtol=1e-5)
    assert plain["penalty"] == 0
    jax.tree.map(
        lambda a, b, r: np.testing.assert_allclose(a - b, -RATE * r, atol=2e-6),
        held.params,
        free.params,
        gradient,
    )
    assert np.abs(gradient["bottom"]["dense_0"]["kernel"]).max() > 1e-2


def test_moments_of_each_task_share_it_out_among_the_present():
    optimizer = bind(adatask(1e-3), 3, lambda path: None)
    stacked, penalty = {("w",): jnp.arange(6.0).reshape(3, 2)}, {("w",): jnp.ones(2)}
    present = jnp.array([True, False, True])
    signals = Signals(jnp.ones(3), grads=stacked, present=present)
    weights = jnp.array([2.0, 0.0, 1.0])
    found = tasks_apart(optimizer, signals, weights, penalty)["stacked"]["w",]
    np.testing.assert_allclose(found, [[0.5, 2.5], [0.0, 0.0], [4.5, 5.5]])


def test_moments_of_each_task_see_it(dataset, batch):
    """A penalty alone, with constant weights 0, moves the shared parameters."""
    model = _model(dataset, 0.7)
    optimizer = bind(adatask(1e-2), 3, model.owner)
    balancer = balancers.constant((0.0, 0.0, 0.0))
    state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
    step = jax.jit(make_step(model, dataset.tasks, optimizer, balancer, 8))
    after, _ = step(state, batch)
    gradient = jax.grad(_penalty, argnums=2)(model, batch.features, state.params)
    moved = jax.tree.map(lambda a, b: a - b, after.params, state.params)
    for path, r in split(gradient, model.owner)[0].items():
        firm = np.abs(r) > 1e-4  # three Adams, each of which sees a third
        change = np.asarray(split(moved, model.owner)[0][path])[firm]
        np.testing.assert_allclose(change, -3e-2 * np.sign(r[firm]), rtol=1e-2)


def test_it_is_no_state_of_the_model_and_no_cost_outside_training(dataset, batch):
    model = _model(dataset, 0.7)
    variables = model.init(jax.random.key(0), batch.features)
    assert set(variables) == {"params"}
    text = jax.jit(model.apply).lower(variables, batch.features).as_text()
    free = jax.jit(_model(dataset, 0.0).apply).lower(variables, batch.features)
    assert text == free.as_text()


def test_a_run_says_what_it_is(dataset):
    rows = []

    class Keep(Observer):
        def on_epoch(self, epoch, new):
            rows.extend(new)

    train.fit(
        _model(dataset, 0.7),
        dataset,
        balancers.equal(),
        optax.adam(3e-2),
        epochs=2,
        batch_size=64,
        observers=[Keep()],
    )
    values = [r.value for r in rows if (r.task, r.metric) == ("all", "penalty")]
    assert len(values) == 2 and 0 < values[1] < values[0]
