"""Losses of lists against Rax itself, list by list, and what a step makes of them."""

import functools
import sys

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import rax

from mtlx import listwise
from mtlx.balancers import equal
from mtlx.losses import masked_mean
from mtlx.tasks import Task
from mtlx.train.axis import Axis
from mtlx.train.batch_losses import task_losses
from mtlx.train.measuring import Measuring
from mtlx.train.step import make_step
from mtlx.types import Batch

RAX = {  # scores, gains of one list -> its loss
    "softmax": rax.softmax_loss,
    "approx_ndcg": lambda scores, gains: (
        1.0
        - rax.ndcg_metric(
            scores, gains, rank_fn=rax.utils.approx_ranks, gain_fn=lambda gain: gain
        )
    ),
}
LOSSES = pytest.mark.parametrize("name", listwise.LOSSES)


def rows(seed=0, count=24):
    """Lists of unlike lengths, one of them without a counted row, one without gain."""
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat([-3, 7, 2, 40, 5], [8, 1, 6, 5, 4]))
    gains = rng.choice([0.0, 0.01, 0.1, 1.0], count).astype(np.float32)
    gains[groups == 40] = 0.0
    where = (rng.random(count) < 0.8) & (groups != 5)
    scores = rng.normal(0, 2, count).astype(np.float32)
    return tuple(map(jnp.asarray, (scores, gains, where, groups)))


def by_lists(name, scores, gains, where, groups):
    """The mean of Rax's loss of each list by itself."""
    lists = [np.asarray((groups == g) & where) for g in np.unique(groups)]
    values = [RAX[name](scores[of], gains[of]) for of in lists if of.any()]
    return sum(values) / len(values)


def mean(name, scores, gains, where, groups):
    return masked_mean(*listwise.LOSSES[name](scores, gains, where, groups))


@LOSSES
@pytest.mark.parametrize("seed", range(2))
def test_it_is_the_mean_of_raxs_loss_of_each_list(name, seed):
    arrays = rows(seed)
    found, expected = (
        jax.value_and_grad(functools.partial(of, name))(*arrays)
        for of in (mean, by_lists)
    )
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4, atol=1e-7)
    assert np.isfinite(found[1]).all()


def test_softmax_is_its_formula():
    scores, gains = jnp.array([2.0, 0.0, 1.0]), jnp.array([1.0, 0.5, 0.0])
    chances = np.exp(scores) / np.exp(scores).sum()
    expected = -np.log(chances[0]) - 0.5 * np.log(chances[1])
    values, first = listwise.softmax(
        scores, gains, jnp.ones(3, bool), jnp.zeros(3, int)
    )
    np.testing.assert_allclose(values, [expected, 0.0, 0.0], rtol=1e-6)
    assert first.tolist() == [True, False, False]


def test_approx_ndcg_nears_ndcg_where_scores_lie_apart():
    gains = jnp.array([0.1, 1.0, 0.0])
    scores = jnp.array([300.0, 200.0, 100.0])
    found = mean("approx_ndcg", scores, gains, jnp.ones(3, bool), jnp.zeros(3, int))
    discounts = 1 / np.log2([2.0, 3.0, 4.0])
    best = discounts[0] + 0.1 * discounts[1]
    expected = 1 - (0.1 * discounts[0] + discounts[1]) / best
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@LOSSES
def test_rows_that_do_not_count_are_in_no_list(name):
    scores, gains, where, groups = rows()
    value, grad = jax.value_and_grad(
        lambda scores: mean(name, scores, gains, where, groups)
    )(scores)
    others = jnp.where(where, scores, 1e6)
    np.testing.assert_allclose(mean(name, others, gains, where, groups), value, 1e-6)
    np.testing.assert_array_equal(grad[~where], 0.0)
    nothing = jnp.zeros_like(where)
    assert mean(name, scores, gains, nothing, groups) == 0.0


@LOSSES
def test_a_step_has_the_mean_over_lists_and_asks_for_groups(name):
    scores, gains, where, groups = rows()
    task = Task("gain", "ranking", loss=listwise.LOSSES[name])
    batch = Batch({}, {"gain": gains}, {"gain": where}, groups)
    losses, present = task_losses((task,), {"gain": scores}, batch)
    expected = by_lists(name, scores, gains, where, groups)
    np.testing.assert_allclose(losses, [expected], rtol=1e-5)
    assert present.tolist() == [True]
    with pytest.raises(ValueError, match="'gain': expected groups of training rows"):
        task_losses((task,), {"gain": scores}, batch._replace(groups=None))


@pytest.mark.parametrize(
    "options",
    [{"measuring": Measuring(accumulate=2)}, {"axis": Axis(name="data", size=2)}],
)
def test_what_cuts_lists_in_two_is_refused(options):
    parts = (nn.Dense(1), (Task("gain", "ranking"),), optax.sgd(0.1), equal(), 4)
    with pytest.raises(ValueError, match="'gain'.*: a loss of lists expected whole"):
        make_step(*parts, **options)


def test_without_rax_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rax", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'mtlx\[ranking\]'"):
        listwise.require_rax()
