"""One CSV or Parquet file of a user's own, as an Arrow table."""

import csv
import difflib
import gzip
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtlx.data.errors import DataError
from mtlx.data.tabular.arrow_file import map_arrow, write_arrow

if TYPE_CHECKING:
    import pyarrow

PARQUET, MAPPED = (".parquet", ".pq"), ".arrow"
BINARY = (*PARQUET, MAPPED)
MEND = "Mend the line, or the delimiter (data.delimiter)."
NAMES = "Name the file's own columns in the data config."


def read_table_file(
    path: Path, columns: Sequence[str], delimiter: str = ",", mend: str = NAMES
) -> "pyarrow.Table":
    """The named columns of a file; those of CSV as text, whatever they hold.

    Args:
        path: Parquet (.parquet, .pq) or Arrow's IPC format (.arrow, mapped) by its
            ending, else text with a header line, UTF-8 and maybe gzipped (.gz); a
            quoted field may go over several lines.
        columns: to read; others are not.
        delimiter: between the fields of text; "\\t" for TSV.
        mend: what to do where a column is not there.

    Raises:
        DataError: a column is not there, or the file is damaged.
    """
    # Imported where it is used: most data sets need none of them.
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if path.suffix == MAPPED:
            names = map_arrow(path).column_names
            check_columns(columns, names, str(path), mend)
            return map_arrow(path, columns)
        if path.suffix in PARQUET:
            names = pyarrow.parquet.read_schema(path).names
            check_columns(columns, names, str(path), mend)
            return pyarrow.parquet.read_table(path, columns=list(columns))
        check_columns(columns, _header(path, delimiter), f"{path}, line 1", mend)
        return pyarrow.csv.read_csv(path, **_options(columns, delimiter))
    except pyarrow.ArrowInvalid as error:
        raise DataError(_damage(path, delimiter, str(error))) from error


def map_table_file(
    path: Path, columns: Sequence[str], copy: Path, delimiter: str = ","
) -> "pyarrow.Table":
    """What `read_table_file` reads, mapped from a copy that is written block by block.

    Args:
        path, columns, delimiter: as there.
        copy: where the copy is to be, in Arrow's IPC format.

    Raises:
        DataError: as there.
    """
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    if path.suffix == MAPPED:
        return read_table_file(path, columns)
    try:
        if path.suffix in PARQUET:
            with pyarrow.parquet.ParquetFile(path) as file:
                check_columns(columns, file.schema_arrow.names, str(path))
                kinds = [file.schema_arrow.field(name) for name in columns]
                batches = file.iter_batches(columns=list(columns))
                ordered = (batch.select(list(columns)) for batch in batches)
                write_arrow(copy, pyarrow.schema(kinds), ordered)
        else:
            check_columns(columns, _header(path, delimiter), f"{path}, line 1")
            with pyarrow.csv.open_csv(path, **_options(columns, delimiter)) as reader:
                write_arrow(copy, reader.schema, reader)
    except pyarrow.ArrowInvalid as error:
        raise DataError(_damage(path, delimiter, str(error))) from error
    return map_arrow(copy)


def _options(columns: Sequence[str], delimiter: str) -> dict[str, Any]:
    """How Arrow is to read text: the columns as they are, each in its own place."""
    import pyarrow
    import pyarrow.csv

    return {
        "parse_options": pyarrow.csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True
        ),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pyarrow.string()),
            include_columns=list(columns),
            strings_can_be_null=False,
        ),
    }


def check_columns(
    wanted: Sequence[str], found: Sequence[str], where: str, mend: str = NAMES
) -> None:
    """Refuses a table that lacks a column.

    Raises:
        DataError: with the columns that there are, and the nearest name.
    """
    for name in wanted:
        if name not in found:
            near = difflib.get_close_matches(name, found, n=1)
            guess = f" Is it {near[0]!r}?" if near else ""
            raise DataError(
                f"{where}: expected a column {name!r}, found {', '.join(found)}."
                f"{guess} {mend}"
            )


def place_of(path: Path, row: int, delimiter: str = ",") -> str:
    """Where a row of a file is, for a message: its line, or its number in Parquet."""
    if path.suffix not in BINARY:
        try:
            for number, (line, _) in enumerate(_rows(path, delimiter), start=-1):
                if number == row:
                    return f"{path}, line {line}"
        except (csv.Error, UnicodeDecodeError):
            pass  # a field too long for this reader: the row's number must do
    return f"{path}, row {row + 1}"


def _rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line and fields of each row that is not empty, the header's first."""
    opened = gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
    with opened, io.TextIOWrapper(opened, "utf-8-sig", newline="") as text:
        rows = csv.reader(text, delimiter=delimiter)
        line = 1
        for row in rows:
            if row:
                yield line, row
            line = rows.line_num + 1


def _header(path: Path, delimiter: str) -> list[str]:
    try:
        return next((row for _, row in _rows(path, delimiter)), [])
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: expected text in UTF-8, found {error}. Mend the file."
        ) from error


def _damage(path: Path, delimiter: str, said: str) -> str:
    """What is wrong with a file that Arrow does not take."""
    if path.suffix in BINARY:
        return f"{path}: expected a {path.suffix} file, found {said}. Write it anew."
    try:
        rows = _rows(path, delimiter)
        _, header = next(rows, (1, []))
        for line, row in rows:
            if len(row) != len(header):
                return (
                    f"{path}, line {line}: expected {len(header)} fields, found "
                    f"{len(row)}: {delimiter.join(row)[:60]!r}. {MEND}"
                )
    except (csv.Error, UnicodeDecodeError) as error:
        said = str(error)
    return f"{path}: expected text in columns, found {said}. {MEND}"
