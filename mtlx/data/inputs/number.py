"""A numeric column with gaps and outliers."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtlx.data.categorical import Column
from mtlx.data.errors import DataError
from mtlx.data.inputs.fitted import Encoded, Fitted
from mtlx.data.vocabulary import Vocabulary

FILLS = {"mean": np.mean, "median": np.median}
SCALES = ("standard", "minmax", "none")


@dataclasses.dataclass(frozen=True)
class Number:
    """scale(f(fill(clip(x)))), all of it fitted on the training rows; f log1p or x.

    * clip: to the quantiles q_low and q_high of the training rows that have a number;
    * fill: a missing number, NaN, becomes the mean or median of those, clipped, or a
      constant; `{name}_missing`, a column of its own, is then 1;
    * scale: "standard", (x - mean) / std; "minmax", (x - min) / (max - min), which
      other rows may leave; "none". Statistics are those of the filled rows. What is
      constant there is centred alone.

    Args:
        missing: "refuse", "mean", "median" or a number.
        indicator: whether there is a column `{name}_missing`.
        clip: (q_low, q_high), shares from 0 to 1; None for none.
        log: whether log1p is taken: of amounts with a heavy tail, none below 0.
        scale: "standard", "minmax" or "none".

    Raises:
        ValueError: another `missing` or `scale`, or quantiles out of order.
        DataError: when it is fitted or applied: no training row has a number; a number
            is missing where that is refused, infinite, or below 0 before a logarithm.
    """

    missing: str | float | int = "refuse"
    indicator: bool = False
    clip: Sequence[float | int] | None = None
    log: bool = False
    scale: str = "standard"

    def __post_init__(self):
        if isinstance(self.missing, str) and self.missing not in (*FILLS, "refuse"):
            raise ValueError(
                f"Number: expected missing to be refuse, mean, median or a number, "
                f"found {self.missing!r}."
            )
        if self.scale not in SCALES:
            raise ValueError(
                f"Number: expected scale to be one of {SCALES}, found {self.scale!r}."
            )
        if self.log and not isinstance(self.missing, str) and self.missing < 0:
            raise ValueError(
                f"Number: expected missing >= 0 where the logarithm is taken, found "
                f"{self.missing}."
            )
        if self.clip is not None and not _is_range(self.clip):
            raise ValueError(
                f"Number: expected clip to be two shares 0 <= low < high <= 1, found "
                f"{self.clip}."
            )

    def fit(self, name: str, column: Column, vocabulary: Vocabulary | None) -> Fitted:
        """See `Input`."""
        del vocabulary
        train = np.asarray(column, np.float64)
        known = train[~np.isnan(train)]
        if not len(known):
            raise DataError(
                f"Column {name!r}: expected a number in some training row, found none. "
                f"Leave the column out."
            )
        bounds, fill = self._bounds(known), self.missing
        if fill in FILLS:
            fill = float(FILLS[fill](known if bounds is None else _cut(known, bounds)))
        facts = {"bounds": bounds, "fill": fill}
        centre, width = self._scaling(self._tame(name, train, facts))
        return self.restore(name, {**facts, "centre": centre, "width": width}, None)

    def restore(
        self, name: str, facts: Mapping[str, Any], vocabulary: Vocabulary | None
    ) -> Fitted:
        """See `Restored`; "bounds" are the quantiles that rows are clipped to."""
        del vocabulary

        def encode(column):
            rows = np.asarray(column, np.float64)
            tame = self._tame(name, rows, facts)
            scaled = ((tame - facts["centre"]) / facts["width"]).astype(np.float32)
            gaps = np.isnan(rows).astype(np.float32)
            return Encoded(numbers=dict(zip(names, (scaled, gaps), strict=False)))

        names = (name, f"{name}_missing") if self.indicator else (name,)
        kind = "number" if self.missing == "refuse" else "number?"
        return Fitted(encode, numbers=names, facts=facts, kind=kind)

    def _bounds(self, known: np.ndarray) -> list[float] | None:
        if self.clip is None:
            return None
        return np.quantile(known, np.array(self.clip, np.float64)).tolist()

    def _tame(self, name: str, rows: np.ndarray, facts: Mapping[str, Any]):
        """[B] rows without outliers, gaps and heavy tail."""
        self._check(name, rows)
        gaps, bounds = np.isnan(rows), facts["bounds"]
        filled = rows if bounds is None else _cut(rows, bounds)
        if gaps.any():
            filled = np.where(gaps, float(facts["fill"]), filled)
        return np.log1p(filled) if self.log else filled

    def _scaling(self, rows: np.ndarray) -> tuple[float, float]:
        if self.scale == "none":
            return 0.0, 1.0
        if self.scale == "minmax":
            centre, width = rows.min(), rows.max() - rows.min()
        else:
            centre, width = rows.mean(), rows.std()
        return float(centre), float(width) if width > 0.0 else 1.0

    def _check(self, name: str, rows: np.ndarray) -> None:
        refused = np.isinf(rows) | (np.isnan(rows) & (self.missing == "refuse"))
        if self.log:
            refused |= rows < 0.0
        if refused.any():
            row = int(np.argmax(refused))
            raise DataError(
                f"Column {name!r}, row {row}: expected a number"
                f"{' of 0 or more' if self.log else ''}, found {rows[row]}. Mend the "
                f"column, or say what fills a gap (Number.missing)."
            )


def _cut(rows: np.ndarray, bounds: Sequence[float]) -> np.ndarray:
    return np.clip(rows, *bounds)


def _is_range(clip: Sequence[float | int]) -> bool:
    return len(clip) == 2 and 0.0 <= clip[0] < clip[1] <= 1.0
