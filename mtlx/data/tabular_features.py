"""The inputs of a tabular model, from raw columns."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from mtlx.data.categorical import Columns
from mtlx.data.dataset import Schema
from mtlx.data.scaler import Scaler
from mtlx.data.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True)
class TabularFeatures:
    """Ids of the categorical columns and standardised numeric ones.

    Args:
        vocabularies: categorical column -> its vocabulary, in the order of the ids.
        numerical: names of the numeric columns, in order.
        scaler: their scaler.
    """

    vocabularies: Mapping[str, Vocabulary]
    numerical: tuple[str, ...]
    scaler: Scaler

    @classmethod
    def fit(
        cls,
        columns: Columns,
        categorical: Sequence[str],
        numerical: Sequence[str],
        log: Collection[str] = (),
    ) -> "TabularFeatures":
        """Vocabularies and scales of `columns`: give it the training split only.

        Args:
            columns: the raw columns of the training split.
            categorical: the categorical columns that are inputs.
            numerical: the numeric columns that are inputs.
            log: those of `numerical` that log1p is taken of.
        """
        vocabularies = {name: Vocabulary.fit(columns[name]) for name in categorical}
        logged = np.array([name in log for name in numerical], bool)
        scaler = Scaler.fit(_table(columns, numerical), logged)
        return cls(vocabularies, tuple(numerical), scaler)

    @property
    def schema(self) -> Schema:
        """The sizes that an encoder needs."""
        sizes = tuple(vocabulary.size for vocabulary in self.vocabularies.values())
        names = tuple(self.vocabularies)
        return Schema(cardinalities=sizes, numericals=len(self.numerical), names=names)

    def encode(self, columns: Columns) -> dict[str, np.ndarray]:
        """ "categorical" [B, F] int32 and "numerical" [B, N] float32."""
        ids = [vocab.ids(columns[name]) for name, vocab in self.vocabularies.items()]
        return {
            "categorical": np.stack(ids, axis=1),
            "numerical": self.scaler.scale(_table(columns, self.numerical)),
        }


def _table(columns: Columns, names: Sequence[str]) -> np.ndarray:
    return np.stack([columns[name] for name in names], axis=1)
