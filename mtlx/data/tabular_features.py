"""The inputs of a tabular model, from raw columns."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from mtlx.data.inputs import Encoded, Fitted, Ids, Input, Standardised, fit_vocabularies
from mtlx.data.vocabulary import UNKNOWN, Vocabulary
from mtlx.types import Schema

PADDING = -1


@dataclasses.dataclass(frozen=True)
class TabularFeatures:
    """Ids of the categorical columns, numeric ones, and fields, of raw columns.

    Args:
        inputs: raw column -> what becomes of it, in order.
        vocabularies: of the columns that have one.
        declared: raw column -> the input that was fitted.
    """

    inputs: Mapping[str, Fitted]
    vocabularies: Mapping[str, Vocabulary]
    declared: Mapping[str, Input]

    @classmethod
    def fit(
        cls,
        columns: Mapping[str, Any],
        categorical: Sequence[str],
        numerical: Sequence[str],
        log: Collection[str] = (),
        inputs: Mapping[str, Input | None] | None = None,
    ) -> "TabularFeatures":
        """Vocabularies, scales and bins of `columns`: give it the training split only.

        Args:
            columns: the raw columns of the training split; each is asked for when it
                is needed, so a mapping may read them then.
            categorical: the columns that are inputs by their `Ids`.
            numerical: the columns that are inputs `Standardised`.
            log: those of `numerical` that log1p is taken of.
            inputs: column -> an input of `mtlx.data.inputs` in place of that, or beside
                it; None leaves the column out.

        Raises:
            ValueError: `inputs` name a column that there is not, or share one that has
                no table; two inputs of one name, or none at all.
        """
        chosen: dict[str, Input | None] = {name: Ids() for name in categorical}
        chosen |= {name: Standardised(log=name in log) for name in numerical}
        chosen |= inputs or {}
        kept = {name: each for name, each in chosen.items() if each is not None}
        unknown = sorted(set(chosen) - set(columns))
        if unknown:
            raise ValueError(
                f"Expected inputs to name columns of the data, found {unknown}; choose "
                f"from {sorted(columns)}."
            )
        if not kept:
            raise ValueError("Expected at least one column as an input, found none.")
        vocabularies = fit_vocabularies(columns, kept)
        fitted = {
            name: each.fit(name, columns[name], vocabularies.get(name))
            for name, each in kept.items()
        }
        _check_names(fitted)
        return cls(fitted, vocabularies, kept)

    @property
    def schema(self) -> Schema:
        """What an encoder must know."""
        sizes: dict[str, int] = {}
        for each in self.inputs.values():
            sizes |= each.sizes
        return Schema(
            cardinalities=tuple(sizes.values()),
            numericals=sum(len(each.numbers) for each in self.inputs.values()),
            names=tuple(sizes),
            fields=tuple(f for each in self.inputs.values() for f in each.fields),
        )

    def encode(
        self, columns: Mapping[str, Any], hidden: Collection[str] = (), rows: int = 0
    ) -> dict[str, np.ndarray]:
        """ "categorical" [B, F] int32, "numerical" [B, N] float32, and the fields.

        Args:
            columns: raw columns.
            hidden: inputs whose columns are not read: ids that say nothing, numbers at
                0, fields empty.
            rows: B, where all are hidden.
        """
        shown = {
            name: each.encode(columns[name])
            for name, each in self.inputs.items()
            if name not in hidden
        }
        rows = _rows(shown.values()) if shown else rows
        every = [
            shown[name] if name in shown else _blank(each, rows)
            for name, each in self.inputs.items()
        ]
        ids = [column for each in every for column in each.ids.values()]
        numbers = [column for each in every for column in each.numbers.values()]
        fields = {name: x for each in every for name, x in each.fields.items()}
        return {
            "categorical": _table(ids, rows, np.int32),
            "numerical": _table(numbers, rows, np.float32),
            **fields,
        }


def _check_names(fitted: Mapping[str, Fitted]) -> None:
    names = []
    for each in fitted.values():
        names += [*each.sizes, *each.numbers, *(field.name for field in each.fields)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"Expected inputs with names of their own, found {repeated} more than "
            f"once; leave one of the columns out (null)."
        )


def _blank(fitted: Fitted, rows: int) -> Encoded:
    return Encoded(
        {name: np.full(rows, UNKNOWN, np.int32) for name in fitted.sizes},
        {name: np.zeros(rows, np.float32) for name in fitted.numbers},
        {f.name: np.full((rows, *f.shape), PADDING, np.int32) for f in fitted.fields},
    )


def _rows(every: Collection[Encoded]) -> int:
    return len(next(iter(next(group for e in every for group in e if group).values())))


def _table(columns: Sequence[np.ndarray], rows: int, dtype: type) -> np.ndarray:
    return np.stack(columns, axis=1) if columns else np.zeros((rows, 0), dtype)
