"""GradNorm's toy: what it draws, and that the weight goes to the small scale."""

import jax
import numpy as np
import optax
import pytest

from mtlx import balancers
from mtlx.problems import gradnorm_toy, train_gradnorm_toy, wide_scales


def test_inputs_have_length_1_and_targets_the_tasks_scales():
    toy = gradnorm_toy((1.0, 100.0))
    inputs, targets = toy.draw(jax.random.key(1), 64)
    assert inputs.shape == (64, 250) and targets.shape == (2, 64, 100)
    np.testing.assert_allclose(np.linalg.norm(inputs, axis=1), 1.0, rtol=1e-5)
    # Products have the standard deviation sqrt(10^2 + 3.5^2): tanh is near its ends.
    largest = np.abs(targets).max(axis=(1, 2))
    np.testing.assert_allclose(largest, toy.scales, rtol=1e-3)


def test_tasks_are_alike_but_for_details():
    first, second = gradnorm_toy((1.0, 1.0)).draw(jax.random.key(1), 64)[1]
    agree = float(np.mean(np.sign(first) == np.sign(second)))
    assert 0.7 < agree < 0.98


def test_scales_are_drawn_once():
    np.testing.assert_array_equal(wide_scales(10), wide_scales(10))
    assert float(wide_scales(10).min()) > 0.0


@pytest.fixture(scope="module")
def curves():
    toy = gradnorm_toy((1.0, 100.0))
    return {
        name: train_gradnorm_toy(
            toy,
            getattr(balancers, name)(**settings),
            optax.adam(1e-3),
            400,
            batch_size=32,
            record_every=50,
        )
        for name, settings in {"equal": {}, "gradnorm": {"alpha": 0.12}}.items()
    }


def test_the_score_starts_at_the_number_of_tasks(curves):
    for run in curves.values():
        assert run.score.shape == (9,)
        np.testing.assert_allclose(run.score[0], 2.0)


def test_gradnorm_gives_the_weight_to_the_task_of_the_small_scale(curves):
    weights = np.asarray(curves["gradnorm"].weights)
    assert weights[-1, 0] > 1.8 > 0.2 > weights[-1, 1]
    np.testing.assert_allclose(weights.sum(axis=1), 2.0, rtol=1e-5)


def test_with_equal_weights_the_small_scale_is_drowned(curves):
    equal, gradnorm = curves["equal"], curves["gradnorm"]
    assert float(equal.ratios[-1, 0]) > float(gradnorm.ratios[-1, 0])
    assert float(gradnorm.score[-1]) <= float(equal.score[-1])


def test_errors():
    toy = gradnorm_toy((1.0, 100.0), test_rows=4)
    with pytest.raises(ValueError, match="grads"):
        train_gradnorm_toy(toy, balancers.graddrop(), optax.adam(1e-3), 10)
    with pytest.raises(ValueError, match="record_every to divide"):
        train_gradnorm_toy(toy, balancers.equal(), optax.adam(1e-3), 10)
