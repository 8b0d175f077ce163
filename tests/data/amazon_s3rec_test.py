"""S3Rec's Amazon sets on made-up files, against loops over their lines."""

import hashlib
import json
import random
import sys

import numpy as np
import pytest

from mtlx.data import DataError, amazon_s3rec
from mtlx.data.builders.amazon_s3rec_format import read_amazon_s3rec
from mtlx.data.builders.amazon_s3rec_source import SOURCES
from mtlx.data.inputs import Ids

SPLITS = ("train", "validation", "test")


def made_up_sequences():
    draw = random.Random(0)
    # The last item of the first user is in no other line.
    sequences = [draw.sample(range(1, 16), draw.randint(5, 9)) for _ in range(12)]
    return [[*sequences[0], 99], *sequences[1:]]


def made_up_attributes():
    """Item 3 has none; attribute 1 is the commonest."""
    return {
        item: [1, 2 + item % 4, 10 + item % 3] for item in range(1, 16) if item != 3
    }


def contents(sequences=None):
    lines = made_up_sequences() if sequences is None else sequences
    text = "".join(
        " ".join(map(str, (user, *items))) + "\n"
        for user, items in enumerate(lines, start=1)
    )
    table = {str(item): listed for item, listed in made_up_attributes().items()}
    return {
        "Beauty.txt": text.encode(),
        "Beauty_item2attributes.json": json.dumps(table).encode(),
    }


def publish(folder, monkeypatch, files):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    sha256 = {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    tiny = SOURCES["beauty"]._replace(sha256=sha256, config=sha256["Beauty.txt"][:8])
    module = sys.modules["mtlx.data.amazon_s3rec"]
    monkeypatch.setattr(module, "SOURCES", {"beauty": tiny})
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    return publish(tmp_path, monkeypatch, contents())


def ids_of(sequences):
    known = sorted({str(item) for items in sequences for item in items[:-2]})
    return {item: rank for rank, item in enumerate(known, start=1)}


def expected_rows(split):
    """(items before, item)"""
    for items in made_up_sequences():
        last = len(items) - 1
        places = {"train": range(1, last - 1), "validation": [last - 1], "test": [last]}
        for place in places[split]:
            yield items[:place], items[place]


@pytest.mark.parametrize("split", SPLITS)
def test_the_last_items_are_left_out_for_validation_and_test(folder, split):
    data = amazon_s3rec(history=4, max_attributes=3, data_dir=folder)
    ids, batch = ids_of(made_up_sequences()), getattr(data, split)
    rows = list(expected_rows(split))
    assert len(batch.labels["next_item"]) == len(rows)
    assert set(batch.features) == {"history"}
    for row, (before, item) in enumerate(rows):
        history = [[ids.get(str(other), 0)] for other in before[-4:]]
        history += [[-1]] * (4 - len(history))
        assert batch.features["history"][row].tolist() == history
        assert batch.where["next_item"][row]
        assert batch.labels["next_item"][row] == ids.get(str(item), 0)
        known = item in made_up_attributes()
        assert batch.where["next_attributes"][row] == known
        if known:
            assert batch.labels["next_attributes"][row][0] == 1
    assert data.name == "amazon_beauty"
    assert data.tasks[0].num_classes == len(ids) + 1


def test_the_attributes_are_those_of_most_training_events(folder):
    data = amazon_s3rec(max_attributes=2, data_dir=folder)
    train = [item for items in made_up_sequences() for item in items[:-2]]
    listed = [a for item in train for a in made_up_attributes().get(item, [])]
    second = max({a for a in listed if a != 1}, key=lambda a: (listed.count(a), -a))
    for row, (_, item) in enumerate(expected_rows("test")):
        if item in made_up_attributes():
            expected = [1, int(second in made_up_attributes()[item])]
            found = data.test.labels["next_attributes"][row].tolist()
            assert found == expected


def test_a_target_that_training_lacks_is_a_miss_as_published(folder):
    missed = amazon_s3rec(data_dir=folder)
    assert missed.test.where["next_item"].all()
    assert missed.test.labels["next_item"][0] == 0
    masked = amazon_s3rec(cold_targets="mask", data_dir=folder)
    assert masked.test.where["next_item"].all()
    np.testing.assert_array_equal(masked.test.groups, range(1, 12))
    assert missed.train.labels["next_item"].min() > 0


def test_users_and_items_are_inputs_on_request(folder):
    data = amazon_s3rec(
        tasks="next_item", show_item=True, inputs={"user_id": Ids()}, data_dir=folder
    )
    assert data.schema.names == ("user_id", "item_id")
    np.testing.assert_array_equal(
        data.test.features["categorical"][:, 1], data.test.labels["next_item"]
    )
    assert [field.name for field in data.schema.fields] == ["attributes", "history"]
    assert data.schema.fields[1].shared == ("item_id",)
    np.testing.assert_array_equal(data.test.groups, range(12))


def test_nothing_of_a_row_is_of_its_future(tmp_path, monkeypatch, folder):
    """The last item of each user is another: training and validation do not notice."""
    first = amazon_s3rec(data_dir=folder)
    changed = [[*items[:-1], 50] for items in made_up_sequences()]
    (tmp_path / "changed").mkdir()
    other = publish(tmp_path / "changed", monkeypatch, contents(changed))
    second = amazon_s3rec(data_dir=other)
    assert first.schema == second.schema
    for split in SPLITS:
        one, two = (getattr(data, split) for data in (first, second))
        np.testing.assert_array_equal(one.features["history"], two.features["history"])
    assert not second.test.labels["next_item"].any()


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("Beauty.txt", b"1 2 3 4\n2 5 x 6\n", r"line 2, column 3 \(item\): .* 'x'"),
        ("Beauty.txt", b"-1 2 3 4\n", r"line 1, column 1 \(user\): .* '-1'"),
        ("Beauty.txt", b"1 2 3 4\n2 5 6\n", "line 2: .* 3 items or more, found 3 fie"),
        ("Beauty.txt", b"1 2 3 4\n1 5 6 7\n", r"line 2, column 1 \(user\): .* 1 again"),
        ("Beauty.txt", b"", "expected a user a line, found none"),
        ("B.json", b'{"1": [2', "expected a JSON object, found .*line 1 column"),
        ("B.json", b'["1"]', "expected a JSON object of items, found list"),
        ("B.json", b'{"1": [2, "3"]}', "item '1': expected .* list of whole numbers"),
        ("B.json", b'{"x": [2]}', "item 'x': expected the number of an item"),
    ],
)
def test_a_broken_file_is_named(tmp_path, name, content, found):
    with pytest.raises(DataError, match=f"{name}.*{found}"):
        read_amazon_s3rec(content, tmp_path / name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"domain": "toys"}, r"domain to be one of \['beauty'\].*'toys'"),
        ({"history": 0}, "history >= 1"),
        ({"max_attributes": 1}, "max_attributes >= 2"),
        ({"tasks": "rating"}, "tasks to be one or more of"),
    ],
)
def test_refusals(folder, options, message):
    with pytest.raises(ValueError, match=message):
        amazon_s3rec(data_dir=folder, **options)
