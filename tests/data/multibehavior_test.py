"""Logs of several behaviours on made-up files, against loops over their lines."""

import hashlib
import random
import sys

import numpy as np
import pytest

from mtlx.data import DataError, retailrocket_multibehavior, taobao_multibehavior
from mtlx.data.builders import retailrocket_source, taobao_source
from mtlx.data.builders.multibehavior_format import multibehavior_table

SPLITS = ("train", "validation", "test")
START = 1_500_000_000
LOADERS = {
    "retailrocket_multibehavior": (retailrocket_multibehavior, retailrocket_source),
    "taobao_multibehavior": (taobao_multibehavior, taobao_source),
}
INTEREST = {
    "retailrocket_multibehavior": ("view",),
    "taobao_multibehavior": ("fav", "cart"),
}


def made_up_log(behaviors, seed=0):
    """Lines (user, item, behaviour, time), each (user, item, behaviour) once."""
    draw = random.Random(seed)
    keys = [(u, i, b) for u in range(8) for i in range(12) for b in behaviors]
    chosen = draw.sample(keys, 170)
    # Few moments, and behaviours in any order: a view may be later than the purchase.
    return [(*key, START + 7200 * draw.randrange(60)) for key in chosen]


def write(folder, rows):
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["user\titem\tbehavior\ttimestamp", *("\t".join(map(str, r)) for r in rows)]
    content = "".join(f"{line}\n" for line in lines).encode()
    (folder / "train.tsv").write_bytes(content)
    return content


@pytest.fixture(params=LOADERS)
def shop(request, tmp_path, monkeypatch):
    """(name, behaviours, rows of the log, loader)."""
    load, source = LOADERS[request.param]
    behaviors = source.BEHAVIORS

    def prepared(rows=None, folder=tmp_path / "raw", **options):
        rows = made_up_log(behaviors) if rows is None else rows
        content = write(folder, rows)
        digest = hashlib.sha256(content).hexdigest()
        module = sys.modules[load.__module__]
        tiny = source.PUBLISHED._replace(
            sha256={"train.tsv": digest}, config=digest[:8]
        )
        monkeypatch.setattr(module, "SHOP", module.SHOP._replace(source=tiny))
        return load(data_dir=folder, **options)

    return request.param, behaviors, made_up_log(behaviors), prepared


def in_order(rows, behaviors):
    """The log's order: by time, user, item and behaviour."""
    return sorted(rows, key=lambda r: (r[3], r[0], r[1], behaviors.index(r[2])))


def split_ends(rows):
    """The moments at which validation and test begin."""
    times = sorted(row[3] for row in rows)
    return times[round(0.8 * len(times))], times[round(0.9 * len(times))]


def split_of(time, ends):
    return sum(time >= end for end in ends)


def expected_pairs(rows, behaviors, interest):
    """split -> (user, item, moment, what happened by the split's end) of its pairs."""
    ends = split_ends(rows)
    pairs = {}
    for user, item, behavior, time in rows:
        pairs.setdefault((user, item), {})[behavior] = time
    found = {split: [] for split in SPLITS}
    for (user, item), stamps in pairs.items():
        moment = min(stamps.values())
        number = split_of(moment, ends)
        until = [*ends, float("inf")][number]
        happened = {b for b, time in stamps.items() if time < until}
        if happened & set(interest):
            found[SPLITS[number]].append((moment, user, item, happened))
    return {split: sorted(rows, key=lambda r: r[:3]) for split, rows in found.items()}


def columns_of(data, batch):
    return dict(zip(data.schema.names, batch.features["categorical"].T, strict=True))


def test_a_pair_is_one_row_with_what_came_of_it_by_the_end_of_its_split(shop):
    name, behaviors, rows, load = shop
    last = behaviors[-1]
    tasks = {
        last: lambda happened: last in happened,
        "cart": lambda happened: "cart" in happened,
        "cart_buy": lambda happened: {"cart", "buy"} <= happened,
    }
    given = {f"buy_given_{b}": b for b in INTEREST[name] if b != "view"}
    if name.startswith("retail"):
        given = {"buy_given_cart": "cart"}
    data = load(tasks=(*tasks, *given))
    pairs = expected_pairs(rows, behaviors, INTEREST[name])
    items = sorted({str(r[1]) for r in rows if r[3] < split_ends(rows)[0]})
    for split in SPLITS:
        batch, expected = getattr(data, split), pairs[split]
        assert len(batch.labels[last]) == len(expected) > 0
        for task, happened in tasks.items():
            assert batch.where[task].all()
            wanted = [happened(row[3]) for row in expected]
            np.testing.assert_array_equal(batch.labels[task], wanted)
        for task, behavior in given.items():
            counted = [behavior in row[3] for row in expected]
            np.testing.assert_array_equal(batch.where[task], counted)
            wanted = [behavior in row[3] and last in row[3] for row in expected]
            np.testing.assert_array_equal(batch.labels[task], wanted)
        known = [
            items.index(str(r[2])) + 1 if str(r[2]) in items else 0 for r in expected
        ]
        np.testing.assert_array_equal(columns_of(data, batch)["item_id"], known)
        if split != "train":
            np.testing.assert_array_equal(batch.groups, [row[1] for row in expected])
    assert (data.train.labels["cart_buy"] <= data.train.labels["cart"]).all()


