"""Training on two data sets at once: encoders, ownership, runs and populations."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import traverse_util

from mtlx import balancers, models, train
from mtlx.data import Dataset, joint
from mtlx.data.feed import make_feed
from mtlx.tasks import Task
from mtlx.types import Batch, Schema

ENCODER = functools.partial(
    models.JointEncoder,
    encoder=functools.partial(models.FeatureEncoder, embedding_dim=4),
    width=8,
)
SIZES = {"epochs": 12, "batch_size": 32}


def ids(seed=0, rows=256):
    """Two tasks that are read off two categorical columns."""
    draw = np.random.default_rng(seed)
    columns = draw.integers(1, 6, (rows, 2)).astype(np.int32)
    labels = {
        "like": (columns[:, 0] > 3).astype(np.float32),
        "buy": (columns.sum(axis=1) % 2).astype(np.float32),
    }
    batch = Batch(
        {"categorical": columns}, labels, dict.fromkeys(labels, np.ones(rows, bool))
    )
    tasks = tuple(Task(name, "binary") for name in labels)
    return Dataset("ids", tasks, Schema((6, 6), 0, ("x", "y")), batch, batch, batch)


def numbers(seed=1, rows=96):
    """One task on numbers."""
    draw = np.random.default_rng(seed)
    columns = draw.normal(size=(rows, 3)).astype(np.float32)
    labels = {"spend": columns @ np.array([1.0, -1.0, 0.5], np.float32)}
    batch = Batch({"numerical": columns}, labels, {"spend": np.ones(rows, bool)})
    task = Task("spend", "regression")
    return Dataset("numbers", (task,), Schema(numericals=3), batch, batch, batch)


def pair(**options):
    return joint({"shop": ids(), "bank": numbers()}, **options)


@functools.cache
def shared_bottom(mix="batch"):
    data = pair(mix=mix, rule="round_robin")
    bottom = functools.partial(models.SharedBottom, bottom_widths=(16,))
    return train.build_model(bottom, ENCODER, data), data


def test_a_row_is_encoded_by_its_own_data_sets_encoder():
    _, data = shared_bottom()
    encoder = ENCODER(parts=data.schema.parts)
    features = jax.tree.map(jnp.asarray, dict(data.test.features))
    draw = np.random.default_rng(0)
    variables = jax.tree.map(
        lambda leaf: draw.normal(size=leaf.shape).astype(np.float32),
        encoder.init(jax.random.key(0), features),
    )
    x = encoder.apply(variables, features)
    for place, (name, one) in enumerate((("shop", ids()), ("bank", numbers()))):
        params = variables["params"][f"part_{name}"]
        alone = models.FeatureEncoder(
            cardinalities=one.schema.cardinalities, embedding_dim=4
        )
        own = alone.apply(
            {"params": params.get("encoder", {})},
            jax.tree.map(jnp.asarray, one.test.features),
        )
        projection = params["projection"]
        expected = np.asarray(own) @ projection["kernel"] + projection["bias"]
        mine = np.asarray(features["source"]) == place
        np.testing.assert_allclose(x[mine], expected, rtol=1e-5, atol=1e-6)


def test_what_encodes_a_data_set_of_one_task_is_that_tasks_own():
    """As `jax.grad` says: which losses depend on which parameters."""
    model, data = shared_bottom()
    batch = jax.tree.map(jnp.asarray, data.test)
    variables = model.init(jax.random.key(0), batch.features)

    def losses(params):
        outputs = model.apply({"params": params}, batch.features)
        return {
            task: jnp.sum(jnp.where(batch.where[task], outputs[task] ** 2, 0.0))
            for task in outputs
        }

    jacobian = jax.jit(jax.jacrev(losses))(variables["params"])
    flat = {task: traverse_util.flatten_dict(g) for task, g in jacobian.items()}
    for path in flat["bank_spend"]:
        users = [task for task in flat if np.any(flat[task][path])]
        assert model.owner(path) == (users[0] if len(users) == 1 else None), path
    assert model.owner(("encoder", "part_bank", "projection", "kernel")) == "bank_spend"
    assert model.owner(("encoder", "part_shop", "projection", "kernel")) is None


def check_learnt(result):
    assert result.test["shop_like"]["auc"] > 0.95
    labels = numbers().test.labels["spend"]
    assert result.test["bank_spend"]["rmse"] < 0.5 * np.std(labels)


def test_all_tasks_are_learnt_from_parts_of_batches():
    model, data = shared_bottom()
    check_learnt(train.fit(model, data, balancers.equal(), optax.adam(2e-2), **SIZES))


def test_all_tasks_are_learnt_in_turns_by_members_of_a_population_too():
    model, data = shared_bottom("step")
    recipe = train.Recipe(model, balancers.equal(), optax.adam(2e-2))
    alone = train.fit(model, data, recipe.balancer, recipe.optimizer, **SIZES)
    (member,) = train.fit_population(lambda numbers: recipe, data, [0], **SIZES)
    check_learnt(alone)
    check_learnt(member)
    for one, other in zip(
        jax.tree.leaves(alone.state.params),
        jax.tree.leaves(member.state.params),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-2, atol=1e-3)


def test_a_task_without_rows_in_a_step_is_absent_there():
    model, data = shared_bottom("step")
    feed = make_feed(data.train, 32)
    batch = feed.fetch(feed.arrays, feed.order(jax.random.key(0))[1])
    assert not batch.where["shop_like"].any()
    step = train.make_step(model, data.tasks, optax.sgd(0.1), balancers.equal(), 4)
    init = train.init_state(
        model, optax.sgd(0.1), balancers.equal(), batch, jax.random.key(0)
    )
    state, metrics = jax.jit(step)(init, batch)
    np.testing.assert_array_equal(metrics["present"], [False, False, True])
    before, after = (
        s.params["encoder"]["part_shop"]["encoder"]["embedding"] for s in (init, state)
    )
    np.testing.assert_array_equal(before, after)


def test_a_row_wise_optimizer_finds_the_tables_of_the_parts():
    model, data = shared_bottom()
    features = jax.tree.map(jnp.asarray, dict(data.test.features))
    table = ("encoder", "part_shop", "encoder", "embedding")
    assert models.find_tables(model, features) == (table,)


def test_encoders_and_data_sets_must_fit():
    data, plain = pair(), functools.partial(models.FeatureEncoder, embedding_dim=4)
    with pytest.raises(
        ValueError, match="Expected encoder=joint for .*joint_shop_bank"
    ):
        train.build_model(models.SharedBottom, plain, data)
    with pytest.raises(ValueError, match="Expected an encoder of columns .* 'ids'"):
        train.build_model(models.SharedBottom, ENCODER, ids())
    features = jax.tree.map(jnp.asarray, dict(data.test.features))
    model = train.build_model(models.FieldTransformer, ENCODER, data)
    with pytest.raises(ValueError, match="one vector a row, found one that reads tok"):
        model.init(jax.random.key(0), features)
    with pytest.raises(ValueError, match="categorical column that is the domain"):
        train.build_model(models.STAR, ENCODER, data).init(jax.random.key(0), features)
