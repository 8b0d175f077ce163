"""The columns of the PriceRunner offers."""

from collections.abc import Iterator
from pathlib import Path

from mtlx.data.categorical import Columns
from mtlx.data.csv_table import CsvTable

# In alphabetical order; the number of a class is its place here.
CATEGORIES = (
    "CPUs",
    "Digital Cameras",
    "Dishwashers",
    "Freezers",
    "Fridge Freezers",
    "Fridges",
    "Microwaves",
    "Mobile Phones",
    "TVs",
    "Washing Machines",
)
OFFERS = CsvTable(
    {
        "product_id": "whole",  # of the offer; the product is the cluster
        "product_title": "text",
        "vendor_id": "whole",
        "cluster_id": "whole",
        "cluster_label": "text",
        "category_id": "whole",
        "category_label": CATEGORIES,
    }
)


def parse_pricerunner(content: bytes, path: Path) -> Iterator[Columns]:
    """One item, the columns of the raw file: the form that `Source.parse` has.

    Raises:
        DataError: a line or a field is not as it should be.
    """
    yield OFFERS.read(content, path)
