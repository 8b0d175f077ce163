"""Which columns of a table are features and labels, and how they become a Batch."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mtlx.data.errors import DataError
from mtlx.data.field_column import read_field, write_field
from mtlx.types import Batch, Field

if TYPE_CHECKING:
    import pyarrow


class Layout(NamedTuple):
    """The role of each column; columns without one are not read.

    Categorical columns hold ids, integers from 0, of the schema's cardinalities. A
    field is a column of its name with a list in each row: ids, padded here, or the
    numbers of a vector or an image. A row whose label is null or NaN does not count for
    that task, and its label is then 0.
    """

    labels: Mapping[str, str]  # task -> column
    categorical: tuple[str, ...] = ()
    numerical: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()  # as in the schema
    classes: tuple[str, ...] = ()  # the tasks of several classes: int32 labels

    @property
    def columns(self) -> list[str]:
        """The columns to read, each once."""
        named = [*self.categorical, *self.numerical, *self.labels.values()]
        named += [field.name for field in self.fields]
        return list(dict.fromkeys(named))

    def check(self, found: list[str], where: str) -> None:
        """Refuses a table that lacks a column.

        Raises:
            DataError: naming what is missing and what there is.
        """
        missing = [name for name in self.columns if name not in found]
        if missing:
            raise DataError(
                f"{where}: expected the columns {', '.join(missing)}, found "
                f"{', '.join(found)}. Name the table's own columns in the layout."
            )

    def batch(self, table: "pyarrow.Table", where: str) -> Batch:
        """The rows of a table.

        Args:
            table: with the columns named here.
            where: the table's name, for messages.

        Raises:
            DataError: a feature is missing in some row, or a field has other entries
                than its shape and sizes say.
        """
        features = {
            kind: np.stack([_feature(table, name, dtype, where) for name in names], 1)
            for kind, names, dtype in (
                ("categorical", self.categorical, np.int32),
                ("numerical", self.numerical, np.float32),
            )
            if names
        }
        for field in self.fields:
            features[field.name] = read_field(table[field.name], field, where)
        labels = {
            task: table[name].to_numpy().astype(np.float32)
            for task, name in self.labels.items()
        }
        known = {task: ~np.isnan(values) for task, values in labels.items()}
        for task, values in labels.items():
            values = np.where(known[task], values, np.float32(0))
            labels[task] = values.astype(np.int32) if task in self.classes else values
        return Batch(features, labels, known)

    def table(self, batch: Batch) -> "pyarrow.Table":
        """The rows of a batch as a table that `batch` reads: its inverse.

        Args:
            batch: with the features and labels named here, NumPy arrays.
        """
        import pyarrow

        columns = {}
        for kind in ("categorical", "numerical"):
            for place, name in enumerate(getattr(self, kind)):
                columns[name] = pyarrow.array(batch.features[kind][:, place])
        for field in self.fields:
            columns[field.name] = write_field(batch.features[field.name])
        for task, name in self.labels.items():
            gaps = ~np.asarray(batch.where[task])
            columns[name] = pyarrow.array(batch.labels[task], mask=gaps)
        return pyarrow.table(columns)


def _feature(table: "pyarrow.Table", name: str, dtype: type, where: str) -> np.ndarray:
    column = table[name]
    if column.null_count:
        raise DataError(
            f"{where}: expected a value in every row of column {name!r}, found "
            f"{column.null_count} rows without. Fill them in, ids with 0."
        )
    return column.to_numpy().astype(dtype)
