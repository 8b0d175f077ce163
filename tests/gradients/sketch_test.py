"""The sketch estimates without bias, with the variance that its page states."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.gradients import Cut, measure

GRAM = frozenset({"gram"})


@pytest.fixture(scope="module")
def case(make_case):
    return make_case("shared_bottom", 2)


def _gram(case, form, cut=None, **options):
    return measure(
        case.losses, case.params, case.model.owner, GRAM, cut, gradients=form, **options
    ).signals.gram


@pytest.mark.parametrize("with_metric", [False, True])
def test_the_mean_over_keys_is_the_gram_matrix(case, with_metric):
    metric = {
        path: 0.5 + jnp.arange(leaf.size, dtype="float32").reshape(leaf.shape) % 3
        for path, leaf in case.shared.items()
    }
    cut = Cut(metric=metric if with_metric else None)
    keys = jax.random.split(jax.random.key(0), 2000)
    draw = functools.partial(_gram, case, "sketch", cut, num_probes=2)
    draws = np.asarray(jax.jit(jax.vmap(lambda key: draw(key=key)))(keys))
    error = draws.std(axis=0) / np.sqrt(len(draws))
    expected = jax.jit(lambda: _gram(case, "vmap", cut))()
    assert np.all(np.abs(draws.mean(axis=0) - expected) < 4.5 * error)


def test_the_variance_falls_with_the_probes(case):
    """Var G_ij = (G_ii G_jj + G_ij^2 - 2 sum_n (J_in J_jn)^2) / k."""
    probes = 3
    keys = jax.random.split(jax.random.key(1), 4000)
    draw = functools.partial(_gram, case, "sketch", num_probes=probes)
    draws = np.asarray(jax.jit(jax.vmap(lambda key: draw(key=key)))(keys))
    rows = measure(
        case.losses, case.params, case.model.owner, frozenset({"grads"})
    ).signals.grads
    rows = np.concatenate([np.reshape(leaf, (2, -1)) for leaf in rows.values()], axis=1)
    gram, squares = rows @ rows.T, np.square(rows)
    norms = np.diag(gram)
    variance = (np.outer(norms, norms) + gram**2 - 2 * squares @ squares.T) / probes
    np.testing.assert_allclose(draws.var(axis=0), variance, rtol=0.15)


def test_the_gradient_is_exact(case):
    """Only the weights suffer from an estimate, not what they weigh."""
    weights = jnp.array([0.3, 2.0])

    @functools.partial(jax.jit, static_argnums=0)
    def gradient(form):
        key = jax.random.key(0)
        return measure(
            case.losses, case.params, case.model.owner, GRAM, gradients=form, key=key
        ).gradient(weights)

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        gradient("sketch"),
        gradient("loop"),
    )
