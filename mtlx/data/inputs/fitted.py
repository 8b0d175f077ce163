"""From a declaration, by the training rows, to a function of rows."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from mtlx.data.categorical import Column
from mtlx.data.vocabulary import Vocabulary
from mtlx.types import Field


class Encoded(NamedTuple):
    """What one raw column gives for some rows, by the name of each input."""

    ids: Mapping[str, np.ndarray] = {}  # [B] int32, categorical columns
    numbers: Mapping[str, np.ndarray] = {}  # [B] float32, numeric columns
    fields: Mapping[str, np.ndarray] = {}  # [B, *shape]


class Fitted(NamedTuple):
    """`encode(column) -> Encoded` of any rows, and what an encoder must know of it.

    `facts` are what the training rows decided, as JSON holds it: with them the input's
    `restore` makes the same function without those rows. None: it has no `restore`,
    and a run on it cannot be served.
    """

    encode: Callable[[Column], Encoded]
    sizes: Mapping[str, int] = {}  # numbers of ids of the categorical columns
    numbers: tuple[str, ...] = ()  # names of the numeric columns
    fields: tuple[Field, ...] = ()
    facts: Mapping[str, Any] | None = None
    kind: str = "text"  # of the raw column, see `mtlx.data.raw_rows`


@runtime_checkable
class Input(Protocol):
    """How one raw column becomes inputs. An implementation is one frozen dataclass."""

    def fit(self, name: str, column: Column, vocabulary: Vocabulary | None) -> Fitted:
        """The function fitted to `column`: give it the training split only.

        Args:
            name: of the column.
            column: its training rows.
            vocabulary: of this column and those that share its own, where it has one.
        """
        ...


@runtime_checkable
class Restored(Protocol):
    """An input that can be made again without the training rows."""

    def restore(
        self, name: str, facts: Mapping[str, Any], vocabulary: Vocabulary | None
    ) -> Fitted:
        """What `fit` returned, from its `facts`."""
        ...


@runtime_checkable
class Counted(Input, Protocol):
    """An input whose ids come from a vocabulary, maybe that of another column."""

    min_count: int
    shared: str | None

    @property
    def owns_table(self) -> bool:
        """Whether it is a categorical column, whose table others may read."""
        ...

    def count(self, column: Column) -> Mapping[str, int]:
        """In how many rows each value is."""
        ...


def check_counts(owner: str, min_count: int, shared: str | None) -> None:
    """Refuses a frequency cut that means nothing.

    Raises:
        ValueError: `min_count` below 1, or another than the shared column's.
    """
    if min_count < 1:
        raise ValueError(f"{owner}: expected min_count >= 1, found {min_count}.")
    if shared is not None and min_count > 1:
        raise ValueError(
            f"{owner}: expected no min_count beside shared, found {min_count}; declare "
            f"it for {shared!r}, whose vocabulary this is."
        )
