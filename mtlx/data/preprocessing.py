"""From raw columns, as a user has them, to the features of a model."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mtlx.data.categorical import Columns
from mtlx.data.clock_hour import ClockHour
from mtlx.data.past_items import PastItems
from mtlx.data.stored_features import restore_features, store_features
from mtlx.data.tabular_features import TabularFeatures
from mtlx.data.text_columns import TextColumns
from mtlx.data.vocabulary import Vocabulary


@runtime_checkable
class RawField(Protocol):
    """How one field of the schema is made of raw columns."""

    @property
    def kinds(self) -> dict[str, str]:
        """Raw column -> what it holds (`mtlx.data.raw_rows`)."""
        ...

    def encode(
        self, columns: Columns, vocabularies: Mapping[str, Vocabulary]
    ) -> np.ndarray:
        """[B, *shape] of rows."""
        ...

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        ...


FIELDS = {kind.__name__: kind for kind in (PastItems, TextColumns)}


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """What was fitted on the training split, applied to rows of any origin.

    `encode` of a raw row gives the features that the data set gives of the same row. A
    value that the training split does not hold has id 0.

    Args:
        tabular: of the columns that are ids and numbers; None if there are none.
        hours: columns of `tabular` that are the hour of a raw one.
        fields: field of the schema -> what makes it.
    """

    tabular: TabularFeatures | None = None
    hours: Mapping[str, ClockHour] = dataclasses.field(default_factory=dict)
    fields: Mapping[str, RawField] = dataclasses.field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, str]:
        """Raw column -> what it holds (`mtlx.data.raw_rows`), in order."""
        kinds: dict[str, str] = {}
        for name, fitted in self._inputs.items():
            if name in self.hours:
                kinds.setdefault(self.hours[name].column, "whole")
            else:
                kinds[name] = fitted.kind
        for field in self.fields.values():
            kinds |= field.kinds
        return kinds

    @property
    def _inputs(self) -> Mapping[str, Any]:
        return self.tabular.inputs if self.tabular else {}

    def encode(self, columns: Columns) -> dict[str, np.ndarray]:
        """The features of rows: a data set's own `Batch.features` of them.

        Raises:
            DataError: a number is missing, or below 0 where its logarithm is taken.
        """
        derived = {
            name: hour.of(columns[hour.column]) for name, hour in self.hours.items()
        }
        features = self.tabular.encode({**columns, **derived}) if self.tabular else {}
        known = self.tabular.vocabularies if self.tabular else {}
        fields = {name: f.encode(columns, known) for name, f in self.fields.items()}
        return features | fields

    def record(self) -> dict[str, Any]:
        """All of it as JSON holds it.

        Raises:
            ValueError: an input that cannot be restored (`store_features`).
        """
        return {
            "tabular": store_features(self.tabular) if self.tabular else None,
            "hours": {n: dataclasses.asdict(hour) for n, hour in self.hours.items()},
            "fields": {
                name: {"kind": type(field).__name__, **field.record()}
                for name, field in self.fields.items()
            },
        }

    @classmethod
    def restore(cls, record: Mapping[str, Any]) -> "Preprocessing":
        """What `record` described."""
        tabular = record["tabular"]
        fields = {name: dict(each) for name, each in record["fields"].items()}
        return cls(
            restore_features(tabular) if tabular else None,
            {name: ClockHour(**hour) for name, hour in record["hours"].items()},
            {n: FIELDS[each.pop("kind")].restore(each) for n, each in fields.items()},
        )
