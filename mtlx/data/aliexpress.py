"""AliExpress search logs of one country: clicks and conversions of items shown."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mtlx.data.builders.aliexpress_format import (
    CATEGORICAL,
    COLUMNS,
    NUMERICAL,
    join_published,
    read_joined,
)
from mtlx.data.builders.prepared_arrow import find_raw, prepared_arrow
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.inputs import Ids, Input, Number
from mtlx.data.named_tasks import named_tasks
from mtlx.data.table import table
from mtlx.data.tabular import ByUser
from mtlx.tasks import Task

COUNTRIES = ("NL", "ES", "FR", "US", "RU")
METRICS = ("auc", "gauc", "log_loss")
TASKS = {
    "click": Task("click", "binary", metrics=METRICS),
    "conversion": Task("conversion", "binary", metrics=METRICS),
    "rate": Task("rate", "binary", label="conversion", space="click", metrics=METRICS),
}


def aliexpress(
    country: str = "NL",
    tasks: Sequence[str] = ("click", "conversion"),
    validation: float = 0.1,
    seed: int = 0,
    inputs: Mapping[str, Input | None] | None = None,
    blocks: bool = False,
    steps_per_epoch: int | None = None,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """Items shown on pages of search results; the published split by time.

    The published test file is the test split. Validation rows are whole pages of the
    training file, by a hash: there is no time in it. The page's id groups the rows for
    `gauc` and is no input. Ids and scales are those of the training pages alone.

    Args:
        country: "NL", "ES", "FR", "US" or "RU".
        tasks: from "click"; "conversion" (over all items shown: CTCVR); "rate", the
            conversion of clicked items (CVR).
        validation: share of the training pages.
        seed: of the hash.
        inputs: column -> what becomes of it in place of ids or a standardised number
            (a missing one: the mean); None leaves it out.
        blocks, steps_per_epoch: see `mtlx.data.table`; Russia's rows are some 130
            million.
        data_dir: folder that holds AliExpress_<country>/ with train.csv and test.csv,
            joined, or with the published nl_user_train, nl_item_train, nl_user_test and
            nl_item_test (.csv or .zip; the country in small letters); or the files
            themselves. None means the variable MTLX_DATA_DIR.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Raises:
        DataError: a file is not there, or not as it should be.
        ValueError: an unknown country or task.

    Reference: Li et al., "Improving Multi-Scenario Learning to Rank in E-commerce by
    Exploiting Task Relationships in the Label Space", CIKM 2020. The joined columns are
    those of the MTReclib repository, which stops training early on the test split: its
    figures have no validation split, ours have.
    """
    if country not in COUNTRIES:
        raise ValueError(
            f"aliexpress: expected country to be one of {COUNTRIES}, found {country!r}."
        )
    chosen = named_tasks("aliexpress", tasks, TASKS)
    declared = dict.fromkeys(CATEGORICAL, Ids()) | dict.fromkeys(
        NUMERICAL, Number(missing="mean")
    )
    files = {
        part: _prepared(country, part, data_dir, cache_dir)
        for part in ("train", "test")
    }
    return table(
        files,
        declared | dict(inputs or {}),
        chosen,
        ByUser("search_id", validation, 0, seed=seed),
        name=f"aliexpress_{country.lower()}",
        group="search_id",
        blocks=blocks,
        steps_per_epoch=steps_per_epoch,
        cache_dir=cache_dir,
    )


def _prepared(
    country: str, part: str, data_dir: PathLike | None, cache_dir: PathLike | None
) -> Path:
    small = country.lower()
    raw = find_raw(
        "aliexpress",
        data_dir,
        (f"AliExpress_{country}", f"aliexpress_{country}_datasets"),
        (f"{part}.csv",),
        (f"{small}_user_{part}.csv", f"{small}_item_{part}.csv"),
    )

    def make():
        import pyarrow

        rows = read_joined(*raw) if len(raw) == 1 else join_published(*raw)
        kinds = [
            (name, pyarrow.float32() if name in NUMERICAL else pyarrow.int64())
            for name in COLUMNS
        ]
        return pyarrow.schema(kinds), rows

    return prepared_arrow("aliexpress", "1.0.0", raw, make, cache_dir)
