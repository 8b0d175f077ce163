"""A column of texts as ids of words or pieces of words."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtlx.data.categorical import Categorical
from mtlx.data.inputs.fitted import Encoded, Fitted
from mtlx.data.text_column import TextColumn
from mtlx.data.text_tokenizer import TextTokenizer
from mtlx.data.vocabulary import Vocabulary
from mtlx.types import Field


@dataclasses.dataclass(frozen=True)
class Text:
    """A field of kind "text": the ids of the first `length` tokens, then padding.

    The tokens are the most frequent ones of the training rows (`TextTokenizer`).

    Args:
        kind: "words", or "pieces" of words.
        max_size: most ids, 0 included.
        min_count: tokens seen less often are unknown, id 0.
        lowercase: whether case and accents are dropped.
        length: ids of a row.

    Raises:
        ValueError: when it is fitted: another kind, or a length or size below 1.
    """

    kind: str = "words"
    max_size: int = 20_000
    min_count: int = 2
    lowercase: bool = True
    length: int = 32

    def fit(
        self,
        name: str,
        column: TextColumn | Categorical,
        vocabulary: Vocabulary | None,
    ) -> Fitted:
        """See `Input`."""
        del vocabulary
        texts = (text for chunk in _chunks(column) for text in chunk)
        tokenizer = TextTokenizer.fit(texts, **dataclasses.asdict(self))
        return self.restore(name, {"definition": tokenizer.definition}, None)

    def restore(
        self, name: str, facts: Mapping[str, Any], vocabulary: Vocabulary | None
    ) -> Fitted:
        """See `Restored`; "definition" is that of the tokenizer."""
        del vocabulary
        tokenizer = TextTokenizer(facts["definition"], self.length)
        field: Field = tokenizer.field(name)

        def encode(column):
            parts = [tokenizer.ids(chunk) for chunk in _chunks(column)]
            empty = np.zeros((0, self.length), np.int32)
            return Encoded(fields={name: np.concatenate([empty, *parts])})

        return Fitted(encode, fields=(field,), facts=facts)


def _chunks(column: TextColumn | Categorical):
    if isinstance(column, Categorical):
        return [column.values[column.codes].tolist()]
    return column.chunks()
