import jax.numpy as jnp
import numpy as np
import optax

from mtlx.balancers.masked_adam import masked_adam

GRADIENTS = np.random.default_rng(0).standard_normal((12, 3)).astype(np.float32)


def test_with_all_tasks_present_it_is_adam():
    adam, values = masked_adam(0.1), jnp.array([1.0, 2.0, 3.0])
    expected, reference = values, optax.adam(0.1)
    state, other = adam.init(values), reference.init(expected)
    for gradient in jnp.asarray(GRADIENTS):
        values, state = adam.update(gradient, state, values, jnp.ones(3, bool))
        updates, other = reference.update(gradient, other)
        expected = optax.apply_updates(expected, updates)
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_each_task_runs_on_the_steps_that_hold_it():
    present = np.random.default_rng(1).uniform(size=(12, 3)) < 0.5
    assert present.any(0).all() and not present.all(0).any()
    adam, values = masked_adam(0.1), jnp.zeros(3)
    state = adam.init(values)
    for gradient, there in zip(GRADIENTS, present, strict=True):
        values, state = adam.update(
            jnp.asarray(gradient), state, values, jnp.asarray(there)
        )
    for task in range(3):
        alone, single = jnp.zeros(1), masked_adam(0.1)
        own = single.init(alone)
        for gradient in GRADIENTS[present[:, task], task]:
            alone, own = single.update(
                jnp.asarray([gradient]), own, alone, jnp.ones(1, bool)
            )
        np.testing.assert_allclose(values[task], alone[0], rtol=1e-6)
