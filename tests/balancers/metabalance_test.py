import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import balancers
from mtlx.types import Signals


def signals(norms, present=None):
    gram = jnp.diag(jnp.asarray(norms, jnp.float32) ** 2)
    present = None if present is None else jnp.asarray(present)
    return Signals(jnp.ones(len(norms)), gram, present=present)


def first(norms, **kwargs):
    balancer = balancers.metabalance(**kwargs)
    return balancer.update(signals(norms), balancer.init(len(norms)))[0]


@pytest.mark.parametrize("relax", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("main", [0, 2])
def test_the_first_step_is_a_mixture_of_two_lengths(relax, main):
    """The start of the running means drops out of their ratio."""
    norms = np.array([2.0, 0.5, 8.0])
    expected = relax * norms[main] / norms + (1 - relax)
    found = first(norms, main_task=main, relax=relax)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found[main] == 1.0


def test_a_strategy_only_shortens_or_only_lengthens():
    norms = [2.0, 0.5, 8.0]
    np.testing.assert_allclose(first(norms, relax=1.0, strategy="A"), [1, 1, 0.25])
    np.testing.assert_allclose(first(norms, relax=1.0, strategy="B"), [1, 4, 1])
    np.testing.assert_allclose(first(norms, relax=1.0, strategy="C"), [1, 4, 0.25])


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_steps_are_the_algorithm_written_out(decay):
    rng = np.random.default_rng(0)
    balancer = balancers.metabalance(1, 0.7, "C", decay)
    state, means = balancer.init(3), np.zeros(3)
    for norms in rng.uniform(0.1, 5.0, (10, 3)):
        found, state = balancer.update(signals(norms), state)
        means = decay * means + (1 - decay) * norms
        expected = 0.7 * means[1] / means + 0.3
        np.testing.assert_allclose(found, expected, rtol=1e-4)
        np.testing.assert_allclose(state.norms, means, rtol=1e-4)


def test_without_the_main_task_its_last_norm_counts_and_before_that_nothing():
    balancer = balancers.metabalance(relax=1.0, decay=0.5)
    state = balancer.init(3)
    found, state = balancer.update(signals([1.0, 2.0, 4.0], [False, True, True]), state)
    np.testing.assert_array_equal(found, [0.0, 1.0, 1.0])
    found, state = balancer.update(signals([6.0, 2.0, 4.0]), state)
    np.testing.assert_allclose(found, [1.0, 3.0 / 1.5, 3.0 / 3.0])
    found, state = balancer.update(
        signals([9.0, 1.5, 3.0], [False, True, False]), state
    )
    np.testing.assert_allclose(found, [0.0, 3.0 / 1.5, 0.0])
    np.testing.assert_allclose(state.norms, [3.0, 1.5, 3.0])


def test_zero_gradients_keep_weight_one():
    np.testing.assert_array_equal(first([2.0, 0.0, 2.0]), 1.0)
    # With the main gradient 0 the others shrink by what is relaxed.
    np.testing.assert_allclose(first([0.0, 1.0], relax=0.7), [1.0, 0.3], rtol=1e-6)


def test_a_main_task_out_of_range_is_refused():
    for main in (-1, 2):
        with pytest.raises(ValueError, match=rf"0 to 1, found {main}"):
            balancers.metabalance(main).init(2)
