"""A categorical column by a vocabulary of its training values."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mtlx.data.categorical import Column, as_categorical
from mtlx.data.inputs.fitted import Encoded, Fitted, check_counts
from mtlx.data.vocabulary import Vocabulary
from mtlx.types import Field


@dataclasses.dataclass(frozen=True)
class Ids:
    """1, 2, .. for the values that the training rows hold, 0 for all others.

    Args:
        min_count: values in fewer training rows than this are unknown, too: id 0. Of a
            shared vocabulary it is declared, and the rows are counted, once.
        shared: another column of ids; both then have one vocabulary, and one embedding
            table: this column becomes a field that reads the other's.
        missing: what an empty text is: a "value" like others, with an id of its own if
            training rows hold it, or "unknown", id 0.

    Raises:
        ValueError: a min_count below 1, or one beside `shared`; another `missing`.
    """

    min_count: int = 1
    shared: str | None = None
    missing: str = "value"

    def __post_init__(self):
        check_counts("Ids", self.min_count, self.shared)
        if self.missing not in ("value", "unknown"):
            raise ValueError(
                f"Ids: expected missing to be value or unknown, found {self.missing!r}."
            )

    @property
    def owns_table(self) -> bool:
        """Whether it is a categorical column, whose table others may read."""
        return self.shared is None

    def count(self, column: Column) -> Mapping[str, int]:
        """In how many rows each value is."""
        counts = as_categorical(column).counts()
        if self.missing == "unknown":
            counts.pop("", None)
        return counts

    def fit(self, name: str, column: Column, vocabulary: Vocabulary) -> Fitted:
        """See `Input`."""
        del column
        return self.restore(name, {}, vocabulary)

    def restore(
        self, name: str, facts: Mapping[str, Any], vocabulary: Vocabulary
    ) -> Fitted:
        """See `Restored`: the vocabulary is all that the training rows decide."""

        def ids(column):
            return vocabulary.ids(as_categorical(column))

        if self.shared is None:
            return Fitted(
                lambda column: Encoded(ids={name: ids(column)}),
                {name: vocabulary.size},
                facts=facts,
            )
        field = Field(name, "bag", (1,), (vocabulary.size,), (self.shared,))
        return Fitted(
            lambda column: Encoded(fields={name: ids(column)[:, None]}),
            fields=(field,),
            facts=facts,
        )
