"""Fields below every architecture: dropout, gradients, rows, sizes."""

import functools
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import models, train
from mtlx.balancers import upgrad
from mtlx.data.dataset import Dataset
from mtlx.gradients import measure, split
from mtlx.tasks import Task
from mtlx.train import init_state, make_step
from mtlx.train.optimizers import bind, lazy_adam
from mtlx.types import Batch
from tests.models.field_case import CARDINALITIES, FIELDS, SCHEMA, make_rows

ROWS = make_rows()
TASKS = (Task("click", "binary"), Task("spend", "regression"))


class Flat(nn.Module):
    """An image as it is."""

    def __call__(self, images, *, train=False):
        return images.reshape(len(images), -1)


class Told(nn.Module):
    """An encoder that says whether it trains."""

    say: Callable = print
    cardinalities: tuple = ()
    names: tuple = ()
    fields: tuple = ()
    embedding_dim: int = 2
    tokens: bool = False

    @nn.compact
    def __call__(self, features, *, train=False):
        self.say((self.name, train))
        x = features["categorical"].astype(jnp.float32)
        return x[..., None] if self.tokens else x


def test_every_architecture_tells_its_encoder_that_it_trains(build, features):
    told = []
    model = build(encoder=functools.partial(Told, say=told.append))
    jax.eval_shape(lambda: model.init(jax.random.key(0), features))
    assert told and not any(train for _, train in told)
    told.clear()
    rngs = {name: jax.random.key(0) for name in ("params", "dropout")}
    jax.eval_shape(lambda: model.init(rngs, features, train=True))
    priors = ("domain_encoder", "personal_encoder")  # columns alone, nothing to drop
    assert {train for name, train in told if name not in priors} == {True}


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    labels = {task.name: rng.integers(0, 2, 4).astype(np.float32) for task in TASKS}
    where = {task.name: np.ones(4, bool) for task in TASKS}
    batch = jax.tree.map(jnp.asarray, Batch(ROWS, labels, where))
    model = train.build_model(
        functools.partial(models.SharedBottom, bottom_widths=(4,), tower_widths=()),
        functools.partial(models.FeatureEncoder, embedding_dim=2, image=Flat),
        Dataset("fields", TASKS, SCHEMA, batch, batch, batch),
    )
    return model, batch


def test_the_ghost_form_is_exact(case):
    model, batch = case
    params = model.init(jax.random.key(0), batch.features)["params"]

    def losses(params):
        outputs = model.apply({"params": params}, batch.features)
        return jnp.stack([jnp.mean(jnp.square(y - 1.0)) for y in outputs.values()]), {}

    def run(params):
        needs = frozenset({"gram"})
        measured = measure(losses, params, model.owner, needs, gradients="ghost")
        return measured.signals.gram, jax.jacrev(lambda p: losses(p)[0])(params)

    gram, jacobian = jax.jit(run)(params)
    shared, _ = split(jacobian, model.owner)
    rows = np.concatenate([np.reshape(x, (2, -1)) for x in shared.values()], axis=1)
    np.testing.assert_allclose(gram, rows @ rows.T, rtol=1e-5)


def test_a_row_wise_optimizer_moves_the_rows_that_are_read(case):
    model, batch = case
    tables = models.find_tables(model, batch.features)
    assert len(tables) == 4
    optimizer = bind(lazy_adam(0.1), len(TASKS), model.owner, tables)
    balancer = upgrad()
    state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
    read = models.read_rows(model, {"params": state.params}, batch.features)
    step = make_step(model, TASKS, optimizer, balancer, steps_per_epoch=8)
    after, metrics = jax.jit(step)(state, batch)
    assert np.isfinite(metrics["loss"]).all()
    for path in tables:
        one, other = state.params, after.params
        for key in path:
            one, other = one[key], other[key]
        moved = np.flatnonzero(np.any(np.asarray(one != other), axis=1))
        assert set(moved) == {int(i) for i in read[path] if i < len(one)}


def test_fields_count_when_a_model_is_sized(case):
    model, batch = case
    count = models.count_parameters(model, batch.features)
    tables = 2 * (sum(CARDINALITIES) + 3 + 6 + 20)
    encoded = 3 * 2 + 2 + 3 * 2 + 2 + 2 + 6 + 3
    assert len(FIELDS) == 5
    assert count == tables + encoded * 4 + 4 + 2 * (4 + 1)
