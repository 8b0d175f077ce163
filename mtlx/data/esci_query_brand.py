"""ESCI by brand: how relevant is a brand to what was searched for?"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mtlx import listwise
from mtlx.data.builders.esci_format import GRADES
from mtlx.data.builders.esci_source import FILE, PUBLISHED
from mtlx.data.builders.local_rows import local_rows
from mtlx.data.categorical import Columns
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.group_split import split_groups
from mtlx.data.labels import build_labels
from mtlx.data.named_tasks import task_names
from mtlx.data.prepared import prepared_columns
from mtlx.data.source import Source
from mtlx.data.tabular_features import TabularFeatures
from mtlx.data.text_tokenizer import TextTokenizer
from mtlx.tasks import Task
from mtlx.types import Batch

TASKS = {
    "relevance": Task("relevance", "multiclass", num_classes=len(GRADES)),
    "exact": Task("exact", "binary", metrics=("auc", "gauc", "log_loss")),
    "gain": Task("gain", "ranking"),
}
GAINS = (1.0, 0.1, 0.01, 0.0)  # of the grades, as in the benchmark
SHARES = (0.7, 0.15)  # of training and validation; the rest is the test split


def esci_query_brand(
    tasks: Sequence[str] = ("relevance", "exact"),
    ranking_loss: str = "softmax",
    tokenizer: Callable[[Sequence[str]], TextTokenizer] = TextTokenizer.fit,
    split_seed: int = 0,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """2,623 brands judged for 400 queries of a shop's search.

    The split is about 70:15:15 at random, by query: all brands of a query are on one
    side, so that every query of the test split is new. Brands are not held apart. The
    evaluation splits are grouped by query, and with the task "gain" the training split.

    Args:
        tasks: from "relevance" (exact, substitute, complement, irrelevant: four classes
            in this order), "exact" (whether it is exact, binary) and "gain" (the order
            of a query's brands by gains of 1, .1, .01 and 0; needs Rax).
        ranking_loss: of "gain": "softmax" or "approx_ndcg" (`mtlx.listwise`).
        tokenizer: makes the tokenizer from the queries and brands of the training
            split; both fields have its ids.
        split_seed: seed of the division into splits.
        data_dir: folder that holds esci_query_brand/ or the file itself; None means the
            variable MTLX_DATA_DIR.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with the features "query" [B, L] and "brand_text" [B, L] int32 and
        "categorical" [B, 1] int32, the brand's id (0: not in the training split).

    Raises:
        DataError: the raw file is missing, damaged, or not the expected one.
        ValueError: an unknown or repeated task, or none; another loss.
        ModuleNotFoundError: the task "gain" without Rax.

    Reference: Reddy et al., "Shopping Queries Dataset: A Large-Scale ESCI Benchmark for
    Improving Product Search", arXiv:2206.06588. There products are judged; these pairs
    are derived from .4 % of it, a brand standing for its products, and have no
    published split. Too few to compare models by: see the data card.
    """
    chosen = _tasks(tasks, ranking_loss)
    rows = prepared_columns(PUBLISHED, prepare, data_dir, cache_dir)["pairs"]
    query, brand = rows["query"], rows["brand"]
    parts = split_groups(query.codes, SHARES, split_seed)
    texts = {
        name: column.values[column.codes].tolist()
        for name, column in (("query", query), ("brand_text", brand))
    }
    train = parts[0].tolist()
    fitted = tokenizer([column[row] for column in texts.values() for row in train])
    ids = TabularFeatures.fit({"brand": brand.take(parts[0])}, ("brand",), ())
    features = {"categorical": ids.encode({"brand": brand})["categorical"]}
    features |= {name: fitted.ids(column) for name, column in texts.items()}
    labels, where = build_labels(
        {task.label: rows[task.label] for task in chosen}, chosen
    )

    def split(kept: np.ndarray, grouped: bool = True) -> Batch:
        columns = ({k: x[kept] for k, x in of.items()} for of in (labels, where))
        inputs = {name: column[kept] for name, column in features.items()}
        return Batch(inputs, *columns, groups=query.codes[kept] if grouped else None)

    fields = tuple(fitted.field(name) for name in texts)
    return Dataset(
        name="esci_query_brand",
        tasks=chosen,
        schema=ids.schema._replace(fields=fields),
        train=split(parts[0], grouped="gain" in labels),
        validation=split(parts[1]),
        test=split(parts[2]),
    )


def _tasks(names: Sequence[str], loss: str) -> tuple[Task, ...]:
    names = task_names("esci_query_brand", names, TASKS)
    if loss not in listwise.LOSSES:
        raise ValueError(
            f"esci_query_brand: expected ranking_loss to be one of "
            f"{sorted(listwise.LOSSES)}, found {loss!r}. Mend data.ranking_loss."
        )
    if "gain" in names:
        listwise.require_rax()  # here, and not when the step is compiled
    ranking = dataclasses.replace(TASKS["gain"], loss=listwise.LOSSES[loss])
    return tuple((TASKS | {"gain": ranking})[name] for name in names)


def prepare(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    """The columns of the one file, and the labels of the tasks as numbers."""
    del cache
    (table,) = local_rows(source, files, FILE)
    grade = table["label"]
    place = np.array([GRADES.index(name) for name in grade.values], np.int32)
    relevance = place[grade.codes]
    labels = {"relevance": relevance, "exact": (relevance == 0).astype(np.int8)}
    labels["gain"] = np.array(GAINS)[relevance]
    return {"pairs": {"query": table["query"], "brand": table["brand"]} | labels}
