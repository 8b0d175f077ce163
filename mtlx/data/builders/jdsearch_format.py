"""The published files of JDsearch: searches of users, and products."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtlx.data.builders.delimited import Delimited
from mtlx.data.errors import DataError

if TYPE_CHECKING:
    import pyarrow

TERM, ITEM = "\x18", "_"  # between the terms of a text, between the items of a list
BEHAVIOUR = Delimited(
    dict.fromkeys(
        (
            "query",
            "candidate_wid_list",
            "candidate_label_list",
            "history_qry_list",
            "history_wid_list",
            "history_type_list",
            "history_time_list",
        ),
        "text",
    ),
    delimiter="\t",
)
LEVELS = tuple(f"cate_id_{level}" for level in range(1, 5))
ATTRIBUTES = ("brand_id", *LEVELS, "shop_id")
PRODUCT = Delimited(
    {
        "wid": "whole",
        "name": "text",
        "brand_id": "whole",
        "brand_name": "text",
        **{
            name: kind
            for level in LEVELS
            for name, kind in (
                (level, "whole"),
                (level.replace("_id_", "_name_"), "text"),
            )
        },
        "shop_id": "whole",
    },
    delimiter="\t",
)
GRADES = {"0.0": 0, "1.0": 1, "2.0": 2, "3.0": 3}  # nothing, click, cart, purchase
LABELS = {"click": 1, "cart": 2, "purchase": 3}  # task -> least grade


class Search(NamedTuple):
    """One line: a user's search, what it showed, and what the user did before."""

    query: str  # terms, parted by blanks
    candidates: list[int]
    grades: list[int]
    history: list[int]  # products, oldest first
    actions: list[str]  # ORD, CART, CLICK or FLW, of each


def candidate_rows(
    behaviour: Path, product: Path, history: int, names: bool
) -> Iterator["pyarrow.RecordBatch"]:
    """A row for each product that a search showed.

    Columns: `search`, the line's number; `query`; `wid` and the product's attributes,
    null where the products' file has it not; `history` and `actions`, the last ones;
    `name` of the product, where asked for; 0 or 1 for each task of `LABELS`. The order
    of a line's products is no column: those with a label come first.

    Args:
        behaviour, product: the two files.
        history: most products and actions of a row.
        names: whether there is a column of the products' names.

    Raises:
        DataError: a line is not as it should be.
    """
    import pyarrow

    wids, products = _products(product, names)
    number = 0
    for block in BEHAVIOUR.blocks(behaviour):
        for first in range(0, len(block), 256):
            texts = block.slice(first, 256).to_pylist()
            searches = []
            for place, row in enumerate(texts):
                line = BEHAVIOUR.line(behaviour, number + place)
                searches.append(parse_search(list(row.values()), line, history))
            yield _rows(searches, number, wids, products, pyarrow)
            number += len(texts)


def parse_search(fields: list[str], line: str, history: int) -> Search:
    """One line of the behaviours' file.

    Args:
        fields: of `BEHAVIOUR`.
        line: its place, for messages.
        history: most products that are kept, the last ones.

    Raises:
        DataError: lists of other lengths, an id that is no number, another label.
    """
    query, wids, labels, _, before, actions, _ = fields
    shown, grades = wids.split(ITEM), labels.split(ITEM)
    past, done = _listed(before), _listed(actions)
    for place, name, one, other in (
        (3, "candidate_label_list", shown, grades),
        (6, "history_type_list", past, done),
    ):
        if len(one) != len(other):
            raise DataError(
                f"{line}, column {place} ({name}): expected {len(one)} entries, one a "
                f"product, found {len(other)}. Fetch the file again."
            )
    strange = [label for label in grades if label not in GRADES]
    if strange:
        raise DataError(
            f"{line}, column 3 (candidate_label_list): expected {list(GRADES)}, found "
            f"{strange[0]!r}. Fetch the file again."
        )
    past, done = past[-history:] if history else [], done[-history:] if history else []
    return Search(
        query.replace(TERM, " "),
        _numbers(shown, f"{line}, column 2 (candidate_wid_list)"),
        [GRADES[label] for label in grades],
        _numbers(past, f"{line}, column 5 (history_wid_list)"),
        done,
    )


def _listed(text: str) -> list[str]:
    return text.split(ITEM) if text else []


def _numbers(texts: list[str], where: str) -> list[int]:
    try:
        return [int(text) for text in texts]
    except ValueError as error:
        raise DataError(
            f"{where}: expected products' numbers, found {error}. Fetch the file again."
        ) from None


def _products(path: Path, names: bool) -> tuple["pyarrow.Array", "pyarrow.Table"]:
    """Numbers of the products, and their columns in the same order."""
    import pyarrow
    import pyarrow.compute as pc

    kept = ["wid", *ATTRIBUTES, *(["name"] if names else [])]
    blocks = (block.select(kept) for block in PRODUCT.blocks(path))
    table = pyarrow.Table.from_batches(list(blocks)).combine_chunks()
    if names:
        spaced = pc.replace_substring(table["name"], TERM, " ")
        table = table.set_column(table.column_names.index("name"), "name", spaced)
    return table["wid"].combine_chunks(), table.drop_columns(["wid"])


def _rows(
    searches: list[Search], first: int, wids: Any, products: Any, pyarrow: Any
) -> "pyarrow.RecordBatch":
    import pyarrow.compute as pc

    counts = [len(search.candidates) for search in searches]
    own = np.repeat(np.arange(len(searches)), counts)
    shown = pyarrow.array([w for s in searches for w in s.candidates], pyarrow.int64())
    grades = np.array([grade for s in searches for grade in s.grades])
    of_search = {
        "query": pyarrow.array([s.query for s in searches], pyarrow.string()),
        "history": pyarrow.array(
            [s.history for s in searches], pyarrow.list_(pyarrow.int64())
        ),
        "actions": pyarrow.array(
            [s.actions for s in searches], pyarrow.list_(pyarrow.string())
        ),
    }
    columns = {"search": pyarrow.array(first + own), "wid": shown}
    columns |= {
        name: column.take(pyarrow.array(own)) for name, column in of_search.items()
    }
    found = products.take(pc.index_in(shown, value_set=wids)).combine_chunks()
    columns |= {name: found[name].combine_chunks() for name in found.column_names}
    columns |= {
        task: pyarrow.array((grades >= least).astype(np.int64))
        for task, least in LABELS.items()
    }
    return pyarrow.RecordBatch.from_pydict(columns)
