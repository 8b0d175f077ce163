"""Task affinity: by hand, against one step after another, and on planted clusters."""

import csv
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import traverse_util
from hydra import compose, initialize_config_dir
from sklearn.metrics import adjusted_rand_score

from experiments import affinity as entry
from experiments.train import CONF
from mtlx import balancers, models
from mtlx.data import Dataset, Schema, synthetic_clusters
from mtlx.data.feed import make_feed
from mtlx.gradients import join, split, task_affinity
from mtlx.results.task_groups import group_tasks
from mtlx.tasks import Task
from mtlx.train import build_model, init_state
from mtlx.train.affinity import Affinity, measure_affinity, pool_affinities
from mtlx.train.batch_losses import task_losses
from mtlx.train.state import order_key
from mtlx.types import Batch

SMALL = functools.partial(models.SharedBottom, bottom_widths=(16,), tower_widths=())
ENCODER = models.FeatureEncoder


def quadratic(eta):
    """L_1 = x^2 + y^2 and L_2 = (x - 3)^2 + 1 at x = 1, y = 2."""

    def losses(theta):
        x, y = theta["x",], theta["y",]
        return jnp.stack([x**2 + y**2, (x - 3) ** 2 + 1])

    theta = {("x",): jnp.array(1.0), ("y",): jnp.array(2.0)}
    return task_affinity(losses, theta, eta)


