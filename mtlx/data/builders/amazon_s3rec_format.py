"""The files of S3Rec's Amazon sets: what each user reviewed, what each item is."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mtlx.data.categorical import Columns
from mtlx.data.errors import DataError

SHORTEST = 3  # items of a user: one to train on, one each for validation and test
MEND = "Mend the line, or fetch the file again."


def read_amazon_s3rec(content: bytes, path: Path) -> Columns:
    """The columns of a raw file; its name says which of the two kinds it is.

    Raises:
        DataError: as `read_sequences` and `read_attributes`.
    """
    of = path.name.removesuffix(".gz")
    return (read_attributes if of.endswith(".json") else read_sequences)(content, path)


def parse_amazon_s3rec(content: bytes, path: Path) -> Iterator[Columns]:
    """One item, the columns of a raw file: the form that `Source.parse` has.

    Raises:
        DataError: as `read_amazon_s3rec`.
    """
    yield read_amazon_s3rec(content, path)


def read_sequences(content: bytes, path: Path) -> Columns:
    """The events of all users, user by user, in the order of time.

    Args:
        content: a user a line, and then their items, parted by blanks.
        path: where it came from, for the error messages.

    Returns:
        "user", "item" and "position" [N] int64, positions counting from 0.

    Raises:
        DataError: a field is no whole number, a user has fewer than three items or
            more than one line, or there is none.
    """
    lines = [_numbers(line, n, path) for n, line in enumerate(content.splitlines(), 1)]
    users = np.array([line[0] for line in lines], np.int64)
    if not len(users):
        raise DataError(f"{path}: expected a user a line, found none. Fetch it again.")
    _, first = np.unique(users, return_index=True)
    again = np.setdiff1d(np.arange(len(users)), first)
    if again.size:
        raise DataError(
            f"{path}, line {again[0] + 1}, column 1 (user): expected each user once, "
            f"found {users[again[0]]} again. {MEND}"
        )
    lengths = [len(line) - 1 for line in lines]
    return {
        "user": np.repeat(users, lengths),
        "item": np.concatenate([np.array(line[1:], np.int64) for line in lines]),
        "position": np.concatenate([np.arange(length) for length in lengths]),
    }


def read_attributes(content: bytes, path: Path) -> Columns:
    """The attributes of items, categories and brands alike.

    Args:
        content: one JSON object, item -> list of numbers of attributes.
        path: where it came from, for the error messages.

    Returns:
        "item" and "attribute" [M] int64, a pair a row.

    Raises:
        DataError: the text is no such object.
    """
    try:
        table = json.loads(content)
    except ValueError as error:
        raise DataError(
            f"{path}: expected a JSON object, found {error}. Fetch it again."
        ) from error
    if not isinstance(table, dict) or not table:
        raise DataError(
            f"{path}: expected a JSON object of items, found "
            f"{type(table).__name__} {str(table)[:40]!r}. Fetch it again."
        )
    for item, attributes in table.items():
        whole = isinstance(attributes, list) and all(type(a) is int for a in attributes)
        if not item.isdecimal() or not whole:
            raise DataError(
                f"{path}, item {item!r}: expected the number of an item and a list of "
                f"whole numbers, found {str(attributes)[:40]!r}. Mend the file, or "
                f"fetch it again."
            )
    pairs = [(int(item), a) for item, listed in table.items() for a in listed]
    items, attributes = np.array(pairs, np.int64).reshape(-1, 2).T
    return {"item": items, "attribute": attributes}


def _numbers(line: bytes, number: int, path: Path) -> list[int]:
    fields = line.split()
    for column, field in enumerate(fields, start=1):
        if not field.isdigit():
            raise DataError(
                f"{path}, line {number}, column {column} "
                f"({'user' if column == 1 else 'item'}): expected a whole number from "
                f"0 on, found {field.decode(errors='replace')!r}. {MEND}"
            )
    if len(fields) < 1 + SHORTEST:
        raise DataError(
            f"{path}, line {number}: expected a user and {SHORTEST} items or more, "
            f"found {len(fields)} fields. {MEND}"
        )
    return [int(field) for field in fields]
