"""A column that says which split a row is of."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtlx.data.categorical import as_categorical
from mtlx.data.errors import DataError
from mtlx.data.tabular.shares import PARTS


@dataclasses.dataclass(frozen=True)
class ByColumn:
    """Rows go where their value in `column` is listed.

    Args:
        column: of names, or of whole numbers.
        train, validation, test: the values of each part.

    Raises:
        ValueError: a value of two parts.
        DataError: when it is applied, a row has a value of none.
    """

    column: str
    train: Sequence[str | int] = ("train",)
    validation: Sequence[str | int] = ("validation",)
    test: Sequence[str | int] = ("test",)

    def __post_init__(self):
        listed = [str(v) for part in PARTS for v in getattr(self, part)]
        if len(set(listed)) < len(listed):
            raise ValueError(
                f"ByColumn: expected each value in one part, found {listed}."
            )

    @property
    def reads(self) -> Mapping[str, str]:
        """See `Split`."""
        return {self.column: "id"}

    def parts(self, columns: Mapping[str, Any], rows: int) -> np.ndarray:
        """See `Split`."""
        del rows
        found = as_categorical(columns[self.column])
        part_of = {
            str(value): number
            for number, part in enumerate(PARTS)
            for value in getattr(self, part)
        }
        strange = [value for value in found.counts() if value not in part_of]
        if strange:
            raise DataError(
                f"Column {self.column!r}: expected one of {list(part_of)} in every "
                f"row, found {strange[:5]}. Mend data.split."
            )
        parts = [part_of.get(value, 0) for value in found.values.tolist()]
        return np.array(parts, np.int8)[found.codes]
