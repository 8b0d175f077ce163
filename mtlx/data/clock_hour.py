"""The hour of the day of a time stamp."""

import dataclasses

import numpy as np

from mtlx.data.categorical import Categorical, Column

HOUR_MS = 3_600_000


@dataclasses.dataclass(frozen=True)
class ClockHour:
    """floor(milliseconds since 1970 / 3,600,000 + utc_offset) mod 24, as text.

    Args:
        column: raw column of the stamps, whole numbers.
        utc_offset: whole hours that local time is ahead of UTC.
    """

    column: str
    utc_offset: int = 0

    def of(self, stamps: Column) -> Categorical:
        """The hour of each row, "0" to "23"."""
        return Categorical.of((np.asarray(stamps) // HOUR_MS + self.utc_offset) % 24)
