"""A column that holds several values in a row."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.data.categorical import Column, as_categorical
from mtlx.data.inputs.fitted import Encoded, Fitted, check_counts
from mtlx.data.lists import Lists
from mtlx.data.vocabulary import Vocabulary
from mtlx.types import Field


@dataclasses.dataclass(frozen=True)
class Bag:
    """A field of kind "bag": the ids of the distinct values of a row, then padding.

    All positions read one table, at one offset; whether their vectors are averaged or
    summed is the encoder's to say (`encoder/bag=mean|sum`).

    Args:
        separator: between the values in the column's text; a column of lists (Parquet)
            needs none.
        min_count: values in fewer training rows than this are unknown, id 0.
        length: most values of a row that are kept, the first ones; None: as many as the
            training row with the most of them has.
        shared: a column of ids, whose vocabulary and table the bag then has.

    Raises:
        ValueError: a min_count or length below 1, a min_count beside `shared`, or no
            separator.
    """

    separator: str = "|"
    min_count: int = 1
    length: int | None = None
    shared: str | None = None

    def __post_init__(self):
        check_counts("Bag", self.min_count, self.shared)
        if not self.separator or (self.length is not None and self.length < 1):
            raise ValueError(
                f"Bag: expected a separator and length >= 1, found {self.separator!r} "
                f"and {self.length}."
            )

    @property
    def owns_table(self) -> bool:
        """A bag's own table is its field's, which no other field can read."""
        return False

    def count(self, column: Column | Lists) -> Mapping[str, int]:
        """In how many rows each value is."""
        return self._lists(column).values.counts()

    def fit(self, name: str, column: Column | Lists, vocabulary: Vocabulary) -> Fitted:
        """See `Input`."""
        longest = int(self._lists(column).lengths.max(initial=1))
        return self.restore(name, {"length": self.length or longest}, vocabulary)

    def restore(
        self, name: str, facts: Mapping[str, Any], vocabulary: Vocabulary
    ) -> Fitted:
        """See `Restored`."""
        length = facts["length"]

        def encode(column):
            return Encoded(fields={name: self._ids(column, vocabulary, length)})

        field = Field(name, "bag", (length,), (vocabulary.size,), self._shared())
        return Fitted(encode, fields=(field,), facts=facts)

    def _shared(self) -> tuple[str, ...]:
        return () if self.shared is None else (self.shared,)

    def _lists(self, column: Column | Lists) -> Lists:
        """The distinct values of each row."""
        if not isinstance(column, Lists):
            column = Lists.of_texts(as_categorical(column), self.separator)
        return column.distinct()

    def _ids(
        self, column: Column | Lists, vocabulary: Vocabulary, length: int
    ) -> np.ndarray:
        lists = self._lists(column)
        return lists.padded(vocabulary.ids(lists.values), length)
