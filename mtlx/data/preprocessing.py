"""From raw columns, as a user has them, to the features of a model."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mtlx.data.categorical import Columns
from mtlx.data.clock_hour import ClockHour
from mtlx.data.inputs import IdSequence, Input
from mtlx.data.past_events import PastEvents
from mtlx.data.past_items import PastItems
from mtlx.data.raw_rows import read_rows
from mtlx.data.stored_features import restore_features, store_features
from mtlx.data.tabular.table_rows import TableRows
from mtlx.data.tabular_features import PADDING, TabularFeatures
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


FIELDS = {kind.__name__: kind for kind in (PastEvents, PastItems, TextColumns)}


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """What was fitted on the training split, applied to rows of any origin.

    `encode` of a raw row gives the features that the data set gives of the same row. A
    value that the training split does not hold has id 0.

    Args:
        tabular: of the columns that are ids and numbers; None if there are none.
        hours: columns of `tabular` that are the hour of a raw one.
        fields: field of the schema -> what makes it.
        table: how the cells of a user's own table are read; None: as
            `mtlx.data.raw_rows` reads them.
        item: columns of `tabular` that are about the item of the row.
        foretold: tasks that ask for that item, or a fact of it: their rows do not show
            it (`hide`).
        shown: whether rows have an item; queries have none, and lack its columns.
    """

    tabular: TabularFeatures | None = None
    hours: Mapping[str, ClockHour] = dataclasses.field(default_factory=dict)
    fields: Mapping[str, RawField] = dataclasses.field(default_factory=dict)
    table: TableRows | None = None
    item: tuple[str, ...] = ()
    foretold: tuple[str, ...] = ()
    shown: bool = True

    @property
    def kinds(self) -> dict[str, str]:
        """Raw column -> what it holds (`mtlx.data.raw_rows`), in order."""
        if self.table:
            return self.table.kinds(self.declared)
        kinds: dict[str, str] = {}
        for name, fitted in self._inputs.items():
            if name in self._hidden:
                continue
            if name in self.hours:
                kinds.setdefault(self.hours[name].column, "whole")
            else:
                kinds[name] = fitted.kind
        for field in self.fields.values():
            kinds |= field.kinds
        return kinds

    def vocabulary(self, column: str) -> Vocabulary | None:
        """Of a column of `tabular`, where it has one."""
        return self.tabular.vocabularies.get(column) if self.tabular else None

    @property
    def declared(self) -> dict[str, Input]:
        """Raw column -> how its cells are read, of a user's own table."""
        lists = [column for field in self.fields.values() for column in field.kinds]
        return {
            name: each
            for name, each in self.tabular.declared.items()
            if name not in self._hidden
        } | {column: IdSequence(separator="|") for column in lists}

    @property
    def _hidden(self) -> tuple[str, ...]:
        return () if self.shown else self.item

    @property
    def _inputs(self) -> Mapping[str, Any]:
        return self.tabular.inputs if self.tabular else {}

    def read(self, path: Path) -> Columns:
        """The raw columns of a file.

        Raises:
            DataError: see `read_rows` and `TableRows.read`.
        """
        if self.table:
            return self.table.read(path, self.declared)
        return read_rows(path, self.kinds)

    def encode(self, columns: Columns) -> dict[str, np.ndarray]:
        """The features of rows: a data set's own `Batch.features` of them.

        Raises:
            DataError: a number is missing, or below 0 where its logarithm is taken.
        """
        derived = {
            name: hour.of(columns[hour.column]) for name, hour in self.hours.items()
        }
        known = self.tabular.vocabularies if self.tabular else {}
        fields = {name: f.encode(columns, known) for name, f in self.fields.items()}
        if not self.tabular:
            return fields
        rows = len(next(iter(fields.values()))) if fields else 0
        raw = {**columns, **derived}
        return self.tabular.encode(raw, self._hidden, rows) | fields

    def hide(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """The features of rows as the tasks `foretold` see them, without the item.

        Args:
            features: what `encode` gave, as arrays of NumPy or JAX.
        """
        hidden = [self._inputs[name] for name in self.item]
        ids = {name for each in hidden for name in each.sizes}
        numbers = {name for each in hidden for name in each.numbers}
        every = [name for each in self._inputs.values() for name in each.numbers]
        stays = np.array([name not in ids for name in self.tabular.schema.names])
        kept = np.array([name not in numbers for name in every])
        return {
            **features,
            "categorical": features["categorical"] * stays.astype(np.int32)[None],
            "numerical": features["numerical"] * kept.astype(np.float32)[None],
            **{
                field.name: 0 * features[field.name] + PADDING
                for each in hidden
                for field in each.fields
            },
        }

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
            "table": self.table.record() if self.table else None,
            "item": list(self.item),
            "foretold": list(self.foretold),
            "shown": self.shown,
        }

    @classmethod
    def restore(cls, record: Mapping[str, Any]) -> "Preprocessing":
        """What `record` described."""
        tabular, table = record["tabular"], record.get("table")
        fields = {name: dict(each) for name, each in record["fields"].items()}
        return cls(
            restore_features(tabular) if tabular else None,
            {name: ClockHour(**hour) for name, hour in record["hours"].items()},
            {n: FIELDS[each.pop("kind")].restore(each) for n, each in fields.items()},
            TableRows.restore(table) if table else None,
            tuple(record.get("item", ())),
            tuple(record.get("foretold", ())),
            record.get("shown", True),
        )
