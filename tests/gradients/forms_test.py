"""Every exact form gives the losses, Gram matrix and gradient of `jax.jacobian`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from mtlx.gradients import join, measure, split

EXACT = ("vmap", "loop", "map", "ghost", "recompute")
GRAM = frozenset({"gram"})


def _weights(*shape):
    return np.linspace(-0.5, 2.0, int(np.prod(shape))).reshape(shape).astype("float32")


def _every_form(case, weights, cut=None, **options):
    """{form: (losses, gram, gradient, aux)}, in one compiled program."""

    @jax.jit
    def run(params):
        results = {}
        for form in EXACT:
            measured = measure(
                case.losses,
                params,
                case.model.owner,
                GRAM,
                cut,
                gradients=form,
                **options,
            )
            results[form] = (
                measured.signals.losses,
                measured.signals.gram,
                measured.gradient(jnp.asarray(weights)),
                measured.aux,
            )
        return results, jax.jacrev(case.losses, has_aux=True)(params)

    return run(case.params)


def _rows(jacobian, owner, num_tasks, keep=lambda path: True):
    """The shared gradients as a matrix [T, n]."""
    flat = traverse_util.flatten_dict(jacobian)
    rows = [
        np.reshape(leaf, (num_tasks, -1))
        for path, leaf in sorted(flat.items())
        if owner(path) is None and keep(path)
    ]
    return np.concatenate(rows, axis=1) if rows else np.zeros((num_tasks, 0))


def _assert_close(actual, expected, tolerance=1e-5):
    """To 1e-5 of the largest entry: entries that cancel have no digits of their own."""
    scale = max(float(np.max(np.abs(expected), initial=0.0)), 1e-3)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale)


def _flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def _assert_results(case, weights, results, jacobian):
    num_tasks = len(case.tasks)
    rows = _rows(jacobian, case.model.owner, num_tasks)
    shared, own = {}, {}
    for path, leaf in split(jacobian, case.model.owner)[0].items():
        shared[path] = np.tensordot(weights, leaf, axes=1)
    for path, leaf in split(jacobian, case.model.owner)[1].items():
        own[path] = np.sum(leaf, axis=0)
    expected = join(shared, own)
    losses, aux = case.losses(case.params)
    for form, (loss, gram, gradient, seen) in results.items():
        _assert_close(loss, losses)
        _assert_close(gram, rows @ rows.T)
        assert jax.tree.structure(gradient) == jax.tree.structure(expected), form
        # All entries on one scale: before a batch norm a bias has gradient zero.
        _assert_close(_flat(gradient), _flat(expected))
        jax.tree.map(_assert_close, seen, aux)


def test_exact_forms_agree(make_case, architecture):
    case = make_case(architecture, 3)
    weights = _weights(3)
    results, (jacobian, _) = _every_form(case, weights)
    _assert_results(case, weights, results, jacobian)


@pytest.mark.parametrize("num_tasks", [1, 2, 5])
def test_exact_forms_agree_for_every_number_of_tasks(make_case, num_tasks):
    case = make_case("mmoe", num_tasks)
    weights = _weights(num_tasks)
    results, (jacobian, _) = _every_form(case, weights)
    _assert_results(case, weights, results, jacobian)


@pytest.mark.parametrize(
    ("architecture", "norm", "rate"),
    [("shared_bottom", "batch", 0.3), ("mmoe", "layer", 0.0)],
)
def test_exact_forms_agree_with_norms_and_dropout(make_case, architecture, norm, rate):
    case = make_case(architecture, 3, norm=norm, dropout_rate=rate)
    weights = _weights(3)
    results, (jacobian, _) = _every_form(case, weights)
    _assert_results(case, weights, results, jacobian)
