"""On every architecture the ghost form gives what `jax.jacobian` gives.

It goes through the trunk operation by operation; the other forms by `jax.vjp` alone.
"""

import jax
import jax.numpy as jnp
import numpy as np

from mtlx.gradients import join, measure, split


def _flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def _assert_close(actual, expected):
    """To 1e-5 of the largest entry: entries that cancel have no digits of their own."""
    scale = np.max(np.abs(expected), initial=1e-3)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * scale)


def test_the_ghost_form_is_exact(build, features, randomize, quick_jit):
    model = build()
    variables = dict(model.init(jax.random.key(0), features))
    params = randomize(variables.pop("params"))
    weights = jnp.array([0.5, -1.0, 2.0])

    def losses(params):
        outputs = model.apply({"params": params, **variables}, features)
        return jnp.stack([jnp.mean(jnp.square(y - 1.0)) for y in outputs.values()]), {}

    def run(params):
        needs = frozenset({"gram"})
        measured = measure(losses, params, model.owner, needs, gradients="ghost")
        jacobian = jax.jacrev(lambda p: losses(p)[0])(params)
        return measured.signals.gram, measured.gradient(weights), jacobian

    gram, gradient, jacobian = quick_jit(run)(params)
    shared, own = split(jacobian, model.owner)
    rows = [np.reshape(leaf, (3, -1)) for leaf in shared.values()]
    rows = np.concatenate([np.zeros((3, 1)), *rows], axis=1)
    expected = join(
        {path: np.tensordot(weights, leaf, axes=1) for path, leaf in shared.items()},
        {path: np.sum(leaf, axis=0) for path, leaf in own.items()},
    )
    _assert_close(gram, rows @ rows.T)
    assert jax.tree.structure(gradient) == jax.tree.structure(expected)
    _assert_close(_flat(gradient), _flat(expected))
