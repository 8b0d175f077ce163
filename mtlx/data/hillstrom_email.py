"""Hillstrom's e-mail campaign: who visits the shop, who buys, and for how much?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mtlx.data.builders.hillstrom_source import FILE, PUBLISHED
from mtlx.data.categorical import Categorical, Columns
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.group_split import split_groups
from mtlx.data.labels import build_labels
from mtlx.data.named_tasks import named_tasks
from mtlx.data.prepared import prepared_columns
from mtlx.data.raw_files import read_verified
from mtlx.data.source import Source
from mtlx.data.tabular_features import TabularFeatures
from mtlx.tasks import Task
from mtlx.types import Batch

TASKS = {
    "visit": Task("visit", "binary"),
    "conversion": Task("conversion", "binary"),
    "spend": Task("spend", "ziln"),
    # What is asked of the visitors alone, where the others do not count.
    "conversion_rate": Task(
        "conversion_rate", "binary", label="conversion", space="visit"
    ),
    "visitor_spend": Task("visitor_spend", "ziln", label="spend", space="visit"),
    # The plain loss that the zero-inflated one is compared with.
    "spend_regression": Task(
        "spend_regression", "regression", label="spend", metrics=("gini", "rmse")
    ),
}
ARM = "segment"
CATEGORICAL = (
    ARM,
    "history_segment",
    "mens",
    "womens",
    "zip_code",
    "newbie",
    "channel",
)
NUMERICAL = ("recency", "history")
SHARES = (0.6, 0.2)  # of training and validation; the rest is the test split


def hillstrom_email(
    tasks: Sequence[str] = ("visit", "conversion", "spend"),
    split_seed: int = 0,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """64,000 customers in the two weeks after a campaign: a visit, a purchase, dollars.

    A purchase implies a visit, and a spend is more than 0 exactly with a purchase. The
    split is 6:2:2 at random.

    Args:
        tasks: from "visit" (14.7 %), "conversion" (.90 %) and "spend" (US dollars,
            zero-inflated log-normal), all of all customers; "conversion_rate" and
            "visitor_spend", the same of the visitors alone; "spend_regression", the
            spend by its squared error.
        split_seed: seed of the division into splits.
        data_dir: folder that holds hillstrom_email/ or the file itself; None means the
            variable MTLX_DATA_DIR. Where it is not, it is downloaded.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with the features "categorical" [B, 7] int32 and "numerical" [B, 2]
        float32. The arm of the campaign (an e-mail on men's wear, on women's wear, or
        none), drawn at random for each customer, is the first categorical column and
        the schema's domain.

    Raises:
        DataError: the raw file is missing, damaged, or not the published one.
        ValueError: an unknown or repeated task, or none.

    Reference: Hillstrom, "The MineThatData E-Mail Analytics And Data Mining Challenge",
    2008 (no formal licence). It asks for the effect of an arm; a prediction under two
    arms, subtracted, is an estimate of it that nothing here evaluates.
    """
    chosen = named_tasks("hillstrom_email", tasks, TASKS)
    rows = prepared_columns(PUBLISHED, prepare, data_dir, cache_dir)["customers"]
    parts = split_groups(np.arange(len(rows["spend"])), SHARES, split_seed)
    train = {
        name: c.take(parts[0]) if isinstance(c, Categorical) else c[parts[0]]
        for name, c in rows.items()
    }
    inputs = TabularFeatures.fit(train, CATEGORICAL, NUMERICAL, log=("history",))
    features = inputs.encode(rows)
    named = {name for task in chosen for name in (task.label, task.space) if name}
    labels, where = build_labels({name: rows[name] for name in named}, chosen)
    splits = (
        Batch(
            *({k: x[kept] for k, x in of.items()} for of in (features, labels, where))
        )
        for kept in parts
    )
    schema = inputs.schema._replace(domain=ARM)
    return Dataset("hillstrom_email", chosen, schema, *splits)


def prepare(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    """The columns of the one file."""
    if not files:
        # Here, so that a load from a folder does not import TFDS.
        from mtlx.data.builders.download_files import download_files

        files = download_files(source, cache)
    content = read_verified(source, FILE, files[FILE])
    (customers,) = source.parse(content, files[FILE])
    return {"customers": customers}
