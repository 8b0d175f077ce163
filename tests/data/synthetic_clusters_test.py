"""Clusters of synthetic tasks: their cosines, labels and refusals."""

import jax
import numpy as np
import pytest

from mtlx.data import synthetic_clusters


def test_weights_have_the_cosines_of_their_clusters():
    data = synthetic_clusters((2, 3), 0.8, dim=9, c=0.5, eval_rows=8)
    weights = np.asarray(data.train.arrays.weights)
    cluster = np.array([0, 0, 1, 1, 1])
    cosines = np.where(cluster[:, None] == cluster[None], 0.8, 0.0)
    np.fill_diagonal(cosines, 1.0)
    np.testing.assert_allclose(weights @ weights.T, 0.25 * cosines, atol=1e-6)


def test_labels_are_the_formula_and_standardised():
    data = synthetic_clusters((1, 1), 1.0, 5, noise_std=0.0, eval_rows=4_000)
    assert [task.name for task in data.tasks] == ["task_1", "task_2"]
    process = data.train.arrays
    for split in (data.test, data.train.sample(process, jax.random.key(1), 4_000)):
        z = np.asarray(split.features["numerical"] @ process.weights.T)
        for place, task in enumerate(("task_1", "task_2")):
            expected = z[:, place] + np.sin(z[:, place] + 1)
            found = np.asarray(split.labels[task])
            np.testing.assert_allclose(
                found * float(process.scale), expected, rtol=1e-4, atol=1e-4
            )
            assert found.std() == pytest.approx(1, abs=0.05)
            assert split.where[task].all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sizes": ()}, r"for each cluster, found \(\)"),
        ({"sizes": (2, 0)}, r"each cluster, found \(2, 0\)"),
        ({"correlation": -0.1}, "between 0 and 1 .*found -0.1"),
        ({"dim": 7}, "dim >= 8, .*found 7"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        synthetic_clusters(**options)
