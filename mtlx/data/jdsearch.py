"""JDsearch: which products a search showed were clicked, put in the cart, bought."""

from collections.abc import Mapping, Sequence

from mtlx.data.builders.jdsearch_format import ATTRIBUTES, LABELS, candidate_rows
from mtlx.data.builders.prepared_arrow import find_raw, prepared_arrow
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.inputs import Ids, IdSequence, Input, Text
from mtlx.data.named_tasks import named_tasks
from mtlx.data.table import table
from mtlx.data.tabular import ByUser, Split
from mtlx.tasks import Task

METRICS = ("auc", "gauc", "log_loss")
TASKS = {name: Task(name, "binary", metrics=METRICS) for name in LABELS}
FILES = (
    ("release_data.txt", "product_data.txt"),
    ("user_behavior_data.txt", "product_meta_data.txt"),
)


def jdsearch(
    tasks: Sequence[str] = ("click", "cart", "purchase"),
    history: int = 20,
    names: bool = False,
    min_count: int = 5,
    split: Split | None = None,
    inputs: Mapping[str, Input | None] | None = None,
    blocks: bool = True,
    steps_per_epoch: int | None = None,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """Products shown for the searches of 173,831 users, with what each did before.

    A row is a product of a search; `gauc` compares those of one search. Labels are
    graded 0 to 3 (nothing, click, cart, purchase), and a task is 1 from its grade on: a
    purchase counts as a click. The files list products with a label first, so the place
    in the list is no input.

    Args:
        tasks: from "click", "cart" and "purchase".
        history: how many of the user's last products, and what was done with them, a
            row has; 0 for none.
        names: whether the product's name is an input; its terms are numbers.
        min_count: ids in fewer training rows are unknown.
        split: of `mtlx.data.tabular`; None: 10 % of the searches (that is, of the
            users) each for validation and test, by a hash. None is published: the
            paper tests on all of these searches and trains on the histories.
        inputs: column -> what becomes of it in place of the default; None leaves it
            out.
        blocks, steps_per_epoch: see `mtlx.data.table`.
        data_dir: folder that holds JDsearch/ with release_data.txt and
            product_data.txt (or user_behavior_data.txt and product_meta_data.txt), or
            the files themselves (plain, .gz or .zip). None means MTLX_DATA_DIR.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Raises:
        DataError: a file is not there, or not as it should be.
        ValueError: an unknown task, or a history below 0.

    Reference: Liu et al., "JDsearch: A Personalized Product Search Dataset with Real
    Queries and Full Interactions", SIGIR 2023. Users without a labelled product, whom
    the paper leaves out of its test, are in no group of two classes and do not count
    for `gauc`.
    """
    chosen = named_tasks("jdsearch", tasks, TASKS)
    if history < 0:
        raise ValueError(f"jdsearch: expected history >= 0, found {history}.")
    raw = find_raw("jdsearch", data_dir, ("JDsearch", "jdsearch"), *FILES)
    options = f"history {history}, names {names}"
    declared = _inputs(history, names, min_count) | dict(inputs or {})
    there = [name for name, each in declared.items() if each is not None]

    def make():
        rows = candidate_rows(*raw, history, names)
        first = next(rows)
        return first.schema, _chain(first, rows)

    return table(
        prepared_arrow("jdsearch", "1.0.0", raw, make, cache_dir, options),
        declared,
        chosen,
        split or ByUser("search"),
        name="jdsearch",
        group="search",
        personal=tuple(n for n in ("wid", "brand_id", "shop_id") if n in there),
        blocks=blocks,
        steps_per_epoch=steps_per_epoch,
        cache_dir=cache_dir,
    )


def _inputs(history: int, names: bool, min_count: int) -> dict[str, Input]:
    ids = Ids(min_count=min_count, missing="unknown")
    inputs: dict[str, Input] = dict.fromkeys(("wid", *ATTRIBUTES), ids)
    inputs["query"] = Text(length=8)
    if names:
        inputs["name"] = Text(length=32, max_size=50_000)
    if history:
        inputs["history"] = IdSequence(length=history, shared="wid")
        inputs["actions"] = IdSequence(length=history)
    return inputs


def _chain(first, rest):
    yield first
    yield from rest
