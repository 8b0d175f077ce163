"""AdaTask and PUB: moments of each task, joined by a sum or by a bargain."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import balancers, models, train
from mtlx.data.dataset import Dataset, Schema
from mtlx.gradients import split
from mtlx.train import init_state, make_step
from mtlx.train.batch_losses import task_losses
from mtlx.train.optimizers import adatask, bind, pub
from mtlx.types import Batch, Signals

SHARED, OWN = ("bottom", "w"), ("tower", "w")
PARAMS = {"bottom": {"w": jnp.ones(3)}, "tower": {"w": jnp.ones(2)}}
RATE, B1, B2, EPS = 0.1, 0.9, 0.999, 1e-8


def _owner(path):
    return "task" if path[0] == "tower" else None


def _run(optimizer, stacks, presents=None, own=0.5):
    """Updates of the shared parameter, step by step; stacks [steps, T, 3]."""
    num_tasks = stacks.shape[1]
    transform = bind(optimizer, num_tasks, _owner)
    state, updates = transform.init(PARAMS), []
    for step, stack in enumerate(stacks):
        present = jnp.ones(num_tasks, bool) if presents is None else presents[step]
        gradient = {"bottom": {"w": stack.sum(0)}, "tower": {"w": jnp.full(2, own)}}
        update, state = transform.update(
            gradient,
            state,
            PARAMS,
            stacked={SHARED: jnp.asarray(stack)},
            signals=Signals(jnp.ones(num_tasks), present=present),
        )
        updates.append(update)
    return updates, state


def _by_hand(stacks):
    """m_t^ / (sqrt(v_t^) + eps) of each task in float64: [steps, T, n]."""
    first = second = np.zeros(stacks.shape[1:])
    steps = []
    for count, stack in enumerate(np.asarray(stacks, np.float64), start=1):
        first = B1 * first + (1 - B1) * stack
        second = B2 * second + (1 - B2) * stack**2
        m, v = first / (1 - B1**count), second / (1 - B2**count)
        steps.append(m / (np.sqrt(v) + EPS))
    return np.stack(steps)


@pytest.fixture
def stacks():
    """Three steps of two tasks, the second a hundred times as loud."""
    scale = np.array([1.0, 100.0])[None, :, None]
    return scale * np.random.default_rng(0).normal(size=(3, 2, 3)).astype(np.float32)


def test_three_steps_by_hand(stacks):
    updates, _ = _run(adatask(RATE), stacks)
    expected = -RATE * _by_hand(stacks).sum(axis=1)
    for update, row in zip(updates, expected, strict=True):
        np.testing.assert_allclose(update["bottom"]["w"], row, rtol=1e-4, atol=1e-6)


def test_one_moment_for_all_tasks_is_something_else(stacks):
    """Adam on the sum lets the loud task set the step size of the other."""
    updates, _ = _run(adatask(RATE), stacks)
    adam, params = optax.adam(RATE), jnp.ones(3)
    state = adam.init(params)
    for stack in stacks:
        together, state = adam.update(jnp.asarray(stack.sum(0)), state)
    assert not np.allclose(updates[-1]["bottom"]["w"], together, rtol=0.1)


def test_a_tasks_scale_does_not_matter(stacks):
    scaled = stacks * np.array([1e3, 1e-2], np.float32)[None, :, None]
    for one, other in zip(
        _run(adatask(RATE), stacks)[0], _run(adatask(RATE), scaled)[0], strict=True
    ):
        np.testing.assert_allclose(
            one["bottom"]["w"], other["bottom"]["w"], rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize("rate", [RATE, optax.linear_schedule(0.1, 0.0, 5)])
def test_one_task_is_adam(rate, stacks):
    updates, _ = _run(adatask(rate), stacks[:, :1])
    adam = optax.adam(rate)
    state = adam.init(PARAMS)
    for stack, update in zip(stacks, updates, strict=True):
        gradient = {"bottom": {"w": stack[0]}, "tower": {"w": jnp.full(2, 0.5)}}
        expected, state = adam.update(gradient, state, PARAMS)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), update, expected
        )


@pytest.mark.parametrize("optimizer", [adatask, pub])
def test_an_absent_task_is_left_as_it_is(optimizer, stacks):
    presents = [jnp.array([True, True]), jnp.array([True, False])]
    quiet = stacks[:2].copy()
    quiet[1, 1] = 0.0
    updates, state = _run(optimizer(RATE), quiet, presents)
    _, before = _run(optimizer(RATE), quiet[:1])
    leaves = map(jax.tree.leaves, (state[0].shared, before[0].shared))
    for new, old in zip(*leaves, strict=True):
        np.testing.assert_array_equal(new[1], old[1])
        assert not np.array_equal(new[0], old[0])
    alone = _by_hand(quiet[:, :1])[1, 0]
    direction = -updates[1]["bottom"]["w"] / RATE
    np.testing.assert_allclose(
        direction / np.linalg.norm(direction),
        alone / np.linalg.norm(alone),
        rtol=1e-4,
        atol=1e-6,
    )


def _bargain(rows):
    """a > 0 with D D^T a = 1 / a for two rows: a_i = 1 / (|d_i| sqrt(1 + cos))."""
    norms = np.linalg.norm(rows, axis=1)
    cosine = rows[0] @ rows[1] / norms.prod()
    return 1 / (norms * np.sqrt(1 + cosine))


def test_pub_solves_on_the_updates_and_keeps_the_weights(stacks):
    updates, _ = _run(pub(RATE, period=2, normalise="none"), stacks)
    rows = _by_hand(stacks)
    first, third = _bargain(rows[0]), _bargain(rows[2])
    for step, weights in enumerate((first, first, third)):
        expected = -RATE * weights @ rows[step]
        np.testing.assert_allclose(
            updates[step]["bottom"]["w"], expected, rtol=1e-3, atol=1e-5
        )
    length = np.linalg.norm(updates[0]["bottom"]["w"]) / RATE
    assert length == pytest.approx(np.sqrt(2), rel=1e-3)
    gains = rows[2] @ (third @ rows[2])
    np.testing.assert_allclose(gains, 1 / third)  # of what is applied, and positive


def test_pub_as_its_code_has_it_is_as_long_as_adams_updates(stacks):
    rows = _by_hand(stacks)[0]
    gram = rows @ rows.T
    weights = _bargain(rows) * np.sqrt(np.linalg.norm(gram))
    (update,), _ = _run(pub(RATE), stacks[:1])
    np.testing.assert_allclose(
        update["bottom"]["w"], -RATE * weights @ rows, rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("optimizer", [adatask, pub])
def test_own_parameters_get_plain_adam(optimizer, stacks):
    updates, _ = _run(optimizer(RATE), stacks, own=0.3)
    np.testing.assert_allclose(updates[0]["tower"]["w"], -RATE, rtol=1e-5)


def test_the_step_hands_over_each_tasks_weighed_gradient(dataset, model, batch):
    """A first step of AdaTask is the sum of the signs of the gradients."""
    optimizer = bind(adatask(1e-3), 3, model.owner)
    balancer = balancers.constant((1.0, -2.0, 0.5))
    state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
    step = jax.jit(make_step(model, dataset.tasks, optimizer, balancer, 8))
    after, metrics = step(state, batch)
    np.testing.assert_array_equal(metrics["weight"], [1.0, -2.0, 0.5])

    def loss(params, task):
        outputs = model.apply({"params": params}, batch.features)
        return task_losses(dataset.tasks, outputs, batch)[0][task]

    grads = [split(jax.grad(loss)(state.params, t), model.owner)[0] for t in range(3)]
    before, moved = (split(s.params, model.owner)[0] for s in (state, after))
    for path, leaf in moved.items():
        w = [1.0, -2.0, 0.5]
        parts = [s * grads[t][path] for t, s in enumerate(w)]
        expected = sum(-1e-3 * p / (abs(p) + EPS) for p in parts)
        firm = np.all([abs(p) > 1e-5 for p in parts], axis=0)
        assert firm.any()
        change = np.asarray(leaf - before[path])
        np.testing.assert_allclose(change[firm], expected[firm], rtol=5e-3, atol=2e-6)


@pytest.mark.parametrize("optimizer", [adatask, pub])
def test_a_resumed_run_repeats_the_uninterrupted_one(
    optimizer, dataset, model, tmp_path
):
    def fit(epochs, **options):
        return train.fit(
            model,
            dataset,
            balancers.equal(),
            optimizer(1e-2),
            epochs=epochs,
            batch_size=64,
            **options,
        )

    whole = fit(2)
    fit(1, checkpointer=train.Checkpointer(tmp_path / "checkpoint"))
    resumed = fit(
        2, checkpointer=train.Checkpointer(tmp_path / "checkpoint"), resume=True
    )
    states = (whole.state.opt_state, resumed.state.opt_state)
    jax.tree.map(np.testing.assert_array_equal, *states)
    assert resumed.test == whole.test
    assert fit(20).test["click"]["auc"] > 0.8


def test_one_task_alone_trains_as_with_adam(dataset):
    """Through `fit`, with one task there is nothing shared, or all is as with Adam."""
    rows = dataset.train
    rows = Batch(
        rows.features,
        {"click": rows.labels["click"]},
        {"click": rows.where["click"]},
    )
    one = Dataset("one", dataset.tasks[:1], Schema((5, 5), 4), rows, rows, rows)
    model = train.build_model(
        functools.partial(models.SharedBottom, bottom_widths=(8,), tower_widths=(4,)),
        functools.partial(models.FeatureEncoder, embedding_dim=3),
        one,
    )
    runs = [
        train.fit(model, one, balancers.equal(), optimizer, epochs=1, batch_size=64)
        for optimizer in (adatask(1e-2), optax.adam(1e-2))
    ]
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        *(run.state.params for run in runs),
    )


@pytest.mark.parametrize(
    "balancer, granularity, word",
    [
        (balancers.moco(), "all", "returns a direction"),
        (balancers.pcgrad(), "layer", "granularity='layer'"),
        (balancers.precondition(balancers.pcgrad()), "all", "metric"),
    ],
)
def test_what_does_not_go_together_is_refused(
    balancer, granularity, word, dataset, model
):
    with pytest.raises(ValueError, match=word):
        train.fit(
            model,
            dataset,
            balancer,
            adatask(1e-3),
            epochs=1,
            batch_size=64,
            granularity=granularity,
        )
