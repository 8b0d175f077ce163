"""A user's past events, written in one raw column for each of their facts."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.data.categorical import Columns, as_categorical
from mtlx.data.errors import DataError
from mtlx.data.lists import Lists
from mtlx.data.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True)
class PastEvents:
    """The last L events of columns such as history_item_id "50|172" and history_stars
    "5|4", oldest first, then padding.

    A training row's history is gathered from its log; a row to be scored has no log
    beside it, and brings its history along. Only events before the row belong there.

    Args:
        columns: what is known of an event; the raw column of each is "history_<name>".
        length: L.
        vocabularies: of the columns that are no input of the row itself.
        separator: between the events.
    """

    columns: tuple[str, ...]
    length: int
    vocabularies: Mapping[str, Vocabulary]
    separator: str = "|"

    @property
    def kinds(self) -> dict[str, str]:
        """Raw column -> what it holds."""
        return {raw_name(name): "text" for name in self.columns}

    def encode(
        self, columns: Columns, vocabularies: Mapping[str, Vocabulary]
    ) -> np.ndarray:
        """[B, L, C] int32.

        Raises:
            DataError: a row's columns are of different numbers of events.
        """
        known = {**vocabularies, **self.vocabularies}
        lengths, ids = {}, []
        for name in self.columns:
            texts = as_categorical(columns[raw_name(name)])
            events = Lists.of_texts(texts, self.separator)
            lengths[raw_name(name)] = events.lengths
            found = known[name].ids(events.values)
            ids.append(events.padded(found, self.length, "last"))
        _check_lengths(lengths)
        return np.stack(ids, axis=-1)

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "columns": list(self.columns),
            "length": self.length,
            "vocabularies": {n: list(v.values) for n, v in self.vocabularies.items()},
            "separator": self.separator,
        }

    @classmethod
    def restore(cls, record: Mapping[str, Any]) -> "PastEvents":
        """What `record` described."""
        stored = record["vocabularies"].items()
        known = {name: Vocabulary(tuple(values)) for name, values in stored}
        columns = tuple(record["columns"])
        return cls(columns, record["length"], known, record["separator"])


def raw_name(column: str) -> str:
    """The raw column of a fact of past events."""
    return f"history_{column}"


def _check_lengths(lengths: Mapping[str, np.ndarray]) -> None:
    first, *others = lengths
    for name in others:
        differ = lengths[name] != lengths[first]
        if differ.any():
            row = int(np.argmax(differ))
            raise DataError(
                f"Column {name!r}, row {row}: expected as many events as in {first!r}, "
                f"{lengths[first][row]}, found {lengths[name][row]}. Write each event "
                f"in both."
            )
