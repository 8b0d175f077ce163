"""PriceRunner: offers of many shops by their titles; which category, shop, product?"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np

from mtlx.data.builders.local_rows import local_rows
from mtlx.data.builders.pricerunner_format import CATEGORIES
from mtlx.data.builders.pricerunner_source import FILE, PUBLISHED
from mtlx.data.categorical import Columns
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.group_split import linked_groups, split_groups
from mtlx.data.labels import MISSING, build_labels
from mtlx.data.named_tasks import task_names
from mtlx.data.prepared import prepared_columns
from mtlx.data.source import Source
from mtlx.data.text_tokenizer import TextTokenizer
from mtlx.data.texts import pack_texts, unpack_texts
from mtlx.tasks import Task
from mtlx.types import Batch, Schema

TASKS = ("category", "vendor", "product")
SHARES = (0.8, 0.1)  # of training and validation; the rest is the test split
SPLITS = ("product", "offer")


def pricerunner_products(
    tasks: Sequence[str] = ("category", "vendor"),
    tokenizer: Callable[[Sequence[str]], TextTokenizer] = TextTokenizer.fit,
    split: str = "product",
    split_seed: int = 0,
    show_product: bool = False,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """35,311 offers of electronics; every task is to be read from the title alone.

    The split is 8:1:1 at random, and by product unless told otherwise: all offers of a
    product (a cluster of the source) are on one side, and so are products of which an
    offer has the very title of another's. Else the title of a test row would mostly
    have been seen, word for word, in another shop's offer.

    Args:
        tasks: from "category" (ten classes), "vendor" (which of 306 shops) and
            "product" (which product of the training split; needs split="offer").
        tokenizer: makes the tokenizer from the titles of the training split.
        split: "product", or "offer": every offer by itself, so that a product of the
            training split can be known again.
        split_seed: seed of the division into splits.
        show_product: whether the rows show their product too, for models that keep it
            away from all tasks and find it (`with_catalogue`, task "product").
        data_dir: folder that holds pricerunner_products/ or the file itself; None means
            the variable MTLX_DATA_DIR.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with the feature "text" [B, L] int32, and if asked for
        "categorical" [B, 1], the product: 0 for one that the training split does not
        have, else the label of "product". A row counts for "vendor" and "product" where
        the training split has that shop or product.

    Raises:
        DataError: the raw file is missing, damaged, or not the expected one.
        ValueError: an unknown or repeated task, or none; another split; the task
            "product" where no product is on both sides; a product that is shown and not
            asked for.

    Reference: Akritidis, Fevgas, Bozanis, Makris, "A self-verifying clustering approach
    to unsupervised matching of product titles", Artificial Intelligence Review 53, 2020
    (the data; UCI, CC BY 4.0). It has no split; ours is new.
    """
    names = _names(tasks, split, show_product)
    columns = prepared_columns(PUBLISHED, prepare, data_dir, cache_dir)["offers"]
    titles = np.array(unpack_texts("text", columns), object)
    groups = np.arange(len(titles))
    if split == "product":
        groups = linked_groups(columns["product"], titles.astype(str))
    parts = split_groups(groups, SHARES, split_seed)
    fitted = tokenizer(titles[parts[0]].tolist())
    chosen, labels = _labels(columns, names, parts[0], show_product)
    features = {"text": fitted.ids(titles.tolist())}
    schema = Schema(fields=(fitted.field("text"),))
    if show_product:
        shown = np.maximum(labels["product"], 0)  # MISSING is below
        features["categorical"] = shown[:, None].astype(np.int32)
        size = next(task.num_classes for task in chosen if task.name == "product")
        schema = schema._replace(
            cardinalities=(size,), names=("product_id",), foretold=names
        )
    rows = Batch(features, *build_labels(labels, chosen))
    train, validation, test = (
        jax.tree.map(lambda column, part=part: column[part], rows) for part in parts
    )
    return Dataset("pricerunner_products", chosen, schema, train, validation, test)


def _names(names: Sequence[str], split: str, show_product: bool) -> tuple[str, ...]:
    names = task_names("pricerunner_products", names, TASKS)
    if split not in SPLITS or ("product" in names and split == "product"):
        raise ValueError(
            f"pricerunner_products: expected split to be one of {SPLITS}, and 'offer' "
            f"for the task 'product' (else no product of the test split is in the "
            f"training split); found {split!r} for the tasks {list(names)}. Mend "
            f"data.split or data.tasks."
        )
    if show_product and "product" not in names:
        raise ValueError(
            f"pricerunner_products: expected the task 'product' where show_product is "
            f"true, found the tasks {list(names)}. Mend data.tasks."
        )
    return names


def _labels(
    columns: Columns, names: tuple[str, ...], train: np.ndarray, show_product: bool
) -> tuple[tuple[Task, ...], Columns]:
    """The tasks, and their labels: classes are those of the training split.

    Where the product is shown its classes are ids, and 0 stands for those not known.
    """
    tasks, labels = [], {}
    for name in names:
        labels[name], classes = columns["category"], len(CATEGORIES)
        if name != "category":
            labels[name], classes = _known(columns[name], train)
        if name == "product" and show_product:
            known = labels[name] != MISSING
            labels[name], classes = (
                np.where(known, labels[name] + 1, MISSING),
                classes + 1,
            )
        tasks.append(Task(name, "multiclass", num_classes=classes))
    return tuple(tasks), labels


def _known(column: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, int]:
    """[B] the place of each value among the training rows' sorted ones, or MISSING."""
    known = np.unique(column[train])
    place = np.minimum(np.searchsorted(known, column), len(known) - 1)
    return np.where(known[place] == column, place, MISSING), len(known)


def prepare(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    """The columns of the one file: titles packed, categories as classes."""
    del cache
    (table,) = local_rows(source, files, FILE)
    titles, category = table["product_title"], table["category_label"]
    texts = titles.values[titles.codes].tolist()
    classes = np.array([CATEGORIES.index(name) for name in category.values], np.int32)
    offers = {
        "category": classes[category.codes],
        "vendor": table["vendor_id"],
        "product": table["cluster_id"],
    }
    return {"offers": offers | pack_texts("text", texts)}
