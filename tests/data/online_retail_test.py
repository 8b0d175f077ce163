"""Baskets: what is a sale, what is taken back, and that no label is seen too early."""

import functools
import lzma
from pathlib import Path

import jax
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import mtlx.compose
from experiments.train import CONF
from mtlx.data import DataError, online_retail
from mtlx.data.builders.online_retail_format import LINES, parse_online_retail, sales
from mtlx.data.builders.online_retail_source import FILE
from mtlx.data.event_sums import EventSums, neighbours
from mtlx.data.retail_baskets import baskets
from tests.data.tiny_source import as_text, publish

COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
)
FULL = ("again", "spend", "next_basket", "returned", "country")


def line(*fields, **others):
    row = dict(zip(COLUMNS, map(str, fields), strict=True))
    return row | {"Description": "A THING", "Country": "France"} | others


# Two customers; times are 2011 unless said.
STORY = [
    line("1", "10001", 2, "2011-01-01 10:00", 5.0, 7),
    line("1", "10002", 1, "2011-01-01 10:01", 90.0, 7),
    line("1", "10002", 1, "2011-01-01 10:01", 90.0, 7),  # the same line again
    line("1", "POST", 1, "2011-01-01 10:00", 18.0, 7),
    line("2", "10001", 1, "2011-01-01 12:00", 5.0, 8, Country="Spain"),
    line("3", "10001", 3, "2011-01-11 10:00", 5.0, 7),
    line("C4", "10001", -2, "2011-01-12 09:00", 5.0, 7),  # of invoice 3
    line("C5", "10002", -1, "2011-02-20 09:00", 90.0, 7),  # of invoice 1, late
    line("C6", "10003", -1, "2011-01-02 09:00", 40.0, 7),  # of nothing known
    line("7", "10001", 9, "2011-01-05 09:00", 5.0, ""),
    line("8", "10001", -9, "2011-01-05 09:00", 0.0, ""),
    line("9", "10004", 1, "2011-01-31 10:00", 7.0, 7),
    line("A1", "B", 1, "2011-01-05 09:00", -99.5, ""),
    line("10", "10004", 1, "2011-03-30 10:00", 0.0, 7),
]


def table(rows):
    (columns,) = parse_online_retail(as_text(LINES, rows), Path(FILE))
    return columns


def test_only_products_of_known_customers_are_sales_each_line_once():
    found = sales(table(STORY))
    names = found["invoice"].values[found["invoice"].codes].tolist()
    assert names == ["1", "1", "2", "3", "C4", "C5", "C6", "9"]
    assert found["quantity"].tolist() == [2, 1, 1, 3, 2, 1, 1, 1]
    assert found["cancelled"].tolist() == [False] * 4 + [True] * 3 + [False]


def test_a_basket_its_past_and_what_follows():
    rows = baskets(sales(table(STORY)), horizon=30)
    at = rows["time"].astype("datetime64[s]").astype(str)
    assert at.tolist() == [
        "2011-01-01T10:00:00",
        "2011-01-01T12:00:00",
        "2011-01-11T10:00:00",
        "2011-01-31T10:00:00",
    ]
    expected = {
        "value": [100.0, 5.0, 15.0, 7.0],
        "units": [3, 1, 3, 1],
        "products": [2, 1, 1, 1],
        "weekday": [5, 5, 1, 0],
        "hour": [10, 12, 10, 10],
        "previous_invoices": [0, 0, 1, 2],
        "previous_spend": [0, 0, 100, 115],
        "previous_returns": [0, 0, 40, 50],
        "days_since_previous": [np.nan, np.nan, 10, 20],
        # The window of invoice 1 ends with the second of invoice 9.
        "again": [1, 0, 1, 0],
        # 15 + 7 less the 10 of C4: C6 is of before, C5 too late.
        "spend": [12, 0, 7, 0],
        "next_basket": np.log1p([15, np.nan, 7, np.nan]),
        "returned": [0, 0, 1, 0],
    }
    for name, column in expected.items():
        np.testing.assert_allclose(rows[name], column, err_msg=name)
    basket = rows["basket"]
    assert basket.values[basket.codes[0]] == "10002|10001"  # the dearer one first


def test_a_purchase_taken_back_whole_leaves_no_penny():
    cents = [line("2", f"1000{k}", 3, "2011-01-03 10:00", 0.1, 7) for k in range(9)]
    back = [
        row | {"InvoiceNo": "C3", "Quantity": "-3", "InvoiceDate": "2011-01-03 10:00"}
        for row in cents
    ]
    rows = baskets(sales(table([*STORY[:2], *cents, *back])), horizon=5)
    assert rows["again"].tolist() == [1, 0] and rows["spend"].tolist() == [0, 0]
    assert rows["returned"].tolist() == [0, 1]


