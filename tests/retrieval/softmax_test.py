"""The loss over the items of a batch, in NumPy; its masks and its gradient."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtlx.losses import masked_mean
from mtlx.retrieval_losses import softmax_over_items
from mtlx.tasks import Task

ROWS, WIDTH = 7, 3
ITEMS = np.array([4, 2, 4, 9, 0, 2, 5])
WHERE = np.array([True, True, True, False, True, True, True])


def make(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(ROWS, 2, WIDTH)).astype(np.float32)


def expected(outputs, items, where, remove=True):
    losses = np.zeros(len(items))
    for i in np.flatnonzero(where):
        scores = {j: outputs[i, 0] @ outputs[j, 1] for j in np.flatnonzero(where)}
        if remove:
            scores = {j: s for j, s in scores.items() if j == i or items[j] != items[i]}
        losses[i] = np.log(np.sum(np.exp(list(scores.values())))) - scores[i]
    return losses


def loss_of(outputs, items=ITEMS, where=WHERE, **options):
    arrays = (jnp.asarray(x) for x in (outputs, items, where))
    return softmax_over_items(*arrays, **options)


@pytest.mark.parametrize("remove", [True, False])
def test_golden(remove):
    outputs = make()
    found = loss_of(outputs, remove_accidental_hits=remove)
    wanted = expected(outputs, ITEMS, WHERE, remove)
    np.testing.assert_allclose(np.where(WHERE, found, 0), wanted, rtol=1e-5)
    other = expected(outputs, ITEMS, WHERE, not remove)
    assert np.abs(wanted - other).max() > 1e-2


def test_rows_that_do_not_count_are_neither_queries_nor_candidates():
    """Whatever is in them, NaN included; nor do they get a gradient."""
    outputs = make()
    strange = outputs.copy()
    strange[3] = np.nan

    def mean(outputs):
        return masked_mean(loss_of(outputs), jnp.asarray(WHERE))

    value, gradient = jax.value_and_grad(mean)(jnp.asarray(strange))
    rest = np.delete(np.arange(ROWS), 3)
    alone = expected(outputs[rest], ITEMS[rest], np.ones(ROWS - 1, bool))
    assert value == pytest.approx(alone.mean(), rel=1e-5)
    assert np.isfinite(gradient).all() and not gradient[3].any()
    assert np.abs(gradient[rest]).max(axis=(1, 2)).min() > 0


@pytest.mark.parametrize("remove", [True, False])
def test_no_row_or_one_row_has_no_loss_and_no_gradient(remove):
    for where in (np.zeros(ROWS, bool), np.arange(ROWS) == 2):

        def mean(outputs, where=where):
            found = loss_of(outputs, where=where, remove_accidental_hits=remove)
            return masked_mean(found, jnp.asarray(where))

        value, gradient = jax.value_and_grad(mean)(jnp.asarray(make()))
        assert value == pytest.approx(0, abs=1e-6)
        np.testing.assert_allclose(gradient, 0, atol=1e-6)


def test_a_batch_that_is_the_catalogue_is_the_full_softmax():
    outputs = make()
    items = np.arange(ROWS)[::-1].copy()
    logits = np.zeros((ROWS, ROWS), np.float32)
    logits[:, items] = outputs[:, 0] @ outputs[:, 1].T
    everyone = np.ones(ROWS, bool)
    found = loss_of(outputs, items, everyone)
    full = optax.softmax_cross_entropy_with_integer_labels(logits, items)
    np.testing.assert_allclose(found, full, rtol=1e-5)
    as_logits = loss_of(logits, items, everyone)
    np.testing.assert_allclose(as_logits, full, rtol=1e-6)


def test_items_as_often_as_popular_less_log_q_are_the_full_softmax():
    """n_i rows of item i: sum_i n_i exp(s_i - log n_i) = sum_i exp(s_i), whatever n."""
    rng = np.random.default_rng(0)
    times = np.array([30, 1, 7, 12, 2])
    vectors = rng.normal(size=(5, WIDTH)).astype(np.float32)
    query = rng.normal(size=WIDTH).astype(np.float32)
    drawn = np.repeat(np.arange(5), times)
    row = int(np.flatnonzero(drawn == 3)[0])

    def loss(query, corrected):
        q = jnp.append(query, 1.0)[None].repeat(len(drawn), 0)
        bias = -np.log(times[drawn] / times.sum()) * corrected
        v = np.concatenate([vectors[drawn], bias[:, None]], axis=1)
        outputs = jnp.stack([q, jnp.float32(v)], axis=1)
        everyone = np.ones(len(drawn), bool)
        return loss_of(outputs, drawn, everyone, remove_accidental_hits=False)[row]

    def full(query):
        return jax.nn.logsumexp(vectors @ query) - vectors[3] @ query

    wanted = jax.grad(full)(query)
    with_q, without = (jax.grad(loss)(query, c) for c in (1.0, 0.0))
    np.testing.assert_allclose(with_q, wanted, atol=1e-5)
    assert np.abs(without - wanted).max() > 0.1


def test_it_is_the_loss_of_a_retrieval_task_and_takes_options():
    task = Task("buy", "retrieval")
    assert task.loss is softmax_over_items and task.outputs == 0
    plain = functools.partial(softmax_over_items, remove_accidental_hits=False)
    assert Task("buy", "retrieval", loss=plain).loss is plain
    with pytest.raises(ValueError, match="num_classes=3"):
        Task("buy", "retrieval", num_classes=3)
