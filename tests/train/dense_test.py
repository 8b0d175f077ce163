"""Tasks with a label a pixel through the whole pipeline."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers, train
from mtlx.data import synthetic_scenes
from mtlx.data.dataset import Stream
from mtlx.models import dense
from mtlx.train import bilevel, init_state, make_step
from mtlx.train.axis import ALONE
from mtlx.train.batch_losses import task_losses
from mtlx.types import Batch

TRUNK = functools.partial(dense.SegNet, widths=(4, 4))


@pytest.fixture(scope="module")
def scenes():
    return synthetic_scenes(side=16, eval_rows=8)


# One of every set of needs: losses, Gram matrix, gradients, parts of the batch.
@pytest.mark.parametrize(
    "balancer",
    [
        balancers.uncertainty(),
        balancers.pcgrad(),
        balancers.graddrop(),
        balancers.modo(),
        balancers.famo(),
        bilevel.auto_lambda(),
    ],
    ids=["losses", "gram", "grads", "cross_gram", "losses_after", "lookahead"],
)
def test_a_step_with_every_kind_of_balancer(scenes, balancer):
    architecture = dense.DenseSharedBottom
    if balancer.needs == {"gram", "key"}:  # PCGrad's: the larger model once
        architecture = functools.partial(dense.DenseMTAN, norm="batch")
    model = train.build_model(architecture, TRUNK, scenes)
    rows = scenes.train
    batch = jax.eval_shape(
        lambda key: rows.sample(rows.arrays, key, 6), jax.random.key(0)
    )
    optimizer = optax.adam(1e-3)
    start = functools.partial(init_state, model, optimizer, balancer)
    state = jax.eval_shape(start, batch, jax.random.key(0))
    step = make_step(model, scenes.tasks, optimizer, balancer, 4)
    after, metrics = jax.eval_shape(step, state, batch)
    assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, state)
    assert metrics["weight"].shape == (3,)


def test_hidden_rows_and_unlabelled_pixels_do_not_count(scenes):
    """Whatever their labels are, NaN included."""
    test = jax.tree.map(jnp.asarray, scenes.test)
    batch = jax.tree.map(lambda x: x[:4], test)
    rng = np.random.default_rng(0)
    outputs = {
        "segmentation": jnp.float32(rng.normal(size=(4, 16, 16, 4))),
        "depth": jnp.float32(rng.normal(size=(4, 16, 16))),
        "normals": jnp.float32(rng.normal(size=(4, 16, 16, 3))),
    }
    hidden = {task.name: jnp.array([True, True, False, True]) for task in scenes.tasks}
    labels = dict(batch.labels)
    for name in ("depth", "normals"):
        labels[name] = labels[name].at[2].set(jnp.nan)
    found, present = task_losses(
        scenes.tasks, outputs, Batch(batch.features, labels, hidden), ALONE
    )
    kept = jnp.array([0, 1, 3])
    for index, task in enumerate(scenes.tasks):
        rows = task.loss(outputs[task.name][kept], batch.labels[task.name][kept])
        np.testing.assert_allclose(found[index], np.mean(rows), rtol=1e-5)
    assert present.all()


def test_every_loss_falls_on_scenes_that_were_not_trained_on():
    scenes = synthetic_scenes(side=8, eval_rows=32, steps_per_epoch=40)
    trunk = functools.partial(dense.SegNet, widths=(4,))
    model = train.build_model(dense.DenseSharedBottom, trunk, scenes)
    result = train.fit(
        model, scenes, balancers.equal(), optax.adam(2e-2), epochs=1, batch_size=8
    )
    test = jax.tree.map(jnp.asarray, scenes.test)

    @jax.jit
    def losses(variables):
        outputs = model.apply(variables, test.features)
        return task_losses(scenes.tasks, outputs, test, ALONE)[0]

    before = losses(model.init(jax.random.key(0), test.features))
    after = losses(result.variables)
    assert (after < 0.8 * before).all(), (before, after)


def test_the_options_compose():
    from hydra import compose, initialize_config_dir

    import mtlx.compose
    from experiments.train import CONF

    with initialize_config_dir(CONF, version_base="1.3"):
        for model in ("shared_bottom", "single_task", "mtan"):
            options = [f"model=dense/{model}", "encoder=dense/segnet"]
            options += ["data=synthetic_scenes", "data.eval_rows=2", "data.side=8"]
            parts = mtlx.compose.build(compose("train", overrides=options))
            assert isinstance(parts.model, dense.DenseModel)
            assert isinstance(parts.dataset.train, Stream)
            hash(parts.model)
