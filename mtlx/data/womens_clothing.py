"""Women's E-Commerce Clothing Reviews: what the text of a review says, three times."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np

from mtlx.data.builders.local_rows import local_rows
from mtlx.data.builders.womens_clothing_format import DEPARTMENTS, Review
from mtlx.data.builders.womens_clothing_source import FILE, PUBLISHED
from mtlx.data.categorical import Columns
from mtlx.data.dataset import Dataset
from mtlx.data.folders import PathLike
from mtlx.data.labels import MISSING, build_labels
from mtlx.data.named_tasks import named_tasks
from mtlx.data.prepared import prepared_columns
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.source import Source
from mtlx.data.text_columns import TextColumns
from mtlx.data.text_tokenizer import TextTokenizer
from mtlx.data.texts import pack_texts, unpack_texts
from mtlx.tasks import Task
from mtlx.types import Batch, Schema

TASKS = {
    "rating": Task("rating", "regression"),
    "stars": Task("stars", "multiclass", num_classes=5),
    "recommended": Task("recommended", "binary"),
    "department": Task("department", "multiclass", num_classes=len(DEPARTMENTS)),
}
SHARES = (0.8, 0.1)  # of training and validation; the rest is the test split


def womens_clothing(
    tasks: Sequence[str] = ("rating", "recommended", "department"),
    tokenizer: Callable[[Sequence[str]], TextTokenizer] = TextTokenizer.fit,
    split_seed: int = 0,
    data_dir: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Dataset:
    """22,641 reviews of clothes; every task is to be read from the text alone.

    The text is the title and the review; rows without a review are left out. The split
    is 8:1:1 at random. The 13 rows without a department count for the other tasks.

    Args:
        tasks: from "rating" (1 to 5, regression), "stars" (the same as five classes),
            "recommended" (binary, 82 % are) and "department" (six classes).
        tokenizer: makes the tokenizer from the texts of the training split.
        split_seed: seed of the division into splits.
        data_dir: folder that holds womens_clothing_reviews/ or the file itself, as CSV
            or in its archive; None means the variable MTLX_DATA_DIR.
        cache_dir: folder for the prepared form; None means the variable MTLX_CACHE_DIR,
            and without that ~/.cache/mtlx.

    Returns:
        A `Dataset` with the feature "text" [B, L] int32.

    Raises:
        DataError: the raw file is missing, damaged, or not the published one.
        ValueError: an unknown or repeated task, or none.

    Reference: Agarap, "Statistical Analysis on E-Commerce Reviews, with Sentiment
    Classification using Bidirectional Recurrent Neural Network", arXiv:1805.03687 (the
    data; CC0). It has no split; ours is new.
    """
    chosen = named_tasks("womens_clothing", tasks, TASKS)
    columns = prepared_columns(PUBLISHED, prepare, data_dir, cache_dir)["reviews"]
    texts = np.array(unpack_texts("text", columns), object)
    parts = _split(len(texts), split_seed)
    fitted = tokenizer(texts[parts[0]].tolist())
    labels, where = build_labels(columns, chosen)
    rows = Batch({"text": fitted.ids(texts.tolist())}, labels, where)
    train, validation, test = (
        jax.tree.map(lambda column, part=part: column[part], rows) for part in parts
    )
    schema = Schema(fields=(fitted.field("text"),))
    written = TextColumns(("Title", "Review Text"), fitted)
    raw = Preprocessing(fields={"text": written})
    return Dataset(
        name="womens_clothing",
        tasks=chosen,
        schema=schema,
        train=train,
        validation=validation,
        test=test,
        preprocessing=raw,
    )


def _split(rows: int, seed: int) -> tuple[np.ndarray, ...]:
    """Row numbers of the training, validation and test splits."""
    order = np.random.default_rng(seed).permutation(rows)
    ends = np.cumsum([round(share * rows) for share in SHARES])
    return tuple(np.sort(part) for part in np.split(order, ends))


def prepare(
    source: Source, files: Mapping[str, Path], cache: Path
) -> dict[str, Columns]:
    """The columns of the one file: texts packed, labels as numbers."""
    del cache
    reviews = [row for row in local_rows(source, files, FILE) if row.text]
    columns = {
        "rating": np.array([row.rating for row in reviews], np.int32),
        "recommended": np.array([row.recommended for row in reviews], np.int32),
        "department": np.array([_department(row) for row in reviews], np.int32),
    }
    columns["stars"] = columns["rating"] - 1
    texts = [f"{row.title}\n{row.text}".strip() for row in reviews]
    return {"reviews": columns | pack_texts("text", texts)}


def _department(review: Review) -> int:
    named = review.department
    return DEPARTMENTS.index(named) if named else MISSING
