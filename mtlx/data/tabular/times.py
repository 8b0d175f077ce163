"""Points in time of a raw table."""

from datetime import UTC, datetime

import numpy as np

from mtlx.data.tabular.arrow_text import as_text, categorical, plain
from mtlx.data.tabular.cells import refuse_cell
from mtlx.data.tabular.raw_table import RawTable

UNITS = {"s": 1000, "ms": 1, "us": 1 / 1000, "D": 86_400_000}  # in milliseconds


def read_times(raw: RawTable, name: str, unit: str = "s") -> np.ndarray:
    """[B] datetime64[ms], UTC where a cell has a zone.

    Whole numbers are counted since 1970 in `unit`; as text, those of eight digits are
    dates (20220430). Other text is read as ISO 8601.

    Raises:
        DataError: a cell holds no time.
    """
    import pyarrow

    column = plain(raw.table[name])
    if pyarrow.types.is_temporal(column.type):
        column = column.cast(pyarrow.timestamp("ms"), safe=False)
        times = column.to_numpy().astype("datetime64[ms]")
        if column.null_count:
            refuse_cell(raw, name, int(np.argmax(np.isnat(times))), "a time", "nothing")
        return times
    if pyarrow.types.is_integer(column.type) and not column.null_count:
        return _since(column.to_numpy(), unit)
    texts = categorical(as_text(column, ("",)))
    known = np.empty(len(texts.values), "datetime64[ms]")
    for code, text in enumerate(texts.values.tolist()):
        try:
            known[code] = parse_time(text.strip(), unit)
        except ValueError:
            row = int(np.argmax(texts.codes == code))
            expected = "a time as in ISO 8601, YYYYMMDD or a whole number since 1970"
            refuse_cell(raw, name, row, expected, text)
    return known[texts.codes]


def parse_time(text: str, unit: str) -> np.datetime64:
    """One time from text, as `read_times` reads it.

    Raises:
        ValueError: it is none.
    """
    if text.lstrip("-").isdigit() and len(text) != 8:
        return _since(np.array([int(text)]), unit)[0]
    time = datetime.fromisoformat(text)
    if time.tzinfo is not None:
        time = time.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(time, "ms")


def _since(numbers: np.ndarray, unit: str) -> np.ndarray:
    return (numbers.astype(np.int64) * UNITS[unit]).astype(np.int64).astype("M8[ms]")
