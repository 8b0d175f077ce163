"""The columns of the Online Retail transactions, and which of its lines are sales."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mtlx.data.categorical import Categorical, Columns
from mtlx.data.csv_table import MEND, CsvTable
from mtlx.data.errors import DataError

LINES = CsvTable(
    {
        "InvoiceNo": "text",  # C.. cancels, A.. adjusts bad debt
        "StockCode": "text",
        "Description": "text",
        "Quantity": "integer",
        "InvoiceDate": "time",
        "UnitPrice": "number",  # pounds sterling; below 0 for bad debt
        "CustomerID": "text",
        "Country": "text",
    }
)


def parse_online_retail(content: bytes, path: Path) -> Iterator[Columns]:
    """One item, the columns of the raw file: the form that `Source.parse` has.

    Raises:
        DataError: a line or a field is not as it should be, a cancellation of more than
            nothing, or a customer that is no number.
    """
    lines = LINES.read(content, path)
    customer = lines["CustomerID"]
    known = [value.isdecimal() or not value for value in customer.values.tolist()]
    _refuse(
        ~np.array(known)[customer.codes], path, 7, "CustomerID", "digits or nothing"
    )
    wrong = _begins(lines["InvoiceNo"], "C") & (lines["Quantity"] >= 0)
    _refuse(wrong, path, 4, "Quantity", "less than 0 in a cancellation")
    yield lines


def sales(lines: Columns) -> Columns:
    """The lines that are of a product and of a known customer, each once.

    Left out, in this order: lines without a customer, who cannot be followed; lines
    that are no purchase and no cancellation (bad debt, stock written off, prices of 0);
    what is no product (postage, fees, discounts, samples, manual entries: codes that do
    not begin with five digits); lines that repeat another one in all columns.

    Returns:
        Columns of the lines, in the order of the file: "invoice", "product", "customer"
        and "country" (`Categorical`), "time", "quantity" (above 0), "price" and
        "cancelled" (whether it takes back what was bought before).
    """
    cancelled = _begins(lines["InvoiceNo"], "C")
    invoice, product = lines["InvoiceNo"], lines["StockCode"]
    kept = ~lines["CustomerID"].isin(("",)) & (lines["UnitPrice"] > 0)
    kept &= (cancelled == (lines["Quantity"] < 0)) & (lines["Quantity"] != 0)
    kept &= ~_begins(invoice, "A")
    kept &= np.array([v[:5].isdecimal() and len(v) >= 5 for v in product.values])[
        product.codes
    ]
    rows = np.flatnonzero(kept)
    rows = rows[_first_of_each(lines, rows)]
    renamed = {
        "invoice": invoice,
        "product": product,
        "customer": lines["CustomerID"],
        "country": lines["Country"],
    }
    return {name: column.take(rows) for name, column in renamed.items()} | {
        "time": lines["InvoiceDate"][rows],
        "quantity": np.abs(lines["Quantity"][rows]),
        "price": lines["UnitPrice"][rows],
        "cancelled": cancelled[rows],
    }


def _first_of_each(lines: Columns, rows: np.ndarray) -> np.ndarray:
    """Places in `rows` of those that repeat none before them, ascending."""
    numbers = [
        (column.codes if isinstance(column, Categorical) else column)[rows]
        for column in lines.values()
    ]
    order = np.lexsort(numbers[::-1])  # stable: of rows alike, the first stays in front
    new = np.zeros(len(rows), bool)
    new[:1] = True
    for column in numbers:
        new[1:] |= column[order][1:] != column[order][:-1]
    return np.sort(order[new])


def _begins(column: Categorical, letter: str) -> np.ndarray:
    """[B] bool: which rows hold a value that begins with the letter."""
    return np.array([v.startswith(letter) for v in column.values.tolist()])[
        column.codes
    ]


def _refuse(
    wrong: np.ndarray, path: Path, place: int, name: str, expected: str
) -> None:
    if wrong.any():
        raise DataError(
            f"{path}, line {int(np.argmax(wrong)) + 2}, column {place} ({name}): "
            f"expected {expected}. {MEND}"
        )
