"""Training on what was before, test on what came after."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.data.tabular.shares import TEST, VALIDATION, check_shares
from mtlx.data.tabular.times import UNITS, parse_time


@dataclasses.dataclass(frozen=True)
class ByTime:
    """Rows before a moment t_v train, those from t_t on test, those between validate.

    The moments are given, or are the times of the rows at the shares' places when all
    are put in order. Rows of one moment stay together, so no row of a later split is
    as old as one of an earlier split; shares are met as far as that allows.

    Args:
        column: of times: ISO 8601, YYYYMMDD, or whole numbers since 1970.
        validation, test: shares of the rows.
        validation_from, test_from: moments in place of shares, as text; both or none.
        unit: of whole numbers: "s", "ms", "us" or "D".

    Raises:
        ValueError: shares that leave no training rows, one moment alone or two out of
            order, an unknown unit.
    """

    column: str
    validation: float | int = 0.1
    test: float | int = 0.1
    validation_from: str | int | None = None
    test_from: str | int | None = None
    unit: str = "s"

    def __post_init__(self):
        check_shares("ByTime", self.validation, self.test)
        if self.unit not in UNITS:
            raise ValueError(
                f"ByTime: expected unit to be one of {list(UNITS)}, found "
                f"{self.unit!r}."
            )
        moments = (self.validation_from, self.test_from)
        if (None in moments) != (moments == (None, None)):
            raise ValueError(
                f"ByTime: expected validation_from and test_from, or neither, found "
                f"{moments}."
            )
        if None not in moments and not self._given()[0] < self._given()[1]:
            raise ValueError(
                f"ByTime: expected validation_from before test_from, found {moments}."
            )

    @property
    def reads(self) -> Mapping[str, str]:
        """See `Split`."""
        return {self.column: "time"}

    def parts(self, columns: Mapping[str, Any], rows: int) -> np.ndarray:
        """See `Split`."""
        times = columns[self.column]
        first, second = (
            self._given() if self.test_from is not None else self._placed(times)
        )
        parts = np.zeros(rows, np.int8)
        parts[times >= first] = VALIDATION
        parts[times >= second] = TEST
        return parts

    def _given(self) -> tuple[np.datetime64, np.datetime64]:
        moments = (str(self.validation_from), str(self.test_from))
        try:
            first, second = (parse_time(moment, self.unit) for moment in moments)
        except ValueError:
            raise ValueError(
                f"ByTime: expected moments as in ISO 8601, YYYYMMDD or whole numbers, "
                f"found {moments}."
            ) from None
        return first, second

    def _placed(self, times: np.ndarray) -> tuple[np.datetime64, np.datetime64]:
        ordered, rows = np.sort(times), len(times)
        last = rows - round(self.test * rows)
        places = (last - round(self.validation * rows), last)
        after = times.max(initial=np.datetime64(0, "ms")) + np.timedelta64(1, "ms")
        first, second = (ordered[p] if p < rows else after for p in places)
        return first, second
