"""The columns of the MineThatData e-mail challenge."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mtlx.data.categorical import Columns
from mtlx.data.csv_table import MEND, CsvTable
from mtlx.data.errors import DataError

ARMS = ("Mens E-Mail", "No E-Mail", "Womens E-Mail")
SEGMENTS = (
    "1) $0 - $100",
    "2) $100 - $200",
    "3) $200 - $350",
    "4) $350 - $500",
    "5) $500 - $750",
    "6) $750 - $1,000",
    "7) $1,000 +",
)
CUSTOMERS = CsvTable(
    {
        "recency": "whole",
        "history_segment": SEGMENTS,
        "history": "number",
        "mens": "flag",
        "womens": "flag",
        "zip_code": ("Rural", "Surburban", "Urban"),  # as the file spells it
        "newbie": "flag",
        "channel": ("Multichannel", "Phone", "Web"),
        "segment": ARMS,
        "visit": "flag",
        "conversion": "flag",
        "spend": "number",
    }
)


def parse_hillstrom(content: bytes, path: Path) -> Iterator[Columns]:
    """One item, the columns of the raw file: the form that `Source.parse` has.

    Raises:
        DataError: a line or a field is not as it should be, a conversion without a
            visit, or a spend without a conversion or the other way round.
    """
    columns = CUSTOMERS.read(content, path)
    visit, conversion = columns["visit"], columns["conversion"]
    spend = columns["spend"]
    _refuse(conversion > visit, path, 11, "conversion", conversion, "0 without a visit")
    expected = "more than 0 with a conversion and 0 without"
    wrong = (spend < 0) | ((spend > 0) != (conversion == 1))
    _refuse(wrong, path, 12, "spend", spend, expected)
    yield columns


def _refuse(
    wrong: np.ndarray,
    path: Path,
    place: int,
    name: str,
    column: np.ndarray,
    expected: str,
) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{path}, line {row + 2}, column {place} ({name}): expected {expected}, "
            f"found {column[row]}. {MEND}"
        )
