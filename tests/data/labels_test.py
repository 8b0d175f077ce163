"""Labels and masks from raw columns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.data import DataError, build_labels
from mtlx.losses import masked_mean
from mtlx.tasks import Task

NAN = np.nan


def test_missing_labels_do_not_count():
    columns = {
        "click": np.array([1.0, 0.0, NAN, -1.0]),
        "price": np.array([-1.0, 2.5, NAN, 0.0]),
        "brand": np.array([2, -1, 0, 1]),
    }
    tasks = (
        Task("click", "binary"),
        Task("price", "regression"),
        Task("brand", "multiclass", num_classes=3),
    )
    labels, where = build_labels(columns, tasks)
    np.testing.assert_array_equal(where["click"], [True, True, False, False])
    np.testing.assert_array_equal(labels["click"], np.float32([1, 0, 0, 0]))
    # -1 is an ordinary number, and no missing one.
    np.testing.assert_array_equal(where["price"], [True, True, False, True])
    np.testing.assert_array_equal(labels["price"], np.float32([-1, 2.5, 0, 0]))
    np.testing.assert_array_equal(where["brand"], [True, False, True, True])
    np.testing.assert_array_equal(labels["brand"], np.int32([2, 0, 0, 1]))
    assert labels["click"].dtype == labels["price"].dtype == np.float32
    assert labels["brand"].dtype == np.int32


def test_a_vector_counts_where_all_of_its_values_are_there():
    columns = {"at": np.array([[1, 2], [NAN, 3], [4, 5]]), "seen": np.array([1, 1, 0])}
    task = Task("at", "vector", num_values=2, space="seen")
    labels, where = build_labels(columns, (task,))
    np.testing.assert_array_equal(where["at"], [True, False, False])
    np.testing.assert_array_equal(labels["at"], np.float32([[1, 2], [0, 0], [0, 0]]))
    assert labels["at"].dtype == np.float32
    for wrong in (columns["at"][:, :1], columns["at"].astype(str)):
        with pytest.raises(DataError, match=r"shape .B, 2., found"):
            build_labels(columns | {"at": wrong}, (task,))


def test_sample_space():
    """Conversion is defined after a click; what stands elsewhere is not read."""
    columns = {
        "click": np.array([1, 0, 1, 0, 1]),
        "bought": np.array([1.0, 7.0, NAN, NAN, 0.0]),
    }
    tasks = (
        Task("ctr", "binary", label="click"),
        Task("cvr", "binary", label="bought", space="click"),
    )
    labels, where = build_labels(columns, tasks)
    assert where["ctr"].all()
    np.testing.assert_array_equal(where["cvr"], [True, False, False, False, True])
    np.testing.assert_array_equal(labels["cvr"], np.float32([1, 0, 0, 0, 0]))


def test_a_space_without_rows_gives_loss_and_gradient_zero():
    columns = {"click": np.zeros(3), "bought": np.full(3, NAN)}
    task = Task("cvr", "binary", label="bought", space="click")
    labels, where = build_labels(columns, (task,))
    assert not where["cvr"].any()

    def loss(logit):
        losses = task.loss(jnp.full(3, logit), jnp.asarray(labels["cvr"]))
        return masked_mean(losses, jnp.asarray(where["cvr"]))

    value, gradient = jax.value_and_grad(loss)(2.0)
    assert value == gradient == 0.0


@pytest.mark.parametrize(
    ("columns", "task", "message"),
    [
        (
            {"click": np.array([0.0, 1.0, 2.0])},
            Task("click", "binary"),
            "'click', row 2: expected 0 .. 1 or missing, found 2.0",
        ),
        (
            {"brand": np.array([0.0, 1.5])},
            Task("brand", "multiclass", num_classes=3),
            "'brand', row 1: expected 0 .. 2 or missing, found 1.5",
        ),
        (
            {"bought": np.zeros(2), "click": np.array([1.0, NAN])},
            Task("cvr", "binary", label="bought", space="click"),
            "column 'click', row 1: expected 0 or 1, found nan",
        ),
        (
            {"click": np.zeros(2)},
            Task("cvr", "binary", label="bought"),
            r"expected a column 'bought', found the columns \['click'\]",
        ),
        (
            {"click": np.zeros(2)},
            Task("ctr", "binary", label="click", space="seen"),
            "expected a column 'seen'",
        ),
    ],
)
def test_refusals(columns, task, message):
    with pytest.raises(DataError, match=message):
        build_labels(columns, (task,))
