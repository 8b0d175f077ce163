"""From texts to padded ids."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from mtlx.types import Field

UNKNOWN = "[UNK]"  # gets id 0: the trainers number special tokens first
PADDING = -1
CHUNK = 4096  # texts encoded at a time: an encoding holds far more than its ids


@dataclasses.dataclass(frozen=True)
class TextTokenizer:
    """Ids of the first `length` tokens of a text; what is no token has id 0.

    Wraps the `tokenizers` library, whose definition of a tokenizer is a JSON text.
    Words and punctuation marks are parted as BERT parts them.

    Args:
        definition: the tokenizer in the format of that library. Token 0 stands for all
            that is unknown.
        length: ids of a row, L; longer texts are cut, shorter ones padded with -1.

    >>> tokenizer = TextTokenizer.fit(["Fits well, well made.", "well"], length=4)
    >>> tokenizer.vocabulary[:3]
    ('[UNK]', 'well', ',')
    >>> tokenizer.ids(["Well done"])
    array([[ 1,  0, -1, -1]], dtype=int32)
    """

    definition: str
    length: int

    @classmethod
    def fit(
        cls,
        texts: Iterable[str],
        *,
        kind: str = "words",
        max_size: int = 20_000,
        min_count: int = 1,
        lowercase: bool = True,
        length: int = 128,
    ) -> "TextTokenizer":
        """The most frequent tokens of `texts`: give it the training split only.

        Args:
            texts: of the training split.
            kind: "words", or "pieces" of words (byte-pair encoding), for which only a
                character can be unknown.
            max_size: most ids, 0 included.
            min_count: tokens (of pieces: pairs of them) seen less often are unknown.
            lowercase: whether case and accents are dropped.
            length: ids of a row.

        Raises:
            ValueError: another kind, or a length or size below 1.

        Reference: Sennrich et al., "Neural Machine Translation of Rare Words with
        Subword Units", ACL 2016, algorithm 1; not WordPiece, since the library's
        training of that makes another vocabulary at every call.
        """
        if kind not in ("words", "pieces") or min(max_size, length) < 1:
            raise ValueError(
                f'TextTokenizer: expected kind "words" or "pieces", max_size and '
                f"length >= 1; found {kind!r}, {max_size} and {length}. Mend "
                f"data.tokenizer."
            )
        options = {
            "vocab_size": max_size,
            "min_frequency": min_count,
            "show_progress": False,
            "special_tokens": [UNKNOWN],
        }
        parting = pre_tokenizers.BertPreTokenizer()
        if kind == "words":
            tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
            trainer = trainers.WordLevelTrainer(**options)
        else:
            tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
            trainer = trainers.BpeTrainer(**options)
            # Marks where a word begins.
            marking = pre_tokenizers.Metaspace(prepend_scheme="always")
            parting = pre_tokenizers.Sequence([parting, marking])
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
        tokenizer.pre_tokenizer = parting
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer.to_str(), length)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The tokens, in the order of their ids."""
        ids = json.loads(self.definition)["model"]["vocab"]
        return tuple(sorted(ids, key=ids.get))

    @property
    def size(self) -> int:
        """Number of ids, 0 included: what an embedding table needs."""
        return len(json.loads(self.definition)["model"]["vocab"])

    def field(self, name: str) -> Field:
        """How a schema declares the ids of this tokenizer."""
        return Field(name, "text", (self.length,), sizes=(self.size,))

    def ids(self, texts: Sequence[str]) -> np.ndarray:
        """[B, L] int32: the ids of each text, then -1. A text may be empty."""
        rows = np.full((len(texts), self.length), PADDING, np.int32)
        for row, found in zip(rows, self._encoded(texts), strict=True):
            row[: len(found)] = found
        return rows

    def _encoded(self, texts: Sequence[str]) -> Iterator[list[int]]:
        tokenizer = Tokenizer.from_str(self.definition)
        tokenizer.enable_truncation(self.length)
        for start in range(0, len(texts), CHUNK):
            for encoding in tokenizer.encode_batch(list(texts[start : start + CHUNK])):
                yield encoding.ids
