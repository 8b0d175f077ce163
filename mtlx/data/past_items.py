"""A user's past items, written in one raw column."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.data.categorical import Columns, as_categorical
from mtlx.data.vocabulary import Vocabulary

PADDING = -1


@dataclasses.dataclass(frozen=True)
class PastItems:
    """The last L items of a text such as "17|4|9", oldest first, then padding.

    A training row's history is gathered from its log; a row to be scored has no log
    beside it, and brings its history along.

    Args:
        column: raw column of the text; an empty one is no history.
        of: column whose vocabulary the items are in.
        length: L.
        separator: between the items.
    """

    column: str
    of: str
    length: int
    separator: str = "|"

    @property
    def kinds(self) -> dict[str, str]:
        """Raw column -> what it holds."""
        return {self.column: "text"}

    def encode(
        self, columns: Columns, vocabularies: Mapping[str, Vocabulary]
    ) -> np.ndarray:
        """[B, L, 1] int32."""
        column, vocabulary = as_categorical(columns[self.column]), vocabularies[self.of]
        table = np.full((len(column.values), self.length), PADDING, np.int32)
        for row, text in enumerate(column.values.tolist()):
            items = [item.strip() for item in text.split(self.separator)]
            kept = [item for item in items if item][-self.length :]
            table[row, : len(kept)] = [vocabulary.id(item) for item in kept]
        return table[column.codes][:, :, None]

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return dataclasses.asdict(self)

    @classmethod
    def restore(cls, record: Mapping[str, Any]) -> "PastItems":
        """What `record` described."""
        return cls(**record)
