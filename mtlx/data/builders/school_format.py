"""The columns of the School data, in the form of the MALSAR package."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mtlx.data.builders.task_cells import read_task_cells, refuse_row
from mtlx.data.categorical import Categorical, Columns

# categorical column -> its 0/1 columns in the file, of which one is 1 in every row;
# of those in UNKNOWN, none is where it is not known
INDICATORS = {
    "year": range(0, 3),
    "gender": range(5, 7),
    "vr_band": range(7, 10),
    "ethnic_group": range(10, 21),
    "school_gender": range(21, 24),
    "denomination": range(24, 27),
}
UNKNOWN = ("vr_band",)
SHARES = {"free_meals": 3, "vr_band_one": 4}  # per cent of the school's pupils
ONES, WIDTH = 27, 28  # the last column is 1 throughout
SCORES = (0, 100)


def parse_school(content: bytes, path: Path) -> Iterator[Columns]:
    """One item, the columns of the file: the form that `Source.parse` has.

    "school" is the number of the pupil's school, from 0, "score" that of the
    examination; a category is called by the number of its 0/1 column, from 0, and
    "none" where it is not known.

    Raises:
        DataError: the file is not as it should be; other than one 1 among the 0/1
            columns of a category, a share that is no percentage, or a score out of its
            range.
    """
    rows, score, school = read_task_cells(content, path, "X", "Y", WIDTH)
    columns: Columns = {}
    for name, block in INDICATORS.items():
        cells = rows[:, block]
        ones = cells.sum(axis=1)
        wrong = ~np.isin(cells, (0, 1)).all(axis=1) | (ones > 1)
        wrong |= (ones == 0) & (name not in UNKNOWN)
        where = f"in columns {block.start + 1} to {block.stop} ({name})"
        refuse_row(wrong, school, path, "X", f"one 1 and else 0 {where}", cells)
        numbers = cells.argmax(axis=1).astype(str)
        columns[name] = Categorical.of(np.where(ones == 0, "none", numbers))
    for name, place in SHARES.items():
        cells = rows[:, place].astype(np.float64)
        wrong = (cells < 0) | (cells > 100)
        expected = f"0 to 100 in column {place + 1} ({name})"
        refuse_row(wrong, school, path, "X", expected, cells)
        columns[name] = cells
    ones = rows[:, ONES]
    refuse_row(ones != 1, school, path, "X", f"1 in column {ONES + 1}", ones)
    wrong = (score < SCORES[0]) | (score > SCORES[1])
    refuse_row(wrong, school, path, "Y", f"a score of {SCORES[0]} to 100", score)
    yield columns | {"score": score.astype(np.float64), "school": school}
