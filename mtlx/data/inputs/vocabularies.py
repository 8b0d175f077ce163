"""One vocabulary for all columns that share it."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mtlx.data.inputs.fitted import Counted, Input
from mtlx.data.vocabulary import Vocabulary


def fit_vocabularies(
    columns: Mapping[str, Any], inputs: Mapping[str, Input]
) -> dict[str, Vocabulary]:
    """Column -> its vocabulary, of those that have one (`Ids`, `Bag`).

    A column with `shared` set has the vocabulary of the column named there, which
    counts the training rows of all of them; the `min_count` is that column's.

    Args:
        columns: the training rows.
        inputs: column -> what becomes of it.

    Raises:
        ValueError: `shared` does not name a column whose ids are a categorical column
            of their own.
    """
    counted = {name: of for name, of in inputs.items() if isinstance(of, Counted)}
    tables = [name for name, of in counted.items() if of.owns_table]
    counts = {name: Counter() for name in counted}
    for name, of in counted.items():
        owner = name if of.shared is None else of.shared
        if owner != name and owner not in tables:
            raise ValueError(
                f"Input {name!r}: expected shared to name a column of single ids with "
                f"a table of its own, found {owner!r}; choose from {tables}."
            )
        counts[owner].update(of.count(columns[name]))
    fitted = {
        name: Vocabulary.of(counts[name], of.min_count)
        for name, of in counted.items()
        if of.shared is None
    }
    return {name: fitted[of.shared or name] for name, of in counted.items()}
