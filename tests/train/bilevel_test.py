"""Bilevel balancers against jax.grad through the unrolled steps, and in `fit`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx import models, train
from mtlx.gradients import join, split
from mtlx.train import init_state, make_step
from mtlx.train.batch_losses import task_losses
from mtlx.train.bilevel import auto_lambda, forum, moml
from mtlx.train.bilevel.auto_lambda import hyper_gradient
from mtlx.train.bilevel.forum import gap_gradient
from mtlx.train.bilevel.lookahead import Lookahead
from mtlx.train.bilevel.moml import hyper_gradients
from mtlx.train.bilevel.multipliers import constraint_multiplier, multipliers
from mtlx.types import Batch, Signals

PATH, OWN = ("bottom", "w"), ("tower", "w")
RATE = 0.05
METHODS = {"auto_lambda": auto_lambda, "moml": moml, "forum": forum}


def _quadratics(seed, num_tasks=3, width=4):
    """L_i = (x - c_i)^T A_i (x - c_i) / 2 + (x[0] y - i)^2 for the last task alone."""
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(num_tasks, width, width)).astype(np.float32)
    hessians = jnp.asarray(np.einsum("tij,tkj->tik", roots, roots))
    centres = jnp.asarray(rng.normal(size=(num_tasks, width)).astype(np.float32))

    def losses(shared, own):
        gap = shared[PATH][None] - centres
        values = 0.5 * jnp.einsum("ti,tij,tj->t", gap, hessians, gap)
        extra = (shared[PATH][0] * own[OWN] - 1.0) ** 2
        return values + jnp.eye(num_tasks)[-1] * extra

    return losses


@pytest.fixture
def ahead():
    shared = {PATH: jnp.array([0.3, -1.0, 0.8, 0.1])}
    present = jnp.ones(3, bool)
    own = {OWN: jnp.asarray(0.7)}
    return Lookahead(shared, own, _quadratics(0), _quadratics(1), present, present)


def _unrolled(ahead, weights, steps):
    """Held-out losses after the inner steps, written out."""
    x, y = ahead.shared[PATH], ahead.own[OWN]
    for _ in range(steps):

        def weighted(x, y=y):
            return jnp.sum(weights * ahead.inner({PATH: x}, {OWN: y}))

        def plain(y, x=x):
            return ahead.inner({PATH: x}, {OWN: y})[-1]

        x, y = x - RATE * jax.grad(weighted)(x), y - RATE * jax.grad(plain)(y)
    return ahead.outer({PATH: x}, {OWN: y})


@pytest.mark.parametrize("primary", [None, (0,), (2, 1)])
def test_auto_lambda_is_the_gradient_through_the_unrolled_step(primary, ahead):
    weights = jnp.array([0.1, 0.5, 0.3])

    def goal(weights):
        losses = _unrolled(ahead, weights, 1)
        return losses.sum() if primary is None else sum(losses[p] for p in primary)

    expected = jax.grad(goal)(weights)
    exact = hyper_gradient(ahead, weights, primary, RATE, "exact")
    np.testing.assert_allclose(exact, expected, rtol=1e-4)
    finite = hyper_gradient(ahead, weights, primary, RATE, "finite")
    np.testing.assert_allclose(finite, exact, rtol=5e-3, atol=1e-3)


@pytest.mark.parametrize("steps", [1, 3])
def test_moml_is_the_jacobian_through_the_unrolled_steps(steps, ahead):
    logits = jnp.array([0.2, -0.4, 0.9])
    losses, rows = hyper_gradients(ahead, logits, RATE, steps)
    unrolled = functools.partial(_unrolled, ahead, steps=steps)
    expected = jax.jacfwd(lambda s: unrolled(jax.nn.softmax(s)))(logits)
    np.testing.assert_allclose(rows, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(losses, unrolled(jax.nn.softmax(logits)), rtol=1e-5)


def test_moml_moves_so_that_no_held_out_loss_rises(ahead):
    """The first step of Adam has the signs of -H^T v, and H H^T v >= 0."""
    balancer = moml(learning_rate=1e-3, inner_lr=RATE, normaliser="none")
    signals = Signals(jnp.ones(3), present=jnp.ones(3, bool), lookahead=ahead)
    weights, state = balancer.update(signals, balancer.init(3))
    _, rows = hyper_gradients(ahead, jnp.zeros(3), RATE, 1)
    steps = np.stack([v @ np.asarray(rows) for v in _simplex(20)])
    gradient = steps[np.argmin((steps**2).sum(1))]
    assert (rows @ gradient > -0.05 * np.abs(rows @ gradient).max()).all()
    firm = np.abs(gradient) > 0.1 * np.abs(gradient).max()
    np.testing.assert_array_equal(np.sign(state.logits)[firm], -np.sign(gradient)[firm])
    np.testing.assert_allclose(weights, jax.nn.softmax(state.logits), rtol=1e-5)


def _simplex(cuts):
    """A grid on the simplex of three."""
    axis = np.linspace(0, 1, cuts + 1)
    return [(a, b, 1 - a - b) for a in axis for b in axis if a + b <= 1 + 1e-9]


def test_forum_has_the_gradient_of_the_gap(ahead):
    logits = jnp.array([0.2, -0.4, 0.9])
    weights, (by_logits, by_shared) = gap_gradient(ahead, logits, RATE, 3)
    np.testing.assert_allclose(weights, jax.nn.softmax(logits), rtol=1e-5)
    after = Lookahead(*ahead[:3], ahead.inner, *ahead[4:])
    last = _unrolled(after, weights, 3)

    def gap(logits, x):
        here = jax.nn.softmax(logits) @ ahead.inner({PATH: x}, ahead.own)
        return here - jax.nn.softmax(logits) @ last  # theta' held fixed

    expected = jax.grad(gap, (0, 1))(logits, ahead.shared[PATH])
    np.testing.assert_allclose(by_logits, expected[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(by_shared[PATH], expected[1], rtol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_forums_direction_solves_its_problem(seed):
    """<q, d> >= phi |q|^2, all objectives fall alike, and no grid point is better."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(3, 5)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    q, phi = rng.normal(size=5).astype(np.float32), 0.1
    arguments = (jnp.asarray(rows @ q), jnp.asarray(q @ q), phi)
    gram = jnp.asarray(rows @ rows.T)
    solved = multipliers(gram, *arguments, jnp.ones(3, bool))
    assert solved.sum() == pytest.approx(1.0, abs=1e-5)

    def objective(weights):
        weights = jnp.asarray(weights, jnp.float32)
        nu = constraint_multiplier(weights, *arguments)
        direction = weights @ rows + nu * q
        return float(direction @ direction / 2 - nu * phi * (q @ q)), direction

    best, direction = objective(solved)
    assert q @ direction >= phi * (q @ q) - 1e-4
    assert best <= min(objective(w)[0] for w in _simplex(40)) + 1e-5
    gains = rows @ np.asarray(direction)  # complementary slackness: equal where > 0
    np.testing.assert_allclose(gains[solved > 1e-3], gains.min(), atol=2e-3)


