"""The feature encoder: one table, one row of it a value, nothing silent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtlx.models import FeatureEncoder

KEY = jax.random.key(0)
IDS = jnp.array([[2, 0], [0, 3], [2, 1]], jnp.int32)
NUMBERS = jnp.array([[0.5], [-1.0], [2.0]])


def _encode(features, encoder=None):
    encoder = encoder or FeatureEncoder(cardinalities=(3, 4), embedding_dim=2)
    return encoder.init_with_output(KEY, features)


def test_each_column_has_its_own_rows_of_the_one_table():
    x, variables = _encode({"categorical": IDS, "numerical": NUMBERS})
    table = variables["params"]["embedding"]
    assert table.shape == (3 + 4, 2)
    rows = [[2, 3 + 0], [0, 3 + 3], [2, 3 + 1]]
    expected = [
        [*table[a], *table[b], *n] for (a, b), n in zip(rows, NUMBERS, strict=True)
    ]
    np.testing.assert_array_equal(x, np.array(expected))


def test_rows_up_to_a_multiple_change_no_vector():
    features = {"categorical": IDS.at[0, 0].set(-1)}
    padded = FeatureEncoder(cardinalities=(3, 4), embedding_dim=2, row_multiple=4)
    x, variables = _encode(features, padded)
    assert variables["params"]["embedding"].shape == (8, 2)
    expected, _ = _encode(features)
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize("columns", [{}, {"numerical": jnp.zeros((3, 0))}])
def test_categorical_columns_alone(columns):
    x, _ = _encode({"categorical": IDS} | columns)
    assert x.shape == (3, 4)


@pytest.mark.parametrize("columns", [{}, {"categorical": jnp.zeros((3, 0), jnp.int32)}])
def test_numeric_columns_alone_pass_through_and_have_no_parameters(columns):
    x, variables = _encode({"numerical": NUMBERS} | columns, FeatureEncoder())
    np.testing.assert_array_equal(x, NUMBERS)
    assert not jax.tree.leaves(variables)


@pytest.mark.parametrize("bad", [-1, 3, 5, 1000])
def test_an_id_outside_its_column_is_nan_and_no_other_columns_row(bad):
    x, _ = _encode({"categorical": IDS.at[1, 0].set(bad)})
    assert np.isnan(x[1, :2]).all()
    assert np.isfinite(x[1, 2:]).all() and np.isfinite(x[jnp.array([0, 2])]).all()


def test_only_the_rows_of_the_batch_have_a_gradient():
    encoder = FeatureEncoder(cardinalities=(3, 4), embedding_dim=2)
    _, variables = _encode({"categorical": IDS}, encoder)
    gradient = jax.grad(lambda v: encoder.apply(v, {"categorical": IDS}).sum())
    found = gradient(variables)["params"]["embedding"]
    counts = [1, 0, 2, 1, 1, 0, 1]
    np.testing.assert_array_equal(found, np.repeat(np.array(counts)[:, None], 2, 1))


@pytest.mark.parametrize("cardinalities", [(50, 2000), (50, 200_000)])
def test_initial_scale_does_not_depend_on_the_size_of_the_table(cardinalities):
    encoder = FeatureEncoder(cardinalities=cardinalities)
    _, variables = _encode({"categorical": jnp.zeros((1, 2), jnp.int32)}, encoder)
    column = variables["params"]["embedding"][:50]
    np.testing.assert_allclose(np.std(column), 0.05, rtol=0.15)


@pytest.mark.parametrize(
    ("cardinalities", "features", "message"),
    [
        ((3,), {"categorical": IDS}, "expected 1 categorical columns.*found 2"),
        ((3, 4), {"numerical": NUMBERS}, "expected 2 categorical columns.*found 0"),
        ((), {"other": NUMBERS}, "found neither"),
        ((), {"numerical": jnp.zeros((3, 0))}, "found neither"),
    ],
)
def test_columns_that_do_not_fit_are_refused(cardinalities, features, message):
    with pytest.raises(ValueError, match=message):
        _encode(features, FeatureEncoder(cardinalities=cardinalities))
