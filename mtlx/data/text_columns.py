"""A text that is written in several raw columns."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.data.categorical import Columns, as_categorical
from mtlx.data.text_tokenizer import TextTokenizer
from mtlx.data.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True)
class TextColumns:
    """The ids of the columns' texts, one below the other.

    Args:
        columns: raw columns, in order.
        tokenizer: fitted on the training split.
    """

    columns: tuple[str, ...]
    tokenizer: TextTokenizer

    @property
    def kinds(self) -> dict[str, str]:
        """Raw column -> what it holds."""
        return dict.fromkeys(self.columns, "text")

    def encode(
        self, columns: Columns, vocabularies: Mapping[str, Vocabulary]
    ) -> np.ndarray:
        """[B, L] int32."""
        del vocabularies
        parts = []
        for name in self.columns:
            column = as_categorical(columns[name])
            parts.append(column.values[column.codes].tolist())
        texts = ["\n".join(lines).strip() for lines in zip(*parts, strict=True)]
        return self.tokenizer.ids(texts)

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"columns": list(self.columns), **dataclasses.asdict(self.tokenizer)}

    @classmethod
    def restore(cls, record: Mapping[str, Any]) -> "TextColumns":
        """What `record` described."""
        tokenizer = TextTokenizer(record["definition"], record["length"])
        return cls(tuple(record["columns"]), tokenizer)
