"""A shop's log with every kind of input, made up: its cells and files of them."""

import datetime

import numpy as np
import pyarrow
import pyarrow.csv
import pyarrow.parquet as parquet

from mtlx.data import inputs
from mtlx.tasks import Task

ROWS = 120
INPUTS = {
    "user": inputs.Ids(min_count=2),
    "friend": inputs.Ids(shared="user"),
    "brand": inputs.Ids(missing="unknown"),
    "code": inputs.Hashed(buckets=5, seed=3),
    "tags": inputs.Bag(separator="|", min_count=2),
    "seen": inputs.IdSequence(length=4, shared="user"),
    "price": inputs.Number(missing="median", indicator=True, clip=(0.1, 0.9)),
    "age": inputs.Number(scale="minmax", log=True),
    "weight": inputs.Standardised(log=True),
    "size": inputs.Quantiles(bins=3),
    "time": inputs.Date(utc_offset=8),
    "day": inputs.Date(parts=("weekday", "days")),
    "title": inputs.Text(length=5, min_count=1),
}
TASKS = (
    Task("click", "binary", label="clicked"),
    Task("stars", "regression"),
    Task("aisle", "multiclass", num_classes=3),
    Task("spend", "ziln"),
)
MISSING = ("", "NA", "-1")


def cells():
    """Column -> its cells, None where there is none."""
    rng = np.random.default_rng(0)
    users = rng.integers(0, 9, ROWS)
    begin = datetime.date(2024, 5, 1)
    days = [begin + datetime.timedelta(days=int(n)) for n in rng.integers(0, 40, ROWS)]
    spend = np.where(rng.random(ROWS) < 0.5, 0.0, rng.lognormal(1.0, 1.0, ROWS))
    return {
        "user": users.tolist(),
        "friend": [None if n % 6 == 0 else int(n % 9) for n in range(ROWS)],
        "brand": [(None, "NA", "b1", "ü b2")[n % 4] for n in range(ROWS)],
        "code": [f"c{n % 11}" for n in range(ROWS)],
        "tags": [["p", "q", "p", "r"][: n % 5] for n in range(ROWS)],
        "seen": [
            [str(u), "NA", str(n % 9), "77"][: n % 5] for n, u in enumerate(users)
        ],
        "price": [(None, -1.0, 3.0 + n)[n % 3] for n in range(ROWS)],
        "age": (20 + rng.integers(0, 40, ROWS)).tolist(),
        "weight": rng.random(ROWS).round(3).tolist(),
        "size": [None if n % 7 == 0 else n % 5 + 0.5 for n in range(ROWS)],
        "time": (1_714_500_000 + rng.integers(0, 4_000_000, ROWS)).tolist(),
        "day": [day.isoformat() for day in days],
        "title": [
            None if n % 9 == 0 else f'A "red" shoe, {n % 4}' for n in range(ROWS)
        ],
        "clicked": rng.integers(0, 2, ROWS).tolist(),
        "stars": [None if n % 3 else 1 + n % 5 for n in range(ROWS)],
        "aisle": rng.integers(0, 3, ROWS).tolist(),
        "spend": spend.round(2).tolist(),
    }


def write_parquet(path, columns):
    parquet.write_table(pyarrow.table(columns), path)
    return path


def write_csv(path, columns):
    joined = {"tags": "|", "seen": " "}
    texts = {
        name: [joined[name].join(c) for c in column] if name in joined else column
        for name, column in columns.items()
    }
    pyarrow.csv.write_csv(pyarrow.table(texts), path)
    return path
