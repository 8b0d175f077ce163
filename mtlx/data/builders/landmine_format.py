"""The columns of the landmine data."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mtlx.data.builders.task_cells import read_task_cells, refuse_row
from mtlx.data.categorical import Columns

WIDTH = 9
FEATURES = tuple(f"feature_{number}" for number in range(1, WIDTH + 1))


def parse_landmine(content: bytes, path: Path) -> Iterator[Columns]:
    """One item, the columns of the file: the form that `Source.parse` has.

    "field" is the number of the row's mine field, from 0, "mine" its label.

    Raises:
        DataError: the file is not as it should be, or a label is not 0 or 1.
    """
    rows, label, field = read_task_cells(content, path, "feature", "label", WIDTH)
    refuse_row(~np.isin(label, (0, 1)), field, path, "label", "0 or 1", label)
    columns = {
        name: rows[:, place].astype(np.float64) for place, name in enumerate(FEATURES)
    }
    yield columns | {"mine": label.astype(np.int8), "field": field}
