"""What holds for every balancer: every contract on each row of the table of members."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals
from tests.balancers.members import (
    HYPERPARAMETERS,
    IDS,
    MEMBERS,
    ROWS,
    UNORDERED,
    assert_same_types,
    build,
    compiled,
    every_member,
    run,
    signals,
    stack,
)


@every_member
@pytest.mark.parametrize("tasks", [1, 2, 3, 4, 9])
def test_weights_are_one_finite_float32_a_task(row, tasks):
    ranks = {0, 1, max(1, tasks // 2), tasks}
    scales = (1e-10, 1e-5, 1.0, 1e5, 1e10)
    for rank, scale in itertools.product(ranks, scales):
        state = build(row).init(tasks)
        steps = [signals(tasks, seed, rank, scale) for seed in range(2)]
        weights, state = run(compiled(row), state, steps)
        assert weights.shape == (2, tasks) and weights.dtype == jnp.float32
        for leaf in jax.tree.leaves((weights, state)):
            assert np.isfinite(leaf).all(), (rank, scale)


@every_member
def test_losses_of_zero_give_finite_weights(row):
    zero = signals(4)._replace(losses=jnp.zeros(4))
    weights, _ = run(compiled(row), build(row).init(4), [zero] * 3)
    assert np.isfinite(weights).all()


@every_member
@pytest.mark.parametrize("epoch", [None, 3])
def test_state_keeps_tree_shape_dtype_and_weak_type(row, epoch):
    balancer = build(row)
    known = signals(3)._replace(epoch=None if epoch is None else jnp.int32(epoch))
    state = jax.eval_shape(lambda: balancer.init(3))
    key = jax.random.key(0)
    weights, new = jax.eval_shape(balancer.update, known, state, key=key)
    assert (weights.shape, weights.dtype) == ((3,), jnp.float32)
    assert not weights.weak_type
    assert_same_types(state, new)


@every_member
def test_a_population_in_scan_and_cond_is_the_loop_over_runs_and_steps(row):
    balancer = build(row)
    runs = [[signals(4, 10 * run + step) for step in range(4)] for run in range(3)]
    keys = jax.random.split(jax.random.key(1), 3)

    def scanned(steps, key):
        def body(state, step):
            index, signal = step
            folded = jax.random.fold_in(key, index)
            return jax.lax.cond(
                index >= 0,
                lambda: balancer.update(signal, state, key=folded)[::-1],
                lambda: (state, jnp.zeros(4)),
            )

        return jax.lax.scan(body, balancer.init(4), (jnp.arange(4), steps))[1]

    population = stack([stack(steps) for steps in runs])
    found = jax.jit(jax.vmap(scanned))(population, keys)
    for index, steps in enumerate(runs):
        expected, _ = run(compiled(row), balancer.init(4), steps, keys[index])
        np.testing.assert_allclose(found[index], expected, rtol=1e-4, atol=1e-5)


@every_member
def test_the_second_call_does_not_compile(row):
    update = compiled(row)
    _, state = run(update, build(row).init(4), [signals(4)])
    before = update._cache_size()
    run(update, state, [signals(4, seed) for seed in (1, 2)])
    assert update._cache_size() == before


@pytest.mark.parametrize(("name", "argument", "values"), HYPERPARAMETERS)
def test_vmap_over_hyperparameters_is_the_loop_over_them(name, argument, values):
    steps = stack([signals(3, seed) for seed in range(4)])

    def weights(value):
        balancer = getattr(balancers, name)(**{argument: value})

        def body(state, step):
            return balancer.update(step, state, key=jax.random.key(0))[::-1]

        return jax.lax.scan(body, balancer.init(3), steps)[1]

    alone = jax.jit(weights)
    expected = [alone(jnp.asarray(value)) for value in values]
    found = jax.jit(jax.vmap(weights))(jnp.asarray(values))
    np.testing.assert_allclose(found, jnp.stack(expected), rtol=1e-4, atol=1e-5)
    assert not np.allclose(expected[0], expected[-1])


@every_member
def test_needs_are_exact(row):
    balancer = build(row)
    full = {"gram": signals(2).gram, "key": jax.random.key(0)}

    def update(**given):
        known = Signals(losses=jnp.ones(2), gram=given.get("gram"))
        state = balancer.init(2)
        return jax.eval_shape(balancer.update, known, state, key=given.get("key"))

    needs = balancer.needs - {"losses_after"}  # those come after the update
    assert (balancer.observe is not None) == (needs != balancer.needs)
    assert needs <= full.keys()
    update(**{need: full[need] for need in needs})
    for need in needs:
        rest = {other: full[other] for other in needs - {need}}
        with pytest.raises(ValueError, match=f"expected {need}, found None"):
            update(**rest)


@pytest.mark.parametrize("row", UNORDERED, ids=[IDS[row] for row in UNORDERED])
def test_permuted_tasks_give_permuted_weights(row):
    order = jnp.array([2, 0, 3, 1])
    for rank in (0, 1, 2, 4):
        steps = [signals(4, seed, rank) for seed in range(3)]
        turned = [
            s._replace(losses=s.losses[order], gram=s.gram[order][:, order])
            for s in steps
        ]
        plain, _ = run(compiled(row), build(row).init(4), steps)
        found, _ = run(compiled(row), build(row).init(4), turned)
        np.testing.assert_allclose(found, plain[:, order], rtol=1e-3, atol=1e-4)


def hide(known, present):
    """Signals in which absent tasks hold NaN, so that a look at them would show."""
    there = jnp.asarray(present)
    both = there[:, None] & there[None, :]
    return known._replace(
        losses=jnp.where(there, known.losses, jnp.nan),
        gram=jnp.where(both, known.gram, jnp.nan),
        present=there,
    )


# Without task 0, the main task, MetaBalance has another rule: see metabalance_test.
ABSENCES = [
    pytest.param(row, absent, id=f"{name}-{absent}")
    for row, name in zip(ROWS, IDS, strict=True)
    for absent in [(1,), (0, 2), (1, 2, 3)]
    if MEMBERS[row][0] != "metabalance" or 0 not in absent
]


@pytest.mark.parametrize(("row", "absent"), ABSENCES)
def test_masked_tasks_are_removed_tasks(row, absent):
    present = np.isin(np.arange(4), absent, invert=True)
    kept = np.flatnonzero(present)
    steps = [signals(4, seed) for seed in range(4)]
    removed = [
        Signals(losses=s.losses[kept], gram=s.gram[kept][:, kept]) for s in steps
    ]
    expected, _ = run(compiled(row), build(row).init(len(kept)), removed)
    masked = [hide(s, present) for s in steps]
    found, _ = run(compiled(row), build(row).init(4), masked)
    np.testing.assert_array_equal(found[:, list(absent)], 0.0)
    np.testing.assert_allclose(found[:, kept], expected, rtol=1e-4, atol=1e-5)


# A window of DWA closes for all tasks at once: dwa_test has what absence means there.
@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if MEMBERS[row][0] != "dwa"],
    ids=[name for name in IDS if not name.startswith("dwa")],
)
def test_absent_tasks_keep_their_own_state(row):
    known = [signals(4, seed) for seed in range(3)]
    _, state = run(compiled(row), build(row).init(4), known)
    away = hide(signals(4, 3), [True, False, True, False])
    _, after = compiled(row)(away, state, key=jax.random.key(0))
    for old, new in zip(jax.tree.leaves(state), jax.tree.leaves(after), strict=True):
        if old.shape[:1] == (4,):
            np.testing.assert_array_equal(new[1::2], old[1::2])


@every_member
def test_no_task_at_all_gives_zeros(row):
    state = build(row).init(4)
    nobody = hide(signals(4), [False] * 4)
    weights, after = run(compiled(row), state, [nobody] * 3)
    np.testing.assert_array_equal(weights, jnp.zeros((3, 4)))
    for leaf in jax.tree.leaves(after):
        assert np.isfinite(leaf).all()
