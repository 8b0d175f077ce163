"""A column that holds several values in a row."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.data.categorical import Categorical, Column, as_categorical
from mtlx.data.inputs.fitted import Encoded, Fitted, check_counts
from mtlx.data.vocabulary import Vocabulary
from mtlx.types import Field

PADDING = -1


@dataclasses.dataclass(frozen=True)
class Bag:
    """A field of kind "bag": the ids of the distinct values of a row, then padding.

    All positions read one table, at one offset; whether their vectors are averaged or
    summed is the encoder's to say (`encoder/bag=mean|sum`).

    Args:
        separator: between the values in the column's text.
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

    def count(self, column: Column) -> Mapping[str, int]:
        """In how many rows each value is."""
        counts = Counter()
        for text, rows in as_categorical(column).counts().items():
            counts.update(dict.fromkeys(self._split(text), rows))
        return counts

    def fit(self, name: str, column: Column, vocabulary: Vocabulary) -> Fitted:
        """See `Input`."""
        texts = as_categorical(column).counts()
        longest = max(len(self._split(text)) for text in texts)
        length = self.length or max(longest, 1)
        return self.restore(name, {"length": length}, vocabulary)

    def restore(
        self, name: str, facts: Mapping[str, Any], vocabulary: Vocabulary
    ) -> Fitted:
        """See `Restored`."""
        length = facts["length"]

        def encode(column):
            ids = self._ids(as_categorical(column), vocabulary, length)
            return Encoded(fields={name: ids})

        field = Field(name, "bag", (length,), (vocabulary.size,), self._shared())
        return Fitted(encode, fields=(field,), facts=facts)

    def _shared(self) -> tuple[str, ...]:
        return () if self.shared is None else (self.shared,)

    def _split(self, text: str) -> list[str]:
        values = (value.strip() for value in text.split(self.separator))
        return list(dict.fromkeys(value for value in values if value))

    def _ids(
        self, column: Categorical, vocabulary: Vocabulary, length: int
    ) -> np.ndarray:
        """[B, length] int32, by the distinct texts of the column."""
        table = np.full((len(column.values), length), PADDING, np.int32)
        for row, text in enumerate(column.values.tolist()):
            values = self._split(text)[:length]
            table[row, : len(values)] = [vocabulary.id(value) for value in values]
        return table[column.codes]
