"""Large text files of plain fields, block by block."""

import gzip
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtlx.data.errors import DataError

if TYPE_CHECKING:
    import pyarrow

BLOCK = 1 << 24  # bytes read at a time
EXPECTED = {"whole": "a whole number", "number": "a number", "flag": "0 or 1"}
MEND = "Mend the line, or fetch the file again."


class Delimited(NamedTuple):
    """The columns of a text file without quotes, and what each of them holds.

    Args:
        kinds: column -> "whole" (int64), "number" (float32), "text", or "flag" (0 or 1;
            int64); of the first two an empty field is null.
        delimiter: between the fields.
    """

    kinds: Mapping[str, str]
    delimiter: str = ","

    def blocks(self, path: Path) -> Iterator["pyarrow.RecordBatch"]:
        """Blocks of rows of a file, plain, gzipped (.gz) or alone in a .zip.

        A first line that repeats the columns' names is their header.

        Raises:
            DataError: a line has another number of fields, or a field is not of its
                column's kind; no row.
        """
        # Imported where it is used: most data sets need neither.
        import pyarrow
        import pyarrow.csv

        types = {
            "whole": pyarrow.int64(),
            "number": pyarrow.float32(),
            "text": pyarrow.string(),
            "flag": pyarrow.int64(),
        }
        rows = 0
        try:
            with (
                _opened(path) as content,
                pyarrow.csv.open_csv(
                    content,
                    read_options=pyarrow.csv.ReadOptions(
                        block_size=BLOCK,
                        column_names=list(self.kinds),
                        skip_rows=int(self._has_header(path)),
                    ),
                    parse_options=pyarrow.csv.ParseOptions(
                        delimiter=self.delimiter, quote_char=False
                    ),
                    convert_options=pyarrow.csv.ConvertOptions(
                        column_types={n: types[k] for n, k in self.kinds.items()},
                        null_values=[""],
                        strings_can_be_null=False,
                    ),
                ) as reader,
            ):
                for block in reader:
                    self._check_flags(path, rows, block)
                    rows += len(block)
                    yield block
        except pyarrow.ArrowInvalid as error:
            raise DataError(self._damage(path, str(error))) from error
        if not rows:
            raise DataError(f"{path}: expected rows, found none. Fetch it again.")

    def line(self, path: Path, row: int) -> str:
        """The place of a row, for a message."""
        return f"{path}, line {row + 1 + self._has_header(path)}"

    def _check_flags(self, path: Path, first: int, block: Any) -> None:
        for place, (name, kind) in enumerate(self.kinds.items(), start=1):
            if kind != "flag":
                continue
            good = np.isin(block[name].to_numpy(zero_copy_only=False), (0, 1))
            if not good.all():
                row = int(np.argmin(good))
                raise DataError(
                    f"{self.line(path, first + row)}, column {place} ({name}): "
                    f"expected 0 or 1, found {block[name][row].as_py()}. {MEND}"
                )

    def _has_header(self, path: Path) -> bool:
        with _opened(path) as content:
            first = content.readline().decode("utf-8", "replace").rstrip("\r\n")
        return first.split(self.delimiter) == list(self.kinds)

    def _damage(self, path: Path, said: str) -> str:
        """Line by line in search of the first: Arrow says no line."""
        with _opened(path) as content, io.TextIOWrapper(content, "utf-8") as lines:
            try:
                for number, line in enumerate(lines, start=1):
                    fields = line.rstrip("\r\n").split(self.delimiter)
                    if number == 1 and fields == list(self.kinds):
                        continue
                    if complaint := self._complaint(fields):
                        return f"{path}, line {number}{complaint} {MEND}"
            except UnicodeDecodeError as error:
                said = str(error)
        return f"{path}: expected text in columns, found {said}. {MEND}"

    def _complaint(self, fields: list[str]) -> str:
        if len(fields) != len(self.kinds):
            return f": expected {len(self.kinds)} fields, found {len(fields)}."
        for place, (field, (name, kind)) in enumerate(
            zip(fields, self.kinds.items(), strict=True), start=1
        ):
            if not _fits(field, kind):
                return (
                    f", column {place} ({name}): expected {EXPECTED[kind]}, found "
                    f"{field!r}."
                )
        return ""


def _fits(field: str, kind: str) -> bool:
    if not field or kind == "text":
        return True
    try:
        float(field) if kind == "number" else int(field)
    except ValueError:
        return False
    return True


def _opened(path: Path) -> io.BufferedIOBase:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    if path.suffix != ".zip":
        return path.open("rb")
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if len(names) != 1:
            raise DataError(
                f"{path}: expected an archive of one file, found {names}. Unpack it."
            )
        return archive.open(names[0])
