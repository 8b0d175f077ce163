"""data=table: a declared schema on made-up files, against values from their cells."""

import numpy as np
import pytest

from mtlx.data import DataError, tabular
from mtlx.data.inputs import Bag, Ids
from mtlx.tasks import Task
from mtlx.types import Field
from tests.data.table_files import (
    INPUTS,
    ROWS,
    SPLIT,
    TASKS,
    load,
    rows_of,
    shop_columns,
    write_csv,
    write_parquet,
)


@pytest.fixture(scope="module")
def shop():
    return shop_columns()


@pytest.fixture(scope="module")
def path(tmp_path_factory, shop):
    return write_csv(tmp_path_factory.mktemp("shop") / "log.csv", shop)


@pytest.fixture(scope="module")
def dataset(path):
    return load(path)


def test_every_split_has_the_cells_of_its_rows(dataset, shop):
    rows = rows_of(shop)
    train = [np.array(shop["user"])[rows["train"]]]
    ids = {value: n for n, value in enumerate(np.unique(train), start=1)}
    for part, own in rows.items():
        batch = getattr(dataset, part)
        user = [ids.get(shop["user"][row], 0) for row in own]
        np.testing.assert_array_equal(batch.features["categorical"][:, 0], user)
        clicked = np.array(shop["clicked"])[own]
        np.testing.assert_array_equal(batch.labels["click"], clicked)
        np.testing.assert_array_equal(batch.where["buy"], clicked == 1)
        bought = np.array(shop["bought"])[own]
        np.testing.assert_array_equal(batch.labels["buy"], bought * clicked)
        known = [shop["stars"][row] is not None for row in own]
        np.testing.assert_array_equal(batch.where["stars"], known)
        stars = [shop["stars"][row] or 0 for row in own]
        np.testing.assert_array_equal(batch.labels["stars"], stars)
    assert dataset.train.groups is None
    users = np.array(shop["user"])[rows["test"]]
    same = np.equal.outer(dataset.test.groups, dataset.test.groups)
    np.testing.assert_array_equal(same, np.equal.outer(users, users))


def test_the_schema_is_the_declared_one(dataset):
    schema = dataset.schema
    assert schema.names == ("user", "item", "brand", "time_weekday")
    assert schema.numericals == 2
    item = schema.cardinalities[1]
    assert schema.fields[0] == Field("seen", "sequence", (4, 1), (item,), ("item",))
    title = schema.fields[1]
    assert (title.name, title.kind, title.shape) == ("title", "text", (5,))


def test_gaps_and_outliers_are_those_of_the_training_rows(dataset, shop):
    rows = rows_of(shop)
    price = np.array([np.nan if p is None else p for p in shop["price"]])
    known = price[rows["train"]][~np.isnan(price[rows["train"]])]
    low, high = np.quantile(known, (0.05, 0.95))
    assert (low, high) != (known.min(), known.max())
    fill = np.median(np.clip(known, low, high))
    filled = np.where(np.isnan(price), fill, np.clip(price, low, high))
    mean, std = filled[rows["train"]].mean(), filled[rows["train"]].std()
    for part, own in rows.items():
        numbers = getattr(dataset, part).features["numerical"]
        np.testing.assert_allclose(numbers[:, 0], (filled[own] - mean) / std, 1e-5)
        np.testing.assert_array_equal(numbers[:, 1], np.isnan(price[own]))


def test_the_later_rows_fit_nothing(dataset, tmp_path, shop):
    """Vocabularies, tokens, scales, quantiles and fills are the training rows' own."""
    late = set(rows_of(shop)["test"].tolist()) | set(
        rows_of(shop)["validation"].tolist()
    )
    other = {"item": "zz", "brand": "zz", "price": 1e9, "title": "zz", "seen": ["zz"]}
    changed = shop | {
        name: [cell if row in late else old for row, old in enumerate(shop[name])]
        for name, cell in other.items()
    }
    found = load(write_csv(tmp_path / "changed.csv", changed))
    assert found.schema == dataset.schema
    for name, column in dataset.train.features.items():
        np.testing.assert_array_equal(found.train.features[name], column)
    assert (found.test.features["categorical"][:, 1:3] == 0).all()
    assert (found.test.features["seen"] <= 0).all()


