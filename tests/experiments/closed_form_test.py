"""The functions that tables call, on what is quick of each."""

import jax
import numpy as np
import pytest

from experiments import closed_form
from experiments.baselines import gradient_boosting, logistic_regression
from mtlx.data import census_income
from mtlx.data.dataset import Dataset
from mtlx.tasks import Task


def test_the_concave_front_has_its_known_outcome():
    """The sum ends by an end, MGDA stops within; both are on the front."""
    ends = {
        name: [closed_form.concave_front_end(name, s)["end"] for s in range(5)]
        for name in ("equal", "mgda")
    }
    for found in ends["equal"]:
        assert (
            found["inside"] == pytest.approx(0.0212, abs=1e-3)
            and found["distance"] < 0.01
        )
        assert sorted([found["f_1"], found["f_2"]]) == pytest.approx(
            [0.002, 0.979], abs=0.002
        )
    assert max(found["distance"] for found in ends["mgda"]) < 0.01
    assert np.mean([found["inside"] for found in ends["mgda"]]) > 0.05


def test_label_correlations_are_those_of_the_figure():
    """p = 1: only the noise differs, 1 - .01 / Var(y)."""
    found = closed_form.label_correlation(1.0, seed=0)["labels"]["correlation"]
    assert found == pytest.approx(1 - 0.01 / 3.38, abs=5e-4)
    draws = [
        closed_form.label_correlation(0.9, s)["labels"]["correlation"] for s in range(5)
    ]
    assert np.mean(draws) == pytest.approx(0.3054, abs=0.02)
    assert len(set(draws)) == 5


@pytest.fixture(scope="module")
def few():
    """A thousand rows of the sample, two tasks."""
    data = census_income(("income", "never_married"), sample=True)
    cut = {
        split: jax.tree.map(lambda column: column[:1500], getattr(data, split))
        for split in ("train", "test")
    }
    return data._replace(**cut)


@pytest.mark.parametrize("method", [logistic_regression, gradient_boosting])
def test_baselines_learn(few, method):
    found = method(few)
    assert found["never_married"]["auc"] > 0.95
    assert found["income"]["auc"] > 0.8
    assert set(found["income"]) == set(few.tasks[0].metrics)


def test_baselines_take_binary_tasks_alone(few):
    other = few._replace(tasks=(Task("income", "regression"),))
    assert isinstance(other, Dataset)
    with pytest.raises(ValueError, match="binary tasks, found 'income' of kind 'regr"):
        logistic_regression(other)
