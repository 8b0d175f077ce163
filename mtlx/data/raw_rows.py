"""Rows of a user's own file, as raw columns."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mtlx.data.categorical import Categorical, Column, Columns
from mtlx.data.csv_table import KINDS
from mtlx.data.errors import DataError

# What a raw column may hold, and what an Arrow column of it may be. Columns of a user's
# own table (`mtlx.data.tabular.TableRows`) hold "text?" (text, whole numbers, or
# nothing) and "list" too, which only that reads.
EXPECTED = {
    "text": "text or whole numbers",
    "whole": "whole numbers from 0 on",
    "number": "numbers",
    "number?": "numbers, or nothing",
    "time": "time stamps",
}


def read_rows(path: Path, kinds: Mapping[str, str]) -> Columns:
    """The named columns of a Parquet or CSV file; others are left alone.

    Args:
        path: a file .parquet, or .csv in UTF-8 with a header.
        kinds: column -> "text" (`Categorical`, of text or whole numbers; in CSV an
            empty field is a value), "whole" (int64 from 0 on), "number" (float64),
            "number?" (NaN where there is none) or "time" (datetime64; in CSV ISO 8601).

    Raises:
        DataError: no such file, no rows, a column that is missing, or an entry that is
            not of its column's kind.
    """
    if not path.is_file():
        raise DataError(f"Expected a file of rows, found no file {path}. Mend input.")
    readers = {".parquet": _read_parquet, ".csv": _read_csv}
    if path.suffix not in readers:
        raise DataError(
            f"{path}: expected a file of type {' or '.join(readers)}, found "
            f"{path.suffix or 'no suffix'}. Convert it."
        )
    return readers[path.suffix](path, kinds)


def check_columns(path: Path, found: Sequence[str], kinds: Mapping[str, str]) -> None:
    """Refuses a file that lacks a column.

    Raises:
        DataError: it does; the message names them all.
    """
    missing = [name for name in kinds if name not in found]
    if missing:
        raise DataError(
            f"{path}: expected a column {', '.join(map(repr, missing))}, on which the "
            f"model was trained, found none among {', '.join(found) or 'none'}. Add "
            f"it, or rename the column that holds it."
        )


def _read_csv(path: Path, kinds: Mapping[str, str]) -> Columns:
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected UTF-8 text, found the byte {error.object[error.start]} "
            f"at {error.start}. Convert the file."
        ) from None
    lines = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    header, *rows = lines or [[]]
    check_columns(path, header, kinds)
    _check_rows(path, len(rows))
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise DataError(
                f"{path}, row {line - 1}: expected {len(header)} fields, found "
                f"{len(row)}. Mend the row."
            )
    fields = dict(zip(header, zip(*rows, strict=True), strict=True))
    return {name: _convert(path, name, fields[name], k) for name, k in kinds.items()}


def _convert(path: Path, name: str, fields: Sequence[str], kind: str) -> Column:
    column = np.array(fields)
    if kind == "time":
        return Categorical.of(column)  # `mtlx.data.inputs.Date` reads the text
    try:
        return KINDS[kind].convert(column)
    except ValueError:
        row = next(n for n, field in enumerate(fields) if not _fits(field, kind))
        raise DataError(_wrong(path, name, kind, row, fields[row])) from None


def _fits(field: str, kind: str) -> bool:
    try:
        KINDS[kind].convert(np.array([field]))
    except ValueError:
        return False
    return True


def _read_parquet(path: Path, kinds: Mapping[str, str]) -> Columns:
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        check_columns(path, parquet.read_schema(path).names, kinds)
        table = parquet.read_table(path, columns=list(kinds))
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise DataError(
            f"{path}: expected a Parquet file, found a damaged one ({error}). Write it "
            f"again."
        ) from error
    _check_rows(path, table.num_rows)
    return {
        name: _from_arrow(path, name, table[name].combine_chunks(), kind)
        for name, kind in kinds.items()
    }


def _from_arrow(path: Path, name: str, column, kind: str) -> Column:
    import pyarrow.types as types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    found = column.type
    texts = types.is_string(found) or types.is_large_string(found)
    fits = {
        "text": texts or types.is_integer(found),
        "whole": types.is_integer(found),
        "number": types.is_integer(found) or types.is_floating(found),
        "number?": types.is_integer(found) or types.is_floating(found),
        "time": texts or types.is_timestamp(found) or types.is_date(found),
    }
    if not fits[kind]:
        raise DataError(
            f"{path}, column {name!r}: expected {EXPECTED[kind]}, found the type "
            f"{found}. Convert the column."
        )
    if kind != "number?" and column.null_count:
        row = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise DataError(_wrong(path, name, kind, row, None))
    values = column.to_numpy(zero_copy_only=False)
    if kind == "text" or texts:
        return Categorical.of(values.astype(str) if texts else values)
    if kind == "time":
        return values.astype("datetime64[ms]")
    values = values.astype(np.int64 if kind == "whole" else np.float64)
    wrong = values < 0 if kind == "whole" else ~np.isfinite(values)
    wrong &= ~np.isnan(values) | (kind != "number?")
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(_wrong(path, name, kind, row, values[row]))
    return values


def _check_rows(path: Path, rows: int) -> None:
    if not rows:
        raise DataError(f"{path}: expected rows, found none. Write some.")


def _wrong(path: Path, name: str, kind: str, row: int, found: object) -> str:
    shown = "nothing" if found is None else repr(found)
    return (
        f"{path}, row {row + 1}, column {name!r}: expected {EXPECTED[kind]}, found "
        f"{shown}. Mend the row, or leave it out."
    )
