"""Tokenizers: what is known, cut, padded and unknown."""

import numpy as np
import pytest

from mtlx.data import TextTokenizer
from mtlx.data.texts import pack_texts, unpack_texts
from mtlx.types import Field

TRAIN = ["The dress fits, the colour fits.", "The DRESS is café-brown"]


def test_words_are_numbered_by_frequency_after_the_unknown():
    words = TextTokenizer.fit(TRAIN, length=4).vocabulary
    assert words[:2] == ("[UNK]", "the")
    assert set(words[2:4]) == {"dress", "fits"}
    assert set(words[4:]) == {",", ".", "-", "colour", "is", "cafe", "brown"}


def test_ids_are_cut_padded_and_zero_where_unknown():
    tokenizer = TextTokenizer.fit(TRAIN, length=4)
    number = {word: i for i, word in enumerate(tokenizer.vocabulary)}
    ids = tokenizer.ids(["Fits THE hat", "", "the the the the dress", "Café!"])
    assert ids.dtype == np.int32
    expected = [
        [number["fits"], number["the"], 0, -1],
        [-1] * 4,
        [number["the"]] * 4,
        [number["cafe"], 0, -1, -1],
    ]
    np.testing.assert_array_equal(ids, expected)


def test_only_frequent_words_are_known():
    twice = TextTokenizer.fit(TRAIN, min_count=2, length=4)
    assert set(twice.vocabulary) == {"[UNK]", "the", "dress", "fits"}
    assert TextTokenizer.fit(TRAIN, max_size=2, length=4).vocabulary == ("[UNK]", "the")


def test_case_may_be_kept():
    tokenizer = TextTokenizer.fit(TRAIN, lowercase=False, length=4)
    assert {"The", "the", "DRESS", "dress", "café"} <= set(tokenizer.vocabulary)


def test_a_new_word_is_known_in_pieces():
    tokenizer = TextTokenizer.fit(TRAIN, kind="pieces", max_size=60, length=12)
    (row,) = tokenizer.ids(["dress brow"])
    pieces = [tokenizer.vocabulary[i] for i in row[row >= 0]]
    assert pieces[0] == "\u2581dress"
    assert "".join(pieces[1:]) == "\u2581brow"
    assert 0 in tokenizer.ids(["xyz"])


@pytest.mark.parametrize("kind", ["words", "pieces"])
def test_the_same_texts_make_the_same_tokenizer(kind):
    first, second = (TextTokenizer.fit(TRAIN, kind=kind, length=4) for _ in range(2))
    assert first == second


def test_the_field_says_what_a_table_needs():
    tokenizer = TextTokenizer.fit(TRAIN, length=4)
    size = len(tokenizer.vocabulary)
    assert tokenizer.size == size == 11
    assert tokenizer.field("title") == Field("title", "text", (4,), sizes=(size,))


def test_unknown_settings_are_refused():
    with pytest.raises(ValueError, match="words.*pieces.*found 'letters', 9 and 4"):
        TextTokenizer.fit(TRAIN, kind="letters", max_size=9, length=4)


def test_packed_texts_come_back():
    texts = ["", "café", "two\nlines", ""]
    packed = pack_texts("text", texts)
    assert packed["text.bytes"].size == sum(len(text.encode()) for text in texts)
    assert unpack_texts("text", packed) == texts
    assert unpack_texts("text", pack_texts("text", [])) == []
