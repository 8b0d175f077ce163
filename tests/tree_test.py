import jax
import jax.numpy as jnp
import numpy as np

from mtlx import tree


def _stacked(num_tasks=3):
    keys = jax.random.split(jax.random.key(0), 2)
    return {
        "w": jax.random.normal(keys[0], (num_tasks, 4, 5)),
        "b": jax.random.normal(keys[1], (num_tasks, 7)),
    }


def _dense(stacked):
    leaves = jax.tree.leaves(stacked)
    return np.concatenate([np.reshape(x, (x.shape[0], -1)) for x in leaves], 1)


def test_gram_is_j_jt_of_the_concatenated_gradients():
    stacked = _stacked()
    jacobian = _dense(stacked).astype(np.float64)
    np.testing.assert_allclose(
        tree.gram(stacked, 3), jacobian @ jacobian.T, rtol=1e-5, atol=1e-5
    )


def test_gram_accumulates_bfloat16_gradients_in_float32():
    half = jax.tree.map(lambda x: x.astype(jnp.bfloat16), _stacked())
    jacobian = _dense(jax.tree.map(lambda x: x.astype(jnp.float32), half))
    gram = tree.gram(half, 3)
    assert gram.dtype == jnp.float32
    np.testing.assert_allclose(gram, jacobian @ jacobian.T, rtol=1e-5, atol=1e-5)


def test_gram_of_nothing_shared_is_zero():
    np.testing.assert_array_equal(tree.gram({}, 4), np.zeros((4, 4)))


def test_weighted_sum_is_jt_w():
    stacked, weights = _stacked(), jnp.array([0.5, -2.0, 3.0])
    summed = tree.weighted_sum(weights, stacked)
    expected = _dense(stacked).T @ np.asarray(weights)
    flat = np.concatenate([np.ravel(x) for x in jax.tree.leaves(summed)])
    np.testing.assert_allclose(flat, expected, rtol=1e-5, atol=1e-5)
    assert summed["w"].shape == (4, 5)


def test_count_adds_the_sizes_of_all_leaves():
    assert tree.count(_stacked(2)) == 2 * (20 + 7)
