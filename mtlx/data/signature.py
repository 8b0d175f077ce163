"""What a trained model takes and gives, apart from its weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mtlx.data.errors import DataError
from mtlx.data.preprocessing import Preprocessing
from mtlx.tasks import Task
from mtlx.types import Field, Schema

FORMAT = 1


class Signature(NamedTuple):
    """Tasks, features, and the preprocessing that makes these of raw columns.

    It is stored with a run, so that the run can be served where its training data are
    not, and cannot be served with another fit of them.
    """

    data: str  # name of the data set
    tasks: tuple[Task, ...]  # losses of one's own are not stored
    schema: Schema
    preprocessing: Preprocessing

    def shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        """Feature -> (shape of a row, dtype)."""
        shapes: dict[str, tuple[tuple[int, ...], type]] = {}
        if self.preprocessing.tabular:
            shapes["categorical"] = ((len(self.schema.cardinalities),), np.int32)
            shapes["numerical"] = ((self.schema.numericals,), np.float32)
        for field in self.schema.fields:
            shapes[field.name] = (field.shape, np.int32)
        return shapes

    def record(self) -> dict[str, Any]:
        """All of it as JSON holds it.

        Raises:
            ValueError: an input that cannot be restored (`store_features`).
        """
        return {
            "format": FORMAT,
            "data": self.data,
            "tasks": [
                {
                    "name": task.name,
                    "kind": task.kind,
                    "num_classes": task.num_classes,
                    "num_values": task.num_values,
                    "metrics": list(task.metrics),
                }
                for task in self.tasks
            ],
            "schema": {
                **self.schema._asdict(),
                "fields": [field._asdict() for field in self.schema.fields],
            },
            "preprocessing": self.preprocessing.record(),
        }

    @classmethod
    def restore(cls, record: Mapping[str, Any]) -> "Signature":
        """What `record` described."""
        fields = tuple(Field(**_tuples(field)) for field in record["schema"]["fields"])
        schema = Schema(**_tuples(record["schema"]) | {"fields": fields})
        tasks = tuple(Task(**_tuples(task)) for task in record["tasks"])
        preprocessing = Preprocessing.restore(record["preprocessing"])
        return cls(record["data"], tasks, schema, preprocessing)

    def write(self, path: Path) -> None:
        """Writes it in one go, so that a file that exists is whole."""
        partial = path.with_name(f"{path.name}.partial")
        partial.write_text(json.dumps(self.record(), ensure_ascii=False))
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> "Signature":
        """What `write` wrote.

        Raises:
            DataError: the file is damaged, or of another format.
        """
        try:
            record = json.loads(path.read_text())
            if record["format"] != FORMAT:
                raise ValueError(f"format {record['format']}")
            return cls.restore(record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path}: expected a signature of format {FORMAT}, found another file "
                f"({type(error).__name__}: {error}). Delete it to have it made again "
                f"from the run's data, with the version of mtlx that trained the run."
            ) from error


def _tuples(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in record.items()
    }
