"""Clippy's bound, its direction, and that small updates pass."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx.train.optimizers import clippy, clippy_adagrad


def _tree(seed, scale):
    a, b = jax.random.split(jax.random.key(seed))
    return {"w": scale * jax.random.normal(a, (5, 3)), "b": scale * jnp.ones(4)}


@pytest.mark.parametrize("relative, absolute", [(0.5, 0.01), (0.1, 1e-3), (0.0, 0.2)])
def test_no_element_moves_by_more_than_its_bound(relative, absolute):
    params, updates = _tree(0, 1.0), _tree(1, 5.0)
    moved, _ = clippy(relative, absolute).update(updates, optax.EmptyState(), params)
    leaves = map(jax.tree.leaves, (moved, updates, params))
    for delta, before, theta in zip(*leaves, strict=True):
        bound = relative * np.abs(theta) + absolute
        assert (np.abs(delta) <= bound * (1 + 1e-5)).all()
        factor = np.asarray(delta / before)
        np.testing.assert_allclose(factor, factor.flat[0], rtol=1e-5)  # one a leaf
        # The tightest element is at its bound: the factor is the largest there is.
        assert np.max(np.abs(delta) / bound) == pytest.approx(1.0, rel=1e-5)


def test_each_leaf_has_a_factor_of_its_own():
    params = {"a": jnp.array([1.0, 0.0]), "b": jnp.array([1.0])}
    updates = {"a": jnp.array([1.0, 0.1]), "b": jnp.array([0.2])}
    moved, _ = clippy(0.5, 0.01).update(updates, optax.EmptyState(), params)
    np.testing.assert_allclose(moved["a"], [0.1, 0.01], rtol=1e-6)  # .01 / .1
    np.testing.assert_array_equal(moved["b"], updates["b"])


def test_small_updates_pass_unchanged_and_zero_parameters_may_move():
    params, updates = _tree(0, 1.0), _tree(1, 1e-4)
    updates["b"] = jnp.zeros(4)
    transform = clippy()
    moved, _ = transform.update(updates, transform.init(params), params)
    jax.tree.map(np.testing.assert_array_equal, moved, updates)
    still = {"w": jnp.zeros(3)}
    moved, _ = transform.update({"w": jnp.full(3, 7.0)}, optax.EmptyState(), still)
    np.testing.assert_allclose(moved["w"], 0.01)


def test_a_leaf_without_elements_passes():
    empty = {"w": jnp.zeros((0, 2))}
    moved, _ = clippy().update(empty, optax.EmptyState(), empty)
    assert moved["w"].shape == (0, 2)


def test_clippy_adagrad_is_adagrad_until_it_clips():
    params, gradient = _tree(0, 1.0), _tree(1, 1.0)
    for rate, same in ((1e-3, True), (10.0, False)):
        ours, plain = clippy_adagrad(rate), optax.adagrad(rate)
        one, _ = ours.update(gradient, ours.init(params), params)
        other, _ = plain.update(gradient, plain.init(params), params)
        assert np.allclose(one["w"], other["w"], rtol=1e-6) == same


def test_it_asks_for_the_parameters():
    with pytest.raises(ValueError, match="expected the parameters, found None"):
        clippy().update(_tree(0, 1.0), optax.EmptyState())
