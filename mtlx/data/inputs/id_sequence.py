"""A column that holds an ordered list of ids in a row: what a user did, say."""

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
class IdSequence:
    """A field of kind "sequence": the ids of a row's values, in order, then padding.

    A value that occurs twice is there twice, other than in a `Bag`.

    Args:
        separator: between the values in the column's text; a column of lists (Parquet)
            needs none.
        length: most values of a row, L; shorter rows are padded with -1 at the end.
        keep: of a longer row the "last" values, its most recent ones where it is
            oldest first, or the "first".
        min_count: values in fewer training rows than this are unknown, id 0.
        shared: a column of ids, whose vocabulary and table the sequence then has: the
            candidate, for target attention.

    Raises:
        ValueError: a min_count or length below 1, a min_count beside `shared`, no
            separator, or another `keep`.
    """

    separator: str = " "
    length: int = 50
    keep: str = "last"
    min_count: int = 1
    shared: str | None = None

    def __post_init__(self):
        check_counts("IdSequence", self.min_count, self.shared)
        if not self.separator or self.length < 1 or self.keep not in ("first", "last"):
            raise ValueError(
                f"IdSequence: expected a separator, length >= 1 and keep first or "
                f"last, found {self.separator!r}, {self.length} and {self.keep!r}."
            )

    @property
    def owns_table(self) -> bool:
        """A sequence's own table is its field's, which no other field can read."""
        return False

    def count(self, column: Column | Lists) -> Mapping[str, int]:
        """In how many rows each value is."""
        return self._lists(column).counts()

    def fit(self, name: str, column: Column | Lists, vocabulary: Vocabulary) -> Fitted:
        """See `Input`."""
        del column
        return self.restore(name, {}, vocabulary)

    def restore(
        self, name: str, facts: Mapping[str, Any], vocabulary: Vocabulary
    ) -> Fitted:
        """See `Restored`: the vocabulary is all that the training rows decide."""

        def encode(column):
            return Encoded(fields={name: self._ids(column, vocabulary)[:, :, None]})

        shared = () if self.shared is None else (self.shared,)
        shape = (self.length, 1)
        field = Field(name, "sequence", shape, (vocabulary.size,), shared)
        return Fitted(encode, fields=(field,), facts=facts)

    def _ids(self, column: Column | Lists, vocabulary: Vocabulary) -> np.ndarray:
        lists = self._lists(column)
        return lists.padded(vocabulary.ids(lists.values), self.length, self.keep)

    def _lists(self, column: Column | Lists) -> Lists:
        if isinstance(column, Lists):
            return column
        return Lists.of_texts(as_categorical(column), self.separator)
