"""The inputs of rows that are events: columns, and what the user did before."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from mtlx.data.categorical import Categorical, Columns
from mtlx.data.events.log import EventLog
from mtlx.data.history import previous_rows
from mtlx.data.inputs import Input
from mtlx.data.past_events import PastEvents
from mtlx.data.preprocessing import Preprocessing
from mtlx.data.tabular_features import TabularFeatures
from mtlx.data.vocabulary import UNKNOWN, Vocabulary
from mtlx.types import Field, Schema

HISTORY, PADDING = "history", -1
PERSONAL = ("user_id", "item_id")


@dataclasses.dataclass(frozen=True)
class EventFeatures:
    """Features of the events of one log, fitted on its training events.

    Args:
        tabular: of the columns that are inputs; None if there are none.
        item: those of them that are about the item.
        field: of the history; None if there is none.
        encoded: feature -> [N, ..] of every event, its item shown.
        seen: [N, L] the events of each one's history, -1 where there is none.
        positions: [N, C] ids of the columns of a position of the history.
        vocabularies: column -> its vocabulary, where it has one.
        history: the columns of a position of the history.
    """

    tabular: TabularFeatures | None
    item: tuple[str, ...]
    field: Field | None
    encoded: Mapping[str, np.ndarray]
    seen: np.ndarray
    positions: np.ndarray
    vocabularies: Mapping[str, Vocabulary]
    history: tuple[str, ...]

    @classmethod
    def fit(
        cls,
        log: EventLog,
        inputs: Mapping[str, Input | None],
        item: Sequence[str],
        history: Sequence[str],
        length: int,
        targets: Sequence[str],
    ) -> "EventFeatures":
        """See `event_dataset`; `targets` are columns whose vocabulary is wanted."""
        kept = {name: each for name, each in inputs.items() if each is not None}
        train = _take({name: log.columns[name] for name in kept}, log.train)
        tabular = TabularFeatures.fit(train, (), (), inputs=kept) if kept else None
        vocabularies = dict(tabular.vocabularies) if tabular else {}
        for name in (*history, *targets):
            column = log.columns[name]
            if isinstance(column, Categorical) and name not in vocabularies:
                vocabularies[name] = Vocabulary.fit(column.take(log.train))
        names = tabular.schema.names if tabular else ()
        seen = previous_rows(log.user, log.time, log.past, length)
        return cls(
            tabular=tabular,
            item=tuple(name for name in item if name in kept),
            field=_field(history, length, vocabularies, names) if length else None,
            encoded=tabular.encode(log.columns) if tabular else {},
            seen=seen,
            positions=np.stack(
                [vocabularies[name].ids(log.columns[name]) for name in history], axis=1
            ),
            vocabularies=vocabularies,
            history=tuple(history),
        )

    @property
    def schema(self) -> Schema:
        """What an encoder must know."""
        schema = self.tabular.schema if self.tabular else Schema()
        fields = schema.fields + ((self.field,) if self.field else ())
        personal = tuple(name for name in PERSONAL if name in schema.names)
        return schema._replace(fields=fields, personal=personal)

    def preprocessing(self, foretold: Sequence[str]) -> Preprocessing:
        """Of rows that are in no log; `foretold` names tasks that see no item."""
        fields = {}
        if self.field:
            known = self.tabular.vocabularies if self.tabular else {}
            own = {n: self.vocabularies[n] for n in self.history if n not in known}
            fields = {HISTORY: PastEvents(self.history, self.field.shape[0], own)}
        return Preprocessing(
            self.tabular, fields=fields, item=self.item, foretold=tuple(foretold)
        )

    def rows(self, events: np.ndarray, show_item: bool) -> dict[str, np.ndarray]:
        """The features of some events.

        Args:
            events: [R] their numbers.
            show_item: whether with the item's columns; without, those are `UNKNOWN`
                ids, padding and, standardised, zero.
        """
        features = {name: column[events] for name, column in self.encoded.items()}
        if not show_item:
            self._hide(features)
        if self.field:
            seen = self.seen[events]
            ids = self.positions[seen]
            features[HISTORY] = np.where(seen[..., None] < 0, PADDING, ids)
        return features

    def _hide(self, features: dict[str, np.ndarray]) -> None:
        if self.tabular is None:
            return
        hidden = [self.tabular.inputs[name] for name in self.item]
        numbers = [n for each in self.tabular.inputs.values() for n in each.numbers]
        for each in hidden:
            ids = [self.tabular.schema.names.index(name) for name in each.sizes]
            features["categorical"][:, ids] = UNKNOWN
            places = [numbers.index(name) for name in each.numbers]
            features["numerical"][:, places] = 0.0
            for field in each.fields:
                features[field.name][:] = PADDING


def _field(
    history: Sequence[str],
    length: int,
    vocabularies: Mapping[str, Vocabulary],
    names: Sequence[str],
) -> Field:
    shared = tuple(name if name in names else None for name in history)
    return Field(
        HISTORY,
        "sequence",
        (length, len(history)),
        tuple(vocabularies[name].size for name in history),
        shared=shared if any(shared) else (),
    )


def _take(columns: Columns, kept: np.ndarray) -> Columns:
    return {
        name: column.take(kept) if isinstance(column, Categorical) else column[kept]
        for name, column in columns.items()
    }
