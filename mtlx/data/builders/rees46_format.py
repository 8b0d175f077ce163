"""The columns of REES46's sessions: a session a line, its events as lists."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mtlx.data.categorical import Columns
from mtlx.data.csv_table import CsvTable
from mtlx.data.errors import DataError

# part of a line -> its column -> the name here; "sess" are the events of the session,
# "bef" those of the user's earlier sessions.
PARTS = ("sess", "bef")
WHOLE = {
    "pid": "item_id",
    "etime": "timestamp",  # seconds since 1970, UTC
    "etype": "action",
    "csid": "subcategory_id",
    "ccid": "category_id",
    "bid": "brand_id",
}
NUMBERS = {
    "price_log_norm": "price",
    "relative_price_to_avg_category": "relative_price",
}
LISTS = tuple(f"{part}_{name}" for part in PARTS for name in (*WHOLE, *NUMBERS))
SESSIONS = CsvTable(
    {
        "user": "whole",
        "session": "text",  # may be below 0
        "start_ts": "whole",
        **dict.fromkeys(LISTS, "raw"),
    },
    delimiter="\t",
)
MEND = "Mend the line, or fetch the file again."


def read_rees46(content: bytes, path: Path) -> Columns:
    """The events of a raw file, session by session, in the order of their times.

    Returns:
        "session" [N], the number of the event's line; "inside" [N] bool, whether it is
        of that session and not of an earlier one; item_id, timestamp, action,
        subcategory_id, category_id and brand_id [N] int64; price and relative_price [N]
        float64.

    Raises:
        DataError: a line or a list is not as it should be, lists of a line differ in
            length, a session has no event, or events are not in the order of time.
    """
    table = SESSIONS.read(content, path)
    flat = {name: _flatten(table, name, path) for name in LISTS}
    lengths = {part: _lengths(table, part, path) for part in PARTS}
    lines = len(table["user"])
    # Events of earlier sessions first: a stable sort by line puts them there.
    line = {part: np.repeat(np.arange(lines), lengths[part]) for part in PARTS}
    session = np.concatenate([line["bef"], line["sess"]])
    order = np.argsort(session, kind="stable")
    inside = np.arange(len(session)) >= len(line["bef"])
    columns = {"session": session[order], "inside": inside[order]}
    for raw, name in (WHOLE | NUMBERS).items():
        columns[name] = np.concatenate([flat[f"bef_{raw}"], flat[f"sess_{raw}"]])[order]
    _check_order(columns, path)
    return columns


def parse_rees46(content: bytes, path: Path) -> Iterator[Columns]:
    """One item, the columns of a raw file: the form that `Source.parse` has.

    Raises:
        DataError: as `read_rees46`.
    """
    yield read_rees46(content, path)


def _flatten(table: Columns, name: str, path: Path) -> np.ndarray:
    """The entries of all lists of a column, end to end."""
    fields = table[name].tolist()
    convert = _wholes if name.partition("_")[2] in WHOLE else _numbers
    try:
        return convert(fields)
    except ValueError:
        row = next(row for row, field in enumerate(fields) if not _fits(field, convert))
        expected = "whole numbers from 0 on" if convert is _wholes else "numbers"
        raise DataError(
            f"{_place(path, row, name)}: expected {expected} parted by commas, found "
            f"{fields[row][:60]!r}. {MEND}"
        ) from None


def _wholes(fields: list[str]) -> np.ndarray:
    numbers = np.array(_entries(fields), np.str_).astype(np.int64)
    if (numbers < 0).any():
        raise ValueError
    return numbers


def _numbers(fields: list[str]) -> np.ndarray:
    numbers = np.array(_entries(fields), np.str_).astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError
    return numbers


def _entries(fields: list[str]) -> list[str]:
    joined = ",".join(field for field in fields if field)
    return joined.split(",") if joined else []


def _fits(field: str, convert: Callable[[list[str]], np.ndarray]) -> bool:
    try:
        convert([field])
    except ValueError:
        return False
    return True


def _lengths(table: Columns, part: str, path: Path) -> np.ndarray:
    """Number of events of each line."""
    names = [f"{part}_{name}" for name in (*WHOLE, *NUMBERS)]
    counts = np.array(
        [
            [field.count(",") + 1 if field else 0 for field in table[name].tolist()]
            for name in names
        ]
    )
    for place, name in enumerate(names):
        differs = counts[place] != counts[0]
        if differs.any():
            row = int(np.argmax(differs))
            raise DataError(
                f"{_place(path, row, name)}: expected {counts[0][row]} entries as in "
                f"{names[0]}, found {counts[place][row]}. {MEND}"
            )
    if part == "sess" and not counts[0].all():
        row = int(np.argmin(counts[0]))
        raise DataError(
            f"{_place(path, row, names[0])}: expected the events of a session, found "
            f"none. {MEND}"
        )
    return counts[0]


def _check_order(columns: Columns, path: Path) -> None:
    """Events of earlier sessions before those of the session, all by time."""
    session, time, inside = (columns[c] for c in ("session", "timestamp", "inside"))
    same = session[1:] == session[:-1]
    enters = same & inside[1:] & ~inside[:-1]
    wrong = same & (time[1:] < time[:-1]) | enters & (time[1:] == time[:-1])
    if wrong.any():
        at = int(np.argmax(wrong)) + 1
        name = "sess_etime" if inside[at] else "bef_etime"
        raise DataError(
            f"{_place(path, int(session[at]), name)}: expected events in the order of "
            f"time, those of earlier sessions before the session, found {time[at]} "
            f"after {time[at - 1]}. {MEND}"
        )


def _place(path: Path, row: int, name: str) -> str:
    column = list(SESSIONS.kinds).index(name) + 1
    return f"{path}, line {row + 2}, column {column} ({name})"
