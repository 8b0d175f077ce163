"""The MMoE paper's synthetic tasks: the process, its Figure 2, and the stream."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.data import synthetic_mmoe
from mtlx.data.dataset import Stream
from mtlx.data.mmoe_process import (
    draw_mmoe_labels,
    draw_mmoe_weights,
    mmoe_label_std,
)

# Read off Figure 2 of the paper: weight correlation -> label correlation.
FIGURE_2 = {
    0.4: 0.0547,
    0.5: 0.0740,
    0.6: 0.0996,
    0.7: 0.1343,
    0.8: 0.1927,
    0.9: 0.3054,
    0.95: 0.4464,
    0.98: 0.6571,
    1.0: 0.9966,
}
STEPS = jnp.arange(1.0, 6.0)
# The label depends on x through w'x ~ N(0, c^2) alone, so that few dimensions do as
# well as the paper's 100.
DIM, POINTS, DRAWS = 4, 10_000, 40


@functools.partial(jax.jit, static_argnames="gaussian")
def label_correlation(key, correlation, gaussian=False):
    """Mean over draws of the Pearson correlation of the labels; p is a tracer."""

    def one(key):
        keys = jax.random.split(key, 5)
        alpha, beta = 4.0 * STEPS, STEPS
        if gaussian:
            alpha = jax.random.normal(keys[3], (5,))
            beta = jax.random.normal(keys[4], (5,))
        weights = draw_mmoe_weights(keys[0], correlation, DIM, 0.4)
        inputs = jax.random.normal(keys[1], (POINTS, DIM))
        labels = draw_mmoe_labels(keys[2], inputs, weights, alpha, beta, 0.1)
        return jnp.corrcoef(labels.T)[0, 1]

    return jax.lax.map(one, jax.random.split(key, DRAWS), batch_size=4).mean()


def test_figure_2():
    curve = [label_correlation(jax.random.key(0), p) for p in FIGURE_2]
    np.testing.assert_allclose(curve, list(FIGURE_2.values()), atol=0.02)


def test_gaussian_frequencies_do_not_give_figure_2():
    """The popular alpha, beta ~ N(0, 1) leave the tasks alike at every p."""
    for p in (0.5, 0.9):
        found = label_correlation(jax.random.key(0), p, gaussian=True)
        assert found > FIGURE_2[p] + 0.2


@pytest.mark.parametrize("correlation", [-1.0, 0.0, 0.5, 1.0])
def test_weights(correlation):
    weights = draw_mmoe_weights(jax.random.key(1), correlation, 100, 0.4)
    gram = weights @ weights.T
    expected = 0.16 * np.array([[1.0, correlation], [correlation, 1.0]])
    np.testing.assert_allclose(gram, expected, atol=1e-6)


def test_labels_are_the_formula():
    weights = np.array([[0.3, 0.1], [-0.2, 0.4]], np.float32)
    x = np.array([[1.0, 2.0], [-0.5, 0.3], [0.0, 0.0]], np.float32)
    alpha, beta = np.float32([2.0, 5.0]), np.float32([0.5, 1.0])
    given = map(jnp.asarray, (x, weights, alpha, beta))
    found = draw_mmoe_labels(jax.random.key(0), *given, noise_std=0.0)
    for row in range(3):
        for k in range(2):
            z = weights[k] @ x[row]
            expected = z + np.sin(2.0 * z + 0.5) + np.sin(5.0 * z + 1.0)
            np.testing.assert_allclose(found[row, k], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("c", "alpha", "beta", "noise_std"),
    [(0.4, 4.0 * STEPS, STEPS, 0.1), (1.0, 0.3 * STEPS, 0.2 * STEPS, 0.5)],
)
def test_label_std_is_that_of_a_large_draw(c, alpha, beta, noise_std):
    rng = np.random.default_rng(0)
    z = c * rng.standard_normal(400_000)
    y = z + noise_std * rng.standard_normal(z.size)
    y += sum(np.sin(a * z + b) for a, b in zip(alpha, beta, strict=True))
    found = mmoe_label_std(c, alpha, beta, noise_std)
    np.testing.assert_allclose(found, y.std(), rtol=5e-3)


def test_dataset():
    data = synthetic_mmoe(correlation=0.9, eval_rows=20_000, dim=10, seed=1)
    assert isinstance(data.train, Stream)
    assert data.train.steps_per_epoch == 100
    assert [task.name for task in data.tasks] == ["task_1", "task_2"]
    assert {task.kind for task in data.tasks} == {"regression"}
    assert data.schema.numericals == 10
    for split in (data.validation, data.test):
        assert split.features["numerical"].shape == (20_000, 10)
        for name in ("task_1", "task_2"):
            assert split.labels[name].shape == (20_000,)
            assert split.where[name].all()
            np.testing.assert_allclose(split.labels[name].std(), 1.0, atol=0.02)
    found = np.corrcoef(data.test.labels["task_1"], data.test.labels["task_2"])[0, 1]
    np.testing.assert_allclose(found, FIGURE_2[0.9], atol=0.03)
    assert not np.array_equal(
        data.validation.features["numerical"], data.test.features["numerical"]
    )


def test_plain_labels_are_standardised_ones_times_the_std():
    plain = synthetic_mmoe(eval_rows=8, dim=4, standardise=False)
    scaled = synthetic_mmoe(eval_rows=8, dim=4)
    std = mmoe_label_std(0.4, 4.0 * STEPS, STEPS, 0.1)
    np.testing.assert_allclose(std**2, 3.38, atol=0.02)
    np.testing.assert_allclose(
        plain.test.labels["task_1"], scaled.test.labels["task_1"] * std, rtol=1e-5
    )


def test_all_splits_share_the_weights():
    """A least-squares fit on streamed rows predicts held-out ones."""
    data = synthetic_mmoe(num_sines=0, noise_std=0.0, eval_rows=8, dim=4)
    train = data.train.sample(data.train.arrays, jax.random.key(5), 8)
    fit = np.linalg.lstsq(
        train.features["numerical"], train.labels["task_2"], rcond=None
    )[0]
    np.testing.assert_allclose(
        data.test.features["numerical"] @ fit, data.test.labels["task_2"], atol=1e-5
    )


def test_stream_under_jit_vmap_and_scan():
    stream = synthetic_mmoe(eval_rows=8, dim=4).train
    keys = jax.random.split(jax.random.key(0), 5)

    def sample(key):
        return stream.sample(stream.arrays, key, 8)

    plain = [sample(key) for key in keys]
    expected = jax.tree.map(lambda *rows: jnp.stack(rows), *plain)
    mapped = jax.jit(jax.vmap(sample))(keys)
    _, scanned = jax.jit(
        lambda keys: jax.lax.scan(lambda c, key: (c, sample(key)), 0, keys)
    )(keys)
    for found in (mapped, scanned):
        for a, b in zip(jax.tree.leaves(expected), jax.tree.leaves(found), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    first, second = (batch.features["numerical"] for batch in plain[:2])
    assert not np.array_equal(first, second)


def test_seed_draws_the_weights():
    def labels(seed):
        stream = synthetic_mmoe(seed=seed, eval_rows=8, dim=4).train
        return np.asarray(
            stream.sample(stream.arrays, jax.random.key(0), 8).labels["task_1"]
        )

    np.testing.assert_array_equal(labels(0), labels(0))
    assert (labels(0) != labels(1)).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"correlation": 1.5}, "expected correlation between -1 and 1.* found 1.5"),
        ({"dim": 1}, "expected dim >= 2.* found 1"),
        ({"alpha": (1.0, 2.0)}, "expected num_sines = 5 values of alpha, found 2"),
        ({"num_sines": 1, "beta": ()}, "expected num_sines = 1 values of beta"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        synthetic_mmoe(**options)
