"""The columns of the judged pairs of query and brand."""

from collections.abc import Iterator
from pathlib import Path

from mtlx.data.categorical import Columns
from mtlx.data.csv_table import CsvTable

# From the most to the least relevant; the number of a class is its place here.
GRADES = ("Exact", "Substitute", "Complement", "Irrelevant")
PAIRS = CsvTable(
    {"query": "text", "brand": "text", "label": GRADES, "established": "flag"},
    delimiter="\t",
)


def parse_esci(content: bytes, path: Path) -> Iterator[Columns]:
    """One item, the columns of the raw file: the form that `Source.parse` has.

    Raises:
        DataError: a line or a field is not as it should be.
    """
    yield PAIRS.read(content, path)
