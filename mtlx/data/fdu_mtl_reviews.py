"""FDU-MTL: is a review positive, in 16 domains, each a task with rows of its own."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mtlx.data.builders.fdu_mtl_source import PUBLISHED, STEMS, file_of
from mtlx.data.builders.local_rows import local_rows
from mtlx.data.categorical import Columns
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.named_tasks import task_names
from mtlx.data.one_task_rows import one_task_labels
from mtlx.data.prepared import prepared_columns
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.source import Source
from mtlx.data.text_columns import TextColumns
from mtlx.data.text_tokenizer import TextTokenizer
from mtlx.data.texts import pack_texts, unpack_texts
from mtlx.tasks import Task
from mtlx.types import Batch, Schema

METRICS = ("accuracy", "auc", "log_loss")
VALIDATION = 200  # rows of each training file


def fdu_mtl_reviews(
    tasks: Sequence[str] = tuple(STEMS),
    tokenizer: Callable[[Sequence[str]], TextTokenizer] = TextTokenizer.fit,
    domain: bool = False,
    split_seed: int = 0,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """31,780 reviews of 14 kinds of products and of films from two sites.

    A row counts for the task of its domain alone. The published files of a domain are
    its training split (about 1,600 rows, of which 200 drawn at random are the
    validation split) and its test split (400).

    Args:
        tasks: from the 16 domains; the rows of the others are left out.
        tokenizer: makes the tokenizer from the texts of the training split.
        domain: whether the domain is an input too, the categorical column "domain".
        split_seed: seed of the draw of validation rows.
        data_dir: folder that holds fdu_mtl_reviews/ or the files themselves, or their
            archive; None means the variable MTLX_DATA_DIR.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with the feature "text" [B, L] int32.

    Raises:
        DataError: a raw file is missing, damaged, or not the published one.
        ValueError: an unknown or repeated task, or none.

    Reference: Liu, Qiu and Huang, "Adversarial Multi-task Learning for Text
    Classification", ACL 2017, section 6.1 (70 % training, 10 % validation, 20 % test).
    Which rows validated there is not published.
    """
    chosen = task_names("fdu_mtl_reviews", tasks, STEMS)
    columns = prepared_columns(PUBLISHED, prepare, data_dir, cache_dir)
    rng = np.random.default_rng(split_seed)
    # All 16 draws, whichever tasks are chosen: a task's rows are the same with any.
    held = {task: _draw(columns[file_of(task, "train")], rng) for task in STEMS}
    rows: dict[str, list] = {"train": [], "validation": [], "test": []}
    for number, task in enumerate(chosen):
        known, seen = _rows(columns[file_of(task, "train")], number), held[task]
        rows["train"] += [row for row, out in zip(known, seen, strict=True) if not out]
        rows["validation"] += [row for row, out in zip(known, seen, strict=True) if out]
        rows["test"] += _rows(columns[file_of(task, "test")], number)
    fitted = tokenizer([text for _, _, text in rows["train"]])
    splits = {name: _batch(part, chosen, fitted, domain) for name, part in rows.items()}
    schema = Schema(fields=(fitted.field("text"),))
    written = TextColumns(("text",), fitted)
    if domain:
        schema = schema._replace(
            cardinalities=(len(chosen) + 1,), names=("domain",), domain="domain"
        )
    return Dataset(
        "fdu_mtl_reviews",
        tuple(Task(task, "binary", metrics=METRICS) for task in chosen),
        schema,
        **splits,
        # A domain of no known number has no column to be read from.
        preprocessing=None if domain else Preprocessing(fields={"text": written}),
    )


def _draw(columns: Columns, rng: np.random.Generator) -> np.ndarray:
    """[B] bool: which rows of a training file validate."""
    held = np.zeros(len(columns["label"]), bool)
    held[rng.permutation(len(held))[:VALIDATION]] = True
    return held


def _rows(columns: Columns, task: int) -> list[tuple[int, int, str]]:
    """(task, label, text) of each row of a file."""
    texts, labels = unpack_texts("text", columns), columns["label"].tolist()
    return [(task, label, text) for label, text in zip(labels, texts, strict=True)]


def _batch(
    rows: list[tuple[int, int, str]],
    tasks: tuple[str, ...],
    tokenizer: TextTokenizer,
    domain: bool,
) -> Batch:
    of = np.array([task for task, _, _ in rows])
    label = np.array([label for _, label, _ in rows], np.float32)
    features = {"text": tokenizer.ids([text for _, _, text in rows])}
    if domain:
        features["categorical"] = (of[:, None] + 1).astype(np.int32)
    return Batch(features, *one_task_labels(of, label, tasks))


def prepare(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    """The columns of every file: texts packed, labels as numbers."""
    del cache
    columns = {}
    for name in source.splits:
        labels, texts = zip(*local_rows(source, files, name), strict=True)
        columns[name] = {"label": np.array(labels, np.int32)} | pack_texts(
            "text", texts
        )
    return columns
