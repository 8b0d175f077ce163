"""REES46's sessions on made-up files, against loops over their lines."""

import hashlib
import random
import sys

import numpy as np
import pytest

from mtlx.data import DataError, rees46_sessions
from mtlx.data.builders.rees46_format import LISTS, SESSIONS, read_rees46
from mtlx.data.builders.rees46_source import PARTS, PUBLISHED

SPLITS = {"train": PARTS[:2], "validation": PARTS[2:3], "test": PARTS[3:]}
DAY = {"day1": 1_569_888_000, "day2": 1_569_974_400}
IDS = ("item", "category", "subcategory", "brand")


def made_up_sessions(part, count=9):
    """Sessions as lists of events (item, seconds, price); the brand is of the item."""
    draw = random.Random(part)
    sessions = []
    for _ in range(count):
        start = DAY[part[:4]] + 40_000 + draw.randrange(20_000)
        # The second day has items of its own.
        items = 9 if part.startswith("day1") else 14
        before, inside = (
            [
                (draw.randrange(items), start + sign * 60 * step, draw.randrange(9) / 8)
                for step in steps
            ]
            for sign, steps in (
                (-1, range(draw.randrange(4), 0, -1)),
                (1, range(2 + draw.randrange(4))),
            )
        )
        sessions.append((before, inside))
    return sessions


def facts(item):
    return item % 3, item % 5, item % 4  # category, sub-category, brand


def line_of(number, before, inside):
    def lists(events):
        columns = [
            [item for item, *_ in events],
            [second for _, second, _ in events],
            [2] * len(events),
            [facts(item)[1] for item, *_ in events],
            [facts(item)[0] for item, *_ in events],
            [facts(item)[2] for item, *_ in events],
            [price for *_, price in events],
            [-price for *_, price in events],
        ]
        return [",".join(map(str, column)) for column in columns]

    head = [str(number), str(-number), str(inside[0][1])]
    return "\t".join([*head, *lists(inside), *lists(before)])


def content_of(sessions):
    lines = ["\t".join(SESSIONS.kinds)]
    lines += [line_of(number, *session) for number, session in enumerate(sessions)]
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    sha256 = {}
    for part in PARTS:
        content = content_of(made_up_sessions(part))
        (tmp_path / f"{part}.tsv").write_bytes(content)
        sha256[f"{part}.tsv"] = hashlib.sha256(content).hexdigest()
    module = sys.modules["mtlx.data.rees46_sessions"]
    monkeypatch.setattr(module, "PUBLISHED", PUBLISHED._replace(sha256=sha256))
    return tmp_path


def vocabularies():
    """What the first day's lines hold, column by column: value -> id."""
    events = [
        event
        for part in SPLITS["train"]
        for before, inside in made_up_sessions(part)
        for event in before + inside
    ]
    values = {"item": {str(event[0]) for event in events}}
    for place, name in enumerate(IDS[1:]):
        values[name] = {str(facts(event[0])[place]) for event in events}
    return {
        name: {value: rank for rank, value in enumerate(sorted(known), start=1)}
        for name, known in values.items()
    }


def ids_of(item, known):
    texts = dict(zip(IDS, (item, *facts(item)), strict=True))
    return [known[name].get(str(texts[name]), 0) for name in IDS]