def test_missing_ids_are_unknown_or_a_value(dataset, path, shop):
    gaps = np.array([b is None for b in shop["brand"]])[rows_of(shop)["test"]]
    brand = dataset.test.features["categorical"][:, 2]
    np.testing.assert_array_equal(brand == 0, gaps)
    inputs = INPUTS | {"brand": Ids()}
    own = load(path, inputs=inputs).test.features["categorical"][:, 2]
    assert own.min() == 1 and len(set(own[gaps])) == 1
    tokens = load(path, missing=("", "b1")).test.features["categorical"][:, 2]
    b1 = [shop["brand"][row] in (None, "b1") for row in rows_of(shop)["test"]]
    np.testing.assert_array_equal(tokens == 0, b1)


def test_sequences_keep_their_order_and_their_last_items(dataset, shop):
    rows = rows_of(shop)
    counted = {}  # an item's rows, as candidate and in histories, once each
    for row in rows["train"]:
        for column in ({shop["item"][row]}, set(shop["seen"][row])):
            for item in column:
                counted[item] = counted.get(item, 0) + 1
    kept = sorted(item for item, count in counted.items() if count >= 2)
    ids = {item: n for n, item in enumerate(kept, start=1)}
    for part, own in rows.items():
        seen = getattr(dataset, part).features["seen"]
        assert seen.shape == (len(own), 4, 1)
        for found, row in zip(seen[:, :, 0], own, strict=True):
            last = [ids.get(item, 0) for item in shop["seen"][row][-4:]]
            assert found.tolist() == last + [-1] * (4 - len(last))


def test_texts_go_over_lines(dataset):
    title = dataset.schema.fields[1]
    # [UNK] red shoe , size 0 1 2 3 new, of which a row keeps the first five
    assert title.sizes == (10,)
    assert (dataset.train.features["title"] > 0).all()


@pytest.mark.parametrize("kind", ["log.parquet", "log.csv.gz", "log.tsv", "folder"])
def test_all_formats_give_the_same(kind, tmp_path, dataset, shop):
    if kind == "log.parquet":
        files, options = write_parquet(tmp_path / kind, shop), {}
    elif kind == "folder":  # two files, of which one has whole numbers as text
        files, options = tmp_path / kind, {}
        files.mkdir()
        halves = [{k: v[a:b] for k, v in shop.items()} for a, b in ((0, 99), (99, 240))]
        del halves[0]["seen"], halves[1]["seen"]
        write_parquet(files / "a.parquet", halves[0])
        write_csv(files / "b.csv", halves[1])
        expected = load(write_csv(tmp_path / "x.csv", shop), inputs=_flat())
        found = load(files, inputs=_flat())
        _assert_same(found, expected)
        return
    else:
        options = {"delimiter": "\t"} if kind == "log.tsv" else {}
        files = write_csv(tmp_path / kind, shop, options.get("delimiter", ","))
    _assert_same(load(files, **options), dataset)


def _flat():
    return {name: each for name, each in INPUTS.items() if name != "seen"}


def _assert_same(found, expected):
    assert found.schema == expected.schema
    for part in ("train", "validation", "test"):
        one, other = getattr(found, part), getattr(expected, part)
        for kind in ("features", "labels", "where"):
            assert set(getattr(one, kind)) == set(getattr(other, kind))
            for name, column in getattr(one, kind).items():
                np.testing.assert_array_equal(column, getattr(other, kind)[name])
                assert column.dtype == getattr(other, kind)[name].dtype


def test_repeated_rows_are_not_told_by_lists(tmp_path, shop):
    written = write_parquet(tmp_path / "a.parquet", shop)
    with pytest.raises(DataError, match=r"single values .*lists in \['seen'\]"):
        load(written, duplicates=("user", "seen"))


