"""The published files of Ali-CCP: samples, and the features they have in common."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlx.data.builders.delimited import Delimited
from mtlx.data.errors import DataError

if TYPE_CHECKING:
    import pyarrow

LOGGER = logging.getLogger(__name__)

# Fields of one value each: of the user, in the common features; of the item, of both
# together and of the place, in the skeleton.
COMMON = ("101", "121", "122", "124", "125", "126", "127", "128", "129")
OWN = ("205", "206", "207", "216", "508", "509", "702", "853", "301")
FIELDS = tuple(f"field_{number}" for number in (*COMMON, *OWN))
COLUMNS = ("click", "purchase", *FIELDS)

SKELETON = Delimited(
    {
        "sample": "whole",
        "click": "flag",
        "purchase": "flag",
        "common": "text",
        "count": "whole",
        "features": "text",
    }
)
SHARED = Delimited({"common": "text", "count": "whole", "features": "text"})


def join_samples(skeleton: Path, common: Path) -> Iterator["pyarrow.RecordBatch"]:
    """Samples with the features of their users, in the columns `COLUMNS`.

    A feature is written field \\x02 id \\x03 value, features are parted by \\x01. Of a
    field with several the first counts; one that is not there is null. Samples with a
    purchase and no click, which cannot be, are left out, and their number is logged.

    Raises:
        DataError: a line is not as it should be, or its common features are not there.
    """
    import pyarrow
    import pyarrow.compute as pc

    keys, users = _common_features(common)
    seen = dropped = 0
    for block in SKELETON.blocks(skeleton):
        at = pc.index_in(block["common"], value_set=keys)
        if at.null_count:
            row = int(np.argmax(at.is_null().to_numpy(zero_copy_only=False)))
            raise DataError(
                f"{SKELETON.line(skeleton, seen + row)}, column 4 (common features): "
                f"expected a key of {common.name}, found "
                f"{block['common'][row].as_py()!r}. Fetch both files of one version."
            )
        own = extract_fields(block["features"], OWN, skeleton, seen)
        columns = [block["click"], block["purchase"], *users.take(at).columns, *own]
        rows = pyarrow.table(columns, names=list(COLUMNS))
        kept = pc.less_equal(rows["purchase"], rows["click"])
        seen, dropped = seen + len(rows), dropped + len(rows) - pc.sum(kept).as_py()
        yield from rows.filter(kept).combine_chunks().to_batches()
    LOGGER.info(
        "%s: %d of %d samples have a purchase without a click and are left out",
        skeleton,
        dropped,
        seen,
    )


def extract_fields(
    features: Any, fields: Sequence[str], path: Path, first: int
) -> list["pyarrow.Array"]:
    """The id of the first feature of each field, null where there is none.

    Args:
        features: column of text.
        fields: their numbers; 127 is another than 127_14.
        path, first: file and row of the column's first cell, for messages.

    Raises:
        DataError: an id that is no whole number.
    """
    import pyarrow
    import pyarrow.compute as pc

    found = []
    for field in fields:
        pattern = f"(?:^|\x01){field}\x02(?P<id>[^\x01\x02\x03]*)"
        ids = pc.struct_field(pc.extract_regex(features, pattern), "id")
        good = pc.fill_null(pc.match_substring_regex(ids, "^[0-9]{1,18}$"), True)
        if not pc.all(good, min_count=0).as_py():
            row = int(np.argmin(good.to_numpy(zero_copy_only=False)))
            raise DataError(
                f"{path}, line {first + row + 1}, field {field}: expected a whole "
                f"number as id, found {ids[row].as_py()!r}. Fetch the file again."
            )
        found.append(ids.cast(pyarrow.int64()))
    return found


def _common_features(path: Path) -> tuple["pyarrow.Array", "pyarrow.Table"]:
    """Keys, and the users' columns in the same order: small beside the file."""
    import pyarrow

    keys, tables, seen = [], [], 0
    for block in SHARED.blocks(path):
        keys.append(block["common"])
        columns = extract_fields(block["features"], COMMON, path, seen)
        tables.append(pyarrow.table(columns, names=list(COMMON)))
        seen += len(block)
    return pyarrow.concat_arrays(keys), pyarrow.concat_tables(tables).combine_chunks()
