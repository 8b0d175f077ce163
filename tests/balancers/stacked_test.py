import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.balancers.stacked import along, lengths, masked_grads, portion, track, zeros
from mtlx.types import Signals

ROWS = {"w": jnp.arange(12.0).reshape(2, 3, 2) - 5.0, "b": jnp.array([3.0, -4.0])}


def flat(stacked):
    return np.concatenate([np.reshape(leaf, (2, -1)) for leaf in stacked.values()], 1)


def test_lengths_are_the_norms_of_the_rows():
    np.testing.assert_allclose(
        lengths(ROWS, 2), np.linalg.norm(flat(ROWS), axis=1), rtol=1e-6
    )
    np.testing.assert_array_equal(lengths({}, 2), [0.0, 0.0])


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_lengths_neither_overflow_nor_vanish(scale):
    rows = {"w": jnp.array([[3.0, 4.0], [0.0, 0.0]]) * scale}
    np.testing.assert_allclose(lengths(rows, 2), [5.0 * scale, 0.0], rtol=1e-6)


def test_a_portion_is_the_coefficient_of_the_whole_in_the_part():
    part = {"w": 0.25 * ROWS["w"], "b": 0.25 * ROWS["b"]}
    both = jnp.array([True, True])
    np.testing.assert_allclose(portion(part, ROWS, both), [0.25, 0.25], rtol=1e-6)
    np.testing.assert_array_equal(portion({}, {}, ~both), [0.0, 0.0])
    none = {"w": jnp.zeros((2, 3))}
    np.testing.assert_array_equal(portion(none, none, both), [1.0, 1.0])


def test_tracking_moves_the_present_tasks_at_their_own_rate():
    old = zeros(3, {"w": jnp.ones((2, 2))})
    new = {"w": jnp.full((3, 2, 2), 8.0)}
    rate = jnp.array([0.25, 0.5, 1.0])
    found = track(old, new, rate, jnp.array([True, False, True]))["w"]
    np.testing.assert_array_equal(found[:, 0, 0], [2.0, 0.0, 8.0])


def test_absent_rows_are_zero_and_values_reach_every_axis():
    signals = Signals(jnp.ones(2), grads=ROWS, present=jnp.array([True, False]))
    masked = masked_grads("x", signals)
    np.testing.assert_array_equal(masked["w"][0], ROWS["w"][0])
    np.testing.assert_array_equal(masked["w"][1], jnp.zeros((3, 2)))
    np.testing.assert_array_equal(masked["b"], [3.0, 0.0])
    assert along(jnp.ones(2), ROWS["w"]).shape == (2, 1, 1)


def test_a_scalar_leaf_has_no_row_a_task():
    with pytest.raises(ValueError, match=r"found a leaf of shape \(\)"):
        masked_grads("x", Signals(jnp.ones(2), grads={"w": jnp.float32(1.0)}))