def test_lists_of_parquet_are_bags_too(tmp_path, shop):
    inputs = {"user": Ids(), "seen": Bag(separator=" ")}
    of_lists = load(write_parquet(tmp_path / "a.parquet", shop), inputs=inputs)
    of_texts = load(write_csv(tmp_path / "a.csv", shop), inputs=inputs)
    _assert_same(of_lists, of_texts)


def test_pandas_gaps_make_whole_ids_no_fractions(tmp_path, shop):
    ids = [None if n % 5 == 0 else float(n % 7) for n in range(ROWS)]
    written = write_parquet(tmp_path / "a.parquet", shop | {"shop": ids})
    inputs = {"user": Ids(), "shop": Ids(missing="unknown")}
    found = load(written, inputs=inputs).test.features["categorical"][:, 1]
    expected = [0 if ids[n] is None else 1 + int(ids[n]) for n in rows_of(shop)["test"]]
    np.testing.assert_array_equal(found, expected)
    written = write_parquet(tmp_path / "b.parquet", shop | {"shop": [0.5] * ROWS})
    with pytest.raises(DataError, match=r"b.parquet, row 1, column 'shop': .*0\.5"):
        load(written, inputs=inputs)


def test_repeated_rows_are_dropped_and_counted(tmp_path, shop, dataset):
    again = {name: cells + cells[100:110] for name, cells in shop.items()}
    written = write_csv(tmp_path / "again.csv", again)
    found = load(written, duplicates=("user", "item", "time"))
    dropped = "table: 10 of 250 rows repeat another (user, item, time) and are dropped."
    counts = [len(own) for own in rows_of(shop).values()]
    sizes = "table: {} train, {} validation, {} test rows.".format(*counts)
    assert found.notes == (dropped, sizes)
    assert dataset.notes == (sizes,)
    _assert_same(found, dataset)


def test_files_by_part_and_what_is_missing_is_split_off(tmp_path, shop):
    rows = rows_of(shop)
    files = {
        part: write_csv(
            tmp_path / f"{part}.csv", {k: [v[r] for r in own] for k, v in shop.items()}
        )
        for part, own in rows.items()
    }
    whole = load(write_csv(tmp_path / "log.csv", shop))
    _assert_same(load(files, split=None), whole)
    two = {part: files[part] for part in ("train", "test")}
    kept = tabular.ByTime("time", validation=0.25, test=0)
    found = load(two, split=kept)
    np.testing.assert_array_equal(
        found.test.labels["click"], whole.test.labels["click"]
    )
    lengths = [len(getattr(found, p).labels["click"]) for p in ("train", "validation")]
    assert sum(lengths) == len(rows["train"])
    with pytest.raises(ValueError, match="expected test rows from .*found both"):
        load(two, split=SPLIT)
    with pytest.raises(DataError, match="expected rows in each split, found .*'valida"):
        load(two, split=None)


def test_labels_of_text_are_counted_in_the_declared_order(tmp_path, shop):
    words = [["no", "yes"][c] for c in shop["clicked"]]
    grade = [["bad", "fair", "good"][n % 3] if n % 4 else None for n in range(ROWS)]
    written = write_csv(tmp_path / "a.csv", shop | {"clicked": words, "grade": grade})
    tasks = (TASKS[0], Task("grade", "multiclass", num_classes=3))
    classes = {"clicked": ("no", "yes"), "grade": ("good", "fair", "bad")}
    found = load(written, tasks=tasks, classes=classes).train
    own = rows_of(shop)["train"]
    np.testing.assert_array_equal(found.labels["click"], np.array(shop["clicked"])[own])
    expected = [0 if n % 4 == 0 else 2 - n % 3 for n in own]
    np.testing.assert_array_equal(found.labels["grade"], expected)
    assert found.labels["grade"].dtype == np.int32
    np.testing.assert_array_equal(found.where["grade"], own % 4 > 0)
