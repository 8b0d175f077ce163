"""Tables in Markdown."""

from collections.abc import Iterable, Sequence

__all__ = ["markdown_table"]


def markdown_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], words: int | None = 1
) -> str:
    """One line a row, without a line end after the last.

    Args:
        header, rows: their cells.
        words: the first so many columns stand on the left, the others, numbers, on the
            right; None: all on the left.
    """
    words = len(header) if words is None else words
    rule = ["---" if place < words else "---:" for place in range(len(header))]
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, rule, *rows])
