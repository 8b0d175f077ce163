import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


def direct(rows, key=0, **options):
    """(d, w) for gradients [T, n] of one parameter."""
    rows = jnp.asarray(rows, jnp.float32)
    balancer = balancers.graddrop(**options)
    signals = Signals(jnp.ones(len(rows)), grads={"w": rows})
    state = balancer.init(len(rows), {"w": rows[0]})
    found, _ = balancer.update(signals, state, key=jax.random.key(key))
    return np.asarray(found.gradient["w"]), np.asarray(found.weights)


def drawn(width, key=0):
    """The U that the first leaf gets."""
    return np.asarray(
        jax.random.uniform(jax.random.fold_in(jax.random.key(key), 0), (width,))
    )


@pytest.mark.parametrize("leak", [0.0, 0.3, (0.0, 0.5, 1.0)])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_algorithm_1_written_out(leak, reduction):
    rows = np.random.default_rng(0).standard_normal((3, 200))
    d, w = direct(rows, leak=leak, reduction=reduction)
    u, purity = drawn(200), 0.5 * (1 + rows.sum(0) / np.abs(rows).sum(0))
    assert (purity >= 0).all() and (purity <= 1).all()
    expected, shares = np.zeros(200), []
    for row, part in zip(rows, np.broadcast_to(leak, 3), strict=True):
        mask = (u < purity) * (row > 0) + (u > purity) * (row < 0)
        left = (part + (1 - part) * mask) * row
        expected += left
        shares.append(left @ row / (row @ row))
    scale = 1 / 3 if reduction == "mean" else 1
    np.testing.assert_allclose(d, scale * expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(w, scale * np.array(shares), rtol=1e-4)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_equal_signs_give_the_plain_sum(sign):
    rows = sign * np.random.default_rng(1).uniform(0, 1, (4, 500))
    rows[:, 0] = 0.0
    for key in range(5):
        d, w = direct(rows, key)
        np.testing.assert_allclose(d, rows.sum(0), rtol=1e-5)
        np.testing.assert_allclose(w, 1.0, rtol=1e-6)


def test_one_sign_survives_at_every_coordinate():
    rows = np.random.default_rng(2).standard_normal((5, 300))
    positive = np.where(rows > 0, rows, 0).sum(0)
    negative = np.where(rows < 0, rows, 0).sum(0)
    d, _ = direct(rows)
    nearest = np.minimum(np.abs(d - positive), np.abs(d - negative))
    assert nearest.max() < 1e-5
    assert 0.3 < np.mean(np.abs(d - positive) < 1e-5) < 0.7


def test_the_direction_is_the_sum_on_average():
    """P p - (1 - P) q = p - q, with p and q the masses of either sign."""
    rows = np.array([[2.0, -1.0, 0.5], [-1.0, -1.0, 0.5], [0.5, 3.0, -4.0]])
    repeated = np.tile(rows, (1, 20_000))
    d, _ = direct(repeated)
    means = d.reshape(-1, 3).mean(0)
    np.testing.assert_allclose(means, rows.sum(0), atol=0.05)


def test_torchjd_example():
    """On [[-4, 1, 1], [6, 1, 1]] P = (0.6, 1, 1), so d is (6, 2, 2) or (-4, 2, 2)."""
    for key in range(10):
        d, _ = direct([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]], key)
        first = 6.0 if drawn(3, key)[0] < 0.6 else -4.0
        np.testing.assert_array_equal(d, [first, 2.0, 2.0])


def test_a_full_leak_and_a_single_task_are_the_plain_sum():
    rows = np.random.default_rng(3).standard_normal((3, 50))
    np.testing.assert_allclose(direct(rows, leak=1.0)[0], rows.sum(0), rtol=1e-4)
    np.testing.assert_allclose(direct(rows[:1])[0], rows[0], rtol=1e-5)


def test_parameters_draw_apart():
    rows = jnp.tile(jnp.array([[1.0], [-1.0]]), (1, 100))
    signals = Signals(jnp.ones(2), grads={"a": rows, "b": rows})
    found, _ = balancers.graddrop().update(signals, (), key=jax.random.key(0))
    assert not np.array_equal(found.gradient["a"], found.gradient["b"])


def test_what_is_refused():
    with pytest.raises(ValueError, match="reduction to be one of 'sum', 'mean'"):
        balancers.graddrop(reduction="max")
    with pytest.raises(ValueError, match="leak to be one number or a sequence of 3"):
        balancers.graddrop(leak=(0.5, 1.0)).init(3, {})
