import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


def run(steps, present=None, **options):
    """Weights of every step for gradients [S, T, n]; and the last state."""
    steps = jnp.asarray(steps, jnp.float32)
    balancer = balancers.excess_mtl(**options)
    state, found = balancer.init(steps.shape[1], {"w": steps[0, 0]}), []
    for number, rows in enumerate(steps):
        there = None if present is None else jnp.asarray(present[number])
        known = Signals(jnp.ones(len(rows)), grads={"w": rows}, present=there)
        weights, state = balancer.update(known, state)
        found.append(weights)
    return np.stack(found), state


def test_three_steps_by_hand():
    """One coordinate. Task 1 has g = 2, 2, 2: S = 4, 8, 12, e = 4 / sqrt(S) and
    r = 1, sqrt(1/2), sqrt(1/3). Task 2 has g = 1, 0, 3: S = 1, 1, 10, r = -, 0,
    9 / sqrt(10)."""
    found, _ = run([[[2.0], [1.0]], [[2.0], [0.0]], [[2.0], [3.0]]], step_size=0.5)
    first = np.exp(0.5 * np.cumsum([1, np.sqrt(1 / 2), np.sqrt(1 / 3)]))
    second = np.exp(0.5 * np.cumsum([1, 0, 9 / np.sqrt(10)]))
    both = np.stack([first, second], 1)
    expected = 2 * both / both.sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(("variant", "total"), [("libmtl", 3), ("paper", 1)])
@pytest.mark.parametrize("warmup", [1, 4])
def test_the_recurrence_written_out(variant, total, warmup):
    steps = np.random.default_rng(0).standard_normal((12, 3, 7))
    options = {"step_size": 0.3, "warmup": warmup, "variant": variant}
    found, _ = run(steps, **options)
    squares, p, early = np.zeros((3, 7)), np.full(3, total / 3), []
    for k, rows in enumerate(steps):
        squares += rows**2
        risk = (rows**2 / np.sqrt(squares + 1e-7)).sum(1)
        if k < warmup:
            early.append(risk)
        else:
            p = p * np.exp(0.3 * risk / np.mean(early, axis=0))
            p = total * p / p.sum()
        np.testing.assert_allclose(found[k], p, rtol=1e-4)


def test_a_constant_factor_on_a_loss_changes_nothing():
    steps = np.random.default_rng(1).standard_normal((10, 3, 7))
    plain, _ = run(steps, step_size=0.5)
    scaled, _ = run(steps * [[[1.0], [100.0], [7.0]]], step_size=0.5)
    np.testing.assert_allclose(scaled, plain, rtol=1e-3)


def test_the_task_that_still_has_gradients_gains():
    decay = 0.5 ** np.arange(30)
    rows = np.random.default_rng(2).standard_normal((2, 5))
    steps = np.stack([decay[:, None] * rows[0], np.ones((30, 1)) * rows[1]], axis=1)
    found, _ = run(steps, step_size=0.1)
    assert (np.diff(found[1:, 1]) > 0).all() and found[0, 1] == 1.0


def test_a_late_task_starts_with_its_share_and_no_lead():
    """Absent at first, it keeps p = 1 and takes its e(0) at its own first batch."""
    steps = np.ones((4, 3, 2))
    present = [[True, True, False]] * 2 + [[True] * 3] * 2
    found, state = run(steps, present, step_size=1.0)
    np.testing.assert_allclose(found[:2, :2], 1.0, rtol=1e-5)
    np.testing.assert_array_equal(state.seen, [4, 4, 2])
    logs = np.array([[1 / np.sqrt(3), 1 / np.sqrt(3), 1]])
    logs = np.cumsum(np.vstack([logs, [[1 / 2, 1 / 2, 1 / np.sqrt(2)]]]), axis=0)
    expected = 3 * np.exp(logs) / np.exp(logs).sum(1, keepdims=True)
    np.testing.assert_allclose(found[2:], expected, rtol=1e-5)


def test_a_task_without_a_gradient_at_first_counts_as_at_its_start():
    steps = np.ones((3, 2, 2))
    steps[0, 0] = 0.0
    found, state = run(steps, step_size=1.0)
    logs = np.array([[1, 1], [1, 1 / np.sqrt(2)], [1, 1 / np.sqrt(3)]]).cumsum(0)
    expected = 2 * np.exp(logs) / np.exp(logs).sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert state.baseline[0] == 0


def test_what_is_refused():
    with pytest.raises(ValueError, match="variant to be one of 'libmtl', 'paper'"):
        balancers.excess_mtl(variant="torchjd")
