"""A user's past items, written in one raw column."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.data.categorical import Columns, as_categorical
from mtlx.data.errors import DataError
from mtlx.data.lists import Lists
from mtlx.data.vocabulary import Vocabulary


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
        refuse_longer: whether more than L items are refused, not cut.
    """

    column: str
    of: str
    length: int
    separator: str = "|"
    refuse_longer: bool = False

    @property
    def kinds(self) -> dict[str, str]:
        """Raw column -> what it holds."""
        return {self.column: "text"}

    def encode(
        self, columns: Columns, vocabularies: Mapping[str, Vocabulary]
    ) -> np.ndarray:
        """[B, L, 1] int32.

        Raises:
            DataError: a row has more items, where that is refused.
        """
        column, vocabulary = columns[self.column], vocabularies[self.of]
        if not isinstance(column, Lists):
            column = Lists.of_texts(as_categorical(column), self.separator)
        longer = column.lengths > self.length
        if self.refuse_longer and longer.any():
            row = int(np.argmax(longer))
            raise DataError(
                f"Column {self.column!r}, row {row}: expected at most {self.length} "
                f"items, found {column.lengths[row]}. Set max_seen higher."
            )
        ids = vocabulary.ids(column.values)
        return column.padded(ids, self.length, "last")[:, :, None]

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return dataclasses.asdict(self)

    @classmethod
    def restore(cls, record: Mapping[str, Any]) -> "PastItems":
        """What `record` described."""
        return cls(**record)
