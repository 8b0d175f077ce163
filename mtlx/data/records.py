"""From records, one a row, to columns."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mtlx.data.categorical import Categorical, Columns

CHUNK = 8192  # rows decoded at a time, which bounds the memory held by their strings


@runtime_checkable
class Records(Protocol):
    """A random-access data source, as TFDS and Grain have them."""

    def __len__(self) -> int: ...

    def __getitems__(self, rows: Sequence[int]) -> Sequence[Mapping[str, Any]]: ...


def read_columns(
    records: Records, categorical: Sequence[str], numerical: Sequence[str]
) -> Columns:
    """Every row of `records`, column by column, in the order of the records.

    Args:
        records: rows with "categorical", a list of byte strings, and "numerical", a
            list of numbers; a row may hold more, which is left out.
        categorical: the names of the entries of "categorical".
        numerical: the names of the entries of "numerical".
    """
    coders = [_Coder() for _ in categorical]
    numbers = []
    for start in range(0, len(records), CHUNK):
        rows = records.__getitems__(range(start, min(start + CHUNK, len(records))))
        numbers.append(np.stack([row["numerical"] for row in rows]))
        strings = zip(*[row["categorical"] for row in rows], strict=True)
        for coder, column in zip(coders, strings, strict=True):
            coder.add(column)
    table = np.ascontiguousarray(np.concatenate(numbers).T)
    columns: Columns = dict(zip(numerical, table, strict=True))
    for name, coder in zip(categorical, coders, strict=True):
        columns[name] = coder.column()
    return columns


class _Coder:
    """Gives each distinct byte string a number, first come first served."""

    def __init__(self):
        self.codes_of: dict[bytes, int] = {}
        self.chunks: list[np.ndarray] = []

    def add(self, strings: Sequence[bytes]) -> None:
        codes_of = self.codes_of
        coded = (codes_of.setdefault(value, len(codes_of)) for value in strings)
        self.chunks.append(np.fromiter(coded, np.int32, len(strings)))

    def column(self) -> Categorical:
        values = np.array([value.decode() for value in self.codes_of])
        order = np.argsort(values)
        rank = np.argsort(order).astype(np.int32)
        return Categorical(values[order], rank[np.concatenate(self.chunks)])
