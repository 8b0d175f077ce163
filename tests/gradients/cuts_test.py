"""Every exact form measures at every grain, and in a metric."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.gradients import Cut, measure
from mtlx.gradients.parameters import layers
from mtlx.train.granularity import make_cut

EXACT = ("loop", "ghost", "recompute")  # vmap and map share all but one line with loop
GRAM = frozenset({"gram"})


@pytest.fixture(scope="module")
def case(make_case):
    return make_case("shared_bottom", 3)


@pytest.fixture(scope="module")
def jacobian(case):
    return jax.jit(jax.jacrev(lambda p: case.losses(p)[0]))(case.params)


def _rows(case, jacobian, keep=lambda path: True, scale=None):
    """Shared gradients [T, n]; the metric of path p is exp(sin(i)) of its entries."""
    rows = []
    for path in case.shared:
        leaf = jacobian
        for name in path:
            leaf = leaf[name]
        leaf = np.reshape(leaf, (3, -1))
        if keep(path):
            rows.append(
                leaf
                if scale is None
                else leaf * np.sqrt(np.reshape(scale[path], (1, -1)))
            )
    return np.concatenate(rows, axis=1)


def _metric(case):
    return {
        path: jnp.exp(jnp.sin(jnp.arange(leaf.size, dtype="float32"))).reshape(
            leaf.shape
        )
        for path, leaf in case.shared.items()
    }


def _measured(case, cut, weights):
    def run(params):
        found = {}
        for form in EXACT:
            measured = measure(
                case.losses, params, case.model.owner, GRAM, cut, gradients=form
            )
            found[form] = measured.signals.gram, measured.gradient(weights)
        return found

    return jax.jit(run)(case.params).values()


def _assert_close(actual, expected):
    np.testing.assert_allclose(
        actual, expected, rtol=0, atol=1e-5 * np.max(np.abs(expected))
    )


@pytest.mark.parametrize("with_metric", [False, True])
def test_each_layer_by_itself(case, jacobian, with_metric):
    metric = _metric(case) if with_metric else None
    names = layers(case.shared)
    weights = jnp.linspace(-1.0, 2.0, 3 * len(names)).reshape(len(names), 3)
    expected = []
    for layer in names:
        rows = _rows(case, jacobian, lambda path, at=layer: path[:-1] == at, metric)
        expected.append(rows @ rows.T)
    for gram, gradient in _measured(case, Cut("layer", metric=metric), weights):
        for one, other in zip(gram, expected, strict=True):
            _assert_close(one, other)
        for layer, w in zip(names, weights, strict=True):
            path = next(path for path in case.shared if path[:-1] == layer)
            moved, rows = gradient, jacobian
            for name in path:
                moved, rows = moved[name], rows[name]
            _assert_close(moved, np.tensordot(w, rows, axes=1))


@pytest.mark.parametrize("granularity", ["all", "last_layer"])
def test_in_a_metric(case, jacobian, granularity):
    metric = _metric(case)
    is_last = case.model.is_last
    keep = is_last if granularity == "last_layer" else (lambda path: True)
    rows = _rows(case, jacobian, keep, metric)
    cut = Cut(granularity, is_last=is_last, metric=metric)
    for gram, _ in _measured(case, cut, jnp.ones(3)):
        _assert_close(gram, rows @ rows.T)


@pytest.mark.parametrize("granularity", ["last_layer", "representation"])
def test_measured_on_something_small_the_gradient_is_whole(case, jacobian, granularity):
    variables = {"params": case.params, **case.model_state}
    cut = make_cut(granularity, case.model, variables, case.batch)
    if granularity == "last_layer":
        rows = _rows(case, jacobian, case.model.is_last)
    else:
        probes = jax.jacrev(lambda z: case.losses(case.params, z)[0])(cut.probes)
        leaves = [np.reshape(leaf, (3, -1)) for leaf in jax.tree.leaves(probes)]
        rows = np.concatenate(leaves, axis=1)
    weights = jnp.array([1.0, -0.5, 2.0])
    total = jax.grad(lambda p: weights @ case.losses(p)[0])(case.params)
    for gram, gradient in _measured(case, cut, weights):
        _assert_close(gram, rows @ rows.T)
        for path in case.shared:
            moved, expected = gradient, total
            for name in path:
                moved, expected = moved[name], expected[name]
            _assert_close(moved, expected)
