"""The files of the FDU multi-task review corpus, one review a line."""

from collections.abc import Iterator
from pathlib import Path

from mtlx.data.errors import DataError


def parse_fdu_mtl(content: bytes, path: Path) -> Iterator[tuple[int, str]]:
    """The rows of a labelled file, in its order: (1 for positive or 0, text).

    Args:
        content: the file: label, tab, text with its tokens parted by blanks. Latin-1: a
            few bytes are no UTF-8.
        path: where it came from, for the error messages.

    Raises:
        DataError: a line has another number of fields, or a label other than 0 and 1.
    """
    # Not `splitlines`: Latin-1 has line breaks of its own, which are no ends of rows.
    lines = content.decode("latin-1").removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        label, tab, text = line.partition("\t")
        if not tab or "\t" in text:
            raise DataError(
                f"{path}, line {number}: expected a label, a tab and a text, found "
                f"{line.count(chr(9)) + 1} fields: {line[:60]!r}. Mend the line, or "
                f"fetch the file again."
            )
        if label not in ("0", "1"):
            raise DataError(
                f"{path}, line {number}, column 1 (label): expected 0 or 1, found "
                f"{label!r}. Mend the line, or fetch the file again."
            )
        yield int(label), text
