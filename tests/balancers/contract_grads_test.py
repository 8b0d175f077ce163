"""The contracts of `contract_test`, for rules on stacked gradients or two batches."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Direction, Signals
from tests.balancers.members import assert_same_types, stack
from tests.balancers.members_grads import (
    HYPERPARAMETERS,
    SHARED,
    WIDTH,
    assert_close,
    assert_finite,
    build,
    compiled,
    every_member,
    outcome,
    run,
    signals,
    stacked,
    start,
)


@every_member
@pytest.mark.parametrize("tasks", [1, 2, 4])
def test_results_are_finite_float32(row, tasks):
    ranks = {0, 1, tasks}
    for rank, scale in itertools.product(ranks, (1e-10, 1e-5, 1.0, 1e5, 1e10)):
        steps = [signals(tasks, seed, rank, scale) for seed in range(2)]
        found, state = run(compiled(row), start(build(row), tasks), steps)
        assert_finite((found, state))
        gradient, weights = found
        assert weights.shape == (2, tasks) and weights.dtype == jnp.float32
        for leaf, like in zip(
            jax.tree.leaves(gradient), jax.tree.leaves(SHARED), strict=True
        ):
            assert leaf.shape == (2, *like.shape) and leaf.dtype == jnp.float32


@every_member
def test_scales_that_change_within_a_run_stay_finite(row):
    rows = np.random.default_rng(0).standard_normal((4, WIDTH))
    rows *= [[1e-10], [1e-3], [1e3], [1e10]]
    state = start(build(row), 4)
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]):
        turned = rows[order]
        step = Signals(jnp.ones(4), grads=stacked(turned))
        step = step._replace(cross_gram=jnp.asarray(turned @ turned.T, jnp.float32))
        found, state = run(compiled(row), state, [step])
        assert_finite((found, state))


@every_member
@pytest.mark.parametrize("kind", ["losses", "row", "all", "duplicates", "opposite"])
def test_degenerate_signals_give_finite_results(row, kind):
    rows = np.random.default_rng(1).standard_normal((4, WIDTH))
    losses = jnp.zeros(4) if kind == "losses" else jnp.ones(4)
    rows[0] *= kind != "row"
    rows *= kind != "all"
    if kind in ("duplicates", "opposite"):
        rows[1:] = rows[0] * (-1 if kind == "opposite" else 1)
    step = Signals(losses, grads=stacked(rows))
    step = step._replace(cross_gram=jnp.asarray(rows @ rows.T, jnp.float32))
    assert_finite(run(compiled(row), start(build(row), 4), [step] * 3))


@every_member
def test_no_shared_parameters_give_an_empty_direction(row):
    known = signals(3)
    known = known._replace(grads={}, cross_gram=jnp.zeros((3, 3)))
    (gradient, weights), state = run(
        compiled(row), start(build(row), 3, {}), [known] * 2
    )
    assert jax.tree.leaves(gradient) == [] and weights.shape == (2, 3)
    assert_finite((weights, state))


@every_member
def test_state_keeps_tree_shape_dtype_and_weak_type(row):
    balancer = build(row)
    state = jax.eval_shape(lambda: start(balancer, 3))
    key = jax.random.key(0)
    result, new = jax.eval_shape(balancer.update, signals(3), state, key=key)
    assert_same_types(state, new)
    weights = result.weights if isinstance(result, Direction) else result
    assert (weights.shape, weights.dtype) == ((3,), jnp.float32)
    if isinstance(result, Direction):
        assert_same_types(jax.eval_shape(lambda: SHARED), result.gradient)
    assert not weights.weak_type


@every_member
def test_a_population_in_scan_and_cond_is_the_loop_over_runs_and_steps(row):
    balancer = build(row)
    runs = [[signals(4, 10 * run + step) for step in range(4)] for run in range(3)]
    keys = jax.random.split(jax.random.key(1), 3)

    def scanned(steps, key):
        def body(state, step):
            index, known = step
            folded = jax.random.fold_in(key, index)
            result, new = jax.lax.cond(
                index >= 0,
                lambda: balancer.update(known, state, key=folded),
                lambda: jax.tree.map(
                    jnp.zeros_like, balancer.update(known, state, key=folded)
                ),
            )
            return new, outcome(result, known)

        return jax.lax.scan(body, start(balancer, 4), (jnp.arange(4), steps))[1]

    found = jax.jit(jax.vmap(scanned))(stack([stack(steps) for steps in runs]), keys)
    for index, steps in enumerate(runs):
        expected, _ = run(compiled(row), start(balancer, 4), steps, keys[index])
        assert_close(jax.tree.map(lambda leaf, i=index: leaf[i], found), expected)


@every_member
def test_the_second_call_does_not_compile(row):
    update = compiled(row)
    _, state = run(update, start(build(row), 4), [signals(4)])
    before = update._cache_size()
    run(update, state, [signals(4, seed) for seed in (1, 2)])
    assert update._cache_size() == before


@pytest.mark.parametrize(("name", "argument", "values"), HYPERPARAMETERS)
def test_vmap_over_hyperparameters_is_the_loop_over_them(name, argument, values):
    steps = stack([signals(5, seed) for seed in range(4)])

    def directions(value):
        balancer = getattr(balancers, name)(**{argument: value})

        def body(state, step):
            result, state = balancer.update(step, state, key=jax.random.key(0))
            return state, outcome(result, step)

        return jax.lax.scan(body, start(balancer, 5), steps)[1]

    alone = jax.jit(directions)
    expected = [alone(jnp.asarray(value)) for value in values]
    found = jax.jit(jax.vmap(directions))(jnp.asarray(values))
    # Batched products round differently, and fixed iterations may carry that on.
    assert_close(found, stack(expected), rtol=2e-3, atol=1e-3)
    assert not np.allclose(expected[0][0]["scale",], expected[-1][0]["scale",])


@every_member
def test_needs_are_exact(row):
    balancer = build(row)
    known = signals(2)
    full = {
        "grads": known.grads,
        "cross_gram": known.cross_gram,
        "key": jax.random.key(0),
    }

    def update(key=None, **given):
        step = Signals(losses=jnp.ones(2), **given)
        state = start(balancer, 2)
        return jax.eval_shape(balancer.update, step, state, key=key)

    assert balancer.needs <= full.keys()
    update(**{need: full[need] for need in balancer.needs})
    for need in balancer.needs:
        rest = {other: full[other] for other in balancer.needs - {need}}
        with pytest.raises(ValueError, match=f"expected {need}, found None"):
            update(**rest)


@every_member
def test_signals_of_other_tasks_are_refused(row):
    balancer = build(row)
    known = signals(2)._replace(losses=jnp.ones(3))
    with pytest.raises(ValueError, match="one row a loss, found"):
        balancer.update(known, start(balancer, 3), key=jax.random.key(0))


@every_member
def test_permuted_tasks_give_permuted_weights_and_one_direction(row):
    order = jnp.array([2, 0, 3, 1])
    for rank in (1, 4):
        steps = [signals(4, seed, rank) for seed in range(3)]
        turned = [
            s._replace(
                losses=s.losses[order],
                grads=jax.tree.map(lambda leaf: leaf[order], s.grads),
                cross_gram=s.cross_gram[order][:, order],
            )
            for s in steps
        ]
        plain, _ = run(compiled(row), start(build(row), 4), steps)
        found, _ = run(compiled(row), start(build(row), 4), turned)
        assert_close(found, (plain[0], plain[1][:, order]), rtol=1e-3, atol=1e-4)


def hide(known, present):
    """Signals in which absent tasks hold NaN, so that a look at them would show."""
    there = jnp.asarray(present)
    both = there[:, None] & there[None, :]

    def mask(leaf):
        rows = there.reshape(-1, *[1] * (leaf.ndim - 1))
        return jnp.where(rows, leaf, jnp.nan)

    return known._replace(
        losses=mask(known.losses),
        grads=jax.tree.map(mask, known.grads),
        cross_gram=jnp.where(both, known.cross_gram, jnp.nan),
        present=there,
    )


def seen(update, state, steps, mask):
    """`run` on hidden signals; J^T w is taken of what is there."""
    known = [hide(s, mask) for s in steps]
    results = []
    for index, step in enumerate(known):
        folded = jax.random.fold_in(jax.random.key(7), index)
        result, state = update(step, state, key=folded)
        there = step._replace(grads=jax.tree.map(jnp.nan_to_num, step.grads))
        results.append(outcome(result, there))
    return stack(results), state


@every_member
@pytest.mark.parametrize("absent", [(1,), (0, 2), (1, 2, 3)])
def test_masked_tasks_are_removed_tasks(row, absent):
    present = np.isin(np.arange(4), absent, invert=True)
    kept = np.flatnonzero(present)
    steps = [signals(4, seed) for seed in range(4)]
    removed = [
        Signals(
            losses=s.losses[kept],
            grads=jax.tree.map(lambda leaf: leaf[kept], s.grads),
            cross_gram=s.cross_gram[kept][:, kept],
        )
        for s in steps
    ]
    expected, _ = run(compiled(row), start(build(row), len(kept)), removed)
    found, _ = seen(compiled(row), start(build(row), 4), steps, present)
    np.testing.assert_array_equal(found[1][:, list(absent)], 0.0)
    assert_close((found[0], found[1][:, kept]), expected)


@every_member
def test_absent_tasks_keep_their_own_state(row):
    known = [signals(4, seed) for seed in range(3)]
    _, state = run(compiled(row), start(build(row), 4), known)
    mask = [True, False, True, False]
    _, after = seen(compiled(row), state, [signals(4, 3)], mask)
    for old, new in zip(jax.tree.leaves(state), jax.tree.leaves(after), strict=True):
        if old.shape[:1] == (4,):
            np.testing.assert_array_equal(new[1::2], old[1::2])


@every_member
def test_no_task_at_all_gives_zeros_and_keeps_the_state(row):
    _, state = run(compiled(row), start(build(row), 4), [signals(4)])
    (gradient, weights), after = seen(
        compiled(row), state, [signals(4)] * 2, [False] * 4
    )
    for leaf in jax.tree.leaves((gradient, weights)):
        np.testing.assert_array_equal(leaf, jnp.zeros_like(leaf))
    jax.tree.map(np.testing.assert_array_equal, after, state)


@every_member
def test_tasks_that_come_and_go_give_finite_results(row):
    state, rng = start(build(row), 4), np.random.default_rng(0)
    for seed in range(8):
        step = [signals(4, seed)]
        found, state = seen(compiled(row), state, step, rng.uniform(size=4) < 0.5)
        assert_finite((found, state))
