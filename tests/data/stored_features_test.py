"""What was fitted, stored as JSON and restored, encodes as before."""

import dataclasses
import json

import numpy as np
import pytest

from mtlx.data import TextTokenizer
from mtlx.data.categorical import Categorical
from mtlx.data.clock_hour import ClockHour
from mtlx.data.inputs import (
    Bag,
    Date,
    Encoded,
    Fitted,
    Hashed,
    Ids,
    IdSequence,
    Number,
    Quantiles,
    Standardised,
    Text,
)
from mtlx.data.past_items import PastItems
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.signature import Signature
from mtlx.data.stored_features import store_features
from mtlx.data.tabular_features import TabularFeatures
from mtlx.data.text_columns import TextColumns
from mtlx.tasks import Task


def text(*rows):
    return Categorical.of(np.array(rows))


TRAIN = {
    "user": text("a", "b", "a", "c"),
    "friend": text("b", "b", "d", "d"),
    "hash": text("x", "y", "x", "z"),
    "tags": text("p|q", "q", "", "p|r|p"),
    "price": np.array([0.0, 3.0, 10.0, 7.0]),
    "age": np.array([20, 30, 40, 25]),
    "score": np.array([0.1, np.nan, 0.3, 0.9]),
    "time": np.array([1650729600, 1650816000, 1651000000, 1651100000]),
    "day": text("2022-04-24", "20220425", "2022-04-26", "2022-04-27"),
    "stamp": np.array(["2022-04-24", "2022-04-25"] * 2, "datetime64[D]"),
    "hour": text("3", "4", "5", "3"),
    "amount": np.array([1.0, np.nan, 50.0, 7.0]),
    "path": text("a b", "b", "", "d d a"),
    "blurb": text("A fine day", "a day", "", "Fine"),
}
OTHER = {
    "user": text("z", "b", "c"),
    "friend": text("a", "?", "d"),
    "hash": text("y", "w", "v"),
    "tags": text("r|nope", "", "q|p"),
    "price": np.array([2.0, 4.0, 1e4]),
    "age": np.array([1, 99, 33]),
    "score": np.array([np.nan, -4.0, 0.3]),
    "time": np.array([1650729600, 1690816000, 1651003600]),
    "day": text("2022-04-24", "2023-12-25", "20220427"),
    "stamp": np.array(["2022-04-24", "2023-04-25", "2022-04-25"], "datetime64[D]"),
    "amount": np.array([np.nan, 1e6, 3.5]),
    "path": text("a z b d", "", "c"),
    "blurb": text("day of rest", "fine", ""),
}
INPUTS = {
    "user": Ids(),
    "friend": Ids(shared="user"),
    "hash": Hashed(buckets=5, seed=3),
    "tags": Bag(min_count=2),
    "price": Standardised(log=True),
    "age": Standardised(),
    "score": Quantiles(bins=3),
    "time": Date(utc_offset=8),
    "day": Date(parts=("weekday", "days")),
    "stamp": Date(parts=("month",)),
    "hour": Ids(),
    "amount": Number(missing="mean", indicator=True, clip=(0.1, 0.9), log=True),
    "path": IdSequence(length=3, shared="user"),
    "blurb": Text(length=3, min_count=1),
}


@pytest.fixture
def preprocessing():
    features = TabularFeatures.fit(TRAIN, (), (), inputs=INPUTS)
    tokenizer = TextTokenizer.fit(["A fine day", "a day"], length=3)
    return Preprocessing(
        features,
        {"hour": ClockHour("clock_ms", 8)},
        {
            "history": PastItems("seen", "user", 3),
            "review": TextColumns(("title", "body"), tokenizer),
        },
    )


ROWS = OTHER | {
    "clock_ms": np.array([0, 3_600_000 * 19, 3_600_000 * 50]),
    "seen": text("a|b|c|z", "", " c"),
    "title": text("A", "", "fine"),
    "body": text("day", "", "wine"),
}


def test_restored_from_json_it_encodes_as_before(preprocessing):
    again = Preprocessing.restore(json.loads(json.dumps(preprocessing.record())))
    before, after = preprocessing.encode(ROWS), again.encode(ROWS)
    assert list(after) == list(before)
    for name in before:
        assert after[name].dtype == before[name].dtype
        np.testing.assert_array_equal(after[name], before[name], err_msg=name)
    assert again.tabular.schema == preprocessing.tabular.schema
    assert again.kinds == preprocessing.kinds


def test_raw_columns_and_what_they_hold(preprocessing):
    assert preprocessing.kinds == {
        "user": "text",
        "friend": "text",
        "hash": "text",
        "tags": "text",
        "price": "number",
        "age": "number",
        "score": "number?",
        "time": "whole",
        "day": "text",
        "stamp": "time",
        "clock_ms": "whole",
        "amount": "number?",
        "path": "text",
        "blurb": "text",
        "seen": "text",
        "title": "text",
        "body": "text",
    }


def test_what_training_rows_do_not_hold_is_unknown_and_hours_are_local(preprocessing):
    features = preprocessing.encode(ROWS)
    names = preprocessing.tabular.schema.names
    np.testing.assert_array_equal(
        features["categorical"][:, names.index("user")], [0, 2, 3]
    )
    # 0:00, 19:00 and 50:00 in UTC are 8, 3 and 10 o'clock, of which training has 3.
    np.testing.assert_array_equal(
        features["categorical"][:, names.index("hour")], [0, 1, 0]
    )
    # a, b, c, d: the shared vocabulary is that of both columns.
    np.testing.assert_array_equal(
        features["history"][..., 0], [[2, 3, 0], [-1, -1, -1], [3, -1, -1]]
    )
    np.testing.assert_array_equal(
        features["review"], [[1, 2, -1], [-1, -1, -1], [3, 0, -1]]
    )


@dataclasses.dataclass(frozen=True)
class Foreign:
    def fit(self, name, column, vocabulary):
        return Fitted(lambda column: Encoded(numbers={name: column}), numbers=(name,))


def test_an_input_that_cannot_be_restored_is_refused():
    features = TabularFeatures.fit(TRAIN, (), (), inputs={"age": Foreign()})
    with pytest.raises(ValueError, match="'age': expected .* found Foreign"):
        store_features(features)


def test_a_signature_is_read_as_it_was_written(preprocessing, tmp_path):
    tasks = (Task("click", "binary"), Task("kind", "multiclass", num_classes=3))
    schema = preprocessing.tabular.schema._replace(domain="user", personal=("user",))
    before = Signature("made_up", tasks, schema, preprocessing)
    before.write(tmp_path / "signature.json")
    after = Signature.read(tmp_path / "signature.json")
    assert after[:3] == before[:3]
    assert after.shapes() == before.shapes()


@pytest.mark.parametrize("content", ["{", "{}", '{"format": 7}'])
def test_a_damaged_signature_is_refused(tmp_path, content):
    (tmp_path / "signature.json").write_text(content)
    with pytest.raises(ValueError, match="signature.json: expected a signature"):
        Signature.read(tmp_path / "signature.json")
