import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.balancers import base
from mtlx.types import Signals


def test_all_tasks_are_present_where_nothing_is_said():
    mask = base.present_mask(Signals(losses=jnp.ones(3)))
    np.testing.assert_array_equal(mask, [True, True, True])
    assert mask.dtype == bool


def test_what_is_said_is_kept():
    signals = Signals(losses=jnp.ones(3), present=jnp.array([1, 0, 1]))
    np.testing.assert_array_equal(base.present_mask(signals), [True, False, True])


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.int32])
def test_the_gram_matrix_is_float32_and_zero_for_absent_tasks(dtype):
    gram = jnp.arange(1, 10).reshape(3, 3).astype(dtype)
    present = jnp.array([True, False, True])
    found = base.masked_gram(Signals(jnp.ones(3), gram, present=present))
    assert found.dtype == jnp.float32
    np.testing.assert_array_equal(found, [[1, 0, 3], [0, 0, 0], [7, 0, 9]])


def test_a_nan_of_an_absent_task_does_not_show():
    gram = jnp.array([[1.0, jnp.nan], [jnp.nan, jnp.nan]])
    present = jnp.array([True, False])
    found = base.masked_gram(Signals(jnp.ones(2), gram, present=present))
    np.testing.assert_array_equal(found, [[1, 0], [0, 0]])


@pytest.mark.parametrize("least", [0.0, 1e-8, 0.5])
def test_losses_are_float32_from_the_least_up_and_one_where_absent(least):
    losses = jnp.array([-1.0, 0.0, 2.0, jnp.nan], jnp.bfloat16)
    signals = Signals(losses, present=jnp.array([True, True, True, False]))
    found = base.positive_losses(signals, least)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, [least, least, 2.0, 1.0])


@pytest.mark.parametrize("seed", range(5))
def test_the_canonical_order_does_not_depend_on_the_listed_one(seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-2, 3, (6, 3)).astype(np.float32)  # with ties in G_ii
    gram, order = jnp.asarray(rows @ rows.T), rng.permutation(6)
    shuffled = gram[order][:, order]

    def sort(matrix):
        first = base.canonical_order(matrix)
        return jnp.diagonal(matrix)[first], jnp.max(matrix, 1)[first]

    for found, expected in zip(sort(shuffled), sort(gram), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert (np.diff(np.asarray(sort(gram)[0])) >= 0).all()


@pytest.mark.parametrize("value", [2.0, 2, (2.0, 2.0, 2.0), [2, 2, 2]])
def test_one_number_or_one_a_task(value):
    found = base.per_task("alpha", value, 3)
    np.testing.assert_array_equal(found, [2.0, 2.0, 2.0])
    assert found.dtype == jnp.float32 and not found.weak_type


def test_one_number_a_task_may_be_traced():
    found = jax.jit(lambda a, b: base.per_task("alpha", (a, b), 2))(1.0, 2.0)
    np.testing.assert_array_equal(found, [1.0, 2.0])


@pytest.mark.parametrize("value", [(), (1.0, 2.0), [1, 2, 3, 4]])
def test_any_other_number_of_numbers_is_refused(value):
    with pytest.raises(ValueError, match="alpha to be one number or a sequence of 3"):
        base.per_task("alpha", value, 3)


def test_what_is_missing_is_named_at_once():
    signals = Signals(losses=jnp.ones(2))
    with pytest.raises(ValueError, match="'mine' expected gram, grads, key, found"):
        base.require("mine", signals, "gram", "grads", key=None)
    base.require("mine", signals)  # nothing asked for, nothing missing
    base.require("mine", signals._replace(gram=jnp.eye(2)), "gram", key=0)


def test_a_stateless_balancer_carries_an_empty_state():
    needs = frozenset({"key"})
    balancer = base.stateless(lambda signals, key: signals.losses * key, needs)
    assert balancer.init(5) == () and balancer.needs == needs
    weights, state = balancer.update(Signals(jnp.ones(2)), (), key=3.0)
    np.testing.assert_array_equal(weights, [3.0, 3.0])
    assert state == ()
