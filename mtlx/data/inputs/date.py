"""A point in time as hour, weekday, month and days."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from mtlx.data.categorical import Categorical, Column
from mtlx.data.errors import DataError
from mtlx.data.inputs.fitted import Encoded, Fitted
from mtlx.data.inputs.standardised import Standardised
from mtlx.data.vocabulary import UNKNOWN, Vocabulary

SIZES = {"hour": 24, "weekday": 7, "month": 12}


@dataclasses.dataclass(frozen=True)
class Date:
    """Categorical columns `{name}_hour`, `_weekday`, `_month` and a numeric `_days`.

    Ids are 1 + hour, 1 + weekday (Monday is 1) and the month. One that no training row
    has is unknown, 0: where splits are by time, a month of the test split may be.
    `_days` counts days since the first training row, and is standardised.

    Args:
        parts: which of "hour", "weekday", "month", "days", in order.
        unit: of whole numbers, since 1970: "s", "ms", "us" or "D". Text is read as ISO
            8601, with or without the signs between (20220408); a zone in it counts.
        utc_offset: hours that local time is ahead of UTC.

    Raises:
        ValueError: an unknown or repeated part, or none; an unknown unit.
        DataError: when it is fitted or applied, a row holds no date.
    """

    parts: Sequence[str] = ("hour", "weekday", "month", "days")
    unit: str = "s"
    utc_offset: float | int = 0

    def __post_init__(self):
        known = (*SIZES, "days")
        if not self.parts or len(set(self.parts) & set(known)) < len(self.parts):
            raise ValueError(
                f"Date: expected parts from {known}, each once, found {self.parts}."
            )
        if self.unit not in ("s", "ms", "us", "D"):
            raise ValueError(
                f"Date: expected unit to be s, ms, us or D, found {self.unit!r}."
            )

    def fit(self, name: str, column: Column, vocabulary: Vocabulary | None) -> Fitted:
        """See `Input`."""
        del vocabulary
        times = self._times(name, column)
        seen = {part: np.unique(_number(times, part)) for part in self._kinds()}
        first = times.min()
        days = Standardised().fit(f"{name}_days", _days(times, first), None)
        facts = {
            "seen": {part: ids.tolist() for part, ids in seen.items()},
            "first": int(first.astype(np.int64)),
            "days": days.facts,
            "kind": _raw_kind(column),
        }
        return self.restore(name, facts, None)

    def restore(
        self, name: str, facts: Mapping[str, Any], vocabulary: Vocabulary | None
    ) -> Fitted:
        """See `Restored`; "first" is in milliseconds since 1970, local time."""
        del vocabulary
        seen = {part: np.array(facts["seen"][part], np.int64) for part in self._kinds()}
        first = np.datetime64(facts["first"], "ms")
        days = Standardised().restore(f"{name}_days", facts["days"], None)

        def encode(column):
            times = self._times(name, column)
            ids = {
                f"{name}_{part}": _known(_number(times, part), seen[part])
                for part in seen
            }
            if "days" not in self.parts:
                return Encoded(ids=ids)
            return days.encode(_days(times, first))._replace(ids=ids)

        sizes = {f"{name}_{part}": SIZES[part] + 1 for part in seen}
        numbers = days.numbers if "days" in self.parts else ()
        return Fitted(encode, sizes, numbers, facts=facts, kind=facts["kind"])

    def _kinds(self) -> list[str]:
        return [part for part in self.parts if part != "days"]

    def _times(self, name: str, column: Column) -> np.ndarray:
        """[B] datetime64[ms], local time."""
        if isinstance(column, Categorical):
            times = np.full(len(column.values), "NaT", "datetime64[ms]")
            for code in np.unique(column.codes):  # a split need not hold every value
                times[code] = _parse(name, str(column.values[code]))
            times = times[column.codes]
        elif column.dtype.kind in "iu":
            times = column.astype(np.int64).astype(f"datetime64[{self.unit}]")
        else:
            times = column
        if times.dtype.kind != "M" or np.isnat(times).any():
            raise DataError(
                f"Column {name!r}: expected dates, whole numbers or text in every row, "
                f"found {times.dtype} {'with gaps' * (times.dtype.kind == 'M')}; fill "
                f"or convert them."
            )
        times = times.astype("datetime64[ms]")
        return times + np.timedelta64(round(self.utc_offset * 3_600_000), "ms")


def _raw_kind(column: Column) -> str:
    if isinstance(column, Categorical):
        return "text"
    return "whole" if column.dtype.kind in "iu" else "time"


def _parse(name: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(
            f"Column {name!r}: expected dates as in ISO 8601, found {text!r}; convert "
            f"them, e.g. to 2022-04-30 or 20220430."
        ) from error
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)


def _number(times: np.ndarray, part: str) -> np.ndarray:
    """The id of a part of each time, from 1."""
    if part == "month":
        return 1 + times.astype("datetime64[M]").astype(np.int64) % 12
    day = times.astype("datetime64[D]")
    if part == "weekday":  # 1970 began on a Thursday
        return 1 + (day.astype(np.int64) + 3) % 7
    return 1 + (times - day) // np.timedelta64(1, "h")


def _days(times: np.ndarray, first: np.datetime64) -> np.ndarray:
    return (times - first) / np.timedelta64(1, "D")


def _known(ids: np.ndarray, seen: np.ndarray) -> np.ndarray:
    return np.where(np.isin(ids, seen), ids, UNKNOWN).astype(np.int32)