def test_affinity_by_hand():
    """Gradients (2, 4) and (-4, 0); steps of .25 lead to (.5, 1) and (2, 2)."""
    found, losses = quadratic(0.25)
    np.testing.assert_allclose(losses, [5.0, 5.0])
    # At (.5, 1): 1.25 and 7.25. At (2, 2): 8 and 2. Nothing is divided by the rate.
    expected = [[1 - 1.25 / 5, 1 - 7.25 / 5], [1 - 8 / 5, 1 - 2 / 5]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_of_a_short_step_it_is_the_gram_matrix_over_the_loss():
    found, losses = quadratic(1e-3)
    gram = np.array([[20.0, -8.0], [-8.0, 16.0]])
    np.testing.assert_allclose(found, 1e-3 * gram / losses[None], rtol=0.02)


def test_a_loss_that_is_not_above_zero_has_no_affinity():
    def losses(theta):
        return jnp.stack([theta["x",] ** 2, -(theta["x",] ** 2), 0 * theta["x",]])

    found, _ = task_affinity(losses, {("x",): jnp.array(1.0)}, 0.25)
    np.testing.assert_allclose(found[:, 0], [0.75, -1.25, 0.0])
    np.testing.assert_array_equal(found[:, 1:], 0.0)


def test_measured_is_one_step_after_another_with_fixed_heads():
    data = synthetic_clusters((2, 1), dim=6, steps_per_epoch=1, eval_rows=8)
    model = build_model(SMALL, ENCODER, data)
    given = {"learning_rate": 0.1, "every": 1, "epochs": 1, "batch_size": 32}
    found = measure_affinity(model, data, optax.adam(0.05), **given)
    np.testing.assert_array_equal(found.counts, 1)
    feed = make_feed(data.train, 32)
    first = jax.tree.map(lambda x: x[0], feed.order(order_key(_key(), jnp.int32(1))))
    batch = feed.fetch(feed.arrays, first)
    parts = (model, optax.adam(0.05), balancers.equal(), batch)
    state = init_state(*parts, jax.random.key(0))

    @jax.jit
    def losses(params):
        outputs = model.apply({"params": params}, batch.features, train=True)
        return task_losses(data.tasks, outputs, batch)[0]

    before = losses(state.params)
    np.testing.assert_allclose(found.losses[0], before, rtol=1e-5)
    jacobian = jax.jit(jax.jacrev(losses))(state.params)
    _, own = split(state.params, model.owner)
    for i in range(3):
        rows = traverse_util.flatten_dict(jacobian)
        shared, _ = split(state.params, model.owner)
        moved = {path: leaf - 0.1 * rows[path][i] for path, leaf in shared.items()}
        expected = 1 - losses(join(moved, own)) / before
        np.testing.assert_allclose(found.mean[i], expected, rtol=1e-3, atol=1e-5)


def _key():
    """The key of the run that seed 0 starts."""
    return jax.random.split(jax.random.key(0))[1]


@pytest.fixture(scope="module")
def planted():
    data = synthetic_clusters((3, 3))
    wide = functools.partial(models.SharedBottom, bottom_widths=(64,))
    model = build_model(wide, ENCODER, data)
    return measure_affinity(
        model, data, optax.adam(3e-3), learning_rate=3e-3, epochs=3, batch_size=256
    )


def test_planted_clusters_are_recovered(planted):
    assert (planted.counts == 30).all()
    assert planted.losses[-1].mean() < 0.8 * planted.losses[0].mean()
    together = np.arange(6)[:, None] // 3 == np.arange(6)[None, :] // 3
    inside = planted.mean[together & ~np.eye(6, dtype=bool)]
    assert inside.min() > planted.mean[~together].max()
    assert group_tasks(planted.mean, 2).groups == ((0, 1, 2), (3, 4, 5))


def test_the_diagonal_is_high_whatever_the_others_are(planted):
    """Why `group_tasks` does not read it: by it every task would be alone."""
    own = np.diagonal(planted.mean)
    assert (
        own > planted.mean.max(axis=0, where=~np.eye(6, dtype=bool), initial=-1)
    ).all()


def three_tasks(where):
    """The last task counts in the rows of `where`."""
    x = np.random.default_rng(0).standard_normal((32, 4)).astype(np.float32)
    there = np.ones(32, bool)
    names = ("a", "b", "c")
    rows = Batch(
        {"numerical": x},
        {name: x[:, place] for place, name in enumerate(names)},
        {"a": there, "b": there, "c": np.asarray(where)},
    )
    tasks = tuple(Task(name, "regression") for name in names)
    return Dataset("three", tasks, Schema(numericals=4), rows, rows, rows)


def test_a_pair_that_no_batch_has_is_refused():
    data = three_tasks(np.zeros(32, bool))
    model = build_model(SMALL, ENCODER, data)
    with pytest.raises(ValueError, match="every pair .* none for 'a' and 'c'"):
        measure_affinity(
            model, data, optax.sgd(0.1), learning_rate=0.1, epochs=1, batch_size=16
        )


def test_only_steps_with_rows_of_both_tasks_count():
    """One row in one batch of two: the mean is over the steps that have it."""
    data = three_tasks(np.arange(32) == 5)
    model = build_model(SMALL, ENCODER, data)
    given = {"learning_rate": 0.1, "every": 1, "epochs": 2, "batch_size": 16}
    found = measure_affinity(model, data, optax.sgd(0.0), **given)
    expected = np.full((3, 3), 4)
    expected[2], expected[:, 2] = 2, 2
    np.testing.assert_array_equal(found.counts, expected)
    assert found.mean[2, 2] > 0


@pytest.mark.parametrize(
    ("architecture", "options", "message"),
    [
        (models.SingleTask, {}, "parameters that they share, found 3 .* SingleTask"),
        (SMALL, {"every": 0}, "every >= 1, found 0"),
        (SMALL, {"learning_rate": 0.0}, "a number above 0, found 0.0"),
    ],
)
def test_refusals(architecture, options, message):
    data = three_tasks(np.ones(32, bool))
    model = build_model(architecture, ENCODER, data)
    given = {"learning_rate": 0.1, "batch_size": 8} | options
    with pytest.raises(ValueError, match=message):
        measure_affinity(model, data, optax.sgd(0.1), **given)


def test_the_entry_point_writes_matrix_picture_and_groups(tmp_path):
    options = ["data.sizes=[2,1]", "data.steps_per_epoch=2", "data.eval_rows=8"]
    options += ["data.dim=6", "affinity.epochs=1", "affinity.batch_size=32"]
    options += ["model.bottom_widths=[16]", "model.tower_widths=[]"]
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("affinity", overrides=options)
    text = entry.measure(cfg, tmp_path)
    assert text.startswith("Group 1: task_1") and "Mean affinity onto a task" in text
    with (tmp_path / "affinity.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["from"] for row in rows] == ["task_1", "task_2", "task_3"]
    assert all(np.isfinite(float(row["task_2"])) for row in rows)
    with (tmp_path / "groups.csv").open() as file:
        served = [
            row["task"] for row in csv.DictReader(file) if row["served"] == "True"
        ]
    assert sorted(served) == ["task_1", "task_2", "task_3"]
    assert (tmp_path / "affinity.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "config.yaml").exists()
    assert not (tmp_path / "agreement.json").exists()


def test_several_trainings_are_weighed_by_their_measurements():
    one = Affinity(
        ("a", "b"), np.full((2, 2), 0.1), np.full((2, 2), 1), np.ones((3, 2))
    )
    two = Affinity(
        ("a", "b"), np.full((2, 2), 0.4), np.full((2, 2), 2), np.zeros((3, 2))
    )
    found = pool_affinities([one, two])
    np.testing.assert_allclose(found.mean, np.full((2, 2), 0.3))
    np.testing.assert_array_equal(found.counts, np.full((2, 2), 3))
    np.testing.assert_allclose(found.losses, np.full((3, 2), 0.5))


def test_groups_by_search_are_held_against_known_clusters(tmp_path):
    options = ["data.sizes=[2,2]", "data.steps_per_epoch=1", "data.eval_rows=8"]
    options += ["data.dim=6", "affinity.epochs=1", "affinity.batch_size=32"]
    options += ["model.bottom_widths=[16]", "model.tower_widths=[]"]
    options += ["groups._target_=mtlx.results.task_partition.partition_tasks"]
    with initialize_config_dir(CONF, version_base="1.3"):
        cfg = compose("affinity", overrides=[*options, "known=[2,2]", "trainings=2"])
        wrong = compose("affinity", overrides=[*options, "known=[2,1]"])
    assert "adjusted Rand index" in entry.measure(cfg, tmp_path)
    with (tmp_path / "groups.csv").open() as file:
        group = {row["task"]: row["group"] for row in csv.DictReader(file)}
    found = [group[f"task_{n}"] for n in range(1, 5)]
    told = json.loads((tmp_path / "agreement.json").read_text())["groups"]
    assert told["index"] == pytest.approx(adjusted_rand_score(found, [0, 0, 1, 1]))
    assert 0 < told["p_value"] <= 1
    with pytest.raises(ValueError, match=r"add up to 4 tasks, found \[2, 1\]"):
        entry.measure(wrong, tmp_path)
