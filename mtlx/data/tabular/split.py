"""What divides rows into training, validation and test."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Split(Protocol):
    """Which part each row belongs to. An implementation is one frozen dataclass."""

    @property
    def reads(self) -> Mapping[str, str]:
        """The columns that it needs, and what they hold: "id" or "time"."""
        ...

    def parts(self, columns: Mapping[str, Any], rows: int) -> np.ndarray:
        """[B] int8: 0 for training, 1 for validation, 2 for test.

        Args:
            columns: those that it `reads`, of all rows.
            rows: B.
        """
        ...