def test_no_history_tells_what_came_of_the_pair(shop):
    """A view's time may be later than that of the cart it led to: the row's is not."""
    name, behaviors, rows, load = shop
    late = [r for r in rows for s in rows if r[:2] == s[:2] and r[3] > s[3]]
    assert any(row[2] == behaviors[0] for row in late)  # the trap is in the file
    data = load(tasks="buy", history=50)
    for split in SPLITS:
        batch = getattr(data, split)
        item = columns_of(data, batch)["item_id"]
        seen = batch.features["history"][..., 0]
        assert not ((seen == item[:, None]) & (item[:, None] > 0)).any()
        assert (seen > 0).any()


def test_histories_and_next_items_are_those_of_the_lines(shop):
    _, behaviors, rows, load = shop
    data = load(tasks=("next_item", "next_behavior"), history=3)
    assert "item_id" not in data.schema.names
    ends = split_ends(rows)
    items, acts = (
        sorted({str(r[place]) for r in rows if r[3] < ends[0]}) for place in (1, 2)
    )
    for number, split in enumerate(SPLITS):
        batch, row = getattr(data, split), 0
        for user, item, behavior, time in in_order(rows, behaviors):
            before = [
                r for r in in_order(rows, behaviors) if r[0] == user and r[3] < time
            ]
            if not before or split_of(time, ends) != number:
                continue
            history = [
                [items.index(str(r[1])) + 1, acts.index(r[2]) + 1] for r in before[-3:]
            ]
            history += [[-1, -1]] * (3 - len(history))
            assert batch.features["history"][row].tolist() == history
            assert batch.labels["next_behavior"][row] == behaviors.index(behavior)
            assert batch.labels["next_item"][row] == items.index(str(item)) + 1
            row += 1
        assert row == len(batch.labels["next_item"])


def test_training_knows_nothing_of_the_later_splits(shop, tmp_path):
    """Without the later lines the training rows are the same, labels and all."""
    _, behaviors, rows, load = shop
    tasks = ("buy", "next_item", "next_behavior")
    whole = load(tasks=tasks)
    ends = split_ends(rows)
    changed = [
        (u, i, b, t) if t < ends[0] else (u, i, b, ends[number % 3 > 0])
        for number, (u, i, b, t) in enumerate(rows)
    ]
    again = load(changed, folder=tmp_path / "changed", tasks=tasks)
    assert whole.schema == again.schema
    for part in ("features", "labels", "where"):
        first, second = (getattr(data.train, part) for data in (whole, again))
        for name in first:
            np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "1\t2\tclick\t9",
            r"line 3, column 3 \(behavior\): expected one of view, cart",
        ),
        ("1\t2\tview", "line 3: expected 4 fields, found 3"),
        ("1\t2\tview\tnoon", r"line 3, column 4 \(timestamp\): .* found 'noon'"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, found):
    path = tmp_path / "train.tsv"
    content = f"user\titem\tbehavior\ttimestamp\n1\t2\tview\t3\n{line}\n".encode()
    table = multibehavior_table(retailrocket_source.BEHAVIORS)
    with pytest.raises(DataError, match=f"train.tsv, {found}"):
        table.read(content, path)


def test_the_files_are_not_downloaded(tmp_path):
    for load, _ in LOADERS.values():
        with pytest.raises(DataError, match="found none. They are not downloaded"):
            load(data_dir=tmp_path)


def test_refusals(shop):
    *_, load = shop
    with pytest.raises(ValueError, match="tasks to be one or more of .*'bought'"):
        load(tasks="bought")
    with pytest.raises(ValueError, match=r"inputs to be of .*found \['behavior'\]"):
        load(inputs={"behavior": None})