def test_sums_and_neighbours_against_every_pair():
    rng = np.random.default_rng(0)
    user, time, value = (rng.integers(0, top, 80) for top in (5, 20, 9))
    after, until = np.sort(rng.integers(-1, 22, (2, 80)), axis=0)
    found = EventSums(user, time, value).within(user, after, until)
    before, later = neighbours(user, time)
    for row in range(80):
        mine = user == user[row]
        there = mine & (time > after[row]) & (time <= until[row])
        assert found[row] == value[there].sum()
        for place, side, pick in (
            (before, time < time[row], max),
            (later, time > time[row], min),
        ):
            others = np.flatnonzero(mine & side)
            if place[row] < 0:
                assert not len(others)
            else:
                assert place[row] in others
                assert time[place[row]] == pick(time[others])


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Each of three customers buys once a week, all year; one of them in Italy."""
    rows = []
    for week in range(54):
        day = np.datetime64("2010-12-01") + np.timedelta64(7 * week, "D")
        for user in range(3):
            rows.append(
                line(
                    f"{week}{user}",
                    f"1000{user}",
                    week + 1,
                    f"{day} 1{user}:30",
                    2.5,
                    user,
                    Country=("France", "Unspecified", "Italy")[user],
                )
            )
    content = as_text(LINES, rows)
    folder = publish(monkeypatch, tmp_path / "raw", "online_retail", {FILE: content})
    (folder / f"{FILE}.gz").unlink()
    (folder / f"{FILE}.xz").write_bytes(lzma.compress(content))
    return functools.partial(online_retail, data_dir=folder, cache_dir=tmp_path / "c")


@pytest.mark.parametrize("horizon", [7, 30])
def test_no_label_of_a_split_is_read_in_the_next(shop, horizon):
    """Of a customer's weekly baskets, those whose last label lies before the border."""
    data = shop(tasks=FULL, horizon=horizon)
    assert data.train.groups is None
    counts = [len(split.labels["again"]) // 3 for split in data[3:6]]
    starts = np.datetime64("2010-12-01") + np.arange(54) * np.timedelta64(7, "D")
    span = np.timedelta64(horizon, "D")
    borders = np.array(["2011-08-01", "2011-10-01", "2011-12-09"], "datetime64[D]")
    begins = np.array(["2010-12-01", *borders[:2].astype(str)], "datetime64[D]")
    for count, begin, end in zip(counts, begins, borders, strict=True):
        inside = (starts >= begin) & (starts + span < end)
        assert count == inside.sum() > 0


def test_labels_of_a_shop_that_is_bought_in_every_week(shop):
    data = shop(tasks=FULL, horizon=7)
    for split in data[3:6]:
        assert split.labels["again"].all() and not split.labels["returned"].any()
        np.testing.assert_allclose(
            np.expm1(split.labels["next_basket"]), split.labels["spend"], rtol=1e-5
        )
        steps = np.diff(np.unique(split.labels["spend"]))
        np.testing.assert_allclose(steps, 2.5)
    country = data.tasks[-1]
    assert country.num_classes == 2  # France and Italy
    where, labels = data.test.where["country"], data.test.labels["country"]
    assert where.sum() == 2 * len(where) / 3 and set(labels[where]) == {0, 1}
    assert len(np.unique(data.test.groups)) == 3
    names = [field.name for field in data.schema.fields]
    assert names == ["basket"] and data.schema.numericals == 7
    assert data.schema.names == ("weekday", "hour", "days_since_previous")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ["quantity"]}, "expected tasks to be .*Mend data.tasks"),
        ({"tasks": []}, "expected tasks to be one or more"),
        ({"horizon": 0}, "expected horizon from 1 to 60 days, found 0"),
        ({"horizon": 61}, "found 61. Mend data.horizon"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        online_retail(**options)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Quantity": "two"}, r"column 4 \(Quantity\): expected a whole number, found"),
        (
            {"InvoiceDate": "1/12/10"},
            r"column 5 \(InvoiceDate\): expected a date .*1/12",
        ),
        ({"UnitPrice": ""}, r"column 6 \(UnitPrice\): expected a number, found ''"),
        ({"CustomerID": "x1"}, r"column 7 \(CustomerID\): expected digits or nothing"),
        ({"InvoiceNo": "C9"}, r"column 4 \(Quantity\): expected less than 0 in a canc"),
    ],
)
def test_a_damaged_line_is_named(fields, message):
    with pytest.raises(DataError, match=f"{FILE}, line 3, {message}"):
        table([STORY[0], STORY[1] | fields])


def test_a_damaged_compression_is_named(shop):
    path = shop.keywords["data_dir"] / f"{FILE}.xz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(
        DataError, match="expected a whole xz file, found a damaged one"
    ):
        shop()


@pytest.mark.full_data
def test_published_facts(full_data_dir):
    data = online_retail(tasks=FULL, data_dir=full_data_dir)
    sizes = [len(split.labels["again"]) for split in data[3:6]]
    assert sizes == [8_796, 1_267, 2_534]
    assert data.tasks[-1].num_classes == 34
    rates = [
        [split.labels[t].mean() for t in ("again", "returned")] for split in data[3:6]
    ]
    expected = [[0.4345, 0.1546], [0.4594, 0.1444], [0.5126, 0.1377]]
    np.testing.assert_allclose(rates, expected, atol=1e-4)
    means = [split.labels["spend"].mean() for split in data[3:6]]
    np.testing.assert_allclose(means, [595.1, 824.0, 1177.8], atol=0.1)


def test_the_option_composes(shop):
    options = ["data=online_retail", "model=shared_bottom", "trainer=smoke"]
    options += [f"data.data_dir={shop.keywords['data_dir']}", "data.horizon=7"]
    with initialize_config_dir(CONF, version_base="1.3"):
        parts = mtlx.compose.build(compose("train", overrides=options))
    features = jax.tree.map(lambda x: x[:2], dict(parts.dataset.test.features))
    outputs, _ = jax.eval_shape(
        parts.model.init_with_output, jax.random.key(0), features
    )
    shapes = {task: y.shape for task, y in outputs.items()}
    assert shapes == {"again": (2,), "spend": (2, 3), "returned": (2,)}
