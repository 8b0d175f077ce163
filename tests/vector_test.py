"""Tasks with several values a row: loss, metrics, towers of their own, training."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import models
from mtlx.balancers import pcgrad
from mtlx.data.dataset import Dataset
from mtlx.losses import mean_squared_error
from mtlx.metrics import METRICS, evaluate
from mtlx.tasks import METRICS as KIND_METRICS
from mtlx.tasks import Task
from mtlx.train import fit
from mtlx.types import Batch, Schema

VALUES, ROWS = 3, 40
NAMES = KIND_METRICS["vector"]
TASK = Task("place", "vector", num_values=VALUES)


def rows(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, ROWS, VALUES)).astype(np.float32)


def test_the_loss_is_the_mean_over_the_values():
    x, y = jnp.asarray(rows())
    expected = np.mean((x - y) ** 2, axis=1)
    np.testing.assert_allclose(mean_squared_error(x, y), expected, rtol=1e-5)
    assert mean_squared_error(x.astype(jnp.bfloat16), y).dtype == jnp.float32


def test_metrics_are_over_all_values_of_the_rows_that_count():
    x, y = rows()
    where = np.arange(ROWS) % 3 > 0
    y[~where] = math.nan
    found = evaluate([TASK], {"place": x}, {"place": y}, {"place": where})["place"]
    gaps = (x - y)[where].astype(np.float64)
    expected = {
        "vector_rmse": np.sqrt(np.mean(gaps**2)),
        "vector_mae": np.mean(np.abs(gaps)),
    }
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("name", NAMES)
def test_pieces_merge_and_nothing_is_nan(name):
    metric, where = METRICS[name], np.ones(ROWS, bool)
    x, y = rows()
    whole = metric.measure(x, y, where)
    cut = [metric.measure(x[p], y[p], where[p]) for p in (slice(7), slice(7, None))]
    np.testing.assert_allclose(metric.merge(*cut), whole, rtol=1e-12)
    assert math.isnan(metric.compute(metric.measure(x, y, ~where)))
    x[0, 0] = math.nan
    assert math.isnan(metric.compute(metric.measure(x, y, where)))
    with pytest.raises(ValueError, match=r"shape \[B, K\].*kind 'vector'"):
        metric.measure(x[:, 0], y[:, 0], where)


def test_a_vector_task_states_its_number_of_values():
    assert TASK.outputs == VALUES and TASK.metrics == NAMES
    for fields in ({"kind": "vector"}, {"kind": "vector", "num_values": 1}):
        with pytest.raises(ValueError, match="a vector task states num_values"):
            Task("place", **fields)
    with pytest.raises(ValueError, match="no other kind does; found kind 'binary'"):
        Task("click", "binary", num_values=2)


def test_towers_have_shapes_of_their_own():
    model = build((Task("up", "binary"), TASK), ((), (8, 6)))
    rows = {"numerical": jnp.ones((2, 4))}
    params = model.init(jax.random.key(0), rows)["params"]
    shapes = jax.tree.map(jnp.shape, params)
    assert shapes["tower_up"]["output"]["kernel"] == (5, 1)
    layers = shapes["tower_place"]
    assert layers["mlp"]["dense_0"]["kernel"] == (5, 8)
    assert layers["mlp"]["dense_1"]["kernel"] == (8, 6)
    assert layers["output"]["kernel"] == (6, VALUES)


def test_critics_of_all_tasks_have_one_shape():
    with pytest.raises(ValueError, match="MetaHeac: expected tower_widths to be num"):
        build((Task("up", "binary"), TASK), ((), (8,)), models.MetaHeac)


def test_it_trains_beside_another_task():
    """Values that are a linear map of the inputs are found again."""
    tasks = (Task("up", "binary"), TASK)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 4)).astype(np.float32)
    y = x @ rng.normal(size=(4, VALUES)).astype(np.float32)

    def batch(part):
        labels = {"up": (x[part, 0] > 0).astype(np.float32), "place": y[part]}
        where = {name: np.ones(len(x[part]), bool) for name in labels}
        return Batch({"numerical": x[part]}, labels, where)

    data = Dataset(
        name="places",
        tasks=tasks,
        schema=Schema(numericals=4),
        train=batch(slice(400)),
        validation=batch(slice(400, 500)),
        test=batch(slice(500, None)),
    )
    model = build(tasks, ((), ()), widths=(16,))
    result = fit(model, data, pcgrad(), optax.adam(1e-2), epochs=20, batch_size=50)
    assert result.test["place"]["vector_rmse"] < 0.3 * y.std()
    assert result.test["up"]["auc"] > 0.95


def build(tasks, tower_widths, architecture=models.SharedBottom, widths=(5,)):
    sized = {"bottom_widths": widths} if architecture is models.SharedBottom else {}
    return architecture(
        tasks=tuple(task.name for task in tasks),
        outputs=tuple(task.outputs for task in tasks),
        encoder=functools.partial(models.FeatureEncoder),
        tower_widths=tower_widths,
        **sized,
    )
