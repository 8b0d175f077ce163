"""Numbers, sequences and texts by declaration: values from the definitions, by hand."""

import numpy as np
import pytest

from mtlx.data.categorical import Categorical
from mtlx.data.errors import DataError
from mtlx.data.inputs import (
    Bag,
    Date,
    Hashed,
    Ids,
    IdSequence,
    Number,
    Quantiles,
    Text,
)
from mtlx.data.tabular_features import TabularFeatures
from mtlx.types import Field


def text(*rows):
    values, codes = np.unique(rows, return_inverse=True)
    return Categorical(values, codes.astype(np.int32))


def encode(inputs, train, other):
    """Schema, and what rows that were not fitted become."""
    features = TabularFeatures.fit(train, (), (), inputs=inputs)
    return features.schema, features.encode(other)


def numbers(declared, train, other):
    schema, encoded = encode({"x": declared}, {"x": train}, {"x": other})
    assert schema.numericals == encoded["numerical"].shape[1]
    return encoded["numerical"]


@pytest.mark.parametrize(
    "missing, fill", [("mean", 4.0), ("median", 2.5), (7, 7.0), (0.5, 0.5)]
)
def test_gaps_are_filled_from_the_training_rows(missing, fill):
    train = np.array([1.0, 2.0, np.nan, 3.0, 10.0])
    other = np.array([np.nan, 5.0])
    declared = Number(missing=missing, indicator=True, scale="none")
    np.testing.assert_allclose(numbers(declared, train, other), [[fill, 1], [5, 0]])
    filled = np.where(np.isnan(train), fill, train)
    scaled = numbers(Number(missing=missing), train, other)[:, 0]
    np.testing.assert_allclose(
        scaled, ([fill, 5.0] - filled.mean()) / filled.std(), rtol=1e-6
    )


def test_outliers_are_clipped_to_training_quantiles_before_all_else():
    train = np.append(np.arange(1.0, 100.0), 1e9)
    low, high = np.quantile(train, (0.1, 0.9))
    declared = Number(missing="mean", clip=(0.1, 0.9), log=True, scale="minmax")
    found = numbers(declared, train, np.array([0.0, 1e12, np.nan, 50.0]))[:, 0]
    fill = np.clip(train, low, high).mean()
    logs = np.log1p([low, high, fill, 50.0])
    expected = (logs - np.log1p(low)) / (np.log1p(high) - np.log1p(low))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_constant_number_is_centred_alone():
    for scale in ("standard", "minmax"):
        found = numbers(Number(scale=scale), np.full(3, 2.0), np.array([2.0, 5.0]))
        np.testing.assert_array_equal(found[:, 0], [0.0, 3.0])


def test_numbers_that_do_not_fit_are_refused():
    columns = {"x": np.array([1.0, np.nan])}
    with pytest.raises(DataError, match="'x', row 1: expected a number, found nan"):
        encode({"x": Number()}, columns, columns)
    columns = {"x": np.array([1.0, np.nan, -2.0])}
    with pytest.raises(DataError, match="row 2: expected a number of 0 or more"):
        encode({"x": Number(log=True, missing=0)}, columns, columns)
    with pytest.raises(DataError, match="expected a number in some training row"):
        encode({"x": Number(missing="mean")}, {"x": np.array([np.nan])}, columns)


def test_sequences_are_cut_at_either_end_and_repeat_values():
    train = {"seen": text("b a b c", "a", "")}
    for keep, expected in (("last", [2, 3]), ("first", [2, 1])):
        declared = IdSequence(length=2, keep=keep)
        schema, encoded = encode({"seen": declared}, train, train)
        assert schema.fields == (Field("seen", "sequence", (2, 1), (4,)),)
        rows = [expected, [1, -1], [-1, -1]]
        np.testing.assert_array_equal(encoded["seen"][:, :, 0], rows)
    _, encoded = encode({"seen": IdSequence(length=5, min_count=2)}, train, train)
    np.testing.assert_array_equal(encoded["seen"][0, :, 0], [0, 1, 0, 0, -1])


def test_texts_of_the_training_rows():
    train, other = {"t": text("red shoe", "red hat")}, {"t": text("Red, blue hat")}
    schema, encoded = encode({"t": Text(length=5, min_count=1)}, train, other)
    (field,) = schema.fields
    assert (field.kind, field.shape, field.sizes) == ("text", (5,), (4,))
    red, hat = encoded["t"][0, [0, 3]]
    assert encoded["t"].tolist() == [[red, 0, 0, hat, -1]] and 0 < red != hat > 0


def test_a_logarithm_of_what_is_below_0_is_refused():
    features = TabularFeatures.fit({"x": np.array([0.0, 3.0])}, (), ("x",), ("x",))
    with pytest.raises(DataError, match="'x', row 0: expected a number of 0 or more"):
        features.encode({"x": np.array([-0.5])})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Ids(min_count=0),
        lambda: Ids(min_count=2, shared="x"),
        lambda: Bag(min_count=2, shared="x"),
        lambda: Hashed(buckets=0),
        lambda: Quantiles(bins=1),
        lambda: Bag(separator=""),
        lambda: Bag(length=0),
        lambda: IdSequence(length=0),
        lambda: IdSequence(keep="newest"),
        lambda: IdSequence(min_count=2, shared="x"),
        lambda: Ids(missing="zero"),
        lambda: Number(missing="mode"),
        lambda: Number(scale="robust"),
        lambda: Number(clip=(0.9, 0.1)),
        lambda: Number(clip=(0.1,)),
        lambda: Number(log=True, missing=-1),
        lambda: Date(parts=()),
        lambda: Date(parts=("hour", "hour")),
        lambda: Date(parts=("year",)),
        lambda: Date(unit="h"),
    ],
)
def test_a_declaration_out_of_range_is_refused(make):
    with pytest.raises(ValueError, match="expected .*found"):
        make()
