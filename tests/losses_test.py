import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx import losses
from mtlx.tasks import Task


def test_binary_cross_entropy_is_its_formula():
    x, y = np.array([-2.0, 0.5, 3.0]), np.array([0.0, 1.0, 1.0])
    p = 1 / (1 + np.exp(-x))
    expected = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    actual = losses.binary_cross_entropy(jnp.float32(x), jnp.float32(y))
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_binary_cross_entropy_of_a_large_logit_is_finite():
    x = jnp.array([1e4, -1e4])
    value = losses.binary_cross_entropy(x, jnp.array([0.0, 1.0]))
    np.testing.assert_allclose(value, [1e4, 1e4])


def test_categorical_cross_entropy_is_minus_log_softmax():
    logits = np.array([[1.0, 2.0, 0.5], [0.0, -1.0, 4.0]], np.float32)
    labels = np.array([1, 0])
    expected = -np.log(np.exp(logits) / np.exp(logits).sum(1, keepdims=True))
    actual = losses.categorical_cross_entropy(jnp.array(logits), jnp.array(labels))
    np.testing.assert_allclose(actual, expected[[0, 1], labels], rtol=1e-5)


def test_squared_error():
    actual = losses.squared_error(jnp.array([1.0, -2.0]), jnp.array([3.0, 1.0]))
    np.testing.assert_allclose(actual, [4.0, 9.0])


def test_masked_mean_counts_only_its_rows_even_beside_nan():
    values = jnp.array([1.0, jnp.nan, 3.0])
    where = jnp.array([True, False, True])
    assert losses.masked_mean(values, where) == 2.0


def test_masked_mean_of_no_rows_is_zero_with_zero_gradient():
    where = jnp.zeros(3, bool)
    value, grad = jax.value_and_grad(losses.masked_mean)(jnp.ones(3), where)
    assert value == 0.0
    np.testing.assert_array_equal(grad, np.zeros(3))


def test_task_takes_the_defaults_of_its_kind():
    task = Task("click", "binary")
    assert task.label == "click"
    assert task.outputs == 1
    assert task.metrics[0] == "auc"
    assert task.loss is losses.binary_cross_entropy


def test_task_refuses_an_unknown_kind_and_names_the_known():
    with pytest.raises(ValueError, match="binary.*multiclass.*regression.*'ordinal'"):
        Task("stars", "ordinal")


@pytest.mark.parametrize(
    "kind, classes", [("multiclass", None), ("binary", 3)], ids=["missing", "needless"]
)
def test_task_refuses_a_number_of_classes_that_does_not_fit(kind, classes):
    with pytest.raises(ValueError, match="num_classes"):
        Task("stars", kind, num_classes=classes)
