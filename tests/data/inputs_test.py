"""What becomes of raw columns: expected values from the definitions, by hand."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import experiments.train  # noqa: F401  registers the resolver of the folder names
import mtlx.compose
import mtlx.data
from mtlx.data.categorical import Categorical
from mtlx.data.inputs import (
    Bag,
    Date,
    Hashed,
    Ids,
    Quantiles,
    Standardised,
)
from mtlx.data.tabular_features import TabularFeatures
from mtlx.types import Field

CONF = Path(__file__).resolve().parents[2] / "conf"


def text(*rows):
    values, codes = np.unique(rows, return_inverse=True)
    return Categorical(values, codes.astype(np.int32))


def encode(inputs, train, other):
    """Schema, and what rows that were not fitted become."""
    features = TabularFeatures.fit(train, (), (), inputs=inputs)
    return features.schema, features.encode(other)


def one(declared, train, other):
    schema, encoded = encode({"x": declared}, {"x": train}, {"x": other})
    return schema, encoded["categorical"][:, 0]


def test_rare_values_are_unknown():
    train = text("a", "b", "b", "c", "c", "c")
    for min_count, expected, size in ((1, [1, 2, 3, 0], 4), (2, [0, 1, 2, 0], 3)):
        schema, ids = one(Ids(min_count=min_count), train, text("a", "b", "c", "d"))
        np.testing.assert_array_equal(ids, expected)
        assert schema.cardinalities == (size,)
    _, ids = one(Ids(), np.array([30, 4]), np.array([4, 30, 5]))
    np.testing.assert_array_equal(ids, [2, 1, 0])  # in the order of their text


def test_columns_that_share_a_vocabulary_share_a_table():
    train = {"born": text("de", "fr", "de"), "lives": text("us", "fr", "us")}
    other = {"born": text("us", "xx"), "lives": text("de", "fr")}
    inputs = {"born": Ids(), "lives": Ids(shared="born")}
    schema, encoded = encode(inputs, train, other)
    assert (schema.names, schema.cardinalities) == (("born",), (4,))
    assert schema.fields == (Field("lives", "bag", (1,), (4,), ("born",)),)
    np.testing.assert_array_equal(encoded["categorical"], [[3], [0]])
    np.testing.assert_array_equal(encoded["lives"], [[1], [2]])
    # "us" occurs twice, but not in one column; the owner's min_count is for both.
    rare = inputs | {"born": Ids(min_count=2)}
    schema, encoded = encode(rare, train, other)
    assert schema.cardinalities == (4,)
    schema, _ = encode(inputs | {"born": Ids(min_count=3)}, train, other)
    assert schema.cardinalities == (1,)


def test_hashing_is_stable_and_leaves_unseen_buckets_unknown():
    def bucket(value, seed=0):
        key = seed.to_bytes(8, "little")
        digest = hashlib.blake2b(value.encode(), digest_size=8, key=key).digest()
        return 1 + int.from_bytes(digest, "little") % 50

    words = [f"word{k}" for k in range(40)]
    seen, new = words[:25], words[25:]
    for seed in (0, 7):
        hashed = Hashed(buckets=50, seed=seed)
        schema, ids = one(hashed, text(*seen), text(*words))
        assert schema.cardinalities == (51,)
        known = {bucket(word, seed) for word in seen}
        expected = [bucket(w, seed) if bucket(w, seed) in known else 0 for w in words]
        np.testing.assert_array_equal(ids, expected)
        assert (ids[:25] > 0).all() and (ids[25:] == 0).any()
    # Fixed for ever: the row of a value in a stored table must not move.
    assert [bucket(word) for word in new[:4]] == [26, 22, 3, 18]


def test_bags_hold_the_distinct_values_of_a_row():
    train = {"genres": text("drama|war", "", "war|comedy|war", "comedy")}
    other = {"genres": text("western | war", "comedy|drama|war", "")}
    schema, encoded = encode({"genres": Bag()}, train, other)
    assert schema.fields == (Field("genres", "bag", (2,), (4,)),)
    assert schema.names == ()
    expected = [[0, 3], [1, 2], [-1, -1]]  # the third genre of the second row is cut
    np.testing.assert_array_equal(encoded["genres"], expected)
    assert encoded["genres"].dtype == np.int32
    assert encoded["categorical"].shape == (3, 0) == encoded["numerical"].shape
    schema, encoded = encode({"genres": Bag(min_count=2, length=3)}, train, other)
    assert schema.fields == (Field("genres", "bag", (3,), (3,)),)
    np.testing.assert_array_equal(
        encoded["genres"], [[0, 2, -1], [1, 0, 2], [-1, -1, -1]]
    )


def test_a_bag_may_share_a_columns_table():
    train = {"item": text("a", "b"), "bought": text("b,c", "a")}
    inputs = {"item": Ids(), "bought": Bag(separator=",", shared="item")}
    schema, encoded = encode(inputs, train, train)
    assert schema.cardinalities == (4,)
    assert schema.fields == (Field("bought", "bag", (2,), (4,), ("item",)),)
    np.testing.assert_array_equal(encoded["bought"], [[2, 3], [1, -1]])


def test_quantiles_of_the_training_rows():
    train = np.arange(1.0, 101.0)
    schema, ids = one(Quantiles(bins=4), train, np.array([-5, 25, 26, 50.6, 99, 1e9]))
    np.testing.assert_array_equal(ids, [1, 1, 2, 3, 4, 4])
    assert schema.cardinalities == (5,)
    _, ids = one(Quantiles(bins=4), train, train)
    np.testing.assert_array_equal(np.bincount(ids), [0, 25, 25, 25, 25])


def test_equal_quantiles_count_once_and_missing_is_unknown():
    train = np.array([0, 0, 0, 0, 0, 0, 0, 3, 8, np.nan])
    schema, ids = one(Quantiles(bins=10), train, np.array([np.nan, 0, 7, 8, -1]))
    # The quantiles .1 .. .9 of nine numbers are the numbers themselves, between them.
    edges = np.unique(np.quantile(train[:9], np.arange(1, 10) / 10))[1:]
    np.testing.assert_array_equal(
        ids[1:], 1 + (edges[None] <= [[0], [7], [8], [-1]]).sum(1)
    )
    assert ids[0] == 0
    assert schema.cardinalities == (len(edges) + 2,)


def test_numbers_are_standardised_by_the_training_rows():
    train, other = np.array([0.0, np.e - 1.0]), np.array([np.e**2 - 1.0])
    inputs = {"x": Standardised(log=True), "y": Standardised()}
    schema, encoded = encode(inputs, {"x": train, "y": train}, {"x": other, "y": other})
    assert schema.numericals == 2
    mean = (np.e - 1) / 2
    np.testing.assert_allclose(
        encoded["numerical"],
        [[(2 - 0.5) / 0.5, (np.e**2 - 1 - mean) / mean]],
        rtol=1e-6,
    )


ISO = ("2024-02-29T23:59:59", "2024-03-04T00:10:00", "2024-03-05")
SECONDS = np.array(ISO, "datetime64[s]")


@pytest.mark.parametrize(
    ("declared", "column"),
    [
        (Date(), text(*ISO)),
        (Date(), SECONDS),
        (Date(), SECONDS.astype(np.int64)),
        (Date(unit="ms"), SECONDS.astype(np.int64) * 1000),
        (Date(utc_offset=8), SECONDS.astype(np.int64) - 8 * 3600),
        (Date(), text(f"{ISO[0]}Z", f"{ISO[1]}+00:00", f"{ISO[2]}T02:00+02:00")),
    ],
    ids=["text", "dates", "seconds", "milliseconds", "utc", "zones"],
)
def test_dates(declared, column):
    schema, encoded = encode({"t": declared}, {"t": column}, {"t": column})
    assert schema.names == ("t_hour", "t_weekday", "t_month")
    assert schema.cardinalities == (25, 8, 13)
    # Thursday, Monday and Tuesday
    expected = [[24, 4, 2], [1, 1, 3], [1, 2, 3]]
    np.testing.assert_array_equal(encoded["categorical"], expected)
    days = np.array([0, 3 + (10 * 60 + 1) / 86400, 4 + 1 / 86400])
    days = (days - days.mean()) / days.std()
    np.testing.assert_allclose(encoded["numerical"][:, 0], days, rtol=1e-5, atol=1e-6)


def test_parts_of_a_date_that_no_training_row_has_are_unknown():
    train, other = text("20240110", "20240111"), text("20240117", "20250618")
    date = Date(parts=("month", "weekday"))
    schema, encoded = encode({"t": date}, {"t": train}, {"t": other})
    assert schema.names == ("t_month", "t_weekday") and schema.numericals == 0
    np.testing.assert_array_equal(encoded["categorical"], [[1, 3], [0, 3]])


@pytest.mark.parametrize("declared", [Ids(), Hashed(9), Bag(), Quantiles(2), Date()])
def test_what_other_splits_hold_changes_nothing(declared):
    """Rows are encoded one by one, by numbers of the training rows alone."""
    rows = {
        Quantiles: np.arange(6.0),
        Date: np.arange(6) * 40_000_000,
    }.get(type(declared), text(*"abcdef"))

    def some(*at):
        at = np.array(at)
        return rows.take(at) if isinstance(rows, Categorical) else rows[at]

    features = TabularFeatures.fit({"x": some(0, 1, 2)}, (), (), inputs={"x": declared})
    whole = features.encode({"x": some(2, 3, 4, 5)})
    part = features.encode({"x": some(2, 5)})
    for name, values in whole.items():
        np.testing.assert_array_equal(values[np.array([0, 3])], part[name])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"z": Ids()}, r"found \['z'\]; choose from \['n', 't', 't_hour', 'x', 'y'\]"),
        (
            {"x": Ids(shared="n"), "n": Quantiles()},
            "single ids with a table.*found 'n'",
        ),
        ({"x": Ids(shared="y"), "y": Bag()}, "found 'y'; choose from \\[\\]"),
        (
            {"n": Ids()},
            "Expected a column of ids.*found float64",
        ),
        ({"n": Standardised()}, "'n', row 1: expected a number, found nan"),
        ({"n": None}, "at least one column"),
        ({"t": Date(), "t_hour": Ids()}, "found \\['t_hour'\\] more than once"),
        ({"n": Date()}, "'n': expected dates.*found float64"),
        ({"x": Date()}, "'x': expected dates as in ISO 8601, found 'a'"),
    ],
)
def test_what_does_not_fit_is_refused(inputs, message):
    columns = {"x": text("a", "b"), "y": text("a", "c"), "n": np.array([-1.0, np.nan])}
    columns |= {"t": np.array([5, 6]), "t_hour": np.array([5, 6])}
    with pytest.raises(ValueError, match=message):
        TabularFeatures.fit(columns, (), (), inputs=inputs)


def test_an_empty_cell_is_a_value_or_unknown():
    train, other = text("a", "", "b"), text("", "b", "c")
    _, ids = one(Ids(), train, other)
    np.testing.assert_array_equal(ids, [1, 3, 0])
    schema, ids = one(Ids(missing="unknown"), train, other)
    np.testing.assert_array_equal(ids, [0, 2, 0])
    assert schema.cardinalities == (3,)


def test_a_data_config_declares_them():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose(
            "train",
            overrides=[
                "data=census_income_sample",
                "+data.inputs.age={_target_:mtlx.data.inputs.Quantiles,bins:4}",
                "+data.inputs.country_of_birth_father={_target_:mtlx.data.inputs.Ids,"
                "shared:country_of_birth_self}",
                "+data.inputs.detailed_industry_recode={_target_:"
                "mtlx.data.inputs.Hashed,buckets:20}",
                "+data.inputs.year=null",
            ],
        )
    data = mtlx.compose.build_dataset(cfg)
    names, features = data.schema.names, data.train.features
    assert {"year", "country_of_birth_father"}.isdisjoint(names)
    assert len(names) == 31 - 2 + 1 and data.schema.numericals == 7 - 1
    assert features["categorical"][:, names.index("age")].max() == 4
    hashed = names.index("detailed_industry_recode")
    assert data.schema.cardinalities[hashed] == 21
    (field,) = data.schema.fields
    assert field.shared == ("country_of_birth_self",)
    owner = names.index("country_of_birth_self")
    assert field.sizes == (data.schema.cardinalities[owner],)
    assert features[field.name].shape == (10_000, 1)
    with pytest.raises(ValueError, match="'income'"):
        mtlx.data.census_income(sample=True, inputs={"income": Ids()})
