"""MATLAB files that hold a cell of arrays, one for each task."""

import io
import zlib
from pathlib import Path

import numpy as np

from mtlx.data.errors import DataError

MEND = "Fetch the file again."


def read_task_cells(
    content: bytes, path: Path, inputs: str, label: str, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows of all tasks, one task after another.

    Args:
        content: a MATLAB file (version 5 to 7.2).
        path: where it came from, for the error messages.
        inputs: name of the cell of inputs, of task t an array [n_t, width].
        label: name of the cell of labels, of task t an array [n_t, 1].
        width: number of inputs.

    Returns:
        inputs [B, width], labels [B], and number of the task [B], from 0.

    Raises:
        DataError: no such file, a cell is missing, both have not as many tasks, or a
            task's arrays have not the shape, or hold other than finite numbers.
    """
    cells = _load(content, path)
    for name in (inputs, label):
        if name not in cells or cells[name].dtype != object:
            raise DataError(
                f"{path}: expected a cell {name!r}, found {sorted(cells)}. {MEND}"
            )
    rows, labels = cells[inputs].ravel(), cells[label].ravel()
    if len(rows) != len(labels):
        raise DataError(
            f"{path}: expected as many tasks in {label!r} as in {inputs!r}, found "
            f"{len(labels)} and {len(rows)}. {MEND}"
        )
    for number, (x, y) in enumerate(zip(rows, labels, strict=True), start=1):
        _check(x, (len(x), width), f"{path}, {inputs}{{{number}}}")
        _check(y, (len(x), 1), f"{path}, {label}{{{number}}}")
    of = np.repeat(np.arange(len(rows)), [len(x) for x in rows])
    return np.concatenate(rows), np.concatenate(labels)[:, 0], of


def _load(content: bytes, path: Path) -> dict[str, np.ndarray]:
    # Here: what trains imports this module, and must run without SciPy.
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        found = loadmat(io.BytesIO(content))
    except (MatReadError, ValueError, TypeError, OSError, zlib.error) as error:
        raise DataError(
            f"{path}: expected a MATLAB file (version 5 to 7.2), found something else "
            f"({error}). {MEND}"
        ) from error
    return {name: cell for name, cell in found.items() if not name.startswith("__")}


def _check(array: np.ndarray, shape: tuple[int, int], where: str) -> None:
    if array.shape != shape:
        raise DataError(
            f"{where}: expected rows x columns {shape}, found {array.shape}. {MEND}"
        )
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise DataError(
            f"{where}: expected finite numbers, found {array.dtype} with others. {MEND}"
        )


def refuse_row(
    wrong: np.ndarray, of: np.ndarray, path: Path, cell: str, expected: str, found
) -> None:
    """Refuses the first wrong row, named by its task and its place there.

    Args:
        wrong: [B] bool.
        of: [B] number of the row's task.
        path, cell: file, and the cell that holds the row.
        expected: in words.
        found: [B, ...] what stands there.

    Raises:
        DataError: a row is wrong.
    """
    if wrong.any():
        row = int(np.argmax(wrong))
        place = row - int(np.argmax(of == of[row])) + 1
        raise DataError(
            f"{path}, {cell}{{{of[row] + 1}}}, row {place}: expected {expected}, found "
            f"{np.asarray(found)[row].tolist()}. {MEND}"
        )
