"""Small files in the formats of School, Landmine and PCBA."""

import io

import numpy as np
from scipy.io import savemat

from mtlx.data.builders.pcba_format import BITS, TASKS
from mtlx.data.builders.school_format import INDICATORS, WIDTH

SCHOOLS = {"school_001": 20, "school_002": 8, "school_003": 12}
FIELDS = {"field_01": 40, "field_02": 50}


def as_mat(**cells):
    """A MATLAB file of cells, from lists of arrays."""
    held = {}
    for name, arrays in cells.items():
        held[name] = np.empty((1, len(arrays)), object)
        held[name][0] = arrays
    out = io.BytesIO()
    savemat(out, held)
    return out.getvalue()


def pupils(school, count):
    """Inputs and scores that say whose they are: 25 x school + place in it."""
    rows = np.zeros((count, WIDTH), np.uint8)
    for place in range(count):
        for block in INDICATORS.values():
            rows[place, block.start + place % len(block)] = 1
    rows[:, 3], rows[:, 4], rows[:, -1] = 30 + school, 20, 1
    scores = 25 * school + np.arange(count)
    return rows, scores[:, None].astype(np.uint8)


def school_cells():
    cells = [pupils(number, count) for number, count in enumerate(SCHOOLS.values())]
    return [rows for rows, _ in cells], [scores for _, scores in cells]


def landmine_cells():
    """Every fifth place has a mine; the first feature is the place's number."""
    rows, labels = [], []
    for count in FIELDS.values():
        rows.append(np.arange(count * 9, dtype=np.float64).reshape(count, 9))
        labels.append((np.arange(count) % 5 == 0).astype(np.uint8)[:, None])
    return rows, labels


def table(cells):
    header = ",".join(map(str, range(cells.shape[1])))
    return f"{header}\n{''.join(','.join(row) + chr(10) for row in cells)}".encode()


def molecules(rows, first):
    """Molecule n has bits n and n + 1 and is active in assay n; the last is unknown."""
    bits, y = np.zeros((rows, BITS), int), np.zeros((rows, TASKS))
    w = np.full((rows, TASKS), "1.25", "<U6")
    for row in range(rows):
        number = first + row
        bits[row, [number, number + 1]] = 1
        y[row, number] = 1.0
    w[:, -1] = "0.0"
    return {
        "features": table(bits.astype(str)),
        "y": table(y.astype(str)),
        "w": table(w),
    }
