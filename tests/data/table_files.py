"""A small shop's log, made up: 240 impressions of 24 users over 20 days."""

import datetime
import gzip

import numpy as np
import pyarrow
import pyarrow.csv
import pyarrow.parquet

from mtlx import data
from mtlx.data import tabular
from mtlx.data.inputs import Date, Ids, IdSequence, Number, Text
from mtlx.tasks import Task

TASKS = (
    Task("click", "binary", label="clicked", metrics=("auc", "gauc")),
    Task("buy", "binary", label="bought", space="clicked"),
    Task("stars", "regression"),
)
INPUTS = {
    "user": Ids(),
    "item": Ids(min_count=2),
    "brand": Ids(missing="unknown"),
    "price": Number(missing="median", indicator=True, clip=(0.05, 0.95)),
    "seen": IdSequence(length=4, shared="item"),
    "title": Text(length=5, min_count=1),
    "time": Date(parts=("weekday",)),
}
SPLIT = tabular.ByTime("time", validation=0.2, test=0.2)


def load(files, **options):
    options = {"split": SPLIT, "inputs": INPUTS, "group": "user"} | options
    return data.table(files, tasks=options.pop("tasks", TASKS), **options)


ROWS = 240


def shop_columns():
    """Column -> its cells as Python values; None where there is none."""
    rng = np.random.default_rng(0)
    user = rng.integers(0, 24, ROWS)
    clicked = (rng.random(ROWS) < 0.4).astype(int)
    bought = clicked * (rng.random(ROWS) < 0.6)
    begin = datetime.datetime(2024, 5, 1)
    hours = np.sort(rng.integers(0, 480, ROWS))
    items = [f"i{n}" for n in rng.integers(0, 30, ROWS)]
    return {
        "time": [str(begin + datetime.timedelta(hours=int(h))) for h in hours],
        "user": [f"u{u}" for u in user],
        "item": items,
        "brand": [None if n % 5 == 0 else f"b{n % 3}" for n in range(ROWS)],
        "price": [None if n % 7 == 3 else float(5 + n % 50) for n in range(ROWS)],
        "seen": [items[max(n - 60, 0) : n][-(n % 9) :] for n in range(ROWS)],
        "title": [f"Red shoe, size {n % 4}\nnew" for n in range(ROWS)],
        "clicked": clicked.tolist(),
        "bought": bought.astype(int).tolist(),
        "stars": [None if n % 3 else int(1 + n % 5) for n in range(ROWS)],
    }


def write_csv(path, columns, delimiter=","):
    """The columns as text; lists are joined by blanks."""
    cells = {
        name: pyarrow.array(
            [" ".join(c) if isinstance(c, list) else c for c in column],
        )
        for name, column in columns.items()
    }
    options = pyarrow.csv.WriteOptions(delimiter=delimiter)
    sink = pyarrow.BufferOutputStream()
    pyarrow.csv.write_csv(pyarrow.table(cells), sink, options)
    content = sink.getvalue().to_pybytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_parquet(path, columns):
    """The columns with their own types, lists as lists."""
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def rows_of(shop):
    """Split -> its rows, by the definition of the split."""
    ordered = sorted(shop["time"])
    first, second = ordered[round(0.6 * ROWS)], ordered[round(0.8 * ROWS)]
    time = np.array(shop["time"])
    return {
        "train": np.flatnonzero(time < first),
        "validation": np.flatnonzero((time >= first) & (time < second)),
        "test": np.flatnonzero(time >= second),
    }
