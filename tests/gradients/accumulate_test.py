"""A batch in parts gives the losses, Gram matrix and gradient of the whole batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.gradients import Cut, accumulated_losses, measure, measure_accumulated
from mtlx.train.parts import part_losses, split_batch

PARTS = 3  # of 6 rows; one task has labels on some rows, one on none


@pytest.fixture(scope="module")
def case(make_case):
    return make_case("mmoe", 3)


def _forward(case):
    def forward(model_state, batch, key, params):
        del key
        losses, aux = case.losses(params, batch=batch)
        penalty = jnp.sum(jnp.square(params["encoder"]["embedding"]))
        aux = {"present": aux["present"], "penalty": penalty}
        return losses, aux | {"model_state": {"calls": model_state["calls"] + 1}}

    return forward


def _accumulated(case, needs, cut=None, **options):
    losses = part_losses(_forward(case), jax.random.key(0), PARTS)
    parts = split_batch(case.batch, case.model.tasks, PARTS)
    state = {"calls": jnp.int32(0)}
    owner = case.model.owner
    return measure_accumulated(
        losses, case.params, owner, needs, cut or Cut(), parts, state, **options
    )


def _whole(case, needs, cut=None):
    def losses(params):
        return _forward(case)({"calls": 0}, case.batch, None, params)

    return measure(losses, case.params, case.model.owner, needs, cut)


def _assert_close(actual, expected):
    scale = np.max(np.abs(expected), initial=1e-3)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("needs", [(), ("gram",), ("grads",), ("gram", "grads")])
@pytest.mark.parametrize("remat", [False, True])
def test_parts_give_what_the_batch_gives(case, needs, remat):
    needs, weights = frozenset(needs), jnp.array([0.5, -1.0, 2.0])

    def results(measured):
        signals = measured.signals._asdict()
        return signals, measured.gradient(weights), measured.penalty

    actual = jax.jit(lambda: results(_accumulated(case, needs, remat=remat)))()
    jax.tree.map(_assert_close, actual, jax.jit(lambda: results(_whole(case, needs)))())


@pytest.mark.parametrize("form", ["vmap", "loop", "map"])
def test_by_layer_in_every_stacked_form(case, form):
    weights = jnp.linspace(-1.0, 1.0, 6).reshape(2, 3)

    def results(measured):
        return measured.signals.gram, measured.gradient(weights)

    cut, needs = Cut("layer"), frozenset({"gram"})
    actual = jax.jit(lambda: results(_accumulated(case, needs, cut, gradients=form)))()
    gram, gradient = jax.jit(lambda: results(_whole(case, needs, cut)))()
    assert gram.shape == (2, 3, 3)
    jax.tree.map(_assert_close, actual, (gram, gradient))


def test_the_state_goes_from_part_to_part(case):
    measured = _accumulated(case, frozenset({"gram"}))
    assert int(measured.aux["carry"]["calls"]) == PARTS
    np.testing.assert_array_equal(measured.signals.present, [True, True, False])


def test_losses_alone(case):
    losses = part_losses(_forward(case), jax.random.key(0), PARTS)
    parts = split_batch(case.batch, case.model.tasks, PARTS)
    actual, _, _ = accumulated_losses(
        losses, case.params, parts, {"calls": jnp.int32(0)}
    )
    _assert_close(actual, case.losses(case.params)[0])


def test_the_mean_of_the_parts_gram_matrices_would_be_another(case):
    """What the order of the sums is for."""
    parts = split_batch(case.batch, case.model.tasks, PARTS)
    grams = []
    for number in range(PARTS):
        rows = jax.tree.map(lambda x, n=number: x[n], parts.rows)
        measured = measure(
            lambda p, rows=rows: case.losses(p, batch=rows),
            case.params,
            case.model.owner,
            frozenset({"gram"}),
        )
        grams.append(measured.signals.gram)
    whole = _whole(case, frozenset({"gram"})).signals.gram
    assert (
        np.max(np.abs(np.mean(grams, axis=0) / np.max(whole) - whole / np.max(whole)))
        > 0.1
    )


def test_rows_that_the_parts_do_not_divide_are_refused(case):
    with pytest.raises(ValueError, match="accumulate=4 divides, found 6 rows"):
        split_batch(case.batch, case.model.tasks, 4)
