"""The tokenizer that belongs to published BERT weights."""

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from mtlx.data.errors import DataError
from mtlx.data.folders import PathLike
from mtlx.data.text_tokenizer import UNKNOWN, TextTokenizer


def bert_tokenizer(
    texts: Sequence[str] = (),
    *,
    folder: PathLike,
    length: int = 128,
    lowercase: bool = True,
) -> TextTokenizer:
    """[CLS] pieces of the text [SEP]: BERT's ids, with 0 and that of [UNK] exchanged.

    So id 0 is the unknown here as everywhere; `mtlx.pretrain.BertWeights` exchanges the
    rows of the table.

    Args:
        texts: not read; the vocabulary is what it is.
        folder: holds vocab.txt, a piece a line.
        length: ids of a row, [CLS] and [SEP] included.
        lowercase: as the weights were trained ("uncased").

    Raises:
        DataError: no vocab.txt, or one without the special pieces.

    Reference: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for
    Language Understanding", NAACL 2019, section 3.
    """
    del texts
    path = Path(folder) / "vocab.txt"
    if not path.is_file():
        raise DataError(
            f"{path}: expected the vocabulary of a BERT, found no file. Nothing is "
            f"downloaded: put it there, or mend data.tokenizer.folder."
        )
    pieces = path.read_text(encoding="utf-8").splitlines()
    missing = [piece for piece in (UNKNOWN, "[CLS]", "[SEP]") if piece not in pieces]
    if missing:
        raise DataError(
            f"{path}: expected a line for each of [UNK], [CLS] and [SEP], found no "
            f"{', '.join(missing)} among {len(pieces)}. Fetch the file again."
        )
    ids = {piece: number for number, piece in enumerate(pieces)}
    ids[pieces[0]], ids[UNKNOWN] = ids[UNKNOWN], 0
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(piece, ids[piece]) for piece in ("[CLS]", "[SEP]")],
    )
    return TextTokenizer(tokenizer.to_str(), length)
