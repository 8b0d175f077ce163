"""The columns of logs of several behaviours: who did what with which item, and when."""

from collections.abc import Callable, Iterator
from pathlib import Path

from mtlx.data.categorical import Columns
from mtlx.data.csv_table import CsvTable


def multibehavior_table(behaviors: tuple[str, ...]) -> CsvTable:
    """The table of such a log.

    Args:
        behaviors: what its column `behavior` may hold.
    """
    return CsvTable(
        {
            "user": "whole",
            "item": "whole",
            "behavior": behaviors,
            "timestamp": "whole",  # seconds since 1970, UTC
        },
        delimiter="\t",
    )


def multibehavior_parser(
    behaviors: tuple[str, ...],
) -> Callable[[bytes, Path], Iterator[Columns]]:
    """A `Source.parse`: one item, the columns of the log."""
    table = multibehavior_table(behaviors)

    def parse(content: bytes, path: Path) -> Iterator[Columns]:
        yield table.read(content, path)

    return parse