def test_forum_leaves_an_absent_task_out():
    gram, toward = jnp.eye(3), jnp.array([0.1, -5.0, 0.2])
    present = jnp.array([True, False, True])
    solved = multipliers(gram, toward, jnp.asarray(1.0), 0.0, present)
    np.testing.assert_allclose(solved, [0.5, 0.0, 0.5], atol=1e-4)


def test_lambda_moves_towards_the_helpful_task():
    """Task 0 counts; task 1 is the same, task 2 the opposite."""

    def losses(shared, own):
        gap = jnp.sum((shared[PATH] - 1.0) ** 2)
        return jnp.stack([gap, gap, -0.5 * gap])

    present = jnp.ones(3, bool)
    ahead = Lookahead({PATH: jnp.zeros(2)}, {}, losses, losses, present, present)
    balancer = auto_lambda(primary=(0,), learning_rate=0.01, inner_lr=0.01)
    state = balancer.init(3)
    signals = Signals(jnp.ones(3), present=present, lookahead=ahead)
    for _ in range(5):
        weights, state = balancer.update(signals, state)
    np.testing.assert_allclose(weights, [0.15, 0.15, 0.05], atol=1e-3)


def _take(batch, rows):
    return jax.tree.map(lambda column: column[rows], batch)


def test_the_step_cuts_the_batch_in_halves_and_then_trains_on_all(
    dataset, model, batch
):
    balancer = auto_lambda((0,), learning_rate=1.0, initial=0.5, inner_lr=0.1)
    optimizer = optax.sgd(1.0)
    state = init_state(model, optimizer, balancer, batch, jax.random.key(0))
    step = jax.jit(make_step(model, dataset.tasks, optimizer, balancer, 8))
    after, metrics = step(state, batch)
    shared, own = split(state.params, model.owner)

    def losses(shared, own, rows):
        outputs = model.apply({"params": join(shared, own)}, rows.features)
        return task_losses(dataset.tasks, outputs, rows)[0]

    first, second = _take(batch, slice(16)), _take(batch, slice(16, 32))

    def goal(weights):
        def inner(shared, own):
            return losses(shared, own, first)

        by_shared = jax.grad(lambda s: weights @ inner(s, own))(shared)
        by_own = jax.grad(lambda o: jnp.sum(inner(shared, o)))(own)
        move = functools.partial(jax.tree.map, lambda p, g: p - 0.1 * g)
        return losses(move(shared, by_shared), move(own, by_own), second)[0]

    gradient = jax.grad(goal)(jnp.full(3, 0.5))
    signs = np.where(np.abs(gradient) > 1e-6, -np.sign(gradient), np.nan)
    assert not np.isnan(signs).any()
    np.testing.assert_allclose(metrics["weight"], 0.5 + signs, rtol=1e-2)
    direction = jax.grad(lambda s: metrics["weight"] @ losses(s, own, batch))(shared)
    moved, _ = split(after.params, model.owner)
    for path, leaf in moved.items():
        np.testing.assert_allclose(
            leaf, shared[path] - direction[path], rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize("name", METHODS)
def test_it_trains_with_dropout_batch_norm_and_masks_and_resumes(
    name, dataset, tmp_path
):
    model = train.build_model(
        functools.partial(
            models.SharedBottom, bottom_widths=(8,), norm="batch", dropout_rate=0.2
        ),
        functools.partial(models.FeatureEncoder, embedding_dim=3),
        dataset,
    )

    def fit(epochs, **options):
        return train.fit(
            model,
            dataset,
            METHODS[name](),
            optax.adam(1e-2),
            epochs=epochs,
            batch_size=64,
            **options,
        )

    whole = fit(3)
    fit(1, checkpointer=train.Checkpointer(tmp_path / "checkpoint"))
    resumed = fit(
        3, checkpointer=train.Checkpointer(tmp_path / "checkpoint"), resume=True
    )
    for one, other in (
        (whole.state.params, resumed.state.params),
        (whole.state.balancer_state, resumed.state.balancer_state),
    ):
        jax.tree.map(np.testing.assert_array_equal, one, other)
    assert resumed.test == whole.test
    assert not whole.diverged


@pytest.mark.parametrize("name", METHODS)
def test_an_absent_task_gets_no_weight_and_keeps_its_state(name, dataset, model, batch):
    balancer, optimizer = METHODS[name](), optax.sgd(0.1)
    where = {**batch.where, "buy": jnp.zeros(32, bool)}
    labels = {**batch.labels, "buy": jnp.full(32, jnp.nan)}
    rows = Batch(batch.features, labels, where)
    state = init_state(model, optimizer, balancer, rows, jax.random.key(0))
    step = jax.jit(make_step(model, dataset.tasks, optimizer, balancer, 8))
    after, metrics = step(state, rows)
    assert metrics["weight"][1] == 0.0
    assert (metrics["weight"][jnp.array([0, 2])] > 0).all()
    assert after.balancer_state[0][1] == state.balancer_state[0][1]
    if name != "forum":  # whose nu is 0 here: the gap falls as fast as it must
        assert after.balancer_state[0][0] != state.balancer_state[0][0]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after.params))


@pytest.mark.parametrize("name", METHODS)
def test_a_model_that_shares_nothing_trains_too(name, dataset):
    model = train.build_model(
        models.SingleTask,
        functools.partial(models.FeatureEncoder, embedding_dim=2),
        dataset,
    )
    balancer = METHODS[name]()
    result = train.fit(
        model, dataset, balancer, optax.adam(1e-2), epochs=1, batch_size=128
    )
    assert not result.diverged


def test_two_halves_need_two_rows(dataset, model, batch):
    one = _take(batch, slice(1))
    balancer, optimizer = moml(), optax.sgd(0.1)
    state = init_state(model, optimizer, balancer, one, jax.random.key(0))
    step = make_step(model, dataset.tasks, optimizer, balancer, 8)
    with pytest.raises(ValueError, match="at least 2 rows"):
        step(state, one)
