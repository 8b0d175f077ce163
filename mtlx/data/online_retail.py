"""Online Retail: after a basket, does the customer come back, spend, or return it?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mtlx.data.builders.local_rows import local_rows
from mtlx.data.builders.online_retail_format import sales
from mtlx.data.builders.online_retail_source import FILE, PUBLISHED
from mtlx.data.categorical import Categorical, Columns
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.inputs import Bag, Quantiles
from mtlx.data.labels import build_labels
from mtlx.data.named_tasks import task_names
from mtlx.data.prepared import prepared_columns
from mtlx.data.retail_baskets import DAY, LONGEST, SEPARATOR, baskets
from mtlx.data.source import Source
from mtlx.data.tabular_features import TabularFeatures
from mtlx.data.vocabulary import Vocabulary
from mtlx.tasks import Task
from mtlx.types import Batch

TASKS = {
    "again": Task("again", "binary"),
    "spend": Task("spend", "ziln"),
    "next_basket": Task("next_basket", "regression"),
    "returned": Task("returned", "binary"),
    "country": None,  # its classes are the training split's
}
NO_COUNTRY = ("European Community", "Unspecified")
VALIDATION, TEST, END = (
    np.datetime64(day) for day in ("2011-08-01", "2011-10-01", "2011-12-09")
)
HORIZON = 60  # the most days that leave rows in every split
CATEGORICAL = ("weekday", "hour")
LOGGED = ("value", "units", "products", "mean_price")
PREVIOUS = ("previous_invoices", "previous_spend", "previous_returns")


def online_retail(
    tasks: Sequence[str] = ("again", "spend", "returned"),
    horizon: int = 30,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """A year of a British gift shop: one row a basket, its labels the days after it.

    Split by time: trained on baskets from December 2010 to July 2011, validated on
    August and September, tested from October to 9 December. The last `horizon` days
    before each border are left out, since their labels are read beyond it. Lines
    without a customer, cancellations and what is no product make no row
    (`mtlx.data.builders.online_retail_format.sales`); cancellations are taken off what
    they cancel (`mtlx.data.retail_baskets`). Vocabularies and scales are those of the
    training split. The evaluation splits are grouped by customer.

    Args:
        tasks: from "again" (whether the customer buys within the horizon, binary),
            "spend" (pounds bought within it and not taken back, zero-inflated
            log-normal), "next_basket" (log1p of the pounds of the next invoice, where
            there is one within it, regression), "returned" (whether some of the basket
            is taken back within it, binary) and "country" (multiclass).
        horizon: days looked ahead, 1 to 60.
        data_dir: folder that holds online_retail/ or the file itself; None means the
            variable MTLX_DATA_DIR.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with "categorical" [B, 3] int32 (weekday, hour, days since the last
        basket), "numerical" [B, 7] float32 (the basket's sums and the customer's past)
        and the bag "basket" [B, 40] int32 of its products.

    Raises:
        DataError: the raw file is missing, damaged, or not the expected one.
        ValueError: an unknown or repeated task, or none; another horizon.

    Reference: Chen, Sain, Guo, "Data mining for the online retail industry", Journal of
    Database Marketing and Customer Strategy Management 19, 2012 (the data; UCI, CC BY
    4.0). It has no split; ours is new. Many of its customers are wholesalers.
    """
    names = _names(tasks, horizon)
    lines = prepared_columns(PUBLISHED, prepare, data_dir, cache_dir)["sales"]
    rows = baskets(lines, horizon)
    parts = _parts(rows["time"], horizon)
    inputs = TabularFeatures.fit(
        _take(rows, parts[0]),
        CATEGORICAL,
        (*LOGGED, *PREVIOUS),
        log=(*LOGGED, *PREVIOUS),
        inputs={
            "days_since_previous": Quantiles(),
            "basket": Bag(SEPARATOR, min_count=5, length=LONGEST),
        },
    )
    columns = {name: rows[name] for name in names if name != "country"}
    columns["country"], classes = _countries(rows["country"], parts[0])
    chosen = tuple(
        TASKS[name] or Task(name, "multiclass", num_classes=classes) for name in names
    )
    labels, where = build_labels(columns, chosen)
    features = inputs.encode(rows)

    def split(kept: np.ndarray, grouped: bool = True) -> Batch:
        take = ({k: x[kept] for k, x in of.items()} for of in (features, labels, where))
        return Batch(*take, groups=rows["customer"][kept] if grouped else None)

    return Dataset(
        name="online_retail",
        tasks=chosen,
        schema=inputs.schema,
        train=split(parts[0], grouped=False),
        validation=split(parts[1]),
        test=split(parts[2]),
    )


def _names(names: Sequence[str], horizon: int) -> tuple[str, ...]:
    names = task_names("online_retail", names, TASKS)
    if not 1 <= horizon <= HORIZON:
        raise ValueError(
            f"online_retail: expected horizon from 1 to {HORIZON} days, found "
            f"{horizon}. Mend data.horizon."
        )
    return names


def _parts(seconds: np.ndarray, horizon: int) -> tuple[np.ndarray, ...]:
    """Rows of each split: those whose labels are known before the next one begins."""
    borders = [
        day.astype("datetime64[s]").astype(np.int64)
        for day in (np.datetime64("1970-01-01"), VALIDATION, TEST, END)
    ]
    return tuple(
        np.flatnonzero((seconds >= begin) & (seconds + horizon * DAY < end))
        for begin, end in zip(borders[:-1], borders[1:], strict=True)
    )


def _take(rows: Columns, kept: np.ndarray) -> Columns:
    return {
        name: column.take(kept) if isinstance(column, Categorical) else column[kept]
        for name, column in rows.items()
    }


def _countries(column: Categorical, train: np.ndarray) -> tuple[np.ndarray, int]:
    """[B] the place of each country among the training split's; -1 is missing."""
    counts = column.take(train).counts()
    known = Vocabulary.of({k: n for k, n in counts.items() if k not in NO_COUNTRY})
    return known.ids(column) - 1, len(known.values)


def prepare(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    """The lines of products that a known customer bought or gave back."""
    del cache
    (lines,) = local_rows(source, files, FILE)
    return {"sales": sales(lines)}