@pytest.mark.parametrize("evaluate", ["all", "last"])
@pytest.mark.parametrize("split", SPLITS)
def test_rows_are_the_events_after_the_first_of_a_session(folder, split, evaluate):
    tasks = ("next_item", "next_category", "next_subcategory", "next_brand")
    data = rees46_sessions(
        tasks=(*tasks, "next_price"),
        history=4,
        evaluate=evaluate,
        cold_targets="miss",
        data_dir=folder,
    )
    batch, known, row = getattr(data, split), vocabularies(), 0
    for part in SPLITS[split]:
        for before, inside in made_up_sessions(part):
            whole = evaluate == "all" or split == "train"
            for place in range(1 if whole else len(inside) - 1, len(inside)):
                item, second, price = inside[place]
                past = [(event, 1) for event in before]
                past += [(event, 2) for event in inside[:place]]
                expected = [[*ids_of(e[0], known), own] for e, own in past[-4:]]
                expected += [[-1] * 5] * (4 - len(expected))
                found = batch.features["history"][row].tolist()
                assert found == expected
                for task, label in zip(tasks, ids_of(item, known), strict=True):
                    assert batch.labels[task][row] == label
                assert batch.labels["next_price"][row] == price
                hour = batch.features["categorical"][row]
                assert hour.tolist() == [1 + second // 3600 % 24] or hour == 0
                row += 1
    assert row == len(batch.labels["next_item"])
    assert data.schema.names == ("timestamp_hour",)


def test_classes_that_the_first_day_lacks_are_masked(folder):
    data = rees46_sessions(
        tasks=("next_item", "next_price"), evaluate="all", data_dir=folder
    )
    assert data.train.where["next_item"].all()
    masked = ~data.test.where["next_item"]
    assert 0 < masked.sum() < len(masked)
    assert data.test.where["next_price"].all()
    assert len(set(data.test.groups)) == 9


def test_items_are_shown_on_request(folder):
    data = rees46_sessions(tasks="next_item", show_item=True, data_dir=folder)
    names = data.schema.names
    assert names[1:] == ("item_id", "category_id", "subcategory_id", "brand_id")
    items = data.train.features["categorical"][:, 1]
    np.testing.assert_array_equal(items, data.train.labels["next_item"])
    (field,) = data.schema.fields
    assert field.shared == (*names[1:], None)


def test_nothing_of_a_row_is_of_its_future(folder, monkeypatch):
    """From the third event of the second day's sessions on, all is changed."""
    tasks = ("next_item", "next_price")
    options = {"tasks": tasks, "evaluate": "all", "history": 9, "data_dir": folder}
    first = rees46_sessions(**options)
    sha256 = {}
    for part in PARTS:
        sessions = made_up_sessions(part)
        if part.startswith("day2"):
            sessions = [
                (before, inside[:2] + [(0, e[1], 0.5) for e in inside[2:]])
                for before, inside in sessions
            ]
        content = content_of(sessions)
        (folder / f"{part}.tsv").write_bytes(content)
        sha256[f"{part}.tsv"] = hashlib.sha256(content).hexdigest()
    module = sys.modules["mtlx.data.rees46_sessions"]
    changed = PUBLISHED._replace(sha256=sha256, config="changed")
    monkeypatch.setattr(module, "PUBLISHED", changed)
    second = rees46_sessions(**options)
    for split in ("validation", "test"):
        one, two = (getattr(data, split) for data in (first, second))
        assert not np.array_equal(one.features["history"], two.features["history"])
        # The rows that ask for the second and for the third event.
        starts = np.flatnonzero(np.append(True, np.diff(one.groups) != 0))
        third = starts + 1
        third = third[np.isin(third, starts, invert=True) & (third < len(one.groups))]
        for rows in (starts, third):
            for name in one.features:
                np.testing.assert_array_equal(
                    one.features[name][rows], two.features[name][rows]
                )


def test_the_published_sessions_are_not_downloaded(tmp_path):
    with pytest.raises(DataError, match="day1_test.tsv.*They are not downloaded"):
        rees46_sessions(data_dir=tmp_path)


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("sess_pid", "1,x", "expected whole numbers .* found '1,x'"),
        ("sess_bid", "1,-2", "expected whole numbers from 0 on .* found '1,-2'"),
        ("bef_price_log_norm", "nan", "expected numbers .* found 'nan'"),
        ("sess_ccid", "1", "expected 2 entries as in sess_pid, found 1"),
        ("bef_etime", "", "expected 1 entries as in bef_pid, found 0"),
        ("sess_etime", "90,80", "expected .* in the order of time.* 80 after 90"),
        (
            "bef_etime",
            "90",
            "expected .* earlier sessions before the .* 90 after 90",
        ),
    ],
)
def test_a_broken_list_is_named(tmp_path, column, value, found):
    good = content_of([([(1, 50, 0.5)], [(2, 90, 0.1), (3, 95, 0.2)])] * 2)
    header, first, second = good.decode().splitlines()
    fields = dict(zip(SESSIONS.kinds, second.split("\t"), strict=True))
    fields[column] = value
    content = "\n".join([header, first, "\t".join(fields.values())]).encode()
    path = tmp_path / "day1_valid.tsv"
    named = "sess_etime" if "90 after 90" in found else column
    place = list(SESSIONS.kinds).index(named) + 1
    message = rf"day1_valid.tsv, line 3, column {place} \({named}\): {found}"
    with pytest.raises(DataError, match=message):
        read_rees46(content, path)


def test_a_session_without_events_is_named(tmp_path):
    good = content_of([([], [(2, 90, 0.1), (3, 95, 0.2)])]).decode()
    header, line = good.splitlines()
    fields = dict(zip(SESSIONS.kinds, line.split("\t"), strict=True))
    fields |= dict.fromkeys(LISTS, "")
    content = "\n".join([header, "\t".join(fields.values())]).encode()
    with pytest.raises(
        DataError, match=r"line 2, column 4 \(sess_pid\): .* found none"
    ):
        read_rees46(content, tmp_path / "day1_valid.tsv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": "item"}, "tasks to be one or more of"),
        ({"evaluate": "first"}, "'all', 'last'.*found 'first'"),
        ({"history": 0}, "history >= 1 events"),
        ({"inputs": {"brand": None}}, "inputs to be of the columns"),
    ],
)
def test_refusals(folder, options, message):
    with pytest.raises(ValueError, match=message):
        rees46_sessions(data_dir=folder, **options)
